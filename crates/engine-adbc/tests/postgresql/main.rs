//! PostgreSQL as an engine: what its contract does not say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

#[path = "../duckdb/support.rs"]
mod support;
mod types;

use std::sync::Arc;

use arrow::util::pretty::pretty_format_batches;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int64Array, ListArray, RecordBatch};
use arrow_schema::Field;
use stitchwork_core::{Engine, ErrorKind, OpenUrl, QueryArgs, Registry, Result, TableIdent, collect};
use stitchwork_engine_adbc::Profile;
use stitchwork_services::{POSTGRES, in_test};
use stitchwork_testkit::MemoryRelation;

/// The driver, and the URL of a new database.
fn database(test: &str) -> Option<(String, String)> {
    let driver = support::driver(Profile::PostgreSql, test)?;
    Some((driver, in_test(&POSTGRES)?.fresh("adbc").unwrap()))
}

async fn open(driver: String, url: String) -> Arc<dyn Engine> {
    let mut registry = Registry::new();
    stitchwork_engine_adbc::register(&mut registry).unwrap();
    let mut open = OpenUrl::new(url);
    open.options.insert("driver".to_owned(), driver);
    registry.engine(open).await.unwrap()
}

/// An engine over a database of its own, opened by a URL of this scheme.
async fn postgresql(test: &str, scheme: &str) -> Option<Arc<dyn Engine>> {
    let (driver, url) = database(test)?;
    let (_, rest) = url.split_once(':').unwrap();
    Some(open(driver, format!("{scheme}:{rest}")).await)
}

async fn rows(engine: &dyn Engine, sql: &str) -> Result<Vec<RecordBatch>> {
    collect(engine.query(QueryArgs::new(sql)).await?).await
}

/// The cells of a result, row by row, below the names of its columns.
async fn lines(engine: &dyn Engine, sql: &str) -> Vec<String> {
    let batches = rows(engine, sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join("|");
    lines.map(cells).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemes_of_its_urls_are_taken() {
    for scheme in ["postgres", "postgresql"] {
        let Some(engine) = postgresql("both_schemes_of_its_urls_are_taken", scheme).await else { return };
        assert_eq!(engine.info().scheme, "postgresql");
        assert_eq!(lines(engine.as_ref(), "select 1 as a").await, ["a", "1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_end_with_a_semicolon_or_a_remark() {
    let Some(engine) = postgresql("a_query_may_end_with_a_semicolon_or_a_remark", "postgresql").await else {
        return;
    };
    for sql in
        ["select 1 as a;", "select 1 as a -- one", "select 1 as a /* ; */ ; -- one;\n", "select 1 as a\n;\n"]
    {
        assert_eq!(lines(engine.as_ref(), sql).await, ["a", "1"], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_are_lists_of_one_dimension() {
    let Some(engine) = postgresql("arrays_are_lists_of_one_dimension", "postgresql").await else { return };
    let engine = engine.as_ref();
    for (sql, expected) in [
        ("select array[1, 2] as a, array[]::int[] as b, null::int[] as c", vec!["a|b|c", "[1, 2]|[]|"]),
        ("select array[1, null] as x, 7 as x, array['a b'] as y; -- done", vec!["x|x|y", "[1, ]|7|[a b]"]),
        (
            "select array[n] as a from generate_series(1, 3) n order by n desc -- down",
            vec!["a", "[3]", "[2]", "[1]"],
        ),
        ("with x as (select array[1] as a) table x", vec!["a", "[1]"]),
        ("values (array[1]), (array[2, 3])", vec!["column1", "[1]", "[2, 3]"]),
        ("select array_agg(n) as a from generate_series(1, 2) n having count(*) > 5", vec![]),
        ("select '1 2'::int2vector as a", vec!["a", "[1, 2]"]),
        ("select array[[1,2],[3,4]]::text as a", vec!["a", "{{1,2},{3,4}}"]),
    ] {
        assert_eq!(lines(engine, sql).await, expected, "{sql}");
    }
    for (sql, row) in [
        ("select 1 as n, array[[1,2],[3,4]] as a", "0"),
        ("select case when n = 3 then array[[n]] else array[n] end as a from generate_series(0, 9) n;", "3"),
        ("select '[0:0][0:1]={{1,2}}'::int[] as a", "0"),
    ] {
        let error = rows(engine, sql).await.unwrap_err();
        let told = (error.kind(), error.context("column"), error.context("row"), error.context("dimensions"));
        assert_eq!(told, (ErrorKind::Unsupported, Some("a"), Some(row), Some("2")), "{sql}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_parts_nobody_knows_are_refused_by_name() {
    let Some(engine) = postgresql("rows_whose_parts_nobody_knows_are_refused_by_name", "postgresql").await
    else {
        return;
    };
    let engine = engine.as_ref();
    for sql in [
        "select 1 as n, row(1, 'x') as r",
        "select array[row(1, 'x')] as r",
        "select r from (select 1 as a, 'x' as b) r",
        // The driver would take this one's field for another.
        "select row(7) as r",
    ] {
        let error = rows(engine, sql).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.context("column")),
            (ErrorKind::Unsupported, Some("r")),
            "{sql}: {error:?}"
        );
        assert!(error.to_string().contains("cast it to text"), "{error}");
    }
    assert_eq!(lines(engine, "select row(1, 'x')::text as r").await, ["r", "(1,x)"]);
    let error = rows(engine, "select relacl from pg_class where relacl is not null").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_string().contains("to text"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_lists_are_refused_by_name() {
    let Some(engine) = postgresql("lists_of_lists_are_refused_by_name", "postgresql").await else { return };
    let flat = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let item = Arc::new(Field::new_list_field(flat.data_type().clone(), true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([1, 1]);
    let deep: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(flat.clone()), None));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch =
        RecordBatch::try_from_iter([("id", ids), ("flat", Arc::new(flat) as ArrayRef), ("deep", deep)])
            .unwrap();
    engine.register(&TableIdent::bare("t"), Arc::new(MemoryRelation::from(batch))).await.unwrap();
    let engine = engine.as_ref();
    let error = rows(engine, "select * from t").await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("deep")), "{error:?}");
    assert_eq!(lines(engine, "select id, flat from t order by id").await, ["id|flat", "1|[1, ]", "2|"]);
}
