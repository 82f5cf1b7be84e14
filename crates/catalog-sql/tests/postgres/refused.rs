//! What the server, or the layout, does not allow.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Entry, ErrorKind, ListArgs, NamespaceChange, OpenUrl, TableIdent};
use stitchwork_services::{POSTGRES, in_test};

use super::{entry, open, pool, run, swap};

#[tokio::test]
async fn a_wrong_url_says_what_is_wrong_and_never_the_password() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let port = server.port();
    for (url, kind) in [
        (format!("postgres://postgres:hunter2@127.0.0.1:{port}/postgres"), ErrorKind::PermissionDenied),
        (format!("postgres://nobody:hunter2@127.0.0.1:{port}/postgres"), ErrorKind::PermissionDenied),
        (format!("{}/no_such_database", server.url()), ErrorKind::InvalidConfig),
        (format!("{}/postgres?sslmode=require", server.url()), ErrorKind::Unavailable),
        (format!("{}/postgres?sslmode=hunter2", server.url()), ErrorKind::InvalidConfig),
        (format!("{}/postgres?password=hunter2", server.url()), ErrorKind::InvalidConfig),
        ("postgres://postgres:hunter2@127.0.0.1:1/postgres".to_owned(), ErrorKind::Unavailable),
    ] {
        let config = SqlConfig { lock_timeout_seconds: 0, ..SqlConfig::new(url.clone()) };
        let error = SqlCatalog::open(config.clone()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        let told = format!("{error:?} {error} {config:?}");
        let option = url.ends_with("sslmode=hunter2");
        assert!(option || !told.contains("hunter2"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
    let catalog = open(&server.fresh("refused").unwrap()).await;
    assert!(!format!("{catalog:?}").contains("secret"));
}

#[tokio::test]
async fn a_user_who_may_only_read_reads() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("refused").unwrap();
    let made = open(&url).await.create(entry("t", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let pool = pool(&url).await;
    run(
        &pool,
        "DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD 'r'; EXCEPTION WHEN duplicate_object THEN NULL; END $$; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    .await;
    let reader = open(&url.replace("postgres:test%20secret@", "reader:r@")).await;
    assert_eq!(reader.load(&made.ident).await.unwrap(), made);
    let listed: Vec<_> = reader.list(ListArgs::default()).try_collect().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&made.ident));
    let error = reader.swap(swap(&made, "/w/t/metadata/1.json")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    let error = reader.create(entry("u", "delta", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
}

#[tokio::test]
async fn what_a_column_cannot_hold_is_refused() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let catalog = open(&server.fresh("refused").unwrap()).await;
    let long = format!("/w/t/metadata/{}.json", "x".repeat(1_000));
    let with = |value: &str| BTreeMap::from([("k".to_owned(), value.to_owned())]);
    for refused in [
        entry("t", "iceberg", Some(&long)),
        Entry { properties: with("zero \0 byte"), ..entry("t", "delta", None) },
    ] {
        let error = catalog.create(refused).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    }
    let change = NamespaceChange::Create(with(&"v".repeat(1_001)));
    let error = catalog.alter_namespace(&["p".to_owned()], change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(catalog.namespaces().await.unwrap().is_empty(), "nothing of it is left");
    let p = ["p".to_owned()];
    catalog.alter_namespace(&p, NamespaceChange::Create(with("v"))).await.unwrap();
    let changes = [("a", "v".to_owned()), ("k", "v".repeat(1_001))].map(|(k, v)| (k.to_owned(), Some(v)));
    let change = NamespaceChange::SetProperties(changes.into());
    let error = catalog.alter_namespace(&p, change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert_eq!(catalog.namespace_properties(&p).await.unwrap(), with("v"), "all or nothing");
    catalog.alter_namespace(&p, NamespaceChange::Drop).await.unwrap();
    let made = catalog.create(entry("t", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let error = catalog.swap(swap(&made, &long)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
    // Our own table has room for long properties.
    let rich = Entry { properties: with(&"v".repeat(5_000)), ..entry("rich", "delta", Some(&long)) };
    catalog.create(rich.clone()).await.unwrap();
    assert_eq!(catalog.load(&rich.ident).await.unwrap(), rich);
}

#[tokio::test]
async fn a_registry_opens_it_by_both_schemes() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("registry").unwrap();
    let mut registry = stitchwork_core::Registry::new();
    stitchwork_catalog_sql::register(&mut registry).unwrap();
    let one = registry.catalog(OpenUrl::new(format!("{url}?catalog_name=c&schema=s&sslmode=prefer"))).await;
    let one = one.unwrap();
    assert_eq!((one.info().scheme, one.capabilities().durable), ("postgres", true));
    let made = one.create(entry("t", "delta", None)).await.unwrap();
    let other = url.replace("postgres://", "postgresql://");
    let other = registry.catalog(OpenUrl::new(format!("{other}?catalog_name=c&schema=s"))).await.unwrap();
    assert_eq!(other.load(&TableIdent::new("n", "t")).await.unwrap(), made);
}
