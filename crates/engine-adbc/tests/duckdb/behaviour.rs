//! Queries at once, queries given up, and queries that want too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Editor, Engine, ErrorKind, QueryArgs, Relation, Result, ScanArgs,
    ScanPlan, TableIdent, collect, count_rows,
};
use stitchwork_testkit::{MemoryRelation, batches};

use crate::support::duckdb;

/// Rows without end, which tell when nobody wants them any more.
#[derive(Debug)]
struct Endless {
    batch: RecordBatch,
    dropped: Arc<AtomicBool>,
}

struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Relation for Endless {
    fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }

    async fn plan(&self, _args: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        let batch = match &args.projection {
            Some(places) => self.batch.project(places)?,
            None => self.batch.clone(),
        };
        let (schema, flag) = (batch.schema(), Flag(self.dropped.clone()));
        let rows = stream::unfold(flag, move |flag| {
            let batch = batch.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((Ok(batch), flag))
            }
        });
        Ok(BatchStreamAdapter::new(schema, rows))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

async fn count(engine: &dyn Engine, sql: &str) -> u64 {
    count_rows(engine.query(QueryArgs::new(sql)).await.unwrap()).await.unwrap()
}

#[test]
fn a_result_that_is_dropped_ends_its_query() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let Some(engine) = duckdb("a_result_that_is_dropped_ends_its_query", |_| ()).await else { return };
        // Minutes of work, were it done to its end.
        let sql =
            "select a.range from range(100000000) a, range(1000000) b where (a.range + b.range) % 7 = 3";
        let mut rows = engine.query(QueryArgs::new(sql)).await.unwrap();
        assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
        drop(rows);
    });
    // The runtime waits for its blocking threads, among them the one of the query.
    let (limit, begin) = (Duration::from_secs(60), Instant::now());
    runtime.shutdown_timeout(limit);
    assert!(begin.elapsed() < limit, "the query still runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_given_up_ends() {
    let Some(engine) = duckdb("a_query_that_is_given_up_ends", |_| ()).await else { return };
    let begin = Instant::now();
    let sql = "select count(*) from range(100000000) a, range(1000000) b where (a.range + b.range) % 7 = 3";
    let given_up = tokio::time::timeout(Duration::from_millis(500), async {
        collect(engine.query(QueryArgs::new(sql)).await?).await
    });
    assert!(given_up.await.is_err());

    // So does the filling of its tables.
    let dropped = Arc::new(AtomicBool::new(false));
    let endless = Endless { batch: batches::plain(1, 0, 10).unwrap(), dropped: dropped.clone() };
    engine.register(&TableIdent::bare("endless"), Arc::new(endless)).await.unwrap();
    let given_up = tokio::time::timeout(
        Duration::from_millis(500),
        engine.query(QueryArgs::new("select sum(id) from endless")),
    );
    assert!(given_up.await.is_err());
    while !dropped.load(Ordering::SeqCst) {
        assert!(begin.elapsed() < Duration::from_secs(60), "the relation is still read");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_an_endless_result() {
    let Some(engine) = duckdb("a_limit_ends_an_endless_result", |_| ()).await else { return };
    let args = QueryArgs { sql: "select * from range(1000000000000)".to_owned(), limit: Some(10_000) };
    assert_eq!(count_rows(engine.query(args).await.unwrap()).await.unwrap(), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_run_at_once_over_the_same_names() {
    let Some(engine) = duckdb("queries_run_at_once_over_the_same_names", |_| ()).await else { return };
    let engine = Arc::new(engine);
    let relation = MemoryRelation::from(batches::plain(1, 0, 5000).unwrap());
    engine.register(&TableIdent::new("ns", "t"), Arc::new(relation)).await.unwrap();
    let queries = (0..8).map(|n| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let sql = format!("select a.id from ns.t a join ns.t b using (id) where a.id >= {}", n * 100);
            (n, count(engine.as_ref(), &sql).await)
        })
    });
    for outcome in futures::future::join_all(queries).await {
        let (n, rows) = outcome.unwrap();
        assert_eq!(rows, 5000 - n * 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_reaches_relations_alone() {
    let Some(engine) = duckdb("sql_reaches_relations_alone", |_| ()).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.csv");
    std::fs::write(&file, "a,b\n1,2\n").unwrap();
    let file = file.display();
    let relation = MemoryRelation::from(batches::plain(1, 0, 3).unwrap());
    engine.register(&TableIdent::bare("t"), Arc::new(relation)).await.unwrap();
    for (sql, kind) in [
        (format!("select * from read_csv('{file}')"), ErrorKind::PermissionDenied),
        (format!("select * from '{file}'"), ErrorKind::PermissionDenied),
        (format!("copy t to '{file}.out'"), ErrorKind::Unsupported),
        ("insert into t select * from t".to_owned(), ErrorKind::Unsupported),
        ("create table u as select 1".to_owned(), ErrorKind::Unsupported),
        ("set memory_limit = '1TB'".to_owned(), ErrorKind::Unsupported),
    ] {
        let error = engine.query(QueryArgs::new(&sql)).await.err().unwrap_or_else(|| panic!("{sql} runs"));
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
    }
    let sql = "select * from t union by name select 4 as id";
    assert_eq!(count(&engine, sql).await, 4);

    let Some(open) = duckdb("sql_reaches_relations_alone", |c| c.external_access = true).await else {
        return;
    };
    assert_eq!(count(&open, &format!("select * from read_csv('{file}')")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_and_spills_where_there_is_a_folder() {
    let test = "memory_is_bounded_and_spills_where_there_is_a_folder";
    let rows: Vec<_> = (0..30).map(|n| batches::plain(n, n as i64 * 20_000, 20_000).unwrap()).collect();
    let relation = Arc::new(MemoryRelation::new(rows[0].schema(), rows));
    // Incompressible, more than the limit.
    let sql = "select count(*) from (select id, number, text, md5(id::varchar) m from t order by m)";
    let small = 24 << 20;
    let Some(engine) = duckdb(test, |config| config.memory_limit = Some(small)).await else { return };
    engine.register(&TableIdent::bare("t"), relation.clone()).await.unwrap();
    let refused = match engine.query(QueryArgs::new(sql)).await {
        Ok(rows) => collect(rows).await.err(),
        Err(error) => Some(error),
    };
    let refused = refused.expect("600,000 rows are more than the limit");
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");

    let folder = tempfile::tempdir().unwrap();
    let engine = duckdb(test, |config| {
        config.memory_limit = Some(small * 3);
        config.threads = Some(1);
        config.temp_directory = Some(folder.path().display().to_string());
    });
    let engine = engine.await.unwrap();
    engine.register(&TableIdent::bare("t"), relation).await.unwrap();
    let sql = "select id, number, text from t order by md5(id::varchar)";
    assert_eq!(count(&engine, sql).await, 600_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_found_in_any_case_and_at_any_depth() {
    let Some(engine) = duckdb("names_are_found_in_any_case_and_at_any_depth", |_| ()).await else { return };
    for (name, sqls) in [
        ("Issues", vec!["select * from issues", "select ISSUES.id from \"Issues\""]),
        ("a.b.t", vec!["select * from a.b.t", "select t.id from a.b.t where a.b.t.id >= 0"]),
        (
            "a.b.c.t",
            vec!["select id from a.b.c.t", "select x.* from a.b.c.t as x", "select * from a.\"b.c\".t"],
        ),
    ] {
        let relation = MemoryRelation::from(batches::plain(1, 0, 3).unwrap());
        engine.register(&name.parse().unwrap(), Arc::new(relation)).await.unwrap();
        for sql in sqls {
            assert_eq!(count(&engine, sql).await, 3, "{sql}");
        }
    }
    let error = engine.attach("temp", Arc::new(NoNames)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    engine.attach("lake", Arc::new(NoNames)).await.unwrap();
    let error = engine.query(QueryArgs::new("select * from lake.ns.gone")).await.err().unwrap();
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("lake.ns.gone")));
}

#[derive(Debug)]
struct NoNames;

#[async_trait]
impl stitchwork_core::Names for NoNames {
    async fn relation(
        &self,
        _ident: &TableIdent,
        _at: &stitchwork_core::At,
    ) -> Result<Option<Arc<dyn Relation>>> {
        Ok(None)
    }

    fn list(&self) -> stream::BoxStream<'static, Result<TableIdent>> {
        stream::empty().boxed()
    }
}
