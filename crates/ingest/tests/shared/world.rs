//! What outlives a process: a store and a catalog.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStore;
use stitchwork_core::{Catalog, OpenUrl, Registry, Result};
use stitchwork_ingest::Destination;

use super::Violation;
use super::faults::Trouble;

/// Where the names of tables are.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// Nowhere: a table is a folder.
    Folders,
    /// In a value that all processes share.
    Shared(Arc<dyn Catalog>),
    /// In a database, which each process opens for itself.
    Url(String),
}

/// A store and a catalog.
pub(crate) struct World {
    /// The scheme of the log.
    pub(crate) log: &'static str,
    /// The root that the store is mounted at.
    pub(crate) root: String,
    /// The folder of the tables.
    pub(crate) location: String,
    /// The store, as each process gets it.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The namespace of the tables in the catalog.
    pub(crate) namespace: String,
    /// The catalog.
    pub(crate) names: Names,
    /// Everything that processes have at hand.
    pub(crate) registry: fn() -> Result<Registry>,
    /// What must live as long as the world: a folder, a server.
    pub(crate) keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("log", &self.log)
            .field("location", &self.location)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl World {
    /// The destination of a new process, whose requests meet the trouble.
    ///
    /// # Errors
    /// What opening the catalog says.
    pub(crate) async fn process(&self, trouble: &Trouble) -> Result<Destination> {
        let registry = (self.registry)()?;
        let catalog = match &self.names {
            Names::Folders => None,
            Names::Shared(catalog) => Some(catalog.clone()),
            Names::Url(url) => Some(registry.catalog(OpenUrl::new(url)).await?),
        };
        registry.stores().mount(&self.root, trouble.store(self.store.clone()));
        let destination = Destination::new(registry, self.log, &self.location);
        Ok(match catalog {
            Some(catalog) => destination.with_catalog(trouble.catalog(catalog), vec![self.namespace.clone()]),
            None => destination,
        })
    }

    /// The destination of a new process without trouble.
    ///
    /// # Errors
    /// What opening the catalog says.
    pub(crate) async fn destination(&self) -> Result<Destination, Violation> {
        self.process(&Trouble::none()).await.map_err(|e| format!("the world cannot be opened: {e:?}"))
    }

    /// Every object, with its size and when it was written.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn objects(&self) -> Result<Vec<String>, Violation> {
        let registry = self.destination().await?.registry;
        let folder = registry.stores().resolve(&self.location).map_err(|e| format!("{e:?}"))?;
        let objects: Vec<_> = self
            .store
            .list(Some(&folder.path))
            .map_ok(|object| format!("{} {} {}", object.location, object.size, object.last_modified))
            .try_collect()
            .await
            .map_err(|e| format!("the store cannot be listed: {e}"))?;
        let mut objects = objects;
        objects.sort();
        Ok(objects)
    }
}
