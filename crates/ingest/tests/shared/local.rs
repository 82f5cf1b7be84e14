//! Worlds on this machine: in memory or in a folder, with and without a catalog.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Registry, Result};
use stitchwork_store_local::LocalStore;

use super::matrix::world::{Names, World};

fn registry() -> Result<Registry> {
    let mut registry = Registry::new();
    stitchwork_format_parquet::register(&mut registry)?;
    stitchwork_log_delta::register(&mut registry)?;
    stitchwork_log_files::register(&mut registry)?;
    stitchwork_log_iceberg::register(&mut registry)?;
    stitchwork_catalog_sql::register(&mut registry)?;
    Ok(registry)
}

/// Where the names of tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Catalog {
    /// Nowhere: a table is a folder.
    Folders,
    /// In a value.
    Memory,
    /// In a database in a file.
    Sqlite,
}

/// A new world; a durable one is in a folder, through our own store of files.
pub(crate) fn world(log: &'static str, catalog: Catalog, durable: bool) -> World {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
    let path = folder.path().to_owned();
    in_folder(log, catalog, durable, &path, Box::new(folder))
}

/// The world whose files are in a folder.
pub(crate) fn in_folder(
    log: &'static str,
    catalog: Catalog,
    durable: bool,
    folder: &Path,
    keep: Box<dyn Any + Send + Sync>,
) -> World {
    let names = match catalog {
        Catalog::Folders => Names::Folders,
        Catalog::Memory => Names::Shared(Arc::new(MemoryCatalog::new())),
        Catalog::Sqlite => Names::Url(format!("sqlite://{}/catalog.db", folder.display())),
    };
    let store: Arc<dyn ObjectStore> =
        if durable { Arc::new(LocalStore::new()) } else { Arc::new(InMemory::new()) };
    let (root, location) = match durable {
        true => ("file://".to_owned(), format!("file://{}/data", folder.display())),
        false => ("memory://".to_owned(), "memory:data".to_owned()),
    };
    World { log, root, location, store, namespace: "db".to_owned(), names, registry, keep }
}
