//! What is written comes back, given its schema.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use proptest::prelude::*;
use stitchwork_core::{Budget, ErrorKind, Format, ReadArgs, RoaringTreemap, WriteArgs};
use stitchwork_format_avro::{Avro, Compression};
use stitchwork_testkit::batches::{column, nested, nullable, plain};
use stitchwork_testkit::files::{self, bytes, object, schema};

use crate::{CODECS, read, with, write};

/// A column of each type that Avro can hold, of these numbers.
fn columns(numbers: &[Option<i64>]) -> Vec<ArrayRef> {
    let zone = |zone: &str| Some(zone.into());
    let flat = [
        DataType::Boolean,
        DataType::Float32,
        DataType::Float16,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(8),
        DataType::Date32,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Int8,
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal32(7, 2),
        DataType::Decimal64(15, 2),
        DataType::Decimal128(20, 3),
        DataType::Decimal256(50, 3),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, None),
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
    fn every_type_comes_back_as_it_was(
        numbers: Vec<Option<i64>>,
        codec in 0..6_usize,
        block_rows in 1_usize..40,
        batch_rows in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let batch = nullable(columns(&numbers)).unwrap();
            let schema = batch.schema();
            let object = object("round.avro");
            let summary = write(&with(CODECS[codec], block_rows), &object, std::slice::from_ref(&batch)).await.unwrap();
            assert_eq!(summary.rows, numbers.len() as u64);
            assert_eq!(summary.bytes, object.fetch_size().await.unwrap());
            assert_eq!(Avro::new().inspect(&object).await.unwrap(), summary);
            let args = ReadArgs { schema: Some(schema.clone()), batch_rows: Some(batch_rows), ..ReadArgs::default() };
            let found = read(&object, args.clone()).await.unwrap();
            for (field, (a, b)) in schema.fields().iter().zip(batch.columns().iter().zip(found.columns())) {
                // Dictionaries may have other keys.
                let plain = |array: &ArrayRef| match array.data_type() {
                    DataType::Dictionary(..) => cast(array, &DataType::Utf8).unwrap(),
                    _ => array.clone(),
                };
                assert_eq!(&plain(a), &plain(b), "{field}");
            }
            assert_eq!(found.num_rows(), batch.num_rows());
            for place in [0, 8, schema.fields().len() - 1] {
                let found = read(&object, ReadArgs { projection: Some(vec![place]), ..args.clone() }).await.unwrap();
                assert_eq!(found.column(0), batch.column(place));
            }
        });
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let refused = |name: &'static str, data_type| async move {
        let fields = vec![Field::new("good", DataType::Int32, true), Field::new(name, data_type, true)];
        Avro::new().write(&object("x.avro"), WriteArgs::new(schema(fields))).await.unwrap_err()
    };
    let entries = Fields::from(vec![
        Field::new("key", DataType::Int32, false),
        Field::new("value", DataType::Int32, true),
    ]);
    let by_number = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false);
    for (name, data_type) in [
        ("nanos", DataType::Time64(TimeUnit::Nanosecond)),
        ("map", by_number),
        ("no name", DataType::Int32),
        ("1st", DataType::Int32),
    ] {
        let error = refused(name, data_type).await;
        assert_eq!(
            (error.kind(), error.context("column")),
            (ErrorKind::Unsupported, Some(name)),
            "{error:?}"
        );
    }
    for (name, value) in [("compression", "lzo"), ("block_rows", "0")] {
        let options = [(name.to_owned(), value.to_owned())].into();
        let args = WriteArgs { options, ..WriteArgs::new(schema(vec![])) };
        let error = Avro::new().write(&object("x.avro"), args).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{name}: {error:?}");
    }
    let metadata = [("avro.codec".to_owned(), "b".to_owned())].into();
    let args = WriteArgs { metadata, ..WriteArgs::new(schema(vec![])) };
    assert_eq!(Avro::new().write(&object("x.avro"), args).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    // A number that Avro's long cannot hold is an error, not another number.
    let large: ArrayRef = Arc::new(arrow_array::UInt64Array::from(vec![u64::MAX]));
    let batch = RecordBatch::try_from_iter([("large", large)]).unwrap();
    let error = write(&Avro::new(), &object("x.avro"), &[batch]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
}

#[tokio::test]
async fn ranges_rows_and_numbers_go_together() {
    for compression in [Compression::Uncompressed, Compression::Snappy] {
        let object = object("parts.avro");
        let batch = plain(3, 0, 500).unwrap();
        let summary = write(&with(compression, 37), &object, std::slice::from_ref(&batch)).await.unwrap();
        assert_eq!(summary.split_offsets.len(), 14);
        let selected: RoaringTreemap = [5, 99, 100, 250, 251, 499].into_iter().collect();
        for parts in [1, 2, 7, 40] {
            let args = ReadArgs {
                rows: Some(Arc::new(selected.clone())),
                row_number: Some("at".to_owned()),
                ..ReadArgs::default()
            };
            let (mut seen, mut all) = (Vec::new(), Vec::new());
            for found in files::read_parts(&Avro::new(), &object, parts, &args).await.unwrap() {
                let numbers = found.column(4).as_primitive::<Int64Type>();
                assert_eq!(found.column(0).as_primitive::<Int64Type>(), numbers);
                seen.extend(numbers.values().iter().copied());
            }
            let args = ReadArgs::default();
            for found in files::read_parts(&Avro::new(), &object, parts, &args).await.unwrap() {
                all.extend(found.column(0).as_primitive::<Int64Type>().values().iter().copied());
            }
            assert_eq!(seen, [5, 99, 100, 250, 251, 499], "{parts}");
            assert_eq!(all, (0..500).collect::<Vec<_>>(), "{parts}");
        }
        // The first byte of a block belongs to it, the one before does not.
        let second = summary.split_offsets[1];
        for (range, rows) in [(second..second + 1, 37), (second + 1..second + 2, 0), (second - 1..second, 0)]
        {
            let found = read(&object, ReadArgs { range: Some(range), ..ReadArgs::default() }).await.unwrap();
            assert_eq!(found.num_rows(), rows);
        }
    }
}

#[tokio::test]
async fn rows_without_values_are_counted() {
    let options = RecordBatchOptions::new().with_row_count(Some(20_000));
    let none = RecordBatch::try_new_with_options(schema(vec![]), vec![], &options).unwrap();
    let nulls: ArrayRef = Arc::new(arrow_array::NullArray::new(20_000));
    let nulls = RecordBatch::try_from_iter_with_nullable([("n", nulls, true)]).unwrap();
    for batch in [none, nulls] {
        let object = object("none.avro");
        write(&Avro::new(), &object, std::slice::from_ref(&batch)).await.unwrap();
        assert_eq!(Avro::new().inspect(&object).await.unwrap().rows, 20_000);
        let found = read(&object, ReadArgs::default()).await.unwrap();
        assert_eq!((found.num_rows(), found.num_columns()), (20_000, batch.num_columns()));
    }
}

#[tokio::test]
async fn large_records_make_small_batches() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["y".repeat(1 << 20); 40]));
    let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
    let object = object("large.avro");
    write(&with(Compression::Zstd, 3), &object, std::slice::from_ref(&batch)).await.unwrap();
    let stream = Avro::new().read(&object, ReadArgs::default()).await.unwrap();
    let batches = stitchwork_core::collect(stream).await.unwrap();
    assert!(batches.len() >= 3 && batches.iter().all(|batch| batch.num_rows() <= 12), "{}", batches.len());
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 40);
    let budget = Budget::new(64 << 20);
    let args = ReadArgs { budget: Some(budget.clone()), ..ReadArgs::default() };
    let stream = Avro::new().read(&object, args).await.unwrap();
    assert!(budget.free() < budget.total());
    drop(stream);
    assert_eq!(budget.free(), budget.total());
    let metadata = [("note".to_owned(), "ours".to_owned())].into();
    let args = WriteArgs { metadata, ..WriteArgs::new(batch.schema()) };
    let writer = Avro::new().write(&object, args).await.unwrap();
    writer.finish().await.unwrap();
    let header = bytes(&object).await.unwrap();
    assert!(header.windows(9).any(|bytes| bytes == b"\x08note\x08our"), "{header:?}");
}
