//! What is known about files: answers and prunes, and never claims too much.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use arrow_schema::{DataType, Field};
use stitchwork_core::{ColumnStats, Engine, ErrorKind, FileStats, QueryArgs, Scalar};

use crate::files::{batch, ints, schema, texts};
use crate::support::{Files, column, engine, engines, query_error, register, rows};

fn stats(rows: u64, columns: Vec<(&str, ColumnStats)>) -> Option<Arc<FileStats>> {
    let columns: BTreeMap<_, _> = columns.into_iter().map(|(name, stats)| (column(name), stats)).collect();
    Some(Arc::new(FileStats { rows: Some(rows), columns }))
}

fn bounds(min: impl Into<Scalar>, max: impl Into<Scalar>, nulls: u64, exact: bool) -> ColumnStats {
    ColumnStats {
        min: Some(min.into()),
        max: Some(max.into()),
        nulls: Some(nulls),
        exact,
        ..ColumnStats::default()
    }
}

#[tokio::test]
async fn statistics_answer_and_prune_without_reading() {
    let mut files = Files::new(schema(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("t", DataType::Utf8, true),
    ]));
    for (name, low) in [("memory:a", 0), ("memory:b", 100)] {
        let data = batch(vec![ints("n", low..low + 3), texts("t", &["k", "l", "m"])]);
        let file = files.write(name, &data).await;
        file.file.stats =
            stats(3, vec![("n", bounds(low, low + 2, 0, true)), ("t", bounds("k", "m", 0, false))]);
    }
    // The files are gone: what still answers did not read them.
    let gone = Arc::new({
        let mut gone = files.clone();
        gone.stores = stitchwork_core::Stores::new();
        gone
    });
    let engine = engine();
    register(&engine, "gone", &gone).await;
    for (sql, expected) in [
        ("select count(*) from gone", "6"),
        ("select min(n), max(n) from gone", "0|102"),
        ("select count(n) from gone", "6"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    assert_eq!(rows(&engine, "select n from gone where n between 10 and 20").await, [""; 0]);
    assert_eq!(query_error(&engine, "select n from gone where n = 100").await.kind(), ErrorKind::NotFound);
    // Bounds that are shortened bound, but are no values.
    assert_eq!(query_error(&engine, "select min(t) from gone").await.kind(), ErrorKind::NotFound);

    register(&engine, "t", &Arc::new(files.clone())).await;
    assert_eq!(rows(&engine, "select min(t), max(t) from t").await, ["k|m"]);
    assert_eq!(rows(&engine, "select n from t order by n desc limit 2").await, ["101", "102"]);
    let seen = files.seen.lock().unwrap();
    assert_eq!(seen.last().unwrap().predicate, None);
}

#[tokio::test]
async fn statistics_do_not_lie_about_values() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0]));
    let data = batch(vec![
        (Field::new("f", DataType::Float64, true), floats),
        texts("t", &["abcdef", "abcdeg", "abcdeh"]),
        (Field::new("z", DataType::Int64, true), Arc::new(Int64Array::from(vec![None; 3]))),
        ints("k", [5, 5, 5]),
    ]);
    let mut files = Files::new(data.schema());
    let file = files.write("memory:a", &data).await;
    let all_null = ColumnStats { nulls: Some(3), ..ColumnStats::default() };
    file.file.stats = stats(
        3,
        vec![
            ("f", bounds(1.0, 2.0, 0, true)),
            ("t", bounds("abc", "abc", 0, false)),
            ("z", all_null),
            ("k", bounds(5_i64, 5_i64, 0, true)),
        ],
    );
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        for (sql, expected) in [
            ("select t from t", vec!["abcdef", "abcdeg", "abcdeh"]),
            ("select count(*) from t where f > 5", vec!["1"]),
            ("select max(f) from t", vec!["NaN"]),
            ("select f from t where f <> 1 and f <> 2", vec!["NaN"]),
            ("select f from t where f < 2", vec!["1.0"]),
            ("select f from t where f = 'NaN'::double", vec!["NaN"]),
            ("select f from t order by f desc limit 1", vec!["NaN"]),
            ("select count(z), count(k), sum(k) from t", vec!["0|3|15"]),
            ("select k from t where z is null and t > 'abcdef'", vec!["5", "5"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn filters_go_into_the_scan_where_few_rows_pass() {
    let data = batch(vec![ints("n", 0..400), ints("m", 0..400)]);
    let mut files = Files::new(data.schema());
    for name in ["memory:a", "memory:b"] {
        let file = files.write(name, &data).await;
        file.file.stats = stats(400, vec![("n", bounds(0_i64, 399_i64, 0, true))]);
    }
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    for (filter, above, count) in [
        ("n > 100", true, 598),
        ("n <> 5", true, 798),
        ("n > 380", false, 38),
        ("n > 100 and n < 110", false, 18),
        // Nothing is known about the column.
        ("m > 100", false, 598),
        ("n > 100 and m > 100", false, 598),
    ] {
        let plan =
            engine.explain(QueryArgs::new(format!("select m from t where {filter}"))).await.unwrap().plan;
        assert_eq!(plan.contains("FilterExec"), above, "{filter}: {plan}");
        let sql = format!("select count(m) from t where {filter}");
        assert_eq!(rows(&engine, &sql).await, [count.to_string()], "{filter}");
    }
}

#[tokio::test]
async fn row_groups_whose_nan_passes_are_read() {
    // The second row group has lower numbers than the first, and a NaN that its bounds do not tell of.
    let numbers = (0..100).map(|n| f64::from(n) + 100.0).chain((0..99).map(f64::from)).chain([f64::NAN]);
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
    let mut files = Files::new(schema(vec![Field::new("f", DataType::Float64, true)]));
    files.write("memory:a", &batch(vec![(Field::new("f", DataType::Float64, true), floats)])).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        for sql in ["select f from t order by f desc limit 1", "select f from t where f >= 200"] {
            assert_eq!(rows(&engine, sql).await, ["NaN"], "{sql}");
        }
    }
    let engine = engine();
    register(&engine, "t", &files).await;
    let plan = engine.explain(QueryArgs::new("select f from t where f >= 200")).await.unwrap().plan;
    assert!(plan.contains("rows_only(one_nan(f@") && !plan.contains("FilterExec"), "{plan}");
}
