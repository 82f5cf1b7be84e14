//! One NaN and one zero, wherever floating-point numbers are compared.
//!
//! DataFusion compares them by their bits: a NaN whose sign bit is set, as processors make it of 0/0, is below all numbers
//! there, and the two zeros differ. What is compared, sorted or grouped goes through [`OneNan`] first; what is merely shown
//! stays as it is.

mod bounds;
mod typing;

use std::sync::Arc;

use arrow::array::make_array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr::expressions::{BinaryExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use stitchwork_core::as_keys;

use crate::convert::operand;

pub(crate) use typing::{compared, keyed};

/// Whether values of the type are, or hold, floating-point numbers.
pub(crate) fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_floats(field.data_type()),
        DataType::Dictionary(_, value) => has_floats(value),
        other => other.is_floating(),
    }
}

/// What is compared, without the function around it.
pub(crate) fn inside(expr: &Expr) -> &Expr {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.inner().is::<OneNan>() => {
            args.first().unwrap_or(expr)
        }
        other => other,
    }
}

/// The same of an expression that runs.
pub(crate) fn inside_physical(expr: &Arc<dyn PhysicalExpr>) -> &Arc<dyn PhysicalExpr> {
    let call = ScalarFunctionExpr::try_downcast_func::<OneNan>(expr.as_ref());
    call.and_then(|call| call.args().first()).unwrap_or(expr)
}

/// A comparison with a number as one of the bare values, which has the same answer for every value but NaN; `None` where the
/// filter is none, or is one already.
pub(crate) fn bare(filter: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
    let Some(binary) = filter.downcast_ref::<BinaryExpr>() else { return Ok(None) };
    let value = |expr: &Arc<dyn PhysicalExpr>| Some(expr.downcast_ref::<Literal>()?.value().clone());
    let (side, op, number) = match (value(binary.left()), value(binary.right()), binary.op().swap()) {
        (None, Some(number), _) => (binary.left(), *binary.op(), number),
        (Some(number), None, Some(op)) => (binary.right(), op, number),
        _ => return Ok(None),
    };
    let plain = side.clone().transform_up(|expr| {
        let inner = inside_physical(&expr).clone();
        Ok(if Arc::ptr_eq(&inner, &expr) { Transformed::no(expr) } else { Transformed::yes(inner) })
    })?;
    if !plain.transformed {
        return Ok(None);
    }
    let zeros = match &number {
        ScalarValue::Float64(Some(0.0)) => Some((ScalarValue::from(0.0_f64), ScalarValue::from(-0.0_f64))),
        ScalarValue::Float32(Some(0.0)) => Some((ScalarValue::from(0.0_f32), ScalarValue::from(-0.0_f32))),
        _ => None,
    };
    let compare = |op, value| -> Arc<dyn PhysicalExpr> {
        Arc::new(BinaryExpr::new(plain.data.clone(), op, Arc::new(Literal::new(value))))
    };
    // By its bits, -0.0 is just below 0.0.
    Ok(match (op, zeros) {
        (Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq, None) => Some(compare(op, number)),
        (Operator::LtEq | Operator::Gt, Some((above, _))) => Some(compare(op, above)),
        (Operator::Lt | Operator::GtEq, Some((_, below))) => Some(compare(op, below)),
        (Operator::Eq, Some((above, below))) => Some(Arc::new(BinaryExpr::new(
            compare(Operator::GtEq, below),
            Operator::And,
            compare(Operator::LtEq, above),
        ))),
        _ => None,
    })
}

/// The values with one NaN and one zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OneNan {
    signature: Signature,
}

impl OneNan {
    fn call(expr: Expr) -> Expr {
        let function = Self { signature: Signature::any(1, Volatility::Immutable) };
        Expr::ScalarFunction(ScalarFunction { func: Arc::new(ScalarUDF::from(function)), args: vec![expr] })
    }
}

impl ScalarUDFImpl for OneNan {
    fn name(&self) -> &'static str {
        "one_nan"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(data_type) => Ok(data_type.clone()),
            None => internal_err!("what is compared is one value"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields.first() {
            Some(field) => {
                Ok(Arc::new(Field::new(self.name(), field.data_type().clone(), field.is_nullable())))
            }
            None => internal_err!("what is compared is one value"),
        }
    }

    fn output_ordering(&self, _: &[ExprProperties]) -> Result<SortProperties> {
        Ok(SortProperties::Unordered)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return internal_err!("what is compared is one value") };
        operand(value, one_nan)
    }
}

/// The array with one NaN and one zero, at every depth; the array itself where it has neither.
fn one_nan(array: &ArrayRef) -> Result<ArrayRef> {
    // All values are looked at, as that takes less time than to stop at the first.
    let is_special = match array.data_type() {
        DataType::Float64 => {
            let is = |value: &f64| value.is_nan() | (value.to_bits() == (-0.0_f64).to_bits());
            array.as_primitive::<Float64Type>().values().iter().fold(false, |found, value| found | is(value))
        }
        DataType::Float32 => {
            let is = |value: &f32| value.is_nan() | (value.to_bits() == (-0.0_f32).to_bits());
            array.as_primitive::<Float32Type>().values().iter().fold(false, |found, value| found | is(value))
        }
        _ => false,
    };
    Ok(match array.data_type() {
        _ if is_special => as_keys(array),
        data_type if has_floats(data_type) && !data_type.is_floating() => {
            let data = array.to_data();
            let children = data.child_data().iter().map(|child| {
                let child = make_array(child.clone());
                Ok(one_nan(&child)?.to_data())
            });
            let children = children.collect::<Result<_>>()?;
            make_array(data.into_builder().child_data(children).build()?)
        }
        _ => array.clone(),
    })
}

#[cfg(test)]
mod tests;
