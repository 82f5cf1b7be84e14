//! The table layout, as other programs leave it and find it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{
    Catalog, CommitState, Entry, ErrorKind, ListArgs, NamespaceChange, Pointer, SwapArgs, TableIdent,
};

async fn open(path: &Path) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(format!("sqlite://{}", path.display()))).await.unwrap()
}

async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

fn pointer(text: &str) -> Option<Pointer> {
    Some(Pointer(text.to_owned()))
}

fn entry(ident: TableIdent, log: &str, location: &str, to: Option<&str>) -> Entry {
    let properties = BTreeMap::new();
    Entry {
        ident,
        log: log.to_owned(),
        location: location.to_owned(),
        pointer: to.and_then(pointer),
        properties,
    }
}

type Columns = (String, String, String, Option<String>, Option<String>, Option<String>);

async fn rows(pool: &SqlitePool) -> Vec<Columns> {
    sqlx::query_as("SELECT catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type FROM iceberg_tables ORDER BY 2, 3")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn entries_are_rows_of_the_shared_tables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/folder/catalog.db");
    let catalog = open(&path).await;
    let events = TableIdent { namespace: vec!["a".into(), "b".into()], name: "events".into() };
    let one = "/w/events/metadata/1.metadata.json";
    let two = "/w/events/metadata/2.metadata.json";
    catalog.create(entry(events.clone(), "iceberg", "/w/events", Some(one))).await.unwrap();
    catalog.create(entry(TableIdent::new("d", "t"), "delta", "/w/t", None)).await.unwrap();
    let swap = SwapArgs { ident: events.clone(), expected: pointer(one), new: pointer(two), updates: None };
    catalog.swap(vec![swap]).await.unwrap();

    let pool = pool(&path).await;
    let own = |text: &str| text.to_owned();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows(&pool).await,
        [
            (own("stitchwork"), own("a.b"), own("events"), some(two), some(one), some("TABLE")),
            (own("stitchwork"), own("d"), own("t"), some("/w/t"), None, some("DELTA")),
        ]
    );
    let namespaces: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT namespace, property_key, property_value FROM iceberg_namespace_properties ORDER BY 1",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let exists = |namespace: &str| (namespace.to_owned(), "exists".to_owned(), "true".to_owned());
    assert_eq!(namespaces, [exists("a.b"), exists("d")]);
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1";
    let names: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&pool).await.unwrap();
    assert_eq!(names.len(), 2, "nothing needs a table of our own yet: {names:?}");

    // Something else than what the shared columns hold is kept beside them.
    let odd = entry(TableIdent::new("d", "odd"), "iceberg", "/elsewhere", Some(one));
    let odd = Entry { properties: BTreeMap::from([("location".into(), "kept".into())]), ..odd };
    catalog.create(odd.clone()).await.unwrap();
    assert_eq!(open(&path).await.load(&odd.ident).await.unwrap(), odd);
    let names: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&pool).await.unwrap();
    assert_eq!(names.len(), 3);
}

#[tokio::test]
async fn what_others_wrote_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    drop(open(&path).await);
    let pool = pool(&path).await;
    for (name, kind) in [("t", Some("TABLE")), ("old", None), ("v", Some("VIEW"))] {
        sqlx::query(
            "INSERT INTO iceberg_tables VALUES ('stitchwork', 'n.m', ?, '/w/n/t/metadata/0.json', NULL, ?)",
        )
        .bind(name)
        .bind(kind)
        .execute(&pool)
        .await
        .unwrap();
    }
    let catalog = open(&path).await;
    let ident = |name: &str| TableIdent { namespace: vec!["n".into(), "m".into()], name: name.into() };
    let mut listed: Vec<_> = catalog.list(ListArgs::default()).try_collect().await.unwrap();
    listed.sort();
    assert_eq!(listed, [ident("old"), ident("t")]);
    for name in ["t", "old"] {
        let loaded = catalog.load(&ident(name)).await.unwrap();
        assert_eq!(loaded, entry(ident(name), "iceberg", "/w/n/t", Some("/w/n/t/metadata/0.json")));
        let swap = SwapArgs {
            ident: ident(name),
            expected: loaded.pointer,
            new: pointer("/w/n/t/metadata/1.json"),
            updates: None,
        };
        assert_eq!(catalog.swap(vec![swap]).await.unwrap()[0].location, "/w/n/t");
    }
    // A view is none of our tables, yet its name is taken.
    assert_eq!(catalog.load(&ident("v")).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(catalog.remove(&ident("v")).await.unwrap_err().kind(), ErrorKind::NotFound);
    let taken = catalog.create(entry(ident("v"), "iceberg", "/x", None)).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    // The namespace is there through its tables, though nobody declared it.
    assert_eq!(catalog.namespaces().await.unwrap(), [["n", "m"]]);
    let namespace = ident("t").namespace;
    assert!(catalog.namespace_properties(&namespace).await.unwrap().is_empty());
    let error = catalog.alter_namespace(&namespace, NamespaceChange::Drop).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_namespace_of_others_stays_when_its_last_property_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await;
    let pool = pool(&path).await;
    // As pyiceberg makes a namespace with properties: without the mark.
    sqlx::query("INSERT INTO iceberg_namespace_properties VALUES ('stitchwork', 'n', 'k', 'v')")
        .execute(&pool)
        .await
        .unwrap();
    let n = ["n".to_owned()];
    assert_eq!(
        catalog.namespace_properties(&n).await.unwrap(),
        BTreeMap::from([("k".to_owned(), "v".to_owned())])
    );
    let change = NamespaceChange::SetProperties(BTreeMap::from([("k".to_owned(), None)]));
    catalog.alter_namespace(&n, change).await.unwrap();
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT namespace, property_key, property_value FROM iceberg_namespace_properties")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(rows, [("n".to_owned(), "exists".to_owned(), "true".to_owned())]);
    catalog.alter_namespace(&n, NamespaceChange::Drop).await.unwrap();
}

#[tokio::test]
async fn a_database_of_schema_v0_becomes_v1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let pool = pool(&path).await;
    sqlx::query("CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), PRIMARY KEY (catalog_name, table_namespace, table_name))")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO iceberg_tables VALUES ('stitchwork', 'n', 't', '/w/t/metadata/0.json', NULL)")
        .execute(&pool)
        .await
        .unwrap();
    let (one, two) = tokio::join!(open(&path), open(&path));
    let ident = TableIdent::new("n", "t");
    assert_eq!(one.load(&ident).await.unwrap().location, "/w/t");
    two.create(entry(TableIdent::new("n", "d"), "delta", "/w/d", None)).await.unwrap();
    assert_eq!(one.load(&TableIdent::new("n", "d")).await.unwrap().log, "delta");
    let kinds: Vec<_> = rows(&pool).await.into_iter().map(|row| row.5).collect();
    assert_eq!(kinds, [Some("DELTA".to_owned()), None]);
}

#[tokio::test]
async fn a_name_made_again_has_nothing_of_the_old_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let catalog = open(&path).await;
    let plain = entry(TableIdent::new("n", "t"), "iceberg", "/w/t", Some("/w/t/metadata/0.json"));
    let rich = Entry { properties: BTreeMap::from([("k".into(), "v".into())]), ..plain.clone() };
    catalog.create(rich.clone()).await.unwrap();
    sqlx::query("DELETE FROM iceberg_tables").execute(&pool(&path).await).await.unwrap();
    assert_eq!(catalog.load(&plain.ident).await.unwrap_err().kind(), ErrorKind::NotFound);
    catalog.create(plain.clone()).await.unwrap();
    assert_eq!(catalog.load(&plain.ident).await.unwrap(), plain);
    let to = TableIdent::new("m", "t");
    catalog.remove(&plain.ident).await.unwrap();
    catalog.create(rich.clone()).await.unwrap();
    catalog.rename(&rich.ident, &to).await.unwrap();
    assert_eq!(catalog.load(&to).await.unwrap(), Entry { ident: to, ..rich });
}

#[tokio::test]
async fn catalogs_of_one_database_are_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let one = open(&path).await;
    let url = format!("sqlite:{}", path.display());
    let other = SqlCatalog::open(SqlConfig::new(url).with_catalog_name("other")).await.unwrap();
    let ident = TableIdent::new("n", "t");
    one.create(entry(ident.clone(), "delta", "/1", None)).await.unwrap();
    other.create(entry(ident.clone(), "delta", "/2", None)).await.unwrap();
    assert_eq!(one.load(&ident).await.unwrap().location, "/1");
    assert_eq!(other.load(&ident).await.unwrap().location, "/2");
    other.remove(&ident).await.unwrap();
    assert_eq!(one.list(ListArgs::default()).try_collect::<Vec<_>>().await.unwrap(), [ident]);
}

#[tokio::test]
async fn a_locked_or_broken_database_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    std::fs::write(&path, "this is no database, whatever its name says ".repeat(100)).unwrap();
    let url = format!("sqlite:{}", path.display());
    let error = SqlCatalog::open(SqlConfig::new(url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
    let url = format!("sqlite:{}/catalog.db/below/x.db", folder.path().display());
    let error = SqlCatalog::open(SqlConfig::new(url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");

    // A swap that never began is known not to be committed.
    let catalog = SqlCatalog::open(SqlConfig::new("sqlite::memory:")).await.unwrap();
    assert!(!catalog.capabilities().durable);
    let swap = SwapArgs { ident: TableIdent::bare("t"), expected: None, new: None, updates: None };
    let error = catalog.swap(vec![swap]).await.unwrap_err();
    assert_eq!((error.kind(), error.commit_state()), (ErrorKind::NotFound, Some(CommitState::NotCommitted)));
}

#[tokio::test]
async fn locks_of_others_are_waited_for_and_nothing_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    let open = |seconds| SqlConfig {
        lock_timeout_seconds: seconds,
        ..SqlConfig::new(format!("sqlite:{}", path.display()))
    };
    let catalog = SqlCatalog::open(open(0)).await.unwrap();
    let made = entry(TableIdent::new("n", "t"), "iceberg", "/w/t", Some("/w/t/metadata/0.json"));
    catalog.create(made.clone()).await.unwrap();
    let new = pointer("/w/t/metadata/1.json");
    let swap = || {
        vec![SwapArgs {
            ident: made.ident.clone(),
            expected: made.pointer.clone(),
            new: new.clone(),
            updates: None,
        }]
    };

    let other = pool(&path).await;
    // A connection gives its lock back some moments after its transaction was given up, so that who looks has patience.
    let looks = SqlCatalog::open(open(20)).await.unwrap();
    // A writer keeps us from the beginning, and a reader from the commit.
    for (begin, read) in [("BEGIN IMMEDIATE", false), ("BEGIN", true)] {
        let mut held = other.begin_with(begin).await.unwrap();
        if read {
            sqlx::query("SELECT * FROM iceberg_tables").fetch_all(&mut *held).await.unwrap();
        }
        let error = catalog.swap(swap()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.commit_state()),
            (ErrorKind::Unavailable, Some(CommitState::NotCommitted)),
            "{error:?}"
        );
        assert!(error.is_retryable());
        held.rollback().await.unwrap();
        assert_eq!(looks.load(&made.ident).await.unwrap(), made);
    }
    // One that waits gets through.
    let held = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let patient = SqlCatalog::open(open(20)).await.unwrap();
    let late = swap();
    let swapping = tokio::spawn(async move { patient.swap(late).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    held.rollback().await.unwrap();
    swapping.await.unwrap().unwrap();
    assert_eq!(looks.load(&made.ident).await.unwrap().pointer, pointer("/w/t/metadata/1.json"));
}
