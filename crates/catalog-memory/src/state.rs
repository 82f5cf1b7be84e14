//! What a catalog in memory holds, and the changes of it. All of them are made under one lock.

use std::collections::BTreeMap;

use stitchwork_core::{CommitState, Entry, Error, ErrorKind, NamespaceChange, Result, SwapArgs, TableIdent};

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<TableIdent, Entry>,
    pub(crate) namespaces: BTreeMap<Vec<String>, BTreeMap<String, String>>,
}

impl State {
    pub(crate) fn load(&self, ident: &TableIdent) -> Result<&Entry> {
        self.tables.get(ident).ok_or_else(|| missing(ident))
    }

    pub(crate) fn create(&mut self, entry: Entry) -> Result<Entry> {
        entry.ident.check()?;
        if self.tables.contains_key(&entry.ident) {
            return Err(taken(&entry.ident));
        }
        self.add_namespace(&entry.ident.namespace);
        self.tables.insert(entry.ident.clone(), entry.clone());
        Ok(entry)
    }

    pub(crate) fn remove(&mut self, ident: &TableIdent) -> Result<Entry> {
        self.tables.remove(ident).ok_or_else(|| missing(ident))
    }

    pub(crate) fn rename(&mut self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        to.check()?;
        self.load(from)?;
        if self.tables.contains_key(to) {
            return Err(taken(to));
        }
        let mut entry = self.remove(from)?;
        entry.ident = to.clone();
        self.add_namespace(&to.namespace);
        self.tables.insert(to.clone(), entry);
        Ok(())
    }

    /// All or nothing: every swap is checked before the first one is made.
    pub(crate) fn swap(&mut self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        SwapArgs::check(&swaps).map_err(|e| e.with_commit_state(CommitState::NotCommitted))?;
        for swap in &swaps {
            let fail = |error: Error| {
                error.with_context("table", &swap.ident).with_commit_state(CommitState::NotCommitted)
            };
            let Ok(entry) = self.load(&swap.ident) else {
                return Err(fail(Error::not_found("the catalog has no such table")));
            };
            if entry.pointer != swap.expected {
                let found = entry.pointer.as_ref().map_or("none", |pointer| pointer.0.as_str());
                let expected = swap.expected.as_ref().map_or("none", |pointer| pointer.0.as_str());
                return Err(fail(Error::conflict("the table points elsewhere than expected"))
                    .with_context("expected", expected)
                    .with_context("found", found));
            }
        }
        let set = |swap: SwapArgs| {
            let entry = self.tables.get_mut(&swap.ident)?;
            entry.pointer = swap.new;
            Some(entry.clone())
        };
        Ok(swaps.into_iter().filter_map(set).collect())
    }

    pub(crate) fn namespace_properties(&self, namespace: &[String]) -> Result<&BTreeMap<String, String>> {
        self.namespaces.get(namespace).ok_or_else(|| missing_namespace(namespace))
    }

    pub(crate) fn alter_namespace(&mut self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        let fail = |error: Error| error.with_context("namespace", namespace.join("."));
        change.check(namespace).map_err(fail)?;
        match change {
            NamespaceChange::Create(properties) => {
                if self.namespaces.contains_key(namespace) {
                    return Err(fail(Error::new(ErrorKind::AlreadyExists, "the namespace is there already")));
                }
                self.namespaces.insert(namespace.to_vec(), properties);
                Ok(())
            }
            NamespaceChange::Drop => {
                self.namespace_properties(namespace)?;
                let table = self.tables.keys().any(|ident| ident.namespace.starts_with(namespace));
                let below =
                    |other: &Vec<String>| other.len() > namespace.len() && other.starts_with(namespace);
                if table || self.namespaces.keys().any(below) {
                    return Err(fail(Error::conflict("the namespace is not empty")));
                }
                self.namespaces.remove(namespace);
                Ok(())
            }
            NamespaceChange::SetProperties(changes) => {
                let missing = || missing_namespace(namespace);
                let properties = self.namespaces.get_mut(namespace).ok_or_else(missing)?;
                for (key, value) in changes {
                    match value {
                        Some(value) => properties.insert(key, value),
                        None => properties.remove(&key),
                    };
                }
                Ok(())
            }
            _ => Err(fail(Error::unsupported("the catalog does not know this change of a namespace"))),
        }
    }

    fn add_namespace(&mut self, namespace: &[String]) {
        if !namespace.is_empty() {
            self.namespaces.entry(namespace.to_vec()).or_default();
        }
    }
}

fn missing_namespace(namespace: &[String]) -> Error {
    Error::not_found("the catalog has no such namespace").with_context("namespace", namespace.join("."))
}

fn missing(ident: &TableIdent) -> Error {
    Error::not_found("the catalog has no such table").with_context("table", ident)
}

fn taken(ident: &TableIdent) -> Error {
    Error::new(ErrorKind::AlreadyExists, "the table is there already").with_context("table", ident)
}
