//! The tables of a catalog, as engines find them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use stitchwork_core::{
    At, Catalog, Entry, ErrorKind, ListArgs, Names, Registry, Relation, Result, TableIdent,
};

use crate::{Metadata, Table, TableConfig, TableRef};

/// Finds tables through a catalog. A table's log is opened once and kept, so that the next query only asks it
/// what is new; the catalog is asked each time whether the name still means that table.
#[derive(Debug)]
pub struct CatalogNames {
    catalog: Arc<dyn Catalog>,
    registry: Registry,
    config: TableConfig,
    opened: Mutex<HashMap<TableIdent, (String, String, Table)>>,
}

impl CatalogNames {
    /// The tables of this catalog, opened with what the registry has.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, registry: Registry, config: TableConfig) -> Self {
        Self { catalog, registry, config, opened: Mutex::new(HashMap::new()) }
    }

    /// The table of a name.
    ///
    /// # Errors
    /// `NotFound` when the catalog has none.
    pub async fn table(&self, ident: &TableIdent) -> Result<Table> {
        let Entry { log, location, .. } = self.catalog.load(ident).await?;
        if let Some((known_log, known_location, table)) = self.opened.lock().get(ident)
            && *known_log == log
            && *known_location == location
        {
            return Ok(table.clone());
        }
        let reference =
            TableRef::at(log.clone(), location.clone()).named(self.catalog.clone(), ident.clone());
        let table = Table::open(&self.registry, &reference, self.config.clone()).await?;
        self.opened.lock().insert(ident.clone(), (log, location, table.clone()));
        Ok(table)
    }
}

#[async_trait]
impl Names for CatalogNames {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        if let Some((name, kind)) = Metadata::split(&ident.name) {
            let base = TableIdent { namespace: ident.namespace.clone(), name: name.to_owned() };
            match self.table(&base).await {
                Ok(table) => return Ok(Some(Arc::new(table.metadata(kind, at.clone()).await?))),
                // Then it may be the whole name of a table.
                Err(e) if e.kind() == ErrorKind::NotFound && self.is_unknown(&base).await => {}
                Err(e) => return Err(e),
            }
        }
        match self.table(ident).await {
            Ok(table) => Ok(Some(Arc::new(table.relation(at.clone()).await?))),
            // What a catalog knows beyond the name alone, an engine could not say.
            Err(e) if e.context("other_catalogs").is_some() => Err(e),
            Err(e) if e.kind() == ErrorKind::NotFound && self.is_unknown(ident).await => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        self.catalog.list(ListArgs::default())
    }
}

impl CatalogNames {
    /// Tells a name that the catalog does not have from a table whose files are gone.
    async fn is_unknown(&self, ident: &TableIdent) -> bool {
        matches!(self.catalog.load(ident).await, Err(e) if e.kind() == ErrorKind::NotFound)
    }
}
