//! What outlives a process: a store and a catalog.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore};
use serde::{Deserialize, Serialize};
use stitchwork_core::{Catalog, OpenUrl, Options, Registry, Result};
use stitchwork_ingest::Destination;

use super::Violation;
use super::faults::Trouble;

/// Where a world is, in words that another process understands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    /// The scheme of the log.
    pub(crate) log: String,
    /// The root of the store.
    pub(crate) root: String,
    /// The folder of the tables.
    pub(crate) location: String,
    /// The options of the store.
    pub(crate) options: Options,
    /// The URL of the catalog; without one, or with one that is a value, there is none.
    pub(crate) catalog: Option<String>,
    /// The namespace of the tables in the catalog.
    pub(crate) namespace: String,
}

/// A store and a catalog.
pub(crate) struct World {
    /// Where they are.
    pub(crate) address: Address,
    /// The store, as each process gets it.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The catalog that all processes share. Without one, each opens that of the address.
    pub(crate) catalog: Option<Arc<dyn Catalog>>,
    /// What must live as long as the world: a folder, a server.
    pub(crate) keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Everything that processes have at hand.
///
/// # Errors
/// When a scheme is taken twice.
pub(crate) fn registry() -> Result<Registry> {
    let mut registry = Registry::new();
    stitchwork_format_parquet::register(&mut registry)?;
    stitchwork_log_delta::register(&mut registry)?;
    stitchwork_log_files::register(&mut registry)?;
    stitchwork_log_iceberg::register(&mut registry)?;
    stitchwork_catalog_sql::register(&mut registry)?;
    stitchwork_store_local::register(&mut registry)?;
    stitchwork_stores::register(&mut registry)?;
    Ok(registry)
}

impl Address {
    /// The store as a process opens it for itself.
    ///
    /// # Errors
    /// What opening it says.
    pub(crate) fn store(&self) -> Result<Arc<dyn ObjectStore>> {
        let registry = registry()?;
        if !self.options.is_empty() {
            registry.stores().set_options_for(&self.root, self.options.clone());
        }
        Ok(registry.stores().resolve(&self.location)?.store)
    }

    /// The world, as another process finds it.
    ///
    /// # Errors
    /// What opening the store says.
    pub(crate) fn world(self) -> Result<World> {
        Ok(World { store: self.store()?, address: self, catalog: None, keep: Box::new(()) })
    }
}

impl World {
    /// The destination of a new process, whose requests meet the trouble.
    ///
    /// # Errors
    /// What opening the catalog says.
    pub(crate) async fn process(&self, trouble: &Trouble) -> Result<Destination> {
        let (registry, address) = (registry()?, &self.address);
        let catalog = match (&self.catalog, &address.catalog) {
            (Some(catalog), _) => Some(catalog.clone()),
            (None, Some(url)) => Some(registry.catalog(OpenUrl::new(url)).await?),
            (None, None) => None,
        };
        registry.stores().mount(&address.root, trouble.store(self.store.clone()));
        let destination = Destination::new(registry, &address.log, &address.location);
        Ok(match catalog {
            Some(catalog) => {
                destination.with_catalog(trouble.catalog(catalog), vec![address.namespace.clone()])
            }
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
        let listed = self.listed().await?.into_iter();
        let mut objects: Vec<_> = listed
            .map(|object| format!("{} {} {}", object.location, object.size, object.last_modified))
            .collect();
        objects.sort();
        Ok(objects)
    }

    /// Every object, as the store tells of it.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) async fn listed(&self) -> Result<Vec<ObjectMeta>, Violation> {
        let registry = self.destination().await?.registry;
        let folder = registry.stores().resolve(&self.address.location).map_err(|e| format!("{e:?}"))?;
        let objects = self.store.list(Some(&folder.path)).try_collect().await;
        objects.map_err(|e| format!("the store cannot be listed: {e}"))
    }
}
