//! The same SQL over the same tables, by DataFusion and by DuckDB.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use stitchwork::core::{
    At, CreateArgs, Engine, ErrorKind, OpenUrl, PartitionField, QueryArgs, Registry, Relation, TableIdent,
    col, collect,
};
use stitchwork::tables::{AppendArgs, CatalogNames, DeleteArgs, Table, TableConfig, TableRef};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile};
use stitchwork_testkit::batches;
use stitchwork_testkit::needs;
use stitchwork_tests::drivers;
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::{stream, texts};

/// Both engines.
pub(crate) struct Engines {
    pub(crate) datafusion: Arc<dyn Engine>,
    pub(crate) duckdb: Arc<dyn Engine>,
}

impl Engines {
    pub(crate) async fn new(registry: &Registry, driver: &str) -> Self {
        let duckdb = AdbcEngine::open(Profile::DuckDb, AdbcConfig::new(driver)).await.unwrap();
        let datafusion = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
        Self { datafusion, duckdb: Arc::new(duckdb) }
    }

    pub(crate) async fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) {
        self.datafusion.register(ident, relation.clone()).await.unwrap();
        self.duckdb.register(ident, relation).await.unwrap();
    }

    /// The rows of a query, which both must give; how many there are.
    pub(crate) async fn agree(&self, sql: &str) -> usize {
        let first = rows(self.datafusion.as_ref(), sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let second = rows(self.duckdb.as_ref(), sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let difference = batches::difference(&second, &first);
        assert_eq!(difference, None, "{sql}: DuckDB against DataFusion");
        first.len()
    }

    /// Whether DuckDB reads the files of all tables on its own.
    pub(crate) async fn is_native(&self, sql: &str) -> bool {
        let plan = self.duckdb.explain(QueryArgs::new(sql)).await.unwrap().plan;
        plan.contains("PARQUET") && !plan.contains("stitchwork_1\"")
    }
}

pub(crate) async fn rows(engine: &dyn Engine, sql: &str) -> stitchwork::Result<Vec<String>> {
    let batches: Vec<RecordBatch> = collect(engine.query(QueryArgs::new(sql)).await?).await?;
    texts(&batches)
}

const QUERIES: [&str; 12] = [
    "select * from {}",
    "select count(*) as n from {}",
    "select id, text, decimal from {} where id > 250 and decimal is not null",
    "select flag, count(*) as n, min(number) as low, max(timestamp_utc) as high from {} group by flag",
    "select id from {} where text = 'plain' or text like 'text 1%'",
    "select sum(decimal) as total, min(date) as first, max(date) as last from {}",
    "select a.id, b.text from {} a join {} b on a.id = b.id where a.flag",
    "select id, \"struct\", list, map from {} where id in (1, 3, 299, 1299)",
    "select count(*) as n from {} where \"struct\" is null or list is null",
    "select id, int32, float32, bytes from {} where not flag order by id limit 20",
    "with t as (select id, date from {} where date >= date '1970-01-01') select count(*) as n, min(id) as low from t",
    "select timestamp, timestamp_utc from {} where timestamp is not null",
];

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_we_wrote() {
    let Some(driver) = drivers::find(Profile::DuckDb, "tables_that_we_wrote") else { return };
    for log in ["delta", "iceberg"] {
        for partitioning in [vec![], vec![PartitionField::identity("flag")]] {
            let place = Place::new(log, "sqlite", "file").await.unwrap();
            let rows = batches::all_types(11, 0, 300).unwrap();
            let mut create = CreateArgs::new(rows.schema());
            create.partitioning = partitioning.clone();
            let table = place.create("t", create).await.unwrap();
            table.append(stream(rows), AppendArgs::default()).await.unwrap();
            table.delete(DeleteArgs { predicate: Some(col("id").lt(20_i64)), tag: None }).await.unwrap();
            let note = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
            table.add_columns(&note).await.unwrap();
            let more = batches::all_types(12, 1000, 300).unwrap();
            table.append(stream(more), AppendArgs::default()).await.unwrap();
            table.delete(DeleteArgs { predicate: Some(col("id").eq(1007_i64)), tag: None }).await.unwrap();

            let engines = Engines::new(&place.registry, &driver).await;
            let catalog = place.catalog.clone().unwrap();
            let names = Arc::new(CatalogNames::new(catalog, place.registry.clone(), TableConfig::default()));
            engines.datafusion.attach("lake", names.clone()).await.unwrap();
            engines.duckdb.attach("lake", names).await.unwrap();
            for sql in QUERIES {
                let sql = sql.replace("{}", "lake.ns.t");
                assert!(engines.agree(&sql).await > 0, "{log}: {sql}");
            }
            assert_eq!(engines.agree("select id from lake.ns.t").await, 579, "{log}");
            assert!(engines.is_native("select * from lake.ns.t").await, "{log} is streamed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_many_partitions() {
    let Some(driver) = drivers::find(Profile::DuckDb, "a_table_of_many_partitions") else { return };
    let place = Place::new("delta", "none", "file").await.unwrap();
    let rows = batches::plain(5, 0, 400).unwrap();
    let mut create = CreateArgs::new(rows.schema());
    create.partitioning = vec![PartitionField::identity("id")];
    let table = place.create("t", create).await.unwrap();
    table.append(stream(rows), AppendArgs::default()).await.unwrap();
    let engines = Engines::new(&place.registry, &driver).await;
    let relation = Arc::new(table.relation(At::Latest).await.unwrap());
    engines.register(&TableIdent::bare("t"), relation).await;
    assert_eq!(engines.agree("select * from t").await, 400);
    assert_eq!(engines.agree("select text, id from t where id between 7 and 16").await, 10);
    assert!(engines.is_native("select * from t").await);
}

/// What became of tables that others wrote.
#[derive(Default)]
struct Outcome {
    native: Vec<String>,
    streamed: Vec<String>,
    refused: Vec<String>,
    different: Vec<String>,
}

impl Outcome {
    async fn compare(&mut self, name: &str, table: stitchwork::Result<Table>, engines: &Engines) {
        let relation = match table {
            Ok(table) => table.relation(At::Latest).await,
            Err(error) => Err(error),
        };
        let relation = match relation {
            Ok(relation) => Arc::new(relation),
            Err(error) => return self.refused.push(format!("{name}: {error}")),
        };
        engines.register(&TableIdent::bare("t"), relation.clone()).await;
        let first = rows(engines.datafusion.as_ref(), "select * from t").await;
        let second = rows(engines.duckdb.as_ref(), "select * from t").await;
        match (first, second) {
            (Ok(first), Ok(second)) => match batches::difference(&second, &first) {
                Some(difference) => self.different.push(format!("{name}: {difference}")),
                None if engines.is_native("select * from t").await => self.native.push(name.to_owned()),
                None => self.streamed.push(name.to_owned()),
            },
            (Err(first), Err(second)) => self.refused.push(format!("{name}: {first}; {second}")),
            (Ok(_), Err(error)) if error.kind() == ErrorKind::Unsupported => {
                self.refused.push(format!("{name}: {error}"));
            }
            (Ok(_), Err(error)) => self.different.push(format!("{name}: only DuckDB fails: {error:?}")),
            (Err(error), Ok(_)) => self.different.push(format!("{name}: only DataFusion fails: {error:?}")),
        }
    }

    #[expect(clippy::print_stdout, reason = "which tables were refused, and why, is worth a line")]
    fn check(self, native: usize) {
        let Self { native: read, streamed, refused, different } = self;
        println!("{} read natively, streamed: {streamed:?}, refused: {refused:#?}", read.len());
        assert!(different.is_empty(), "{}", different.join("\n"));
        assert!(read.len() >= native, "only {} were read natively: {read:?}", read.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_tables_that_spark_wrote() {
    let test = "delta_tables_that_spark_wrote";
    let (Some(driver), Some(golden)) =
        (drivers::find(Profile::DuckDb, test), needs::data(test, "delta-golden"))
    else {
        return;
    };
    let registry = stitchwork::registry().unwrap();
    let engines = Engines::new(&registry, &driver).await;
    let mut outcome = Outcome::default();
    let mut archives: Vec<PathBuf> =
        std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.sort();
    for archive in archives {
        let name = archive.file_name().unwrap().to_string_lossy().replace(".tar.zst", "");
        let folder = tempfile::tempdir().unwrap();
        let unpacked =
            Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            continue;
        }
        let inner = folder.path().join(&name).join("delta");
        let table = if inner.is_dir() { inner } else { folder.path().join("delta") };
        let reference = TableRef::at("delta", table.display().to_string());
        let table = Table::open(&registry, &reference, TableConfig::default()).await;
        outcome.compare(&name, table, &engines).await;
    }
    outcome.check(30);
}

/// Every folder with metadata below.
fn tables(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name == "metadata") {
            found.push(folder.to_owned());
        } else if path.is_dir() {
            tables(&path, found);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iceberg_tables_that_others_wrote() {
    let test = "iceberg_tables_that_others_wrote";
    let (Some(driver), Some(root)) =
        (drivers::find(Profile::DuckDb, test), needs::data(test, "iceberg-tables"))
    else {
        return;
    };
    let registry = stitchwork::registry().unwrap();
    let stores = registry.stores();
    stores.remap("data/", &format!("{}/data/", root.display()));
    for name in ["lineitem_iceberg/", "lineitem_iceberg_gz/"] {
        stores.remap(name, &format!("{}/data/persistent/iceberg/{name}", root.display()));
    }
    let engines = Engines::new(&registry, &driver).await;
    let mut outcome = Outcome::default();
    let mut found = Vec::new();
    tables(&root, &mut found);
    found.sort();
    for table in found {
        let name = table.strip_prefix(&root).unwrap().display().to_string();
        let reference = TableRef::at("iceberg", table.display().to_string());
        let table = Table::open(&registry, &reference, TableConfig::default()).await;
        outcome.compare(&name, table, &engines).await;
    }
    outcome.check(10);
}
