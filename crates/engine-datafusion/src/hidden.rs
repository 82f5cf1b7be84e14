//! Values that an array has but does not show: DataFusion's kernels look for nulls in an array's own bitmap alone.
//!
//! A null of a struct may stand above a value of its field, and an index of a dictionary may name a value that is
//! null. Both are right in Arrow, and were read as the value beneath.

use std::sync::Arc;

use arrow::array::{ArrayData, make_array};
use arrow::compute::{cast, nullif};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow_schema::DataType;
use datafusion::common::{DFSchema, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use stitchwork_core::{Error, Result};

use crate::convert::operand;
use crate::error::ToDataFusion;

/// The batch with nulls wherever its arrays show none of their values.
///
/// # Errors
/// `InvalidData` when an array is broken.
pub(crate) fn shown(batch: RecordBatch) -> Result<RecordBatch> {
    let mut columns: Option<Vec<ArrayRef>> = None;
    for (place, column) in batch.columns().iter().enumerate() {
        let mended = mend(column).map_err(|e| {
            let field = batch.schema_ref().fields().get(place);
            e.with_context("column", field.map_or("", |field| field.name()))
        })?;
        if let Some(mended) = mended
            && let Some(slot) = columns.get_or_insert_with(|| batch.columns().to_vec()).get_mut(place)
        {
            *slot = mended;
        }
    }
    match columns {
        None => Ok(batch),
        Some(columns) => {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
        }
    }
}

/// Whether arrays of the type may lack nulls where DataFusion's Parquet reader makes them: it gives none to what is required,
/// although the struct around it is null.
pub(crate) fn holds_required(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            fields.iter().any(|field| !field.is_nullable() || holds_required(field.data_type()))
        }
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            holds_required(field.data_type())
        }
        DataType::Map(entries, _) => match entries.data_type() {
            // Keys are required where there is a map.
            DataType::Struct(entries) => entries.iter().any(|field| holds_required(field.data_type())),
            _ => false,
        },
        _ => false,
    }
}

/// The expression, with its nulls where they are looked for: arrow's kernels make a struct null, and leave its fields as they are.
pub(crate) fn mended(expr: Expr, schema: &DFSchema) -> Expr {
    let makes_nulls = match &expr {
        Expr::Case(_) => true,
        Expr::ScalarFunction(call) => call.func.name() == "nullif",
        _ => false,
    };
    if !makes_nulls || !expr.get_type(schema).is_ok_and(|own| own.is_nested()) {
        return expr;
    }
    let shown = ScalarUDF::from(Shown { signature: Signature::any(1, Volatility::Immutable) });
    Expr::ScalarFunction(ScalarFunction { func: Arc::new(shown), args: vec![expr] })
}

/// What it is given, with its nulls where they are looked for.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shown {
    signature: Signature,
}

impl ScalarUDFImpl for Shown {
    fn name(&self) -> &'static str {
        "with_nulls"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> datafusion::common::Result<DataType> {
        match types.first() {
            Some(data_type) => Ok(data_type.clone()),
            None => internal_err!("what has nulls is one value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> datafusion::common::Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return internal_err!("what has nulls is one value") };
        operand(value, |array| Ok(mend(array).theirs()?.unwrap_or_else(|| array.clone())))
    }
}

/// The array with its nulls where they are looked for; `None` where they are there already.
///
/// # Errors
/// `InvalidData` when an array is broken.
pub(crate) fn mend(array: &ArrayRef) -> Result<Option<ArrayRef>> {
    match array.data_type() {
        DataType::Struct(_) => mend_struct(array.as_struct()),
        DataType::Dictionary(..) => mend_dictionary(array),
        data_type if data_type.is_nested() || matches!(data_type, DataType::RunEndEncoded(..)) => {
            mend_children(array)
        }
        _ => Ok(None),
    }
}

fn mend_struct(array: &StructArray) -> Result<Option<ArrayRef>> {
    let above = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let hidden = above.map(|nulls| BooleanArray::new(!nulls.inner(), None));
    let mut children: Option<Vec<ArrayRef>> = None;
    for (place, child) in array.columns().iter().enumerate() {
        let mut mended = None;
        if let (Some(above), Some(hidden)) = (above, &hidden)
            && !child.logical_nulls().is_some_and(|own| own.contains(above))
        {
            mended = without(child, hidden)?;
        }
        // Deeper fields are below the nulls that this one has got.
        let deeper = mend(mended.as_ref().unwrap_or(child))?;
        if let Some(child) = deeper.or(mended)
            && let Some(slot) = children.get_or_insert_with(|| array.columns().to_vec()).get_mut(place)
        {
            *slot = child;
        }
    }
    let Some(children) = children else { return Ok(None) };
    let mended = StructArray::try_new(array.fields().clone(), children, array.nulls().cloned())?;
    Ok(Some(Arc::new(mended)))
}

/// The array with a null in each place that is hidden. A union has no nulls of its own, and stays as it is.
fn without(array: &ArrayRef, hidden: &BooleanArray) -> Result<Option<ArrayRef>> {
    Ok(match array.data_type() {
        DataType::Union(..) => None,
        // The nulls of runs are those of their values, which other rows share.
        DataType::RunEndEncoded(_, values) => {
            let plain = nullif(&cast(array, values.data_type())?, hidden)?;
            Some(cast(&plain, array.data_type())?)
        }
        _ => Some(nullif(array, hidden)?),
    })
}

fn mend_dictionary(array: &ArrayRef) -> Result<Option<ArrayRef>> {
    let dictionary = array.as_any_dictionary();
    let values = mend(dictionary.values())?;
    let mended = values.map(|values| dictionary.with_values(values));
    let dictionary = mended.as_ref().map_or(dictionary, |mended| mended.as_any_dictionary());
    if dictionary.values().logical_null_count() == 0 {
        return Ok(mended);
    }
    let Some(nulls) = dictionary.logical_nulls() else { return Ok(mended) };
    if dictionary.nulls().is_some_and(|own| own.contains(&nulls)) {
        return Ok(mended);
    }
    // Only the indices are made anew: what they name stays where it is.
    Ok(Some(nullif(dictionary, &BooleanArray::new(!nulls.inner(), None))?))
}

/// Lists, maps, unions and runs: their nulls are where they should be, those of what they hold may not.
fn mend_children(array: &ArrayRef) -> Result<Option<ArrayRef>> {
    let data = array.to_data();
    let mut children: Option<Vec<ArrayData>> = None;
    for (place, child) in data.child_data().iter().enumerate() {
        if let Some(mended) = mend(&make_array(child.clone()))?
            && let Some(slot) = children.get_or_insert_with(|| data.child_data().to_vec()).get_mut(place)
        {
            *slot = mended.to_data();
        }
    }
    let Some(children) = children else { return Ok(None) };
    let data = data
        .into_builder()
        .child_data(children)
        .build()
        .map_err(|e| Error::invalid_data("an array inside of another is broken").with_source(e))?;
    Ok(Some(make_array(data)))
}

#[cfg(test)]
mod tests;
