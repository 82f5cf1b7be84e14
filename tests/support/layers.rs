//! Places for tables, in every combination of layers.

use std::fmt;
use std::sync::Arc;

use stitchwork::core::{Catalog, CreateArgs, ErrorKind, OpenUrl, Registry, TableIdent, join};
use stitchwork::ingest::Destination;
use stitchwork::tables::{Table, TableConfig, TableRef};
use stitchwork::{Error, Result, registry};
use stitchwork_services::{POSTGRES, in_test};
use tempfile::TempDir;

use crate::matrix;

/// The table formats that other programs read and write too.
pub const LOGS: [&str; 2] = ["delta", "iceberg"];
/// The catalogs that need no server.
const CATALOGS: [&str; 3] = ["none", "memory", "sqlite"];
/// The stores that need no server.
const STORES: [&str; 2] = ["file", "memory"];

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
    /// What opening them says, and `Unavailable` for a catalog whose server is not there.
    pub async fn new(log: &str, catalog: &str, store: &str) -> Result<Self> {
        Self::find(log, catalog, store).await?.ok_or_else(no_server)
    }

    /// A place with these layers, or `None` where the server of its catalog is not there; the output says so.
    ///
    /// # Errors
    /// What opening them says.
    pub async fn find(log: &str, catalog: &str, store: &str) -> Result<Option<Self>> {
        let folder = new_folder()?;
        let location = match store {
            "file" => format!("file://{}/tables", folder.path().display()),
            _ => "memory:tables".to_owned(),
        };
        Self::build(registry()?, folder, location, [log, catalog, store]).await
    }

    /// A place with these layers whose tables lie at a location of the store of this name, which the registry
    /// reaches.
    ///
    /// # Errors
    /// What opening them says.
    pub async fn over(
        registry: Registry,
        location: String,
        log: &str,
        catalog: &str,
        store: &str,
    ) -> Result<Self> {
        let built = Self::build(registry, new_folder()?, location, [log, catalog, store]).await?;
        built.ok_or_else(no_server)
    }

    async fn build(
        registry: Registry,
        folder: TempDir,
        location: String,
        layers: [&str; 3],
    ) -> Result<Option<Self>> {
        let [log, catalog, _] = layers;
        let catalog_url = match catalog {
            "sqlite" => format!("sqlite://{}/catalog.db", folder.path().display()),
            "memory" => "memory:".to_owned(),
            "postgres" => match database().await? {
                Some(url) => url,
                None => return Ok(None),
            },
            _ => String::new(),
        };
        let open = if catalog_url.is_empty() {
            None
        } else {
            Some(registry.catalog(OpenUrl::new(&catalog_url)).await?)
        };
        let name = layers.join(" × ");
        Ok(Some(Self { registry, log: log.to_owned(), catalog: open, catalog_url, location, folder, name }))
    }

    /// Every combination that needs no server, and each log with its entries in PostgreSQL, where that is there: over
    /// other stores it is the same catalog again.
    ///
    /// # Errors
    /// As [`Place::find`].
    pub async fn all() -> Result<Vec<Self>> {
        let mut places = Vec::new();
        for log in matrix::LOGS {
            for catalog in CATALOGS {
                for store in STORES {
                    places.push(Self::new(log, catalog, store).await?);
                }
            }
            places.extend(Self::find(log, "postgres", "file").await?);
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

fn new_folder() -> Result<TempDir> {
    tempfile::tempdir().map_err(|e| Error::unexpected("no temporary folder").with_source(e))
}

/// The URL of a database of PostgreSQL that nobody else has; `None`, and a line that says so, without the server.
async fn database() -> Result<Option<String>> {
    let made =
        tokio::task::spawn_blocking(|| in_test(&POSTGRES).map(|server| server.fresh("place")).transpose());
    let made = made.await.map_err(|e| Error::unexpected("the server was not asked for").with_source(e))?;
    made.map_err(|e| Error::unexpected("the server makes no database").with_source(e))
}

fn no_server() -> Error {
    Error::new(ErrorKind::Unavailable, "the server of the catalog is not there")
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
