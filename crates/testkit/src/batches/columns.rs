//! Columns of any type, made of numbers: what a property test turns its numbers into.

use std::sync::Arc;

use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, NullArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};

/// A column of a flat type with one value per number, null where that is. Booleans, floats (NaN among them), texts that
/// need escapes and bytes have as many values as there are numbers; `Int64` has the numbers themselves, and every other
/// type holds their last two digits.
///
/// # Errors
/// For a type that arrow does not cast numbers below 100 to: nested ones, and intervals but those of months.
pub fn column(data_type: &DataType, numbers: &[Option<i64>]) -> Result<ArrayRef, ArrowError> {
    let of = |value: fn(i64) -> i64| numbers.iter().map(|n| n.map(value)).collect::<Int64Array>();
    let values: ArrayRef = match data_type {
        DataType::Null => Arc::new(NullArray::new(numbers.len())),
        DataType::Boolean => {
            Arc::new(numbers.iter().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>())
        }
        DataType::Int64 => Arc::new(of(|n| n)),
        DataType::Float32 | DataType::Float64 => {
            let float = |n: i64| if n % 7 == 0 { f64::NAN } else { n as f64 / 3.0 };
            Arc::new(numbers.iter().map(|n| n.map(float)).collect::<Float64Array>())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = |n: i64| {
                format!(
                    "\"{n}\\\n\0\u{1}ä𝄞{}",
                    "x".repeat(usize::try_from(n.rem_euclid(30)).unwrap_or_default())
                )
            };
            Arc::new(numbers.iter().map(|n| n.map(text)).collect::<StringArray>())
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let bytes: Vec<_> = numbers.iter().map(|n| n.map(i64::to_be_bytes)).collect();
            Arc::new(bytes.into_iter().collect::<BinaryArray>())
        }
        DataType::Dictionary(_, values) => column(values, numbers)?,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Interval(_) => {
            let small = cast(&of(|n| n.rem_euclid(100)), &DataType::Int32)?;
            if *data_type == DataType::Date64 { cast(&small, &DataType::Date32)? } else { small }
        }
        _ => Arc::new(of(|n| n.rem_euclid(100))),
    };
    cast(&values, data_type)
}

/// A column of structs of a number `x` and a text `t`.
///
/// # Errors
/// When there are not as many nulls as numbers.
pub fn struct_of(numbers: &[Option<i64>], nulls: Option<NullBuffer>) -> Result<StructArray, ArrowError> {
    let fields =
        Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("t", DataType::Utf8, true)]);
    let columns = vec![column(&DataType::Int64, numbers)?, column(&DataType::Utf8, numbers)?];
    StructArray::try_new(fields, columns, nulls)
}

/// A column of as many lists as there are values, the first of which has all of them.
///
/// # Errors
/// When there are not as many nulls as values.
pub fn first_list(values: ArrayRef, nulls: Option<NullBuffer>) -> Result<ListArray, ArrowError> {
    let element = Arc::new(Field::new("element", values.data_type().clone(), true));
    ListArray::try_new(element, first_has_all(values.len()), values, nulls)
}

/// A column of as many maps from texts to numbers as there are numbers, the first of which has all of them.
///
/// # Errors
/// None in practice: arrow refuses columns that do not fit their schema.
pub fn map_of(numbers: &[Option<i64>]) -> Result<MapArray, ArrowError> {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values((0..numbers.len()).map(|i| format!("k{i}"))));
    let fields = Fields::from(vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Int64, true),
    ]);
    let entries = StructArray::try_new(fields, vec![keys, column(&DataType::Int64, numbers)?], None)?;
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    MapArray::try_new(field, first_has_all(numbers.len()), entries, None, false)
}

/// Lists of structs, maps and structs of the numbers.
///
/// # Errors
/// None in practice: arrow refuses columns that do not fit their schema.
pub fn nested(numbers: &[Option<i64>]) -> Result<[ArrayRef; 3], ArrowError> {
    let structs: ArrayRef = Arc::new(struct_of(numbers, None)?);
    let lists = Arc::new(first_list(structs.clone(), None)?);
    Ok([lists, Arc::new(map_of(numbers)?), structs])
}

fn first_has_all(rows: usize) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths((0..rows).map(|row| if row == 0 { rows } else { 0 }))
}

/// A batch of columns that may all have nulls, named `c0`, `c1` and so on.
///
/// # Errors
/// For columns of different lengths, and for none.
pub fn nullable(columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    let fields = columns.iter().enumerate();
    let fields =
        fields.map(|(place, column)| Field::new(format!("c{place}"), column.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Fields>())), columns)
}
