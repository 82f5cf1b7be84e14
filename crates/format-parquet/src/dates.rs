//! `Date64` columns. Parquet has one type of days, which every reader knows; arrow's milliseconds that are called a
//! date would otherwise be numbers that only we take for dates.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Date64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use stitchwork_core::{Error, Result};

use crate::columns::element;

const DAY_MILLISECONDS: i64 = 86_400_000;

/// Whether a column, or something inside of it, holds milliseconds that are called a date.
pub(crate) fn any(fields: &Fields) -> bool {
    fields.iter().any(|field| has_dates(field.data_type()))
}

fn has_dates(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date64 => true,
        DataType::Dictionary(_, values) => has_dates(values),
        DataType::Struct(fields) => any(fields),
        DataType::Map(entries, _) => has_dates(entries.data_type()),
        other => element(other).is_some_and(|child| has_dates(child.data_type())),
    }
}

/// The schema with days in the place of milliseconds that are called a date: what Parquet has them as.
#[must_use]
pub fn as_days(schema: &SchemaRef) -> SchemaRef {
    if !any(schema.fields()) {
        return schema.clone();
    }
    let fields: Fields = schema.fields().iter().map(days).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn days(field: &FieldRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(type_of_days(field.data_type())))
}

fn type_of_days(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Date64 => DataType::Date32,
        DataType::Dictionary(keys, values) => {
            DataType::Dictionary(keys.clone(), Box::new(type_of_days(values)))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(days).collect()),
        DataType::Map(entries, sorted) => DataType::Map(days(entries), *sorted),
        DataType::List(child) => DataType::List(days(child)),
        DataType::LargeList(child) => DataType::LargeList(days(child)),
        DataType::ListView(child) => DataType::ListView(days(child)),
        DataType::LargeListView(child) => DataType::LargeListView(days(child)),
        DataType::FixedSizeList(child, size) => DataType::FixedSizeList(days(child), *size),
        other => other.clone(),
    }
}

/// Refuses a value of `Date64` that is no whole day, of which the time would be lost; `first` is the row that the batch
/// begins at.
///
/// # Errors
/// `InvalidInput`, with column, row and value.
pub fn check_days(batch: &RecordBatch, first: u64) -> Result<()> {
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        if !has_dates(field.data_type()) || part_of_a_day(column)?.is_none() {
            continue;
        }
        for (row, place) in (0..column.len()).zip(first..) {
            if let Some(value) = part_of_a_day(&column.slice(row, 1))? {
                return Err(Error::invalid_input(
                    "Parquet's dates are whole days: this value would lose its time of day, or lies outside of the \
                     days; cast the column to a timestamp",
                )
                .with_context("column", field.name())
                .with_context("row", place)
                .with_context("value", value)
                .with_context("type", field.data_type()));
            }
        }
    }
    Ok(())
}

/// The first of the values, in milliseconds, that is no day of Parquet's. Values below a null are none.
fn part_of_a_day(array: &ArrayRef) -> Result<Option<i64>> {
    match array.data_type() {
        DataType::Date64 => {
            let is_day =
                |value: i64| value % DAY_MILLISECONDS == 0 && i32::try_from(value / DAY_MILLISECONDS).is_ok();
            let mut values = array.as_primitive::<Date64Type>().iter().flatten();
            Ok(values.find(|value| !is_day(*value)))
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            part_of_a_day(&arrow_select::take::take(dictionary.values(), dictionary.keys(), None)?)
        }
        DataType::Struct(_) => {
            let parent = array.as_struct();
            for child in parent.columns().iter().filter(|child| has_dates(child.data_type())) {
                let nulls = NullBuffer::union(parent.nulls(), child.nulls());
                let child = make_array(child.to_data().into_builder().nulls(nulls).build()?);
                if let Some(value) = part_of_a_day(&child)? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        }
        _ => {
            for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                if let Some(elements) = elements(array, row)
                    && let Some(value) = part_of_a_day(&elements)?
                {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        }
    }
}

/// The elements of a list or map in a row.
fn elements(array: &ArrayRef, row: usize) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::ListView(_) => array.as_list_view::<i32>().value(row),
        DataType::LargeListView(_) => array.as_list_view::<i64>().value(row),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(row),
        DataType::Map(..) => Arc::new(array.as_map().value(row)),
        _ => return None,
    })
}
