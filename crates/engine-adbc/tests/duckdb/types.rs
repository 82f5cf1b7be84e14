//! DuckDB's types as Arrow's, and Arrow's in DuckDB.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use stitchwork_core::{Engine, ErrorKind, QueryArgs, TableIdent, collect};
use stitchwork_testkit::{MemoryRelation, batches};

use crate::support::duckdb;

#[tokio::test(flavor = "multi_thread")]
async fn results_have_these_types() {
    let Some(engine) = duckdb("results_have_these_types", |_| ()).await else { return };
    let item = |data_type| Arc::new(Field::new("l", data_type, true));
    let utc: Option<Arc<str>> = Some("UTC".into());
    for (sql, expected) in [
        ("1::tinyint", DataType::Int8),
        ("1::hugeint", DataType::Decimal128(38, 0)),
        ("sum(1::bigint)", DataType::Decimal128(38, 0)),
        ("1.5::decimal(10, 2)", DataType::Decimal128(10, 2)),
        ("1::double", DataType::Float64),
        ("'a'", DataType::Utf8),
        ("'a'::blob", DataType::Binary),
        ("uuid()", DataType::Utf8),
        ("'a'::enum('a', 'b')", DataType::Dictionary(Box::new(DataType::UInt8), Box::new(DataType::Utf8))),
        ("date '2020-01-01'", DataType::Date32),
        ("time '01:02:03'", DataType::Time64(TimeUnit::Microsecond)),
        ("timestamp '2020-01-01'", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("'2020-01-01'::timestamp_ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ("timestamptz '2020-01-01 01:00:00+01'", DataType::Timestamp(TimeUnit::Microsecond, utc)),
        ("interval 1 day", DataType::Interval(IntervalUnit::MonthDayNano)),
        ("[1, 2]", DataType::List(item(DataType::Int32))),
        (
            "{'x': 1, 'y': 'a'}",
            DataType::Struct(
                vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)].into(),
            ),
        ),
    ] {
        let rows = engine.query(QueryArgs::new(format!("select {sql} as c"))).await.unwrap();
        assert_eq!(rows.schema().field(0).data_type(), &expected, "{sql}");
        let batches = collect(rows).await.unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{sql}");
        assert_eq!(batches[0].column(0).null_count(), 0, "{sql}");
    }
    let map = engine.query(QueryArgs::new("select map {'a': 1} as c")).await.unwrap();
    assert!(matches!(map.schema().field(0).data_type(), DataType::Map(..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_common_type_goes_in_and_comes_out_again() {
    let Some(engine) = duckdb("every_common_type_goes_in_and_comes_out_again", |_| ()).await else { return };
    let batch = batches::all_types(3, 0, 20_000).unwrap();
    let relation = MemoryRelation::new(batch.schema(), vec![batch.slice(0, 7), batch.slice(7, 19_993)]);
    engine.register(&TableIdent::bare("t"), Arc::new(relation)).await.unwrap();
    // A second query sees the rows as the first one does: they come from the relation, not from what is left.
    for _ in 0..2 {
        let rows = collect(engine.query(QueryArgs::new("select * from t order by id")).await.unwrap());
        let rows = rows.await.unwrap();
        let sizes: Vec<usize> = rows.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [8192, 8192, 3616]);
        let (got, want) =
            (batches::row_texts(&rows).unwrap(), batches::row_texts(std::slice::from_ref(&batch)).unwrap());
        assert_eq!(batches::difference(&got, &want), None);
    }
}

/// DuckDB itself would fail with words of its own, of a size or of a missing child.
#[tokio::test(flavor = "multi_thread")]
async fn types_without_parts_are_refused_by_name() {
    let Some(engine) = duckdb("types_without_parts_are_refused_by_name", |_| ()).await else { return };
    let item = |data_type| Arc::new(Field::new_list_field(data_type, true));
    let nothing = DataType::Struct(Fields::empty());
    let inside = Fields::from(vec![Field::new("x", nothing.clone(), true)]);
    for data_type in [
        DataType::FixedSizeList(item(DataType::Int32), 0),
        DataType::List(item(DataType::FixedSizeList(item(DataType::Utf8), 0))),
        nothing.clone(),
        DataType::List(item(nothing)),
        DataType::Struct(inside),
    ] {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let columns = [("id", ids), ("odd", new_null_array(&data_type, 2))];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
                .unwrap();
        engine.register(&TableIdent::bare("t"), Arc::new(MemoryRelation::from(batch))).await.unwrap();
        for sql in ["select * from t", "select odd from t where id = 2", "from t"] {
            let error = engine.query(QueryArgs::new(sql)).await.err().unwrap();
            let told = (error.kind(), error.context("column"));
            assert_eq!(told, (ErrorKind::Unsupported, Some("odd")), "{data_type}, {sql}: {error:?}");
            assert_eq!(error.context("type"), Some(data_type.to_string().as_str()));
        }
        assert!(engine.query(QueryArgs::new("select sum(id) from t")).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_duckdb_lacks_is_refused_by_name() {
    let Some(engine) = duckdb("a_type_that_duckdb_lacks_is_refused_by_name", |_| ()).await else { return };
    let wide = arrow_array::Decimal256Array::from(vec![Some(arrow::datatypes::i256::from(1))])
        .with_precision_and_scale(60, 2)
        .unwrap();
    let batch = RecordBatch::try_from_iter([("wide", Arc::new(wide) as _)]).unwrap();
    engine.register(&TableIdent::bare("t"), Arc::new(MemoryRelation::from(batch))).await.unwrap();
    let error = engine.query(QueryArgs::new("select * from t")).await.err().unwrap();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("wide")));
    // Left out, it does no harm.
    assert!(engine.query(QueryArgs::new("select count(*) from t")).await.is_ok());
}
