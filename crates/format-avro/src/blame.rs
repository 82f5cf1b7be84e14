//! Which value Avro cannot hold, and what to do about it.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, TimeUnit};
use stitchwork_core::Error;

/// A column, or a part of one.
struct Part {
    path: String,
    field: FieldRef,
    values: ArrayRef,
}

/// The error of a block that cannot be encoded. `fits` says whether a column alone can be, and `first` is the position
/// of the block's first row.
pub(crate) fn blame(
    block: &RecordBatch,
    first: u64,
    fits: impl Fn(&FieldRef, &ArrayRef) -> bool,
    error: Error,
) -> Error {
    let schema = block.schema();
    let whole = |error: Error| Error::invalid_input("the rows cannot be written as Avro").with_source(error);
    let mut columns = schema.fields().iter().zip(block.columns());
    let Some((field, values)) = columns.find(|(field, values)| !fits(field, values)) else {
        return whole(error);
    };
    // The longest beginning that fits ends before the first row that does not.
    let (mut good, mut bad) = (0, values.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        let split = if fits(field, &values.slice(0, middle)) { &mut good } else { &mut bad };
        *split = middle;
    }
    let mut part = Part { path: field.name().clone(), field: field.clone(), values: values.slice(good, 1) };
    while let Some(inner) = parts(&part).into_iter().find(|inner| !fits(&inner.field, &inner.values)) {
        part = inner;
    }
    let data_type = part.field.data_type();
    let refused = match advice(data_type) {
        Some(advice) => Error::invalid_input(advice),
        None => whole(error),
    };
    refused
        .with_context("column", part.path)
        .with_context("type", data_type)
        .with_context("row", first + good as u64)
}

/// What a value that is not null consists of.
fn parts(part: &Part) -> Vec<Part> {
    let Part { path, field, values } = part;
    let below = |name: &str, field: &FieldRef, values: ArrayRef| Part {
        path: format!("{path}.{name}"),
        field: field.clone(),
        values,
    };
    if values.len() != 1 || values.is_null(0) {
        return vec![];
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(values.as_struct().columns());
            columns.map(|(field, column)| below(field.name(), field, column.clone())).collect()
        }
        DataType::List(item) => vec![below("element", item, values.as_list::<i32>().value(0))],
        DataType::LargeList(item) => vec![below("element", item, values.as_list::<i64>().value(0))],
        DataType::FixedSizeList(item, _) => {
            vec![below("element", item, values.as_fixed_size_list().value(0))]
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let columns = values.as_map().value(0);
                let columns = fields.iter().zip(columns.columns()).skip(1);
                columns.map(|(field, column)| below("value", field, column.clone())).collect()
            }
            _ => vec![],
        },
        _ => vec![],
    }
}

/// Which values of a type that Avro has it cannot hold.
fn advice(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::UInt64 => Some(
            "Avro's largest integer is 9223372036854775807; cast the column to a decimal of 20 digits or to a text",
        ),
        DataType::Interval(_) => Some(
            "Avro's durations have no negative parts, and none below a millisecond; write the parts as columns of \
             their own",
        ),
        DataType::Timestamp(TimeUnit::Second, _) | DataType::Time32(TimeUnit::Second) => Some(
            "seconds are written as Avro's milliseconds, in which this one is too large; cast the column to an \
             integer or a text",
        ),
        _ => None,
    }
}
