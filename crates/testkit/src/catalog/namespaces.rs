//! Namespaces.

use std::collections::BTreeMap;

use stitchwork_core::{ErrorKind, NamespaceChange, TableIdent};

use super::{Subject, entry};
use crate::failure::{ensure, refused};
use crate::{Outcome, unique};

/// Contract: with `namespaces`, they are made, listed and dropped; one with tables is not dropped; an unknown
/// one is `NotFound`; one that is there is `AlreadyExists`. Creating a table makes its namespace. Without,
/// `Unsupported`.
pub(super) async fn come_and_go(catalog: Subject) -> Outcome {
    let name = vec![unique("ns")];
    let create = || NamespaceChange::Create(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    if !catalog.capabilities().namespaces {
        refused("listing namespaces", catalog.namespaces().await, &[ErrorKind::Unsupported])?;
        let made = catalog.alter_namespace(&name, create()).await;
        refused("making a namespace", made, &[ErrorKind::Unsupported])?;
        return Ok(());
    }
    let drop = || catalog.alter_namespace(&name, NamespaceChange::Drop);
    refused("dropping an unknown namespace", drop().await, &[ErrorKind::NotFound])?;
    catalog.alter_namespace(&name, create()).await?;
    let count = catalog.namespaces().await?.iter().filter(|n| **n == name).count();
    ensure!(count == 1, "a new namespace is listed {count} times");
    let again = catalog.alter_namespace(&name, create()).await;
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
    drop().await?;
    Ok(())
}
