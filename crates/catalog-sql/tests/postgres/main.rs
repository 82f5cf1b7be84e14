//! What only a server has: lost connections, locks of others, users, schemas and languages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod gone;
mod locks;
mod lost;
mod proxy;
mod refused;

use std::collections::BTreeMap;

use futures::TryStreamExt;
use sqlx::postgres::PgPool;
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Entry, ListArgs, Pointer, SwapArgs, TableIdent};
use stitchwork_services::{POSTGRES, in_test};

pub(crate) async fn open(url: &str) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(url)).await.unwrap()
}

pub(crate) async fn pool(url: &str) -> PgPool {
    PgPool::connect(url).await.unwrap()
}

pub(crate) fn pointer(text: &str) -> Option<Pointer> {
    Some(Pointer(text.to_owned()))
}

pub(crate) fn entry(name: &str, log: &str, to: Option<&str>) -> Entry {
    Entry {
        ident: TableIdent::new("n", name),
        log: log.to_owned(),
        location: "/w/t".to_owned(),
        pointer: to.and_then(pointer),
        properties: BTreeMap::new(),
    }
}

pub(crate) fn swap(entry: &Entry, to: &str) -> Vec<SwapArgs> {
    let (ident, expected) = (entry.ident.clone(), entry.pointer.clone());
    vec![SwapArgs { ident, expected, new: pointer(to), updates: None }]
}

/// A statement without binds or result.
pub(crate) async fn run(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.unwrap();
}

#[tokio::test]
async fn entries_are_rows_of_the_shared_tables() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("layout").unwrap();
    let catalog = open(&url).await;
    let (one, two) = ("/w/t/metadata/1.json", "/w/t/metadata/2.json");
    let events = catalog.create(entry("events", "iceberg", Some(one))).await.unwrap();
    catalog.create(entry("d", "delta", None)).await.unwrap();
    catalog.swap(swap(&events, two)).await.unwrap();

    type Columns = (String, String, String, Option<String>, Option<String>, Option<String>);
    let pool = pool(&url).await;
    let rows: Vec<Columns> = sqlx::query_as("SELECT * FROM public.iceberg_tables ORDER BY table_name")
        .fetch_all(&pool)
        .await
        .unwrap();
    let own = |text: &str| text.to_owned();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows,
        [
            (own("stitchwork"), own("n"), own("d"), some("/w/t"), None, some("DELTA")),
            (own("stitchwork"), own("n"), own("events"), some(two), some(one), some("TABLE")),
        ]
    );
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            .fetch_all(&pool)
            .await
            .unwrap();
    let tables: Vec<_> = tables.into_iter().map(|(name,)| name).collect();
    assert_eq!(
        tables,
        ["iceberg_namespace_properties", "iceberg_tables"],
        "nothing needs one of our own yet"
    );
}

#[tokio::test]
async fn a_database_of_the_older_layout_gets_the_column() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("layout").unwrap();
    let pool = pool(&url).await;
    run(
        &pool,
        "CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, \
         table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), \
         previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name)); \
         INSERT INTO iceberg_tables VALUES ('stitchwork', 'n', 't', '/w/t/metadata/0.json', NULL)",
    )
    .await;
    let catalog = open(&url).await;
    let old = entry("t", "iceberg", Some("/w/t/metadata/0.json"));
    assert_eq!(catalog.load(&old.ident).await.unwrap(), old);
    catalog.swap(swap(&old, "/w/t/metadata/1.json")).await.unwrap();
    run(&pool, "INSERT INTO iceberg_tables VALUES ('stitchwork', 'n', 'v', '/v.json', NULL, 'VIEW')").await;
    assert_eq!(catalog.list(ListArgs::default()).try_collect::<Vec<_>>().await.unwrap(), [old.ident]);
}

#[tokio::test]
async fn names_come_in_the_order_of_their_bytes_whatever_the_language() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let admin = pool(&server.fresh("language").unwrap()).await;
    // To a reader of English, `a` comes before `B` and a dot counts little.
    run(&admin, "CREATE DATABASE language_of_english TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
        .await;
    let url = format!("{}/language_of_english", server.url());
    let catalog = open(&url).await;
    let mut all = vec![];
    for n in 0..1_100 {
        let name = ["a", "B", "_", "é", "Z", "😀", "ﬀ"][n % 7];
        let namespace = ["b", "a.b", "A", "a-b", "a", "B"][n % 6].split('.').map(str::to_owned).collect();
        all.push(TableIdent { namespace, name: format!("{name}{n}") });
    }
    let insert = "INSERT INTO iceberg_tables VALUES ('stitchwork', $1, $2, '/w', NULL, 'DELTA')";
    let foreign = pool(&url).await;
    for ident in &all {
        let query = sqlx::query(insert).bind(ident.namespace.join(".")).bind(&ident.name);
        query.execute(&foreign).await.unwrap();
    }
    all.sort_by_key(|ident| (ident.namespace.join("."), ident.name.clone()));
    assert_eq!(catalog.list(ListArgs::default()).try_collect::<Vec<_>>().await.unwrap(), all);
    let namespaces = catalog.namespaces().await.unwrap();
    let joined: Vec<_> = namespaces.iter().map(|levels| levels.join(".")).collect();
    assert_eq!(joined, ["A", "B", "a", "a-b", "a.b", "b"]);
    foreign.close().await;
    drop(catalog);
    let _ = sqlx::raw_sql("DROP DATABASE language_of_english WITH (FORCE)").execute(&admin).await;
}

#[tokio::test]
async fn schemas_of_one_database_are_apart() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("schemas").unwrap();
    let of = |schema: &str| SqlCatalog::open(SqlConfig::new(url.clone()).with_schema(schema));
    let (one, two) = (of("One \"quoted\"").await.unwrap(), of("two").await.unwrap());
    let made = one.create(entry("t", "delta", Some("p"))).await.unwrap();
    assert!(two.load(&made.ident).await.is_err());
    assert_eq!(of("One \"quoted\"").await.unwrap().load(&made.ident).await.unwrap(), made);
    let listed: Vec<_> = two.list(ListArgs::default()).try_collect().await.unwrap();
    assert!(listed.is_empty());
    assert!(open(&url).await.load(&made.ident).await.is_err(), "the search path leads elsewhere");
}
