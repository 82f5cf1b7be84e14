//! Random schemas and batches, and files of them in memory.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeListArray, Float64Array, Int64Array, ListArray,
    MapArray, NullArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use stitchwork_core::{FileSummary, Object, Options, ReadArgs};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::files::{self, options};

/// Row groups of 64 rows, pages of 16.
pub(crate) fn small_pages() -> Options {
    options(&[("max_row_group_rows", "64"), ("data_page_rows", "16"), ("dictionary", "false")])
}

pub(crate) async fn write(object: &Object, batches: &[RecordBatch], options: Options) -> FileSummary {
    files::write(&Parquet::new(), object, batches, options).await.unwrap()
}

/// All rows as one batch.
pub(crate) async fn read(object: &Object, args: ReadArgs) -> RecordBatch {
    files::read(&Parquet::new(), object, args).await.unwrap()
}

pub(crate) fn batch(fields: Fields, rows: usize, rng: &mut StdRng) -> RecordBatch {
    let columns = fields.iter().map(|field| array(field, rows, rng)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

/// A schema with nested and flat types.
pub(crate) fn fields(rng: &mut StdRng) -> Fields {
    (0..rng.random_range(1..5)).map(|i| field(&format!("c{i}"), 3, rng)).collect()
}

fn field(name: &str, depth: usize, rng: &mut StdRng) -> Field {
    let data_type = data_type(depth, rng);
    let nullable = data_type == DataType::Null || rng.random_bool(0.7);
    Field::new(name, data_type, nullable)
}

fn data_type(depth: usize, rng: &mut StdRng) -> DataType {
    let utc = || Some("UTC".into());
    let leaves = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(5),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, utc()),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, utc()),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("+02:00".into())),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Decimal32(7, 2),
        DataType::Decimal64(15, 3),
        DataType::Decimal128(9, 2),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 5),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::Null,
    ];
    if depth == 0 || rng.random_bool(0.6) {
        return leaves.choose(rng).unwrap().clone();
    }
    match rng.random_range(0..5) {
        0 => {
            let children = (0..rng.random_range(1..4)).map(|i| field(&format!("f{i}"), depth - 1, rng));
            DataType::Struct(children.collect())
        }
        1 => DataType::List(Arc::new(field("element", depth - 1, rng))),
        2 => DataType::LargeList(Arc::new(field("item", depth - 1, rng))),
        3 => DataType::FixedSizeList(Arc::new(field("item", 0, rng)), 2),
        _ => {
            let entries =
                Fields::from(vec![Field::new("key", DataType::Utf8, false), field("value", depth - 1, rng)]);
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
        }
    }
}

fn nulls(field: &Field, rows: usize, rng: &mut StdRng) -> Option<NullBuffer> {
    let share = *[0.0, 0.2, 1.0].choose(rng).unwrap();
    field.is_nullable().then(|| (0..rows).map(|_| !rng.random_bool(share)).collect())
}

fn array(field: &Field, rows: usize, rng: &mut StdRng) -> ArrayRef {
    let validity = nulls(field, rows, rng);
    let valid = |array: ArrayRef| {
        let data = array.to_data().into_builder().nulls(validity.clone()).build().unwrap();
        arrow_array::make_array(data)
    };
    let lengths = |rng: &mut StdRng| (0..rows).map(|_| rng.random_range(0..4)).collect::<Vec<usize>>();
    match field.data_type() {
        DataType::Null => Arc::new(NullArray::new(rows)),
        DataType::Boolean => valid(Arc::new((0..rows).map(|_| Some(rng.random())).collect::<BooleanArray>())),
        DataType::Struct(children) => {
            let columns = children.iter().map(|child| array(child, rows, rng)).collect();
            Arc::new(StructArray::try_new_with_length(children.clone(), columns, validity, rows).unwrap())
        }
        DataType::List(element) => {
            let offsets = OffsetBuffer::from_lengths(lengths(rng));
            let values = array(element, *offsets.last().unwrap() as usize, rng);
            Arc::new(ListArray::new(element.clone(), offsets, values, validity))
        }
        DataType::LargeList(element) => {
            let list = Field::new("l", DataType::List(element.clone()), field.is_nullable());
            cast(&array(&list, rows, rng), field.data_type()).unwrap()
        }
        DataType::FixedSizeList(element, size) => {
            let values = array(element, rows * usize::try_from(*size).unwrap(), rng);
            Arc::new(FixedSizeListArray::new(element.clone(), *size, values, validity))
        }
        DataType::Map(entries, sorted) => {
            let offsets = OffsetBuffer::from_lengths(lengths(rng));
            let inner = array(entries, *offsets.last().unwrap() as usize, rng);
            let inner = inner.as_any().downcast_ref::<StructArray>().unwrap().clone();
            Arc::new(MapArray::new(entries.clone(), offsets, inner, validity, *sorted))
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let special = [f64::NAN, 0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY];
            let values = (0..rows).map(|_| match rng.random_bool(0.1) {
                true => *special.choose(rng).unwrap(),
                false => rng.random_range(-100..100) as f64 / 4.0,
            });
            let values: ArrayRef = Arc::new(values.collect::<Vec<_>>().into_iter().collect::<Float64Array>());
            valid(cast(&values, field.data_type()).unwrap())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let texts = ["", "a", "ab", "äöü", "𝄞", "zz"];
            let values = (0..rows).map(|_| match rng.random_bool(0.1) {
                true => format!("{}{}", "long ".repeat(20), rng.random_range(0..5)),
                false => format!("{}{}", texts.choose(rng).unwrap(), rng.random_range(0..9)),
            });
            let values = StringArray::from_iter_values(values.collect::<Vec<_>>());
            let values =
                StringArray::new(values.offsets().clone(), values.values().clone(), validity.clone());
            cast(&values, field.data_type()).unwrap()
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let values = (0..rows).map(|_| rng.random::<[u8; 5]>()).collect::<Vec<_>>();
            let values = BinaryArray::from_iter_values(values);
            let values =
                BinaryArray::new(values.offsets().clone(), values.values().clone(), validity.clone());
            cast(&values, field.data_type()).unwrap()
        }
        DataType::Interval(_) => {
            let months = (0..rows).map(|_| rng.random_range(-30..30)).collect::<Vec<i32>>();
            valid(Arc::new(arrow_array::IntervalYearMonthArray::from(months)))
        }
        DataType::Date64 => {
            let days = (0..rows).map(|_| rng.random_range(-9_000..9_000)).collect::<Vec<i32>>();
            let days: ArrayRef = Arc::new(arrow_array::Date32Array::from(days));
            valid(cast(&days, &DataType::Date64).unwrap())
        }
        other => {
            let low = if matches!(other, DataType::Time32(_) | DataType::Time64(_))
                || other.is_unsigned_integer()
            {
                0
            } else {
                -100
            };
            let values = (0..rows).map(|_| rng.random_range(low..100)).collect::<Vec<i64>>();
            let values: ArrayRef = Arc::new(Int64Array::from(values));
            // Not every type has a cast from 64 bits.
            let middle = match other {
                DataType::Date32 | DataType::Time32(_) => cast(&values, &DataType::Int32).unwrap(),
                _ => values,
            };
            valid(cast(&middle, other).unwrap())
        }
    }
}

/// Columns that predicates can be made of; values come in runs, so that pages differ.
pub(crate) fn comparable(rows: usize, rng: &mut StdRng) -> RecordBatch {
    let runs: Vec<i64> = (0..rows.div_ceil(10)).map(|_| rng.random_range(-20..20)).collect();
    let value = |row: usize| runs[row / 10];
    let with_nulls =
        |p: f64, rng: &mut StdRng| (0..rows).map(|_| !rng.random_bool(p)).collect::<NullBuffer>();
    let ints: ArrayRef = Arc::new(Int64Array::from((0..rows).map(value).collect::<Vec<_>>()));
    let floats = (0..rows).map(|row| match rng.random_bool(0.02) {
        true => f64::NAN,
        false => value(row) as f64 / 2.0,
    });
    let floats: ArrayRef = Arc::new(Float64Array::from(floats.collect::<Vec<_>>()));
    let plain: ArrayRef =
        Arc::new(Float64Array::from((0..rows).map(|r| value(r) as f64).collect::<Vec<_>>()));
    let texts: Vec<_> = (0..rows).map(|row| format!("{}{:02}", "x".repeat(70), value(row) + 20)).collect();
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let short = (0..rows).map(|row| (value(row) % 3 != 0).then(|| format!("{:02}", value(row) + 20)));
    let short: ArrayRef = Arc::new(short.collect::<Vec<_>>().into_iter().collect::<StringArray>());
    let some =
        arrow_select::nullif::nullif(&ints, &BooleanArray::new(!with_nulls(0.3, rng).inner(), None)).unwrap();
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
    let inside: ArrayRef = Arc::new(StructArray::new(inner, vec![some.clone()], Some(with_nulls(0.2, rng))));
    let columns =
        [("i", ints), ("n", some), ("f", floats), ("p", plain), ("t", texts), ("u", short), ("s", inside)];
    let fields: Vec<_> = columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.map(|(_, c)| c).to_vec()).unwrap()
}
