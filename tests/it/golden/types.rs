//! What a format cannot hold is refused by the name of the column; what it takes comes back as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int32Array, IntervalMonthDayNanoArray, ListArray, MapArray,
    NullArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, IntervalMonthDayNanoType, Schema, TimeUnit};
use stitchwork::core::{ErrorKind, Format, Object, ReadArgs, Result, WriteArgs};
use stitchwork_testkit::batches;

use super::page;
use super::seen::Seen;

const FORMATS: [&str; 5] = ["parquet", "avro", "csv", "ipc", "json"];

/// A column of each type, by the name of the type.
fn columns() -> Vec<(String, ArrayRef)> {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(100)]));
    let utc: Option<Arc<str>> = Some("UTC".into());
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let mut types = vec![
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
        DataType::Decimal128(20, 3),
        DataType::Decimal256(50, 3),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ];
    for unit in units {
        types.extend([DataType::Timestamp(unit, None), DataType::Timestamp(unit, utc.clone())]);
        types.push(DataType::Duration(unit));
    }
    let made = types.into_iter().map(|data_type| {
        let column = batches::column(&data_type, &[Some(1), None, Some(100)]);
        (data_type.to_string(), column.unwrap())
    });
    let mut made: Vec<_> = made.collect();
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("ü")]));
    let pair =
        Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)]);
    let pairs: ArrayRef =
        Arc::new(StructArray::new(pair.clone(), vec![numbers.clone(), texts.clone()], None));
    let item = |data_type: &DataType| Arc::new(Field::new("element", data_type.clone(), true));
    let offsets = || OffsetBuffer::from_lengths([2, 0, 1]);
    let list = |values: &ArrayRef| -> ArrayRef {
        Arc::new(ListArray::new(item(values.data_type()), offsets(), values.clone(), None))
    };
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["k", "l", "m"]));
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int32, true),
    ]);
    let entries = StructArray::new(entries, vec![keys, numbers.clone()], None);
    let entry = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let map = MapArray::new(entry, offsets(), entries, None, false);
    let fixed = FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4], [5, 6]].into_iter()).unwrap();
    let interval =
        IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNanoType::make_value(1, 2, 3_000_000); 3]);
    made.extend([
        ("List".to_owned(), list(&numbers)),
        ("List of List".to_owned(), list(&list(&numbers).slice(0, 3))),
        ("List of Struct".to_owned(), list(&pairs)),
        ("Struct".to_owned(), pairs),
        ("Map".to_owned(), Arc::new(map)),
        ("FixedSizeBinary".to_owned(), Arc::new(fixed)),
        ("Interval(MonthDayNano)".to_owned(), Arc::new(interval)),
        ("Null".to_owned(), Arc::new(NullArray::new(3))),
        ("Struct without fields".to_owned(), Arc::new(StructArray::new_empty_fields(3, None))),
    ]);
    made
}

async fn there_and_back(format: &dyn Format, object: &Object, rows: &RecordBatch) -> Result<Seen> {
    let mut writer = format.write(object, WriteArgs::new(rows.schema())).await?;
    writer.write(rows).await?;
    writer.finish().await?;
    let args = ReadArgs { schema: Some(rows.schema()), ..ReadArgs::default() };
    Seen::of_stream(format.read(object, args).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_format_cannot_hold_is_refused_by_the_name_of_the_column() {
    let registry = stitchwork::registry().unwrap();
    let mut refused = BTreeMap::new();
    let mut held = 0;
    let mut wrong = Vec::new();
    for name in FORMATS {
        let format = registry.formats().get(name).unwrap();
        let mut not_held = Vec::new();
        for (what, column) in columns() {
            let object = registry.stores().resolve(&format!("memory:types/{name}")).unwrap();
            let ids: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
            let fields = vec![
                Field::new("id", DataType::Int32, false),
                Field::new("strange", column.data_type().clone(), true),
            ];
            let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![ids, column]).unwrap();
            match there_and_back(format.as_ref(), &object, &rows).await {
                Ok(seen) => {
                    let want = Seen::of(&rows.schema(), std::slice::from_ref(&rows));
                    wrong.extend(
                        seen.differs(&want).map(|difference| format!("{name}: {what}: {difference}")),
                    );
                    held += 1;
                }
                Err(error) => {
                    let named = error.context("column").is_some_and(|column| column.starts_with("strange"));
                    if error.kind() != ErrorKind::Unsupported || !named {
                        wrong.push(format!("{name}: {what}: {error:?}"));
                    }
                    not_held.push(what);
                }
            }
        }
        let not_held = if not_held.is_empty() { "nothing".to_owned() } else { not_held.join(", ") };
        refused.insert(name.to_owned(), not_held);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(held > 100, "{held}");
    page::check_refused("Types that formats refuse to write", "Format", &refused);
}
