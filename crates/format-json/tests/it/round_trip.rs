//! What is written comes back, given its schema.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use proptest::prelude::*;
use stitchwork_core::{ErrorKind, Format, ReadArgs, WriteArgs};
use stitchwork_format_json::Json;

use crate::{object, read, schema};

/// A column of each type that JSON can hold, of these numbers.
fn columns(numbers: &[Option<i64>]) -> Vec<(String, ArrayRef)> {
    let ints: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let floats = numbers.iter().map(|n| n.map(|n| if n % 7 == 0 { f64::NAN } else { n as f64 / 3.0 }));
    let floats: ArrayRef = Arc::new(floats.collect::<Float64Array>());
    let texts = numbers
        .iter()
        .map(|n| n.map(|n| format!("\"{n}\\\n\u{1}ä𝄞{}", "x".repeat(n.unsigned_abs() as usize % 9))));
    let texts: ArrayRef = Arc::new(texts.collect::<Vec<_>>().into_iter().collect::<StringArray>());
    let bytes = numbers.iter().map(|n| n.map(|n| n.to_be_bytes()));
    let bytes: ArrayRef = Arc::new(bytes.collect::<Vec<_>>().into_iter().collect::<BinaryArray>());
    let small: ArrayRef =
        Arc::new(numbers.iter().map(|n| n.map(|n| n.rem_euclid(100))).collect::<Int64Array>());
    let small32 = cast(&small, &DataType::Int32).unwrap();
    let zone = |zone: &str| Some(zone.into());
    let mut found: Vec<ArrayRef> = vec![
        Arc::new(numbers.iter().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>()),
        cast(&floats, &DataType::Float32).unwrap(),
        cast(&texts, &DataType::LargeUtf8).unwrap(),
        cast(&texts, &DataType::Utf8View).unwrap(),
        cast(&texts, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap(),
        cast(&bytes, &DataType::LargeBinary).unwrap(),
        cast(&bytes, &DataType::BinaryView).unwrap(),
        cast(&bytes, &DataType::FixedSizeBinary(8)).unwrap(),
        cast(&small32, &DataType::Date32).unwrap(),
        cast(&cast(&small32, &DataType::Date32).unwrap(), &DataType::Date64).unwrap(),
        cast(&small32, &DataType::Time32(TimeUnit::Second)).unwrap(),
    ];
    for data_type in [
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
    ] {
        found.push(cast(&small, &data_type).unwrap());
    }
    let inner =
        Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("t", DataType::Utf8, true)]);
    let objects = StructArray::new(inner, vec![ints.clone(), texts.clone()], None);
    let element = Arc::new(Field::new("element", objects.data_type().clone(), true));
    let lengths = (0..numbers.len()).map(|row| if row == 0 { numbers.len() } else { 0 });
    let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths);
    found.push(Arc::new(ListArray::new(element, offsets.clone(), Arc::new(objects.clone()), None)));
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values((0..numbers.len()).map(|i| format!("k{i}"))));
    let entries = Fields::from(vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Int64, true),
    ]);
    let entries = StructArray::new(entries, vec![keys, ints.clone()], None);
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    found.push(Arc::new(MapArray::new(field, offsets, entries, None, false)));
    found.extend([ints, floats, texts, bytes, Arc::new(objects) as ArrayRef]);
    found.into_iter().enumerate().map(|(i, column)| (format!("c{i}"), column)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_comes_back_as_it_was(numbers: Vec<Option<i64>>, explicit: bool, batch_rows in 1_usize..20) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let columns = columns(&numbers);
            let fields = columns.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
            let schema = schema(fields.collect());
            let columns = columns.into_iter().map(|(_, column)| column).collect();
            let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
            let object = object("round.json");
            let options = [("explicit_nulls".to_owned(), explicit.to_string())].into();
            let args = WriteArgs { options, ..WriteArgs::new(schema.clone()) };
            let mut writer = Json::new().write(&object, args).await.unwrap();
            writer.write(&batch).await.unwrap();
            let summary = writer.finish().await.unwrap();
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
    assert_eq!((error.kind(), error.context("known")), (ErrorKind::InvalidConfig, Some("explicit_nulls")));
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
