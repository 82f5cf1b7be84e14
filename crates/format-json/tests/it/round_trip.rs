//! What is written comes back, given its schema.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray, Time32SecondArray,
    TimestampSecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use proptest::prelude::*;
use stitchwork_core::{ErrorKind, Format, ReadArgs, WriteArgs};
use stitchwork_format_json::{Json, JsonConfig};
use stitchwork_testkit::batches::{column, nested, nullable};
use stitchwork_testkit::files::{self, object, options, schema};

use crate::read;

/// A column of each type that JSON can hold, of these numbers.
fn columns(numbers: &[Option<i64>]) -> Vec<ArrayRef> {
    let zone = |zone: &str| Some(zone.into());
    let flat = [
        DataType::Boolean,
        DataType::Float32,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(8),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Int8,
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Decimal128(20, 3),
        DataType::Decimal256(50, 3),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Microsecond, zone("UTC")),
        DataType::Timestamp(TimeUnit::Nanosecond, zone("+02:00")),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Int64,
        DataType::Float64,
        DataType::Utf8,
        DataType::Binary,
    ];
    let flat = flat.iter().map(|data_type| column(data_type, numbers).unwrap());
    flat.chain(nested(numbers).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_comes_back_as_it_was(numbers: Vec<Option<i64>>, explicit: bool, batch_rows in 1_usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let batch = nullable(columns(&numbers)).unwrap();
            let schema = batch.schema();
            let object = object("round.json");
            let options = options(&[("explicit_nulls", &explicit.to_string())]);
            let batches = std::slice::from_ref(&batch);
            let summary = files::write(&Json::new(), &object, batches, options).await.unwrap();
            assert_eq!(summary.rows, numbers.len() as u64);
            assert_eq!(summary.bytes, object.fetch_size().await.unwrap());
            assert_eq!(Json::new().inspect(&object).await.unwrap(), summary);
            let args = ReadArgs { schema: Some(schema), batch_rows: Some(batch_rows), ..ReadArgs::default() };
            let found = read(&object, args).await.unwrap();
            for (field, (a, b)) in batch.schema().fields().iter().zip(batch.columns().iter().zip(found.columns())) {
                assert_eq!(a, b, "{field}");
            }
            assert_eq!(found.num_rows(), batch.num_rows());
        });
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let refused = |data_type| async move {
        let fields = vec![Field::new("good", DataType::Int32, true), Field::new("bad", data_type, true)];
        Json::new().write(&object("x.json"), WriteArgs::new(schema(fields))).await.unwrap_err()
    };
    let entries = Fields::from(vec![
        Field::new("key", DataType::Int32, false),
        Field::new("value", DataType::Int32, true),
    ]);
    let by_number = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false);
    for data_type in [DataType::Interval(IntervalUnit::YearMonth), by_number] {
        let error = refused(data_type).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("column"), Some("bad"));
    }
    let options = [("nulls".to_owned(), "true".to_owned())].into();
    let args = WriteArgs { options, ..WriteArgs::new(schema(vec![])) };
    let error = Json::new().write(&object("x.json"), args).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context("known")),
        (ErrorKind::InvalidConfig, Some("explicit_nulls,compression"))
    );
}

/// The encoder itself would write the words of its error, as the value.
#[tokio::test]
async fn a_value_that_has_no_text_is_refused_with_its_row() {
    let moments = |values: Vec<Option<i64>>| Arc::new(TimestampSecondArray::from(values)) as ArrayRef;
    let far = Some(i64::MAX);
    let times: ArrayRef = Arc::new(Time32SecondArray::from(vec![0, 86_399, 86_400]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(-1), None, Some(i32::MIN)]));
    let list = {
        let item = Arc::new(Field::new_list_field(DataType::Timestamp(TimeUnit::Second, None), true));
        let offsets = OffsetBuffer::from_lengths([1, 0, 2]);
        Arc::new(ListArray::new(item, offsets, moments(vec![Some(0), None, far]), None)) as ArrayRef
    };
    for (bad, value) in [
        (moments(vec![Some(8_210_266_876_799), None, Some(8_300_000_000_000)]), "8300000000000"),
        (days, "-2147483648"),
        (times, "86400"),
        (list, "9223372036854775807"),
    ] {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("good", moments(vec![None; 3]), true),
            ("bad", bad, true),
        ])
        .unwrap();
        let mut writer = Json::new().write(&object("x.json"), WriteArgs::new(batch.schema())).await.unwrap();
        writer.write(&batch.slice(0, 2)).await.unwrap();
        let error = writer.write(&batch).await.expect_err(value);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!((error.context("column"), error.context("row")), (Some("bad"), Some("4")), "{error}");
        assert!(error.context("value").unwrap().contains(value), "{error:?}");
    }
    // What a null hides is not written.
    let hidden = StructArray::new(
        vec![Field::new("x", DataType::Timestamp(TimeUnit::Second, None), true)].into(),
        vec![moments(vec![far])],
        Some(NullBuffer::new_null(1)),
    );
    let batch =
        RecordBatch::try_from_iter_with_nullable([("s", Arc::new(hidden) as ArrayRef, true)]).unwrap();
    let mut writer = Json::new().write(&object("x.json"), WriteArgs::new(batch.schema())).await.unwrap();
    writer.write(&batch).await.unwrap();
}

#[tokio::test]
async fn objects_are_there_only_when_finished_whatever_their_size() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["y".repeat(1 << 20); 4]));
    let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
    for (times, finish) in [(1, true), (1, false), (6, true), (6, false)] {
        let object = object("big.json");
        let mut writer = Json::new().write(&object, WriteArgs::new(batch.schema())).await.unwrap();
        for _ in 0..times {
            writer.write(&batch).await.unwrap();
        }
        assert!(writer.bytes() > times << 22);
        assert!(object.fetch_size().await.is_err());
        if finish {
            assert_eq!(writer.finish().await.unwrap().rows, 4 * times);
            let found = read(&object, ReadArgs::default()).await.unwrap();
            assert_eq!(found.num_rows() as u64, 4 * times);
        } else {
            writer.abort().await.unwrap();
            assert!(object.fetch_size().await.is_err());
        }
    }
}

#[tokio::test]
async fn a_batch_of_another_schema_is_refused() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("a", numbers)]).unwrap();
    let args = WriteArgs::new(schema(vec![Field::new("a", DataType::Utf8, true)]));
    let mut writer = Json::new().write(&object("x.json"), args).await.unwrap();
    assert_eq!(writer.write(&batch).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn compressed_objects_are_read_and_written() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5000));
    let batch = RecordBatch::try_from_iter_with_nullable([("n", numbers, true)]).unwrap();
    for (name, option) in [
        ("t.json.gz", None),
        ("t.ndjson.zst", None),
        ("t.jsonl.bz2", None),
        ("t.json.xz", None),
        ("t.json", Some("gzip")),
        ("t.json.gz", Some("none")),
    ] {
        let object = object(name);
        let options = option.map(|option| ("compression".to_owned(), option.to_owned()));
        let options = options.into_iter().collect();
        let batches = std::slice::from_ref(&batch);
        let summary = files::write(&Json::new(), &object, batches, options).await.unwrap();
        assert_eq!((summary.rows, summary.bytes), (5000, object.fetch_size().await.unwrap()));
        assert_eq!(summary.bytes < 25_000, option != Some("none"), "{name}");
        let config = JsonConfig { compression: option.map(|o| o.parse().unwrap()), ..JsonConfig::default() };
        let json = Json::with_config(config).unwrap();
        assert_eq!(json.inspect(&object).await.unwrap(), summary);
        assert_eq!(files::read(&json, &object, ReadArgs::default()).await.unwrap(), batch);
        let other = read(&object, ReadArgs::default()).await;
        assert_eq!(other.map_err(|e| e.kind()).err(), option.map(|_| ErrorKind::InvalidData), "{name}");
    }
}
