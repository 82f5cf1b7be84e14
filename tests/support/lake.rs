//! A place with SQL over its tables, as `lake.ns.…`.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use futures::TryStreamExt;
use stitchwork::core::{CreateArgs, Error, HistoryArgs, OpenUrl, Version};
use stitchwork::tables::{CatalogNames, Table, TableConfig};
use stitchwork::{Result, Session, registry};

use crate::layers::Place;
use crate::rows::texts;

/// A place and a session that finds its tables.
#[derive(Debug)]
pub struct Lake {
    /// The layers.
    pub place: Place,
    /// The session.
    pub session: Session,
}

impl Lake {
    /// A lake with these layers, whose tables are found through the catalog.
    ///
    /// # Errors
    /// What opening them says.
    pub async fn new(log: &str, catalog: &str, store: &str) -> Result<Self> {
        let place = Place::new(log, catalog, store).await?;
        let lake = Self { place, session: Session::new()? };
        lake.attach(TableConfig::default()).await?;
        Ok(lake)
    }

    /// Writes data files in this way from now on.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn attach(&self, config: TableConfig) -> Result<()> {
        let Some(catalog) = self.place.catalog.clone() else {
            return Err(Error::invalid_input("a lake needs a catalog"));
        };
        let names = CatalogNames::new(catalog, self.place.registry.clone(), config);
        self.session.engine().attach("lake", Arc::new(names)).await
    }

    /// A session that knows nothing but the URL of the catalog, as another process would.
    ///
    /// # Errors
    /// What opening the catalog says.
    pub async fn stranger(&self) -> Result<Session> {
        let registry = registry()?;
        let catalog = registry.catalog(OpenUrl::new(&self.place.catalog_url)).await?;
        let session = Session::new()?;
        let names = CatalogNames::new(catalog, registry, TableConfig::default());
        session.engine().attach("lake", Arc::new(names)).await?;
        Ok(session)
    }

    /// Makes a table.
    ///
    /// # Errors
    /// What the log says.
    pub async fn create(&self, name: &str, create: CreateArgs) -> Result<Table> {
        self.place.create(name, create).await
    }

    /// The rows of a query as text, sorted.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn rows(&self, sql: &str) -> Result<Vec<String>> {
        texts(&self.session.sql(sql).await?)
    }

    /// Runs a change and gives the number of rows that it says.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn change(&self, sql: &str) -> Result<u64> {
        changed(&self.session.sql(sql).await?)
    }
}

/// The number of rows that the result of a change says.
///
/// # Errors
/// `Unexpected` for a result that is no count.
pub fn changed(result: &[RecordBatch]) -> Result<u64> {
    let count = match result {
        [batch] if batch.num_rows() == 1 && batch.num_columns() == 1 => {
            batch.column(0).as_primitive_opt::<UInt64Type>().map(|count| count.value(0))
        }
        _ => None,
    };
    count.ok_or_else(|| Error::unexpected("the result of a change is no count"))
}

/// Every version of a table, newest first.
///
/// # Errors
/// What the log says.
pub async fn versions(table: &Table) -> Result<Vec<Version>> {
    table.history(HistoryArgs::default()).try_collect().await
}
