//! What the calls about namespaces mean in statements.
//!
//! A namespace is there when it has a property or a table. Each that is made here has the property [`EXISTS`], so that
//! it stays without others.

use std::collections::BTreeMap;

use stitchwork_core::{Error, ErrorKind, NamespaceChange, Result};

use crate::shared::{Shared, Work};
use crate::statements as sql;

/// The property that marks a namespace as there, as pyiceberg and Java set it. As in Java, it is nobody's to see or set.
const EXISTS: (&str, &str) = ("exists", "true");

/// The error for a namespace that is not there.
pub(crate) fn missing_namespace() -> Error {
    Error::not_found("the catalog has no such namespace")
}

impl Shared {
    pub(crate) async fn namespace_properties(&self, namespace: &str) -> Result<BTreeMap<String, String>> {
        let (catalog, namespace) = (Some(self.name.as_str()), Some(namespace));
        let binds = [catalog, namespace, catalog, namespace];
        let rows = self.database.fetch(sql::NAMESPACE_PROPERTIES, &binds).await?;
        if rows.is_empty() {
            return Err(missing_namespace());
        }
        let property = |row: Vec<Option<String>>| {
            let mut columns = row.into_iter();
            Some((columns.next()??, columns.next()??))
        };
        Ok(rows.into_iter().filter_map(property).filter(|(key, _)| key != EXISTS.0).collect())
    }

    pub(crate) async fn alter_namespace(&self, namespace: &str, change: &NamespaceChange) -> Result<()> {
        match change {
            NamespaceChange::Create(properties) => self.create_namespace(namespace, properties).await,
            NamespaceChange::Drop => self.drop_namespace(namespace).await,
            NamespaceChange::SetProperties(changes) => self.set_properties(namespace, changes).await,
            _ => Err(Error::unsupported("the catalog does not know this change of a namespace")),
        }
    }

    async fn create_namespace(&self, namespace: &str, properties: &BTreeMap<String, String>) -> Result<()> {
        let there = || Error::new(ErrorKind::AlreadyExists, "the namespace is there already");
        check_keys(properties.keys())?;
        let mut work = self.begin().await?;
        self.lock_namespace(&mut work, namespace).await?;
        if self.is_there(&mut work, namespace).await? {
            return Err(there());
        }
        let properties = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in properties.chain([EXISTS]) {
            let binds = [Some(self.name.as_str()), Some(namespace), Some(key), Some(value)];
            let inserted = work.transaction.execute(sql::INSERT_NAMESPACE, &binds).await;
            // Another writer may have made it since we looked.
            inserted.map_err(|e| if e.kind() == ErrorKind::AlreadyExists { there() } else { e })?;
        }
        work.transaction.commit().await
    }

    async fn drop_namespace(&self, namespace: &str) -> Result<()> {
        let mut work = self.begin().await?;
        self.lock_namespace(&mut work, namespace).await?;
        let below = format!("{namespace}.");
        let (catalog, namespace, below) = (Some(self.name.as_str()), Some(namespace), Some(below.as_str()));
        let binds = [catalog, namespace, below, below, catalog, below, below];
        let holds = !work.transaction.fetch(sql::NAMESPACE_HOLDS, &binds).await?.is_empty();
        let deleted = work.transaction.execute(sql::DELETE_NAMESPACE, &[catalog, namespace]).await?;
        match (holds, deleted) {
            // A namespace that another program never declared is there through its tables alone.
            (true, _) => Err(Error::conflict("the namespace is not empty")),
            (false, 0) => Err(missing_namespace()),
            (false, _) => work.transaction.commit().await,
        }
    }

    async fn set_properties(
        &self,
        namespace: &str,
        changes: &BTreeMap<String, Option<String>>,
    ) -> Result<()> {
        check_keys(changes.keys())?;
        let mut work = self.begin().await?;
        self.lock_namespace(&mut work, namespace).await?;
        if !self.is_there(&mut work, namespace).await? {
            return Err(missing_namespace());
        }
        let (catalog, namespace) = (Some(self.name.as_str()), Some(namespace));
        for (key, value) in changes {
            let (key, value) = (Some(key.as_str()), value.as_deref());
            if value.is_some() {
                let binds = [catalog, namespace, key, value];
                work.transaction.execute(sql::SET_NAMESPACE_PROPERTY, &binds).await?;
            } else {
                let binds = [catalog, namespace, key];
                work.transaction.execute(sql::DELETE_NAMESPACE_PROPERTY, &binds).await?;
            }
        }
        // pyiceberg gives the mark only to namespaces that have nothing else, which the last property would take along.
        let binds = [catalog, namespace, Some(EXISTS.0), Some(EXISTS.1)];
        work.transaction.execute(sql::DECLARE_NAMESPACE, &binds).await?;
        work.transaction.commit().await
    }

    /// Makes the namespace of a table that is made, where it is missing.
    pub(crate) async fn ensure_namespace(&self, work: &mut Work, namespace: &str) -> Result<()> {
        if namespace.is_empty() {
            return Ok(());
        }
        let (catalog, namespace) = (Some(self.name.as_str()), Some(namespace));
        if work.transaction.fetch(sql::NAMESPACE_DECLARED, &[catalog, namespace]).await?.is_empty() {
            let binds = [catalog, namespace, Some(EXISTS.0), Some(EXISTS.1)];
            work.transaction.execute(sql::DECLARE_NAMESPACE, &binds).await?;
        }
        Ok(())
    }

    async fn is_there(&self, work: &mut Work, namespace: &str) -> Result<bool> {
        let (catalog, namespace) = (Some(self.name.as_str()), Some(namespace));
        let binds = [catalog, namespace, catalog, namespace];
        Ok(!work.transaction.fetch(sql::NAMESPACE_EXISTS, &binds).await?.is_empty())
    }

    /// Keeps others from changing the namespace, so that none is dropped while it is given a property.
    async fn lock_namespace(&self, work: &mut Work, namespace: &str) -> Result<()> {
        let Some(locks) = self.database.dialect().locks_namespace else { return Ok(()) };
        work.transaction.fetch(locks, &[Some(self.name.as_str()), Some(namespace)]).await.map(|_| ())
    }
}

fn check_keys<'a>(mut keys: impl Iterator<Item = &'a String>) -> Result<()> {
    if keys.any(|key| key == EXISTS.0) {
        return Err(Error::invalid_input(
            "this property marks a namespace as there, and is the catalog's own",
        )
        .with_context("property", EXISTS.0));
    }
    Ok(())
}
