//! Required structs and fixed lists inside of optional ones.
//!
//! The parquet crate gives them no nulls where what is around them is null, although their own required fields are null
//! there. Arrow refuses such an array wherever it is made anew, as `concat` and `interleave` do.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch,
    RecordBatchOptions, StructArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields};
use stitchwork_core::Result;

/// Whether any of the fields holds what is required inside of what is not.
pub(crate) fn in_optional(fields: &Fields) -> bool {
    fields.iter().any(|field| is_in_optional(field, false))
}

fn is_in_optional(field: &Field, above: bool) -> bool {
    let required = above && !field.is_nullable();
    let optional = above || field.is_nullable();
    match field.data_type() {
        DataType::Struct(children) => {
            required || children.iter().any(|child| is_in_optional(child, optional))
        }
        DataType::FixedSizeList(element, _) => required || is_in_optional(element, optional),
        // A list that is null has no elements.
        DataType::List(element) | DataType::LargeList(element) | DataType::Map(element, _) => {
            is_in_optional(element, false)
        }
        _ => false,
    }
}

/// The batch with nulls in what is required, wherever what is around it is null.
///
/// # Errors
/// `InvalidData` when an array is broken, or something required is null by itself.
pub(crate) fn with_nulls(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| masked(column, None)).collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}

/// An array without nulls of its own has those `above` it.
fn masked(array: &ArrayRef, above: Option<&NullBuffer>) -> Result<ArrayRef> {
    let nulls = || array.nulls().or(above).cloned();
    Ok(match array.data_type() {
        DataType::Struct(fields) => {
            let (array, nulls) = (array.as_struct(), nulls());
            let columns = array.columns().iter().map(|child| masked(child, nulls.as_ref()));
            let columns = columns.collect::<Result<_>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, array.len())?)
        }
        DataType::FixedSizeList(element, size) => {
            let (array, nulls) = (array.as_fixed_size_list(), nulls());
            let below = nulls.as_ref().map(|nulls| nulls.expand(usize::try_from(*size).unwrap_or(0)));
            let values = masked(array.values(), below.as_ref())?;
            let (element, rows) = (element.clone(), array.len());
            Arc::new(FixedSizeListArray::try_new_with_length(element, *size, values, nulls, rows)?)
        }
        DataType::List(element) => list::<i32>(array, element)?,
        DataType::LargeList(element) => list::<i64>(array, element)?,
        DataType::Map(field, sorted) => {
            let (_, offsets, entries, nulls, _) = array.as_map().clone().into_parts();
            let entries = masked(&(Arc::new(entries) as ArrayRef), None)?.as_struct().clone();
            Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, *sorted)?)
        }
        _ => array.clone(),
    })
}

fn list<O: OffsetSizeTrait>(array: &ArrayRef, element: &FieldRef) -> Result<ArrayRef> {
    let (_, offsets, values, nulls) = array.as_list::<O>().clone().into_parts();
    Ok(Arc::new(GenericListArray::try_new(element.clone(), offsets, masked(&values, None)?, nulls)?))
}
