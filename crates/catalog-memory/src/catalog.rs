//! The catalog itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::RwLock;
use stitchwork_core::{
    Catalog, CatalogCapabilities, Entry, Info, ListArgs, NamespaceChange, Result, SwapArgs, TableIdent,
};

use crate::SCHEME;
use crate::state::State;

/// A catalog in memory. Clones are the same catalog; it is gone with the last of them.
#[derive(Debug, Clone, Default)]
pub struct MemoryCatalog {
    state: Arc<RwLock<State>>,
}

impl MemoryCatalog {
    /// A catalog without tables and namespaces.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Catalog for MemoryCatalog {
    fn info(&self) -> Info {
        Info { scheme: SCHEME, name: "in memory".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities {
            rename: true,
            namespaces: true,
            namespace_properties: true,
            multi_table: true,
            commits_on_server: false,
            durable: false,
        }
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        let below = |ident: &&TableIdent| ident.namespace.starts_with(&args.namespace);
        let idents: Vec<_> = self.state.read().tables.keys().filter(below).cloned().map(Ok).collect();
        stream::iter(idents).boxed()
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        self.state.read().load(ident).cloned().map_err(|e| e.with_operation("catalog::load"))
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        self.state.write().create(entry).map_err(|e| e.with_operation("catalog::create"))
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.state.write().remove(ident).map(|_| ()).map_err(|e| e.with_operation("catalog::remove"))
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.state.write().rename(from, to).map_err(|e| e.with_operation("catalog::rename"))
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        self.state.write().swap(swaps).map_err(|e| e.with_operation("catalog::swap"))
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        Ok(self.state.read().namespaces.keys().cloned().collect())
    }

    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        let properties = self.state.read().namespace_properties(namespace).cloned();
        properties.map_err(|e| e.with_operation("catalog::namespace_properties"))
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        self.state
            .write()
            .alter_namespace(namespace, change)
            .map_err(|e| e.with_operation("catalog::alter_namespace"))
    }
}
