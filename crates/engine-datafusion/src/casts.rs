//! Casts of nested values that Arrow does not know, or gets wrong.
//!
//! Of a union, Arrow takes the one member whose type is nearest, and makes nulls of the values of all others: here each
//! value is cast from the member that it is of. And structs and maps have texts, as lists have.

use std::sync::Arc;

use arrow::compute::kernels::union_extract::union_extract_by_id;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, interleave};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_array::{Array, ArrayRef, StringArray, UnionArray, new_null_array};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use stitchwork_core::Error;

use crate::convert::operand;
use crate::error::to_datafusion;

/// The same expression, but that what a statement casts from a nested value is cast by its parts.
pub(crate) fn of_nested(expr: Expr, schema: &DFSchema) -> Expr {
    match expr {
        Expr::Cast(Cast { expr, field }) if is_ours(&expr, &field, schema) => {
            nested(*expr, field.data_type(), false)
        }
        Expr::TryCast(TryCast { expr, field }) if is_ours(&expr, &field, schema) => {
            nested(*expr, field.data_type(), true)
        }
        other => other,
    }
}

/// The same for casts that the planner adds, as to compare: what has no equal is null then.
pub(crate) fn of_operand(expr: Expr, schema: &DFSchema) -> Expr {
    match expr {
        Expr::Cast(Cast { expr, field }) if is_ours(&expr, &field, schema) => {
            nested(*expr, field.data_type(), true)
        }
        other => other,
    }
}

/// A whole number that the planner casts, as one of the type that it is cast to: a function whose type depends on the number, as
/// `round` does, does not find it in a cast before that is worked out, and would be of another type by then.
pub(crate) fn known(expr: Expr) -> Expr {
    if let Expr::Cast(Cast { expr: inner, field }) = &expr
        && field.data_type().is_integer()
        && let Expr::Literal(value, metadata) = inner.as_ref()
        && value.data_type().is_integer()
        && let Ok(value) = value.cast_to(field.data_type())
    {
        return Expr::Literal(value, metadata.clone());
    }
    expr
}

fn is_ours(expr: &Expr, field: &Field, schema: &DFSchema) -> bool {
    let target = field.data_type();
    expr.get_type(schema).is_ok_and(|own| match own {
        DataType::Union(..) => !matches!(target, DataType::Union(..)),
        own => own.is_nested() && target.is_string() && !can_cast_types(&own, target),
    })
}

fn nested(expr: Expr, target: &DataType, safe: bool) -> Expr {
    let cast =
        NestedCast { signature: Signature::any(1, Volatility::Immutable), target: target.clone(), safe };
    Expr::ScalarFunction(ScalarFunction { func: Arc::new(ScalarUDF::from(cast)), args: vec![expr] })
}

/// A cast of a nested value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NestedCast {
    signature: Signature,
    target: DataType,
    /// Whether what cannot be cast is null.
    safe: bool,
}

impl ScalarUDFImpl for NestedCast {
    fn name(&self) -> &'static str {
        "cast_of_nested"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.target.clone(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return internal_err!("a cast has one operand") };
        operand(value, |array| self.cast(array))
    }
}

impl NestedCast {
    fn cast(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let DataType::Union(fields, _) = array.data_type() else { return self.member(array, "") };
        let Some(array) = array.as_any().downcast_ref::<UnionArray>() else {
            return internal_err!("an array is not what its type says");
        };
        let members =
            fields.iter().map(|(id, field)| self.member(&union_extract_by_id(array, id)?, field.name()));
        let members = members.collect::<Result<Vec<ArrayRef>>>()?;
        let place = |id: &i8| fields.iter().position(|(known, _)| known == *id);
        let rows = array.type_ids().iter().zip(0..).map(|(id, row)| Some((place(id)?, row)));
        let Some(rows) = rows.collect::<Option<Vec<(usize, usize)>>>() else {
            return internal_err!("a union has a member of which it does not know");
        };
        let members: Vec<&dyn Array> = members.iter().map(AsRef::as_ref).collect();
        Ok(interleave(&members, &rows)?)
    }

    /// The values of one member, and nulls for those of others.
    fn member(&self, values: &ArrayRef, name: &str) -> Result<ArrayRef> {
        let (own, target) = (values.data_type(), &self.target);
        let options = CastOptions { safe: self.safe, ..CastOptions::default() };
        // A single value would become a list of one.
        let alike = own.is_null() || target.is_string() || own.is_nested() == target.is_nested();
        if alike && can_cast_types(own, target) {
            return Ok(cast_with_options(values, target, &options)?);
        }
        if target.is_string() {
            let formatter = FormatOptions::default().with_display_error(false);
            let formatter = ArrayFormatter::try_new(values, &formatter)?;
            let texts = (0..values.len()).map(|row| match values.is_valid(row) {
                true => formatter.value(row).try_to_string().map(Some),
                false => Ok(None),
            });
            let texts = texts.collect::<std::result::Result<StringArray, _>>()?;
            return Ok(cast_with_options(&texts, target, &options)?);
        }
        if self.safe || values.logical_null_count() == values.len() {
            return Ok(new_null_array(target, values.len()));
        }
        let error = Error::invalid_input(
            "a union holds values of a member that cannot be cast to this type; take the members that are meant with \
             `union_extract(…, 'name of the member')`, or use `try_cast`",
        );
        Err(to_datafusion(error.with_context("member", name).with_context("type", target)))
    }
}
