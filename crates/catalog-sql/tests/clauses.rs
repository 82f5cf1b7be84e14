//! The clauses of `stitchwork_core::Catalog`, on a file and in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig, register};
use stitchwork_core::{
    Catalog, CommitState, Entry, ErrorKind, ListArgs, NamespaceChange, OpenUrl, Pointer, Registry, SwapArgs,
    TableIdent,
};
use stitchwork_services::{POSTGRES, in_test};

/// An empty catalog in each database that is there.
async fn catalogs() -> Vec<SqlCatalog> {
    let mut urls = vec!["sqlite::memory:".to_owned()];
    urls.extend(in_test(&POSTGRES).map(|server| server.fresh("clauses").unwrap()));
    let mut catalogs = vec![];
    for url in urls {
        catalogs.push(SqlCatalog::open(SqlConfig::new(url)).await.unwrap());
    }
    catalogs
}

fn pointer(text: &str) -> Option<Pointer> {
    Some(Pointer(text.to_owned()))
}

fn entry(ident: TableIdent, log: &str, to: Option<&str>) -> Entry {
    let properties =
        BTreeMap::from([("owner".to_owned(), "o'Brien".to_owned()), ("".to_owned(), "".to_owned())]);
    Entry {
        ident,
        log: log.to_owned(),
        location: "memory:/t".to_owned(),
        pointer: to.and_then(pointer),
        properties,
    }
}

fn swap(ident: &TableIdent, expected: Option<&str>, new: Option<&str>) -> SwapArgs {
    let (expected, new) = (expected.and_then(pointer), new.and_then(pointer));
    SwapArgs { ident: ident.clone(), expected, new, updates: None }
}

#[tokio::test]
async fn create_load_and_drop() {
    for catalog in catalogs().await {
        for log in ["iceberg", "delta", "files", "paimon-of_somebody-else"] {
            for to in [None, Some("p0"), Some("memory:/t/metadata/0.json")] {
                let made = entry(TableIdent::new(log, "t"), log, to);
                assert_eq!(catalog.create(made.clone()).await.unwrap(), made);
                assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
                let again = entry(made.ident.clone(), "delta", Some("other"));
                assert_eq!(catalog.create(again).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
                assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
                catalog.remove(&made.ident).await.unwrap();
                assert_eq!(catalog.load(&made.ident).await.unwrap_err().kind(), ErrorKind::NotFound);
                assert_eq!(catalog.remove(&made.ident).await.unwrap_err().kind(), ErrorKind::NotFound);
            }
        }
    }
}

#[tokio::test]
async fn a_catalog_without_tables_tells_of_those_that_have_some() {
    let folder = tempfile::tempdir().unwrap();
    let mut urls = vec![format!("sqlite:{}", folder.path().join("c.db").display())];
    urls.extend(in_test(&POSTGRES).map(|server| server.fresh("others").unwrap()));
    for url in urls {
        let open =
            async |name: &str| SqlCatalog::open(SqlConfig::new(&url).with_catalog_name(name)).await.unwrap();
        let mine = open("mine").await;
        let ident = TableIdent::new("n", "t");
        let told = async || {
            let error = mine.load(&ident).await.unwrap_err();
            assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("n.t")));
            error.context("other_catalogs").map(str::to_owned)
        };
        assert_eq!(told().await, None);
        for name in ["sales", "lake"] {
            open(name).await.create(entry(ident.clone(), "delta", None)).await.unwrap();
        }
        assert_eq!(told().await.as_deref(), Some("lake,sales"));
        mine.create(entry(TableIdent::new("n", "u"), "delta", None)).await.unwrap();
        assert_eq!(told().await, None);
    }
}

#[tokio::test]
async fn list_is_complete_over_many_pages_and_below_a_namespace() {
    for catalog in catalogs().await {
        let mut all = vec![];
        for n in 0..1_203 {
            let namespace: Vec<String> = [vec![], vec!["a"], vec!["a", "b"], vec!["ab"], vec!["A"]][n % 5]
                .iter()
                .map(|s| s.to_string())
                .collect();
            let ident = TableIdent { namespace, name: format!("t{n}") };
            all.push(ident);
        }
        let plain =
            |ident: &TableIdent| Entry { properties: BTreeMap::new(), ..entry(ident.clone(), "delta", None) };
        let creating = stream::iter(all.iter().map(|ident| catalog.create(plain(ident))));
        let _: Vec<_> = creating.buffer_unordered(8).try_collect().await.unwrap();
        for below in [vec![], vec!["a"], vec!["a", "b"], vec!["ab"], vec!["x"], vec!["a.b"]] {
            let namespace: Vec<String> = below.iter().map(|s| s.to_string()).collect();
            let mut expected: Vec<_> =
                all.iter().filter(|i| i.namespace.starts_with(&namespace)).cloned().collect();
            let got: Vec<_> = catalog.list(ListArgs { namespace }).try_collect().await.unwrap();
            // By the bytes of namespace and name, in each database.
            expected.sort();
            assert_eq!(got, expected, "{below:?}");
        }
    }
}

#[tokio::test]
async fn rename_moves_the_entry() {
    for catalog in catalogs().await {
        let (from, to) = (TableIdent::new("a", "t"), TableIdent::new("b", "u"));
        assert_eq!(catalog.rename(&from, &to).await.unwrap_err().kind(), ErrorKind::NotFound);
        let made = catalog.create(entry(from.clone(), "iceberg", Some("p0"))).await.unwrap();
        catalog.rename(&from, &to).await.unwrap();
        assert_eq!(catalog.load(&to).await.unwrap(), Entry { ident: to.clone(), ..made.clone() });
        assert_eq!(catalog.load(&from).await.unwrap_err().kind(), ErrorKind::NotFound);
        catalog.create(entry(from.clone(), "delta", None)).await.unwrap();
        assert_eq!(catalog.rename(&from, &to).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(catalog.rename(&to, &to).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(catalog.load(&to).await.unwrap().pointer, made.pointer);
        assert!(catalog.namespaces().await.unwrap().contains(&vec!["b".to_owned()]));
    }
}

#[tokio::test]
async fn swap_compares_and_sets() {
    for catalog in catalogs().await {
        for log in ["iceberg", "delta", "paimon"] {
            let ident = TableIdent::new(log, "t");
            let made = catalog.create(entry(ident.clone(), log, None)).await.unwrap();
            let mut last = None;
            for next in [Some("p0"), Some("memory:/t/metadata/1.json"), Some("p2"), None] {
                let swapped = catalog.swap(vec![swap(&ident, last, next)]).await.unwrap();
                let expected = Entry { pointer: next.and_then(pointer), ..made.clone() };
                assert_eq!(swapped, std::slice::from_ref(&expected));
                assert_eq!(catalog.load(&ident).await.unwrap(), expected);
                let stale = catalog.swap(vec![swap(&ident, Some("stale"), Some("x"))]).await.unwrap_err();
                assert_eq!(
                    (stale.kind(), stale.commit_state()),
                    (ErrorKind::Conflict, Some(CommitState::NotCommitted))
                );
                assert_eq!(catalog.load(&ident).await.unwrap(), expected);
                last = next;
            }
        }
        let unknown = catalog.swap(vec![swap(&TableIdent::bare("no"), None, None)]).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_swap_of_many_tables_is_all_or_nothing() {
    for catalog in catalogs().await {
        let idents = ["a", "b", "c"].map(|name| TableIdent::new("n", name));
        for ident in &idents {
            catalog.create(entry(ident.clone(), "iceberg", Some("p0"))).await.unwrap();
        }
        let mut swaps: Vec<_> = idents.iter().map(|ident| swap(ident, Some("p0"), Some("p1"))).collect();
        swaps[2].expected = pointer("stale");
        assert_eq!(catalog.swap(swaps.clone()).await.unwrap_err().kind(), ErrorKind::Conflict);
        for ident in &idents {
            assert_eq!(catalog.load(ident).await.unwrap().pointer, pointer("p0"));
        }
        swaps[2].expected = pointer("p0");
        assert_eq!(catalog.swap(swaps.clone()).await.unwrap().len(), 3);
        for ident in &idents {
            assert_eq!(catalog.load(ident).await.unwrap().pointer, pointer("p1"));
        }
        let twice = vec![swap(&idents[0], Some("p1"), Some("p2")), swap(&idents[0], Some("p2"), Some("p3"))];
        assert_eq!(catalog.swap(twice).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn names_come_back_or_are_refused() {
    for catalog in catalogs().await {
        let long = "n".repeat(200);
        for name in ["it's", "\"q\"", "a b", "a.b", "😀", "%_", "?", "ümlaut", "../x", &long] {
            let made = entry(TableIdent::new("ns 'q\" 😀%_", name), "delta", None);
            catalog.create(made.clone()).await.unwrap();
            assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
        }
        assert_eq!(catalog.list(ListArgs::default()).try_collect::<Vec<_>>().await.unwrap().len(), 10);
        let bad = [TableIdent::new("a.b", "t"), TableIdent::bare("n".repeat(256)), TableIdent::bare("")];
        for ident in bad.into_iter().chain([TableIdent::new("", "t"), TableIdent::new("n", "\0")]) {
            let made = entry(ident.clone(), "delta", None);
            assert_eq!(catalog.create(made).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{ident}");
            assert_eq!(catalog.load(&ident).await.unwrap_err().kind(), ErrorKind::NotFound, "{ident}");
        }
    }
}

#[tokio::test]
async fn namespaces_come_and_go() {
    for catalog in catalogs().await {
        let name = |levels: &[&str]| levels.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        let create = || NamespaceChange::Create(BTreeMap::from([("k".into(), "v".into())]));
        for levels in [name(&["p"]), name(&["p", "q"])] {
            catalog.alter_namespace(&levels, create()).await.unwrap();
            let again = catalog.alter_namespace(&levels, create()).await.unwrap_err();
            assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        }
        catalog.create(entry(TableIdent::new("t", "x"), "delta", None)).await.unwrap();
        assert_eq!(catalog.namespaces().await.unwrap(), [name(&["p"]), name(&["p", "q"]), name(&["t"])]);
        for full in [name(&["p"]), name(&["t"])] {
            let error = catalog.alter_namespace(&full, NamespaceChange::Drop).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
        }
        for levels in [name(&["p", "q"]), name(&["p"])] {
            catalog.alter_namespace(&levels, NamespaceChange::Drop).await.unwrap();
            let error = catalog.alter_namespace(&levels, NamespaceChange::Drop).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        for bad in [name(&[]), name(&["a.b"]), name(&[""])] {
            assert_eq!(
                catalog.alter_namespace(&bad, create()).await.unwrap_err().kind(),
                ErrorKind::InvalidInput
            );
        }
    }
}

#[tokio::test]
async fn namespaces_keep_properties_but_the_mark_is_the_catalogs_own() {
    for catalog in catalogs().await {
        let n = ["n".to_owned(), "m".to_owned()];
        let owned = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let set = |key: &str, value: Option<&str>| {
            NamespaceChange::SetProperties([(key.to_owned(), value.map(str::to_owned))].into())
        };
        let marked = NamespaceChange::Create([owned("exists", "false"), owned("a", "1")].into());
        let error = catalog.alter_namespace(&n, marked).await.unwrap_err();
        assert_eq!((error.kind(), error.context("property")), (ErrorKind::InvalidInput, Some("exists")));
        let error = catalog.namespace_properties(&n).await.unwrap_err();
        assert_eq!((error.kind(), error.context("namespace")), (ErrorKind::NotFound, Some("n.m")));

        let given = BTreeMap::from([owned("a", "1"), owned("b", "")]);
        catalog.alter_namespace(&n, NamespaceChange::Create(given.clone())).await.unwrap();
        assert_eq!(catalog.namespace_properties(&n).await.unwrap(), given);
        for change in [set("exists", Some("false")), set("exists", None)] {
            let error = catalog.alter_namespace(&n, change).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let changes = [("a", None), ("b", Some("2")), ("c", None), ("d", Some("'"))];
        let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        catalog.alter_namespace(&n, NamespaceChange::SetProperties(changes.into())).await.unwrap();
        let left = BTreeMap::from([owned("b", "2"), owned("d", "'")]);
        assert_eq!(catalog.namespace_properties(&n).await.unwrap(), left);

        // What cannot be stored cannot be there, and a namespace above another one is not there by that.
        for odd in [vec![], vec!["n.m".to_owned()], vec!["x".repeat(256)], vec!["n".to_owned()]] {
            let error = catalog.namespace_properties(&odd).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{odd:?}");
            let kind = if odd.is_empty() { ErrorKind::InvalidInput } else { ErrorKind::NotFound };
            let error = catalog.alter_namespace(&odd, set("k", Some("v"))).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{odd:?}");
        }
        assert_eq!(catalog.namespaces().await.unwrap(), [n]);
    }
}

#[tokio::test]
async fn a_registry_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut registry = Registry::new();
    register(&mut registry).unwrap();
    assert!(register(&mut registry).is_err());
    let url = format!("sqlite://{}/catalog.db?catalog_name=c", folder.path().display());
    let catalog = registry.catalog(OpenUrl::new(&url)).await.unwrap();
    assert_eq!(catalog.info().scheme, "sqlite");
    assert!(catalog.capabilities().durable);
    catalog.create(entry(TableIdent::new("n", "t"), "delta", None)).await.unwrap();
    let again = registry.catalog(OpenUrl::new(&url)).await.unwrap();
    assert_eq!(again.load(&TableIdent::new("n", "t")).await.unwrap().location, "memory:/t");
    assert!(registry.catalog(OpenUrl::new("sqlite:x.db?mode=ro")).await.is_err());
}
