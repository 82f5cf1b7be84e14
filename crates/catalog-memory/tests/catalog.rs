//! The catalog by its own clauses.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;

use futures::TryStreamExt;
use stitchwork_catalog_memory::{MemoryCatalog, register};
use stitchwork_core::{
    Catalog, CommitState, Entry, ErrorKind, ListArgs, NamespaceChange, OpenUrl, Pointer, Registry, SwapArgs,
    TableIdent,
};

fn entry(ident: &TableIdent) -> Entry {
    Entry {
        ident: ident.clone(),
        log: "iceberg".to_owned(),
        location: "memory:/t".to_owned(),
        pointer: Some(Pointer("0".to_owned())),
        properties: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
    }
}

fn swap(ident: &TableIdent, expected: &str, new: &str) -> SwapArgs {
    SwapArgs {
        ident: ident.clone(),
        expected: Some(Pointer(expected.to_owned())),
        new: Some(Pointer(new.to_owned())),
        updates: None,
    }
}

#[tokio::test]
async fn tables_are_created_listed_renamed_and_dropped() {
    let catalog = MemoryCatalog::new();
    let (a, b, deep) = (TableIdent::new("n", "a"), TableIdent::new("n", "b"), TableIdent::new("n.x", "a"));
    assert_eq!(catalog.create(entry(&a)).await.unwrap(), entry(&a));
    assert_eq!(catalog.create(entry(&a)).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    catalog.create(entry(&deep)).await.unwrap();
    let listed = |namespace: &str| {
        catalog.list(ListArgs { namespace: vec![namespace.to_owned()] }).try_collect::<Vec<_>>()
    };
    assert_eq!(listed("n").await.unwrap(), std::slice::from_ref(&a), "a dot in a name is not a level");
    assert_eq!(catalog.rename(&a, &deep).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    catalog.rename(&a, &b).await.unwrap();
    assert_eq!(catalog.load(&b).await.unwrap().ident, b);
    assert_eq!(catalog.load(&a).await.unwrap_err().kind(), ErrorKind::NotFound);
    catalog.remove(&b).await.unwrap();
    assert_eq!(catalog.remove(&b).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_swap_of_many_is_all_or_nothing() {
    let catalog = MemoryCatalog::new();
    let (a, b) = (TableIdent::new("n", "a"), TableIdent::new("n", "b"));
    catalog.create(entry(&a)).await.unwrap();
    catalog.create(entry(&b)).await.unwrap();
    let error = catalog.swap(vec![swap(&a, "0", "1"), swap(&b, "9", "1")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
    assert_eq!(catalog.load(&a).await.unwrap().pointer, Some(Pointer("0".to_owned())));
    let entries = catalog.swap(vec![swap(&a, "0", "1"), swap(&b, "0", "2")]).await.unwrap();
    assert_eq!(entries[1].pointer, Some(Pointer("2".to_owned())));
    let missing = TableIdent::new("n", "c");
    assert_eq!(catalog.swap(vec![swap(&missing, "0", "1")]).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn one_of_many_swaps_wins() {
    let catalog = MemoryCatalog::new();
    let a = TableIdent::new("n", "a");
    catalog.create(entry(&a)).await.unwrap();
    let tasks: Vec<_> = (0..32)
        .map(|i| {
            let (catalog, swap) = (catalog.clone(), swap(&a, "0", &format!("new-{i}")));
            tokio::spawn(async move { catalog.swap(vec![swap]).await.is_ok() })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn namespaces_come_and_go() {
    let catalog = MemoryCatalog::new();
    let n = vec!["n".to_owned()];
    catalog.alter_namespace(&n, NamespaceChange::Create(BTreeMap::new())).await.unwrap();
    let again = catalog.alter_namespace(&n, NamespaceChange::Create(BTreeMap::new())).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let a = TableIdent::new("n", "a");
    catalog.create(entry(&a)).await.unwrap();
    assert_eq!(catalog.namespaces().await.unwrap(), std::slice::from_ref(&n));
    let full = catalog.alter_namespace(&n, NamespaceChange::Drop).await;
    assert_eq!(full.unwrap_err().kind(), ErrorKind::Conflict);
    catalog.remove(&a).await.unwrap();
    catalog.alter_namespace(&n, NamespaceChange::Drop).await.unwrap();
    let gone = catalog.alter_namespace(&n, NamespaceChange::Drop).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn namespaces_keep_properties() {
    let catalog = MemoryCatalog::new();
    let n = vec!["n".to_owned()];
    let error = catalog.namespace_properties(&n).await.unwrap_err();
    assert_eq!((error.kind(), error.context("namespace")), (ErrorKind::NotFound, Some("n")));
    let given = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    catalog.alter_namespace(&n, NamespaceChange::Create(given)).await.unwrap();
    let changes = [("a", None), ("b", Some("3")), ("c", Some("4"))];
    let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
    let changes = NamespaceChange::SetProperties(changes.into());
    catalog.alter_namespace(&n, changes.clone()).await.unwrap();
    let left = BTreeMap::from([("b".to_owned(), "3".to_owned()), ("c".to_owned(), "4".to_owned())]);
    assert_eq!(catalog.namespace_properties(&n).await.unwrap(), left);
    let unknown = catalog.alter_namespace(&["m".to_owned()], changes).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_named_one_is_shared_within_a_registry_and_a_nameless_one_is_not() {
    let mut registry = Registry::new();
    register(&mut registry).unwrap();
    let a = TableIdent::new("n", "a");
    registry.catalog(OpenUrl::new("memory:x")).await.unwrap().create(entry(&a)).await.unwrap();
    assert!(registry.catalog(OpenUrl::new("memory:x")).await.unwrap().load(&a).await.is_ok());
    assert!(registry.catalog(OpenUrl::new("memory:")).await.unwrap().load(&a).await.is_err());
    let mut open = OpenUrl::new("memory:");
    open.options.insert("colour".to_owned(), "red".to_owned());
    assert_eq!(registry.catalog(open).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
}
