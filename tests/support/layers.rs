//! Places for tables, in every combination of layers.

use std::fmt;
use std::sync::Arc;

use stitchwork::core::{Catalog, CreateArgs, OpenUrl, Registry, TableIdent, join};
use stitchwork::ingest::Destination;
use stitchwork::tables::{Table, TableConfig, TableRef};
use stitchwork::{Result, registry};
use tempfile::TempDir;

/// The table formats.
pub const LOGS: [&str; 2] = ["delta", "iceberg"];
/// The catalogs; `none` is a table that is found by its location alone.
pub const CATALOGS: [&str; 3] = ["none", "memory", "sqlite"];
/// The stores.
pub const STORES: [&str; 2] = ["file", "memory"];

/// One combination of layers, with a folder of its own.
pub struct Place {
    /// What is at hand.
    pub registry: Registry,
    /// The scheme of the log.
    pub log: String,
    /// The catalog.
    pub catalog: Option<Arc<dyn Catalog>>,
    /// The URL of the catalog, where it has one.
    pub catalog_url: String,
    /// The folder of the tables.
    pub location: String,
    /// The folder on disk.
    pub folder: TempDir,
    name: String,
}

impl Place {
    /// A place with these layers.
    ///
    /// # Errors
    /// What opening them says.
    pub async fn new(log: &str, catalog: &str, store: &str) -> Result<Self> {
        let folder = tempfile::tempdir()
            .map_err(|e| stitchwork::Error::unexpected("no temporary folder").with_source(e))?;
        let registry = registry()?;
        let catalog_url = match catalog {
            "sqlite" => format!("sqlite://{}/catalog.db", folder.path().display()),
            "memory" => "memory:".to_owned(),
            _ => String::new(),
        };
        let open = if catalog_url.is_empty() {
            None
        } else {
            Some(registry.catalog(OpenUrl::new(&catalog_url)).await?)
        };
        let location = if store == "file" {
            format!("file://{}/tables", folder.path().display())
        } else {
            "memory:tables".to_owned()
        };
        let name = format!("{log} × {catalog} × {store}");
        Ok(Self { registry, log: log.to_owned(), catalog: open, catalog_url, location, folder, name })
    }

    /// Every combination.
    ///
    /// # Errors
    /// As [`Place::new`].
    pub async fn all() -> Result<Vec<Self>> {
        let mut places = Vec::new();
        for log in LOGS {
            for catalog in CATALOGS {
                for store in STORES {
                    places.push(Self::new(log, catalog, store).await?);
                }
            }
        }
        Ok(places)
    }

    /// Where a table of this place is.
    #[must_use]
    pub fn reference(&self, name: &str) -> TableRef {
        let reference = TableRef::at(&self.log, join(&self.location, name));
        match &self.catalog {
            Some(catalog) => reference.named(catalog.clone(), TableIdent::new("ns", name)),
            None => reference,
        }
    }

    /// Makes a table.
    ///
    /// # Errors
    /// What the log says.
    pub async fn create(&self, name: &str, create: CreateArgs) -> Result<Table> {
        Table::create(&self.registry, &self.reference(name), create, TableConfig::default()).await
    }

    /// Opens a table anew, as another process would.
    ///
    /// # Errors
    /// What the log says.
    pub async fn open(&self, name: &str) -> Result<Table> {
        Table::open(&self.registry, &self.reference(name), TableConfig::default()).await
    }

    /// A destination for pipelines.
    #[must_use]
    pub fn destination(&self) -> Destination {
        let destination = Destination::new(self.registry.clone(), &self.log, &self.location);
        match &self.catalog {
            Some(catalog) => destination.with_catalog(catalog.clone(), vec!["ns".to_owned()]),
            None => destination,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
