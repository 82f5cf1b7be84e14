//! What is written comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, UnionFields, UnionMode};
use object_store::ObjectStoreExt;
use parquet::file::metadata::ParquetMetaDataReader;
use proptest::prelude::*;
use stitchwork_core::{Budget, ErrorKind, FIELD_ID, Format, ReadArgs, WriteArgs, field_id, with_field_id};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::rng;
use stitchwork_testkit::files::{object, options, schema};

use crate::data;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_come_back_as_they_were(seed: u64) {
        let mut rng = rng(seed);
        let fields = data::fields(&mut rng);
        let batches: Vec<_> =
            [0, 1, 70, 130].into_iter().map(|rows| data::batch(fields.clone(), rows, &mut rng)).collect();
        block_on(async {
            let object = object("round.parquet");
            let options = if seed % 2 == 0 { data::small_pages() } else { options(&[]) };
            let summary = data::write(&object, &batches, options).await;
            let expected = arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap();
            let found = data::read(&object, ReadArgs::default()).await;
            assert_eq!(found.schema(), expected.schema());
            assert_eq!(found, expected);
            assert_eq!(summary.rows, 201);
            assert_eq!(summary.bytes, object.fetch_size().await.unwrap());
            assert_eq!(Parquet::new().inspect(&object).await.unwrap(), summary);
            check_bounds(&expected, &summary.stats);
        });
    }
}

/// No value of a flat column lies outside of its bounds, and the nulls are counted exactly.
fn check_bounds(batch: &RecordBatch, stats: &stitchwork_core::FileStats) {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let Some(stats) = stats.columns.get(&field.name().as_str().into()) else { continue };
        assert_eq!(stats.nulls, Some(column.logical_null_count() as u64), "{field}");
        for row in 0..column.len() {
            let value = stitchwork_core::Scalar::from_array(column, row).unwrap();
            let nan = value.to_string() == "NaN";
            let inside = |bound: &Option<stitchwork_core::Scalar>, outside| {
                bound.as_ref().is_none_or(|bound| value.compare(bound) != Some(outside))
            };
            assert!(nan || inside(&stats.min, std::cmp::Ordering::Less), "{field} {value:?} {stats:?}");
            assert!(nan || inside(&stats.max, std::cmp::Ordering::Greater), "{field} {value:?} {stats:?}");
        }
    }
}

#[tokio::test]
async fn field_ids_and_metadata_survive_at_every_depth() {
    let inner = vec![with_field_id(Field::new("x", DataType::Int32, true), 7)];
    let element = with_field_id(Field::new("element", DataType::Utf8, true), 9);
    let fields = vec![
        with_field_id(Field::new("s", DataType::Struct(inner.into()), true), 6),
        with_field_id(Field::new("l", DataType::List(element.into()), true), 8),
    ];
    let object = object("ids.parquet");
    let batch = data::batch(fields.into(), 5, &mut rng(1));
    for arrow_schema in ["true", "false"] {
        data::write(&object, std::slice::from_ref(&batch), options(&[("arrow_schema", arrow_schema)])).await;
        let found = Parquet::new().infer_schema(&object).await.unwrap();
        assert_eq!(found.fields().iter().map(|f| field_id(f)).collect::<Vec<_>>(), [Some(6), Some(8)]);
        let DataType::Struct(inner) = found.field(0).data_type() else { panic!("a struct") };
        assert_eq!(inner[0].metadata().get(FIELD_ID).map(String::as_str), Some("7"));
        let DataType::List(element) = found.field(1).data_type() else { panic!("a list") };
        assert_eq!(field_id(element), Some(9));
    }
    let args = WriteArgs {
        metadata: BTreeMap::from([("iceberg.schema".to_owned(), "{}".to_owned())]),
        ..WriteArgs::new(batch.schema())
    };
    Parquet::new().write(&object, args).await.unwrap().finish().await.unwrap();
    let found = Parquet::new().infer_schema(&object).await.unwrap();
    assert_eq!(found.metadata().get("iceberg.schema").map(String::as_str), Some("{}"));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_by_name() {
    let union = DataType::Union(UnionFields::empty(), UnionMode::Sparse);
    let month_day_nano = DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano);
    let refused = |field| async move {
        let args = WriteArgs::new(schema(vec![Field::new("good", DataType::Int32, true), field]));
        Parquet::new().write(&object("x.parquet"), args).await.unwrap_err()
    };
    let inside = Field::new("s", DataType::Struct(vec![Field::new("u", union, true)].into()), true);
    for (field, name) in [(inside, "s.u"), (Field::new("i", month_day_nano, true), "i")] {
        let error = refused(field).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("column"), Some(name));
    }
}

#[tokio::test]
async fn a_batch_of_another_schema_is_refused() {
    let batch = data::batch(vec![Field::new("a", DataType::Int32, true)].into(), 3, &mut rng(1));
    for other in [
        Field::new("b", DataType::Int32, true),
        Field::new("a", DataType::Int64, true),
        Field::new("a", DataType::Int32, false),
    ] {
        let args = WriteArgs::new(schema(vec![other]));
        let mut writer = Parquet::new().write(&object("x.parquet"), args).await.unwrap();
        assert_eq!(writer.write(&batch).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let with_id = schema(vec![with_field_id(Field::new("a", DataType::Int32, true), 1)]);
    let mut writer = Parquet::new().write(&object("x.parquet"), WriteArgs::new(with_id)).await.unwrap();
    writer.write(&batch).await.unwrap();
    assert_eq!(writer.finish().await.unwrap().rows, 3);
}

#[tokio::test]
async fn nothing_is_there_before_the_end_nor_after_an_abort() {
    let batch = data::comparable(100_000, &mut rng(5));
    let object = object("a.parquet");
    for finish in [false, true] {
        let args = WriteArgs {
            options: options(&[("compression", "none"), ("dictionary", "false")]),
            ..WriteArgs::new(batch.schema())
        };
        let mut writer = Parquet::new().write(&object, args).await.unwrap();
        for _ in 0..3 {
            writer.write(&batch).await.unwrap();
        }
        assert!(writer.bytes() > 1 << 20);
        assert!(object.fetch_size().await.is_err());
        if finish {
            let summary = writer.finish().await.unwrap();
            assert_eq!(summary.rows, 300_000);
            assert_eq!(object.fetch_size().await.unwrap(), summary.bytes);
        } else {
            writer.abort().await.unwrap();
            assert!(object.fetch_size().await.is_err());
        }
    }
}

#[tokio::test]
async fn a_small_budget_closes_row_groups_early_and_comes_back() {
    let batch = data::comparable(50_000, &mut rng(5));
    let (roomy, tight) = (Budget::new(1 << 30), Budget::new(2 << 20));
    let mut groups = Vec::new();
    for budget in [&roomy, &tight] {
        let object = object("b.parquet");
        let args = WriteArgs { budget: Some(budget.clone()), ..WriteArgs::new(batch.schema()) };
        let args =
            WriteArgs { options: options(&[("dictionary", "false"), ("compression", "none")]), ..args };
        let mut writer = Parquet::new().write(&object, args).await.unwrap();
        for _ in 0..3 {
            writer.write(&batch).await.unwrap();
        }
        let summary = writer.finish().await.unwrap();
        assert_eq!(budget.free(), budget.total());
        groups.push(summary.split_offsets.len());
        let args = ReadArgs { budget: Some(budget.clone()), ..ReadArgs::default() };
        assert_eq!(data::read(&object, args).await.num_rows(), 150_000);
        assert_eq!(budget.free(), budget.total());
    }
    assert_eq!(groups[0], 1);
    assert!(groups[1] > 1, "{groups:?}");
}

#[tokio::test]
async fn columns_whose_values_hardly_repeat_have_no_dictionary() {
    let rows = 20_000_i64;
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new((0..rows).collect::<Int64Array>())),
        ("city", Arc::new((0..rows).map(|row| Some(format!("city {}", row % 500))).collect::<StringArray>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    for (first, expected) in [(20_000, [false, true]), (100, [true, true])] {
        let object = object("d.parquet");
        let parts = [batch.slice(0, first), batch.slice(first, 20_000 - first)];
        data::write(&object, &parts, options(&[])).await;
        let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
        let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
        let columns = footer.row_group(0).columns();
        let found: Vec<_> = columns.iter().map(|column| column.dictionary_page_offset().is_some()).collect();
        assert_eq!(found, expected, "the first batch has {first} rows");
        assert_eq!(data::read(&object, ReadArgs::default()).await, batch);
    }
}

#[tokio::test]
async fn rows_wait_until_a_row_group_is_worth_its_encoders() {
    const COLUMNS: usize = 64;
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_from_iter((0..COLUMNS).map(|c| (format!("c{c}"), column.clone()))).unwrap();
    let rows = batch.get_array_memory_size() as u64;
    let object = object("wide.parquet");
    let mut writer = Parquet::new().write(&object, WriteArgs::new(batch.schema())).await.unwrap();
    writer.write(&batch).await.unwrap();
    assert!((rows..2 * rows).contains(&writer.memory()), "{} for {rows} of rows", writer.memory());
    let encoders = COLUMNS as u64 * (100 << 10);
    for _ in 0..encoders / rows + 20 {
        writer.write(&batch).await.unwrap();
    }
    assert!(writer.memory() > encoders, "{} of {encoders}", writer.memory());
    let summary = writer.finish().await.unwrap();
    assert_eq!(summary.rows, 1000 * (encoders / rows + 21));
    assert_eq!(summary.split_offsets.len(), 1, "one row group");
    assert_eq!(data::read(&object, ReadArgs::default()).await.num_rows() as u64, summary.rows);
}
