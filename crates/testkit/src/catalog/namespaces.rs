//! Namespaces.

use std::collections::BTreeMap;

use futures::future::join_all;
use stitchwork_core::{ErrorKind, NamespaceChange, TableIdent};

use super::{Subject, entry};
use crate::failure::{ensure, refused};
use crate::{Failure, Outcome, unique};

type Properties = BTreeMap<String, String>;

fn create(properties: &[(&str, &str)]) -> NamespaceChange {
    NamespaceChange::Create(owned(properties))
}

fn set(changes: &[(&str, Option<&str>)]) -> NamespaceChange {
    let change = |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
    NamespaceChange::SetProperties(changes.iter().map(change).collect())
}

fn owned(properties: &[(&str, &str)]) -> Properties {
    properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Contract: with `namespaces`, they are made, listed and dropped; one with tables or with others below it is not
/// dropped; an unknown one is `NotFound`; one that is there is `AlreadyExists`; one with an empty level is
/// `InvalidInput`. Creating a table makes its namespace. Without, `Unsupported`.
pub(super) async fn come_and_go(catalog: Subject) -> Outcome {
    let name = vec![unique("ns")];
    if !catalog.capabilities().namespaces {
        refused("listing namespaces", catalog.namespaces().await, &[ErrorKind::Unsupported])?;
        let made = catalog.alter_namespace(&name, create(&[])).await;
        refused("making a namespace", made, &[ErrorKind::Unsupported])?;
        return Ok(());
    }
    let drop = || catalog.alter_namespace(&name, NamespaceChange::Drop);
    refused("dropping an unknown namespace", drop().await, &[ErrorKind::NotFound])?;
    catalog.alter_namespace(&name, create(&[])).await?;
    let count = catalog.namespaces().await?.iter().filter(|n| **n == name).count();
    ensure!(count == 1, "a new namespace is listed {count} times");
    let again = catalog.alter_namespace(&name, create(&[])).await;
    refused("making it twice", again, &[ErrorKind::AlreadyExists])?;

    let table = entry(&TableIdent { namespace: name.clone(), name: "t".to_owned() });
    catalog.create(table.clone()).await?;
    refused("dropping a namespace with a table", drop().await, &[ErrorKind::Conflict])?;
    catalog.load(&table.ident).await?;
    catalog.remove(&table.ident).await?;
    drop().await?;
    ensure!(!catalog.namespaces().await?.contains(&name), "a dropped namespace is listed");

    catalog.create(table.clone()).await?;
    ensure!(catalog.namespaces().await?.contains(&name), "the namespace of a new table is not listed");
    catalog.remove(&table.ident).await?;
    holds_another(&catalog, &name).await?;
    drop().await?;
    for empty in [vec![], vec![String::new()], vec![unique("ns"), String::new()]] {
        let made = catalog.alter_namespace(&empty, create(&[])).await;
        refused(&format!("making the namespace {empty:?}"), made, &[ErrorKind::InvalidInput])?;
    }
    Ok(())
}

/// Whether a namespace and one below it are listed, and only the inner one can be dropped first.
async fn holds_another(catalog: &Subject, outer: &[String]) -> Outcome {
    let inner = [outer, &["below".to_owned()]].concat();
    match catalog.alter_namespace(&inner, create(&[])).await {
        Ok(()) => {}
        // Not every catalog nests namespaces.
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => return Ok(()),
        Err(e) => return Err(e.into()),
    }
    let listed = catalog.namespaces().await?;
    for namespace in [outer, &inner] {
        let count = listed.iter().filter(|listed| *listed == namespace).count();
        ensure!(count == 1, "beside one below the other, {namespace:?} is listed {count} times");
    }
    let dropped = catalog.alter_namespace(outer, NamespaceChange::Drop).await;
    refused("dropping a namespace with another below it", dropped, &[ErrorKind::Conflict])?;
    Ok(catalog.alter_namespace(&inner, NamespaceChange::Drop).await?)
}

/// Contract: with `namespace_properties`, those given at creation or set later are loaded, removed ones are gone,
/// and all others stay; removing an unknown one is no error, and an unknown namespace is `NotFound`. One without
/// properties, or that a table has made, has none and can be given some; without the last of them it is still
/// there. Without, `Unsupported`, as is making a namespace with properties.
pub(super) async fn keep_properties(catalog: Subject) -> Outcome {
    let name = vec![unique("ns")];
    let alter = |change| catalog.alter_namespace(&name, change);
    if !catalog.capabilities().namespace_properties {
        let read = catalog.namespace_properties(&name).await;
        refused("reading properties", read, &[ErrorKind::Unsupported])?;
        let some = create(&[("k", "v")]);
        refused("making a namespace with properties", alter(some).await, &[ErrorKind::Unsupported])?;
        if catalog.capabilities().namespaces {
            alter(create(&[])).await?;
        }
        let change = alter(set(&[("k", Some("v"))])).await;
        refused("changing properties", change, &[ErrorKind::Unsupported])?;
        if catalog.capabilities().namespaces {
            alter(NamespaceChange::Drop).await?;
        }
        return Ok(());
    }
    let read = catalog.namespace_properties(&name).await;
    refused("reading those of an unknown namespace", read, &[ErrorKind::NotFound])?;
    let change = alter(set(&[("k", Some("v"))])).await;
    refused("changing those of an unknown namespace", change, &[ErrorKind::NotFound])?;
    ensure!(!catalog.namespaces().await?.contains(&name), "a refused change has made the namespace");

    let strange = "Zoë 'the' \"owner\"; --";
    let mut want = owned(&[("owner", strange), ("retention.days", "30"), ("gone", "soon")]);
    alter(NamespaceChange::Create(want.clone())).await?;
    has(&catalog, &name, &want, &["never there"]).await?;
    let change = [("owner", Some("Ann")), ("empty", Some("")), ("gone", None), ("never there", None)];
    alter(set(&change)).await?;
    want.extend(owned(&[("owner", "Ann"), ("empty", "")]));
    want.remove("gone");
    has(&catalog, &name, &want, &["gone", "never there"]).await?;
    alter(set(&[])).await?;
    let again = alter(create(&[("owner", "Bob")])).await;
    refused("making it twice", again, &[ErrorKind::AlreadyExists])?;
    has(&catalog, &name, &want, &["gone", "never there"]).await?;
    let keys: Vec<_> = want.keys().map(String::as_str).collect();
    let all: Vec<_> = keys.iter().map(|key| (*key, None)).collect();
    alter(set(&all)).await?;
    ensure!(catalog.namespaces().await?.contains(&name), "without properties, the namespace is gone");
    has(&catalog, &name, &Properties::new(), &keys).await?;
    alter(NamespaceChange::Drop).await?;
    let read = catalog.namespace_properties(&name).await;
    refused("reading those of a dropped namespace", read, &[ErrorKind::NotFound])?;

    let table = entry(&TableIdent { namespace: name.clone(), name: "t".to_owned() });
    catalog.create(table.clone()).await?;
    has(&catalog, &name, &Properties::new(), &keys).await?;
    alter(set(&[("owner", Some(strange))])).await?;
    catalog.remove(&table.ident).await?;
    has(&catalog, &name, &owned(&[("owner", strange)]), &[]).await?;
    alter(NamespaceChange::Drop).await?;
    Ok(())
}

/// Contract: of many changes of one namespace's properties at once, none is lost: each has set what it set and
/// removed what it removed.
pub(super) async fn changes_add_up(catalog: Subject) -> Outcome {
    if !catalog.capabilities().namespace_properties {
        return Err(Failure::skipped("the catalog keeps no properties of namespaces"));
    }
    let name = vec![unique("ns")];
    let old = |n: usize| format!("old-{n}");
    let given = (0..8).map(|n| (old(n), "there".to_owned())).collect();
    catalog.alter_namespace(&name, NamespaceChange::Create(given)).await?;
    let changes = (0..8).map(|n| {
        let (catalog, name) = (catalog.clone(), name.clone());
        let change = BTreeMap::from([(old(n), None), (format!("new-{n}"), Some(n.to_string()))]);
        let change = NamespaceChange::SetProperties(change);
        tokio::spawn(async move { catalog.alter_namespace(&name, change).await })
    });
    for changed in join_all(changes).await {
        changed.map_err(|e| Failure::new(e.to_string()))??;
    }
    let want = (0..8).map(|n| (format!("new-{n}"), n.to_string())).collect();
    let gone: Vec<_> = (0..8).map(old).collect();
    has(&catalog, &name, &want, &gone.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    catalog.alter_namespace(&name, NamespaceChange::Drop).await?;
    Ok(())
}

/// Whether the namespace has these properties and none of those. The catalog may have some of its own besides.
async fn has(catalog: &Subject, namespace: &[String], want: &Properties, gone: &[&str]) -> Outcome {
    let got = catalog.namespace_properties(namespace).await?;
    for (key, value) in want {
        let found = got.get(key);
        ensure!(found == Some(value), "the property {key:?} of the namespace is {found:?}, not {value:?}");
    }
    for key in gone {
        let found = got.get(*key);
        ensure!(found.is_none(), "the namespace has the property {key:?}, {found:?}");
    }
    Ok(())
}
