//! Rows to test with, made from a seed, and their comparison.

mod columns;
mod compare;

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub use columns::{column, first_list, map_of, nested, nullable, struct_of};
pub use compare::{difference, row_texts, sorted_row_texts};

/// Texts that break naive code: empty, quotes, new lines, right-to-left, combining, outside of the BMP.
pub const TEXTS: [&str; 10] =
    ["", "plain", "it's \"quoted\"", "line\nbreak\ttab", "Zoë", "e\u{301}", "日本語", "שלום", "😀👩‍👩‍👧", "null"];

/// A random generator that gives the same numbers for the same seed.
#[must_use]
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// The schema of [`plain`]: what every format holds.
#[must_use]
pub fn plain_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("flag", DataType::Boolean, true),
        Field::new("number", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ]))
}

/// `rows` rows of numbers and texts, a tenth of them null; `id` counts from `first`.
///
/// # Errors
/// None in practice: arrow refuses columns that do not fit their schema.
pub fn plain(seed: u64, first: i64, rows: usize) -> Result<RecordBatch, ArrowError> {
    let mut rng = rng(seed);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values((first..).take(rows))),
        Arc::new(values(&mut rng, rows, |rng| rng.random_bool(0.5)).into_iter().collect::<BooleanArray>()),
        Arc::new(Float64Array::from(values(&mut rng, rows, |rng| rng.random_range(-1e6..1e6)))),
        Arc::new(StringArray::from(values(&mut rng, rows, text))),
    ];
    RecordBatch::try_new(plain_schema(), columns)
}

/// `rows` rows with a column of every type that tables commonly have, nested ones included, a tenth of the
/// values null; `id` counts from `first`.
///
/// # Errors
/// None in practice: arrow refuses columns that do not fit their schema.
pub fn all_types(seed: u64, first: i64, rows: usize) -> Result<RecordBatch, ArrowError> {
    let plain = plain(seed, first, rows)?;
    let mut rng = rng(seed ^ 0x5eed);
    let mut fields: Vec<Arc<Field>> = plain.schema().fields().iter().cloned().collect();
    let mut columns = plain.columns().to_vec();
    let mut push = |name: &str, array: ArrayRef| {
        fields.push(Arc::new(Field::new(name, array.data_type().clone(), true)));
        columns.push(array);
    };
    push("int32", Arc::new(Int32Array::from(values(&mut rng, rows, Rng::random))));
    push("float32", Arc::new(Float32Array::from(values(&mut rng, rows, |rng| rng.random_range(-1e3..1e3)))));
    let decimals = values(&mut rng, rows, |rng| rng.random_range(-10_i128.pow(18)..10_i128.pow(18)));
    push("decimal", Arc::new(Decimal128Array::from(decimals).with_precision_and_scale(20, 4)?));
    push(
        "date",
        Arc::new(Date32Array::from(values(&mut rng, rows, |rng| rng.random_range(-30_000..30_000)))),
    );
    let times = |rng: &mut StdRng| values(rng, rows, |rng| rng.random_range(-(1_i64 << 50)..1 << 51));
    push("timestamp", Arc::new(TimestampMicrosecondArray::from(times(&mut rng))));
    push("timestamp_utc", Arc::new(TimestampMicrosecondArray::from(times(&mut rng)).with_timezone("UTC")));
    push("bytes", bytes(&mut rng, rows));
    push("list", list(&mut rng, rows));
    push("struct", structs(&mut rng, rows));
    push("map", map(&mut rng, rows)?);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Floating-point numbers of which some are NaN, infinite or a negative zero.
#[must_use]
pub fn wild_numbers(seed: u64, rows: usize) -> Float64Array {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, f64::MAX];
    let mut rng = rng(seed);
    let number = |rng: &mut StdRng| match rng.random_range(0..3) {
        0 => special[rng.random_range(0..special.len())],
        _ => rng.random_range(-10.0..10.0),
    };
    Float64Array::from(values(&mut rng, rows, number))
}

fn values<T>(rng: &mut StdRng, rows: usize, mut value: impl FnMut(&mut StdRng) -> T) -> Vec<Option<T>> {
    (0..rows).map(|_| (!rng.random_bool(0.1)).then(|| value(rng))).collect()
}

fn text(rng: &mut StdRng) -> String {
    match rng.random_range(0..4) {
        0 => TEXTS[rng.random_range(0..TEXTS.len())].to_owned(),
        _ => format!("text {}", rng.random_range(0..1000)),
    }
}

fn bytes(rng: &mut StdRng, rows: usize) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    for value in
        values(rng, rows, |rng| (0..rng.random_range(0..20)).map(|_| rng.random()).collect::<Vec<u8>>())
    {
        builder.append_option(value);
    }
    Arc::new(builder.finish())
}

fn list(rng: &mut StdRng, rows: usize) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for _ in 0..rows {
        let valid = !rng.random_bool(0.1);
        for _ in 0..if valid { rng.random_range(0..4) } else { 0 } {
            builder.values().append_option((!rng.random_bool(0.1)).then(|| text(rng)));
        }
        builder.append(valid);
    }
    Arc::new(builder.finish())
}

fn structs(rng: &mut StdRng, rows: usize) -> ArrayRef {
    let x: ArrayRef = Arc::new(Int64Array::from(values(rng, rows, |rng| rng.random_range(0..100))));
    let y: ArrayRef = Arc::new(StringArray::from(values(rng, rows, text)));
    let fields =
        Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Utf8, true)]);
    let valid: Vec<bool> = (0..rows).map(|_| !rng.random_bool(0.1)).collect();
    Arc::new(StructArray::new(fields, vec![x, y], Some(valid.into())))
}

fn map(rng: &mut StdRng, rows: usize) -> Result<ArrayRef, ArrowError> {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for _ in 0..rows {
        let valid = !rng.random_bool(0.1);
        for key in 0..if valid { rng.random_range(0..4) } else { 0 } {
            builder.keys().append_value(format!("key {key}"));
            builder.values().append_option((!rng.random_bool(0.1)).then(|| rng.random_range(0..100)));
        }
        builder.append(valid)?;
    }
    Ok(Arc::new(builder.finish()))
}
