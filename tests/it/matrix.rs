//! The swap matrix: the same twelve queries give the same rows in every cell, or the cell refuses with the reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use stitchwork::Result;
use stitchwork::core::{
    At, Catalog, CreateArgs, Engine, ErrorKind, OpenUrl, QueryArgs, Registry, TableIdent, col, collect, join,
};
use stitchwork::tables::{AppendArgs, CatalogNames, DeleteArgs, Table, TableConfig, TableRef};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile};
use stitchwork_services::{MINIO, POSTGRES, Running, Service, VERSITYGW, in_test};
use stitchwork_testkit::MemoryRelation;
use stitchwork_tests::drivers;
use stitchwork_tests::matrix::{CATALOGS, Cell, ENGINES, LOGS, QUERIES, STORES, page, rows, schema, tables};
use stitchwork_tests::rows::{stream, texts};
use tempfile::TempDir;

/// Servers, folders and engines that the cells share.
struct House {
    registry: Registry,
    folder: TempDir,
    /// Where the tables of each store lie, for those stores that are there.
    stores: BTreeMap<&'static str, String>,
    catalogs: BTreeMap<&'static str, Option<Arc<dyn Catalog>>>,
    engines: BTreeMap<&'static str, Arc<dyn Engine>>,
    _servers: Vec<Running>,
}

async fn server(service: &'static Service) -> Option<Running> {
    tokio::task::spawn_blocking(|| in_test(service)).await.unwrap()
}

async fn fresh(server: &Running, name: &'static str) -> String {
    let server = server.clone();
    tokio::task::spawn_blocking(move || server.fresh(name).unwrap()).await.unwrap()
}

/// The engines that are databases, where their drivers and servers are there.
async fn databases(
    profiles: &[Profile],
    postgres: Option<&Running>,
) -> BTreeMap<&'static str, Arc<dyn Engine>> {
    let mut engines: BTreeMap<&str, Arc<dyn Engine>> = BTreeMap::new();
    for profile in profiles {
        let Some(driver) = drivers::find(*profile, "matrix") else { continue };
        let uri = match (profile, postgres) {
            (Profile::PostgreSql, None) => continue,
            (Profile::PostgreSql, Some(server)) => Some(fresh(server, "engine").await),
            _ => None,
        };
        let config = AdbcConfig { uri, ..AdbcConfig::new(driver) };
        engines.insert(profile.scheme(), Arc::new(AdbcEngine::open(*profile, config).await.unwrap()));
    }
    engines
}

impl House {
    async fn new() -> Self {
        let registry = stitchwork::registry().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut servers = vec![];
        let file = format!("file://{}/tables", folder.path().display());
        let mut stores = BTreeMap::from([("file", file), ("memory", "memory:///matrix".to_owned())]);
        for (name, service) in [("versitygw", &VERSITYGW), ("minio", &MINIO)] {
            let Some(server) = server(service).await else { continue };
            let root = fresh(&server, "matrix").await;
            let options = server.s3_options(&server.url());
            registry.stores().set_options_for(&root, options);
            stores.insert(name, root);
            servers.push(server);
        }
        let sqlite = format!("sqlite://{}/catalog.db", folder.path().display());
        let mut catalogs = BTreeMap::from([("none", None)]);
        for (name, url) in [("memory", "memory:".to_owned()), ("sqlite", sqlite)] {
            catalogs.insert(name, Some(registry.catalog(OpenUrl::new(url)).await.unwrap()));
        }
        if let Some(server) = server(&POSTGRES).await {
            let url = fresh(&server, "matrix").await;
            catalogs.insert("postgres", Some(registry.catalog(OpenUrl::new(url)).await.unwrap()));
            servers.push(server);
        }
        let datafusion = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
        let mut engines = BTreeMap::from([("datafusion", datafusion)]);
        engines.extend(databases(&[Profile::DuckDb], None).await);
        for (name, catalog) in &catalogs {
            let Some(catalog) = catalog else { continue };
            for engine in engines.values() {
                let names = CatalogNames::new(catalog.clone(), registry.clone(), TableConfig::default());
                engine.attach(&format!("lake_{name}"), Arc::new(names)).await.unwrap();
            }
        }
        Self { registry, folder, stores, catalogs, engines, _servers: servers }
    }

    /// Makes the table of a cell: two appends, a delete, a new column. Its name in SQL.
    async fn table(&self, cell: Cell) -> Result<String> {
        let Cell { format, log, catalog, store, .. } = cell;
        let name = format!("{format}_{log}_{catalog}_{store}");
        let config = TableConfig { format: format.to_owned(), ..TableConfig::default() };
        let reference = TableRef::at(log, join(&self.stores[store], &name));
        let (reference, sql) = match &self.catalogs[catalog] {
            Some(catalog_of) => {
                let ident = TableIdent::new("ns", &name);
                (reference.named(catalog_of.clone(), ident), format!("lake_{catalog}.ns.{name}"))
            }
            None => (reference, name.clone()),
        };
        let table = Table::create(&self.registry, &reference, CreateArgs::new(schema()), config).await?;
        table.append(stream(rows(0, 200)?), AppendArgs::default()).await?;
        table.delete(DeleteArgs { predicate: Some(col("id").lt(20_i64)), tag: None }).await?;
        table.add_columns(&Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]))).await?;
        table.append(stream(rows(200, 150)?), AppendArgs::default()).await?;
        if self.catalogs[catalog].is_none() {
            for engine in self.engines.values() {
                let relation = table.relation(At::Latest).await?;
                engine.register(&TableIdent::bare(&name), Arc::new(relation)).await?;
            }
        }
        Ok(sql)
    }

    async fn answers(&self, engine: &str, table: &str) -> Result<Vec<Vec<String>>> {
        let mut answers = vec![];
        for query in QUERIES {
            let sql = query.replace("{t}", table);
            answers.push(texts(&collect(self.engines[engine].query(QueryArgs::new(sql)).await?).await?)?);
        }
        Ok(answers)
    }
}

/// What every cell must answer: the rows that are left, asked for as they lie in memory.
async fn expected() -> Vec<Vec<String>> {
    let with_note = |first, count| {
        let batch = rows(first, count).unwrap();
        let mut fields = batch.schema().fields().to_vec();
        fields.push(Arc::new(Field::new("note", DataType::Utf8, true)));
        let mut columns = batch.columns().to_vec();
        columns.push(arrow::array::new_null_array(&DataType::Utf8, batch.num_rows()));
        arrow::array::RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    };
    let batch = with_note(20, 330);
    let engine = stitchwork::registry().unwrap().engine(OpenUrl::new("datafusion:")).await.unwrap();
    let relation = MemoryRelation::new(batch.schema(), vec![batch]);
    engine.register(&TableIdent::bare("t"), Arc::new(relation)).await.unwrap();
    let mut answers = vec![];
    for query in QUERIES {
        let batches = engine.query(QueryArgs::new(query.replace("{t}", "t"))).await.unwrap();
        answers.push(texts(&collect(batches).await.unwrap()).unwrap());
    }
    answers
}

async fn answer(engine: &Arc<dyn Engine>, sql: &str) -> Result<Vec<String>> {
    texts(&collect(engine.query(QueryArgs::new(sql)).await?).await?)
}

/// Questions over columns whose types every database has, in SQL that every one knows.
const QUERIES_OF_FEW_TYPES: [&str; 5] = [
    "select id, number, text from {t}",
    "select count(*) as n from {t}",
    "select id, text from {t} where id > 250 and text is not null",
    "select text, max(id) as last, min(number) as low from {t} group by text",
    "select a.id, b.text from {t} a join {t} b on a.id = b.id + 7 where a.number > 10",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_answers_alike_or_refuses_with_the_reason() {
    let house = House::new().await;
    let expected = expected().await;
    for (query, answer) in QUERIES.iter().zip(&expected) {
        assert!(!answer.is_empty(), "a query without rows proves nothing: {query}");
    }
    let there = |all: &[&'static str], have: Vec<&'static str>| -> Vec<&'static str> {
        all.iter().copied().filter(|name| have.contains(name)).collect()
    };
    let catalogs = there(&CATALOGS, house.catalogs.keys().copied().collect());
    let stores = there(&STORES, house.stores.keys().copied().collect());
    let engines = there(&ENGINES, house.engines.keys().copied().collect());

    let (house, expected, engines_of) = (&house, &expected, &engines);
    let done = futures::stream::iter(tables(&catalogs, &stores)).map(|cell| async move {
        let table = match house.table(cell).await {
            Ok(table) => table,
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Unsupported, "{cell}: {e:?}");
                return engines_of
                    .iter()
                    .map(|engine| (cell.with_engine(engine), Some(e.message().to_owned())))
                    .collect();
            }
        };
        let mut outcome = vec![];
        for engine in engines_of {
            let cell = cell.with_engine(engine);
            match house.answers(engine, &table).await {
                Ok(answers) => {
                    for ((query, want), got) in QUERIES.iter().zip(expected).zip(&answers) {
                        assert_eq!(got, want, "{cell}: {query}");
                    }
                    outcome.push((cell, None));
                }
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Unsupported, "{cell}: {e:?}");
                    outcome.push((cell, Some(e.message().to_owned())));
                }
            }
        }
        outcome
    });
    let outcomes: Vec<(Cell, Option<String>)> = done.buffer_unordered(4).collect::<Vec<_>>().await.concat();
    let refused: BTreeMap<Cell, String> =
        outcomes.iter().filter_map(|(cell, reason)| Some((*cell, reason.clone()?))).collect();
    assert!(house.folder.path().join("tables").is_dir());

    let whole =
        catalogs.len() == CATALOGS.len() && stores.len() == STORES.len() && engines.len() == ENGINES.len();
    let text = page(&refused, &engines, &catalogs, &stores);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/swap-matrix.md");
    if std::env::var_os("STITCHWORK_WRITE_DOCS").is_some() {
        assert!(whole, "the page is written where every layer is there");
        std::fs::write(&path, &text).unwrap();
    }
    if whole {
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, text, "write docs/swap-matrix.md anew by STITCHWORK_WRITE_DOCS=1");
    }
}

/// SQLite and PostgreSQL answer in types of their own (a moment is a text in SQLite, a decimal one in PostgreSQL), so that
/// they are no columns of the matrix. Over types that both have the rows are the same, and what SQLite has not is refused.
#[tokio::test(flavor = "multi_thread")]
async fn every_database_answers_alike_over_types_that_it_has() {
    let registry = stitchwork::registry().unwrap();
    let batch = rows(0, 300).unwrap();
    let datafusion = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
    let server = server(&POSTGRES).await;
    let engines = databases(&[Profile::Sqlite, Profile::PostgreSql], server.as_ref()).await;
    for (format, log) in [("parquet", "delta"), ("parquet", "iceberg"), ("csv", "files")] {
        let config = TableConfig { format: format.to_owned(), ..TableConfig::default() };
        let reference = TableRef::at(log, format!("memory:///few/{log}"));
        let table = Table::create(&registry, &reference, CreateArgs::new(schema()), config).await.unwrap();
        table.append(stream(batch.clone()), AppendArgs::default()).await.unwrap();
        let name = TableIdent::bare(format!("t_{log}"));
        for engine in engines.values().chain([&datafusion]) {
            engine.register(&name, Arc::new(table.relation(At::Latest).await.unwrap())).await.unwrap();
        }
        for query in QUERIES_OF_FEW_TYPES {
            let sql = query.replace("{t}", &name.name);
            let want = answer(&datafusion, &sql).await.unwrap();
            assert!(!want.is_empty(), "{sql}");
            for (scheme, engine) in &engines {
                assert_eq!(answer(engine, &sql).await.unwrap(), want, "{scheme} over {log}: {sql}");
            }
        }
        if let Some(sqlite) = engines.get("sqlite") {
            let error = answer(sqlite, &format!("select * from {}", name.name)).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.context("column")),
                (ErrorKind::Unsupported, Some("price")),
                "{error:?}"
            );
        }
    }
}

/// Every answer is that there is no such object.
fn empty_web_server() -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { continue };
            drop(connection.read(&mut [0; 4096]));
            drop(
                connection
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            );
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_is_no_place_for_a_table() {
    let registry = stitchwork::registry().unwrap();
    let root = empty_web_server();
    for log in LOGS {
        let reference = TableRef::at(log, format!("{root}/{log}"));
        let made =
            Table::create(&registry, &reference, CreateArgs::new(schema()), TableConfig::default()).await;
        let error = made.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{log}: {error:?}");
        assert!(error.to_string().contains("read only"), "{log}: {error:?}");
    }
}
