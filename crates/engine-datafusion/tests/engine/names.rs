//! Names, and SQL that is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use stitchwork_core::{
    At, Engine, ErrorKind, Names, OpenUrl, QueryArgs, Registry, Relation, Result, TableIdent, count_rows,
};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine, SqlDialect};

use crate::support::{Changing, Editable, Memory, engine, query_error, register, rows};

fn numbers(count: i64) -> Arc<Memory> {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    Memory::new(vec![RecordBatch::try_from_iter(vec![("n", n)]).unwrap()])
}

#[tokio::test]
async fn attached_names_are_looked_up_anew() {
    let engine = engine();
    let names = Arc::new(Changing::default());
    let put = |ident: &str, count| {
        let ident: TableIdent = ident.parse().unwrap();
        names.0.lock().unwrap().insert(ident, numbers(count));
    };
    put("ns.t", 3);
    put("a.b.t", 4);
    put("top", 5);
    engine.attach("lake", names.clone()).await.unwrap();
    assert_eq!(rows(&engine, "select count(*) from lake.ns.t").await, ["3"]);
    assert_eq!(rows(&engine, "select count(*) from lake.a.b.t").await, ["4"]);
    assert_eq!(rows(&engine, "select count(*) from lake.\"a.b\".t x join lake.top y using (n)").await, ["4"]);
    assert_eq!(rows(&engine, "with t as (select 1 as n) select count(*) from t").await, ["1"]);
    put("ns.t", 7);
    assert_eq!(rows(&engine, "select count(*) from lake.ns.t").await, ["7"]);
    names.0.lock().unwrap().clear();
    let error = query_error(&engine, "select * from lake.ns.t").await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let kept = engine.attach("datafusion", names).await.unwrap_err();
    assert_eq!(kept.kind(), ErrorKind::InvalidInput);
}

/// The planner finds all columns of a table by its whole name alone, a single one by any part of it.
#[tokio::test]
async fn all_columns_of_a_table_are_found_by_any_last_parts_of_its_name() {
    let engine = engine();
    let names = Arc::new(Changing::default());
    for (ident, count) in [("ns.t", 3), ("a.b.u", 4), ("ns.u", 2), ("outer_one", 1)] {
        names.0.lock().unwrap().insert(ident.parse().unwrap(), numbers(count));
    }
    engine.attach("lake", names).await.unwrap();
    register(&engine, "own.t", &numbers(2)).await;
    register(&engine, "plain", &numbers(1)).await;
    for (sql, expected) in [
        ("select t.* from lake.ns.t where n = 2", vec!["2"]),
        ("select T.* from lake.ns.t where n = 2", vec!["2"]),
        ("select ns.t.*, lake.ns.t.n + 1 as m from lake.ns.t where n = 2", vec!["2|3"]),
        ("select lake.ns.t.* from lake.ns.t where n = 2", vec!["2"]),
        ("select t.*, t.n from lake.ns.t where n = 2", vec!["2|2"]),
        ("select t.* replace (n + 5 as n) from lake.ns.t where n = 2", vec!["7"]),
        ("select u.* from lake.a.b.u where n = 3", vec!["3"]),
        ("select b.u.* from lake.a.b.u where n = 3", vec!["3"]),
        ("select \"a.b\".u.* from lake.a.b.u where n = 3", vec!["3"]),
        ("select lake.a.b.u.* from lake.a.b.u where n = 3", vec!["3"]),
        ("select outer_one.* from lake.outer_one", vec!["0"]),
        ("select t.*, u.* from own.t join lake.ns.u on t.n = u.n", vec!["0|0", "1|1"]),
        ("select own.t.* exclude (n), u.* from own.t, lake.ns.u where t.n = u.n", vec!["0", "1"]),
        ("select distinct t.* from lake.ns.u t cross join lake.ns.t", vec!["0", "1"]),
        ("select count(t.*) from lake.ns.t", vec!["3"]),
        ("select n from lake.ns.t group by n order by count(t.*), n limit 1", vec!["0"]),
        ("select plain.*, x.* from plain, (select t.* from own.t) x", vec!["0|0", "0|1"]),
        ("select t.* from (lake.ns.t cross join plain) where t.n = 2", vec!["2"]),
        ("select * from lake.ns.t right join own.t using (n)", vec!["0", "1"]),
        ("select * from lake.ns.u full join lake.a.b.u using (n)", vec!["0", "1", "2", "3"]),
        ("select * from own.t natural full join lake.ns.t", vec!["0", "1", "2"]),
    ] {
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
    let names = Counting(Arc::new(Editable(numbers(3))), AtomicUsize::new(0));
    engine.attach("past", Arc::new(names)).await.unwrap();
    for (sql, expected) in [
        ("select t.* from past.ns.t version as of 3 where n = 2", vec!["2"]),
        ("select ns.t.* from past.ns.t version as of 3 where n = 2", vec!["2"]),
        (
            "select t.* exclude (n), x.* from past.ns.t version as of 3, past.ns.t x where x.n = t.n - 1",
            vec!["0", "1"],
        ),
        ("select * from past.ns.t version as of 3 natural left join lake.ns.u", vec!["0", "1", "2"]),
    ] {
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
    let error = query_error(&engine, "select t.* from lake.ns.t, own.t").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let error = query_error(&engine, "select s.t.* from lake.ns.t").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// One table, and how often it was asked for.
#[derive(Debug)]
struct Counting(Arc<Editable>, AtomicUsize);

#[async_trait]
impl Names for Counting {
    async fn relation(&self, _: &TableIdent, _: &At) -> Result<Option<Arc<dyn Relation>>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(Some(self.0.clone()))
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        futures::stream::empty().boxed()
    }
}

/// While another writer changes a table, no part of a statement may see another version than the rest.
#[tokio::test]
async fn a_statement_finds_each_table_once() {
    let engine = engine();
    let mut memory = Memory::bare(numbers(3).batches.lock().unwrap().clone());
    memory.editable = true;
    let names = Arc::new(Counting(Arc::new(Editable(Arc::new(memory))), AtomicUsize::new(0)));
    engine.attach("lake", names.clone()).await.unwrap();
    for (sql, expected) in [
        ("select count(*) from lake.t a join lake.t b using (n)", "3"),
        ("insert overwrite lake.t select n + 1 from lake.t where n > (select min(n) from lake.t)", "2"),
        ("select min(n) from lake.t", "2"),
        ("select max(n) from lake.t a natural join lake.t b", "3"),
    ] {
        names.1.store(0, Ordering::Relaxed);
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
        assert_eq!(names.1.load(Ordering::Relaxed), 1, "{sql}");
    }
}

#[tokio::test]
async fn an_unknown_table_is_named_with_those_like_it() {
    let engine = engine();
    register(&engine, "github.issues", &numbers(1)).await;
    let names = Arc::new(Changing::default());
    names.0.lock().unwrap().insert("gh.isues".parse().unwrap(), numbers(1));
    engine.attach("lake", names).await.unwrap();
    let error = query_error(&engine, "select * from github.issue").await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.context("table"), Some("github.issue"));
    assert_eq!(error.context("near"), Some("github.issues, lake.gh.isues"));
    let error = query_error(&engine, "select * from nothing_like_it").await;
    assert_eq!((error.context("table"), error.context("near")), (Some("nothing_like_it"), None));
    let error = query_error(&engine, "select * from github.issues$histori").await;
    assert!(error.to_string().contains("`t$history`, `t$snapshots` and `t$files`"), "{error}");
    let error = query_error(&engine, "select * from github.issue$history").await;
    assert_eq!(error.context("near"), Some("github.issues, lake.gh.isues"), "{error}");
    assert_eq!(rows(&engine, "show tables").await, ["datafusion|github|issues", "lake|gh|isues"]);
    for sql in
        ["insert into nope values (1)", "delete from nope", "select * from generate_series(1, 2), nope"]
    {
        let error = query_error(&engine, sql).await;
        assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("nope")), "{sql}");
    }
    let error = query_error(&engine, "select x from github.issues").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains('x'), "{error}");
}

#[tokio::test]
async fn the_registry_opens_the_engine() {
    let mut registry = Registry::new();
    stitchwork_engine_datafusion::register(&mut registry).unwrap();
    let engine = registry.engine(OpenUrl::new("datafusion:?target_partitions=1")).await.unwrap();
    assert_eq!(engine.info().scheme, "datafusion");
    let stream = engine.query(QueryArgs::new("select 1")).await.unwrap();
    assert_eq!(count_rows(stream).await.unwrap(), 1);
    let error = registry.engine(OpenUrl::new("datafusion:?partitions=1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn broken_sql_is_invalid_input() {
    let engine = engine();
    for sql in ["", "selekt 1", "select * from", "select 1 +", "select nope()", "select 'a"] {
        assert_eq!(query_error(&engine, sql).await.kind(), ErrorKind::InvalidInput, "{sql}");
    }
}

#[tokio::test]
async fn errors_are_told_once_and_on_one_line() {
    let engine = engine();
    register(&engine, "t", &numbers(3)).await;
    let text: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["a"]));
    register(&engine, "texts", &Memory::new(vec![RecordBatch::try_from_iter([("text", text)]).unwrap()]))
        .await;
    for (sql, reason) in [
        ("select nope from t", "No field named nope"),
        ("select sum(text) from texts", "sum"),
        ("select nope(n) from t", "nope"),
        ("selct 1", "Expected: an SQL statement, found: selct at Line: 1, Column: 1"),
        ("select 'a", "Unterminated string literal"),
        ("select cast('x' as bigint)", "'x'"),
        ("select n from t union all select n, n + 1 from t", "columns"),
    ] {
        let error = query_error(&engine, sql).await;
        let (line, all) = (error.to_string(), format!("{error:?}"));
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {all}");
        assert!(line.contains(reason), "{sql}: {line}");
        assert!(!line.contains('\n'), "{sql}: {line}");
        for noise in ["ParserError(", "TokenizerError(", "bug report", "likely caused by a bug"] {
            assert!(!all.contains(noise), "{sql}: {all}");
        }
        let told = error.context("reason").unwrap().lines().next().unwrap();
        assert_eq!(all.matches(told).count(), 1, "{sql}: {all}");
    }
}

#[tokio::test]
async fn a_cast_that_fails_says_at_what_and_what_to_do() {
    let engine = engine();
    let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["1", "one"]));
    register(&engine, "texts", &Memory::new(vec![RecordBatch::try_from_iter([("text", texts)]).unwrap()]))
        .await;
    for (sql, reason) in [
        ("select cast('x' as bigint)", "Cannot cast string 'x' to value of Int64 type"),
        ("select cast(text as int) from texts", "Cannot cast string 'one' to value of Int32 type"),
        ("select text from texts where text::bigint = 1", "Cannot cast string 'one' to value of Int64 type"),
        (
            "select cast(text as date) from texts where text <> '1'",
            "Cannot cast string 'one' to value of Date32 type",
        ),
        ("select cast(300 as tinyint)", "Can't cast value 300 to type Int8"),
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(
            (error.kind(), error.context("reason")),
            (ErrorKind::InvalidInput, Some(reason)),
            "{sql}: {error}"
        );
        assert!(error.message().contains("try_cast"), "{sql}: {error}");
    }
    assert_eq!(rows(&engine, "select try_cast(text as int) from texts").await, ["", "1"]);
}

/// DataFusion knows the backslash alone.
#[tokio::test]
async fn patterns_have_any_escape() {
    let engine = engine();
    let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["10%", "100", r"1\0", "a_b", "axb"]));
    register(&engine, "t", &Memory::new(vec![RecordBatch::try_from_iter([("x", texts)]).unwrap()])).await;
    for (condition, expected) in [
        (r"x like '10!%' escape '!'", vec!["10%"]),
        (r"x not like '1%' escape '!' and x ilike 'A!_B' escape '!'", vec!["a_b"]),
        (r"x like 'a_b' escape '_' or x like 'a__b' escape '_'", vec!["a_b"]),
        (r"x like '1\_' escape '!'", vec![r"1\0"]),
        (r"x like '1\_' escape ''", vec![r"1\0"]),
        (r"x like 'a\_b' escape '\'", vec!["a_b"]),
        (r"x like 'a\_b'", vec!["a_b"]),
        (r"x in (select x from t where x like '%!%' escape '!')", vec!["10%"]),
    ] {
        assert_eq!(
            rows(&engine, &format!("select x from t where {condition}")).await,
            expected,
            "{condition}"
        );
    }
    for (condition, kind) in [
        ("x like x escape '!'", ErrorKind::Unsupported),
        ("x like 'a!' escape '!'", ErrorKind::InvalidInput),
        ("x like 'a' escape 'ab'", ErrorKind::InvalidInput),
        ("x similar to 'a!_' escape '!'", ErrorKind::Unsupported),
    ] {
        let error = query_error(&engine, &format!("select x from t where {condition}")).await;
        assert_eq!(error.kind(), kind, "{condition}: {error}");
        assert!(error.context("escape").is_some(), "{condition}: {error}");
    }
}

#[tokio::test]
async fn sql_that_would_be_ignored_is_refused() {
    let engine = engine();
    register(&engine, "t", &numbers(3)).await;
    for sql in [
        "select * from t version as of 2",
        "select * from t timestamp as of '2024-01-01'",
        "select * from t for system_time as of '2024-01-01'",
        "select * from (select * from t version as of 2) x",
        "select * from t x version as of 2",
        "select * from t as x for system_time as of '2024-01-01'",
        "select * from (select * from t) x version as of 2",
        "delete from t x version as of 2",
        "update t x version as of 2 set n = 1",
        "select * from t tablesample (10 percent)",
        "select * from t where n in (select n from t version as of 1)",
        "select * from t @v9999",
        "select * from \"t\"@v9999 where n > 1",
        "select * from t join public.t @v1 on true",
        "select * from (select * from t) @v1",
        "delete from \"t\"@v1",
        "select * from \"t\" @v1 x",
        "insert into t select * from t as @20240101000000000",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn versions_behind_a_sign_are_told_their_clause() {
    let engine = engine();
    register(&engine, "t", &numbers(3)).await;
    let error = query_error(&engine, "select * from \"t\"@v9999").await;
    assert!(error.to_string().contains("version as of"), "{error}");
    assert_eq!(error.context("clause"), Some("@v9999"));
    let config = DataFusionConfig { dialect: SqlDialect::DuckDb, ..DataFusionConfig::default() };
    let strict = DataFusionEngine::new(config).unwrap();
    register(&strict, "t", &numbers(3)).await;
    for sql in ["select * from t@v9999", "select * from t @v9999 x"] {
        let error = query_error(&strict, sql).await;
        assert_eq!(
            (error.kind(), error.context("clause")),
            (ErrorKind::Unsupported, Some("@v9999")),
            "{error}"
        );
    }
    let error = query_error(&engine, "select * from t@v9999").await;
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("t@v9999")));
    assert!(error.to_string().contains("version as of"), "{error}");
    assert_eq!(rows(&engine, "select \"@v1\".n from t \"@v1\" where n = 2").await, ["2"]);
}

#[tokio::test]
async fn statements_that_are_not_run_are_refused() {
    let engine = engine();
    register(&engine, "t", &numbers(3)).await;
    for sql in [
        "create table u (n bigint)",
        "create table u as select * from t",
        "create view u as select * from t",
        "drop table t",
        "create external table u stored as parquet location '/tmp/u'",
        "copy t to '/tmp/u.parquet'",
        "set datafusion.execution.batch_size = 1",
        "create schema s",
        "begin",
        "explain analyze insert into t values (1)",
        "explain delete from t",
        "select 1; select 2",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
    }
    assert_eq!(rows(&engine, "select count(*) from t").await, ["3"]);
}

#[tokio::test]
async fn any_and_all_compare_with_the_same_table() {
    let engine = engine();
    register(&engine, "t", &numbers(3)).await;
    let all = rows(&engine, "select n from t").await;
    let (least, most) = (&all[0], &all[2]);
    for (filter, expected) in [
        ("n >= all (select n from t)", vec![most]),
        ("n > any (select n from t where n < 1)", all.iter().filter(|n| *n != least).collect()),
        ("n = any (select n from t)", all.iter().collect()),
        ("n <> all (select n from t)", vec![]),
        ("n <= all (select u.n from t u)", vec![least]),
    ] {
        let found = rows(&engine, &format!("select n from t where {filter}")).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
}
