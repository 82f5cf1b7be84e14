//! SQL over the tables of a destination.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use stitchwork_core::{BatchStream, Engine, QueryArgs, Result, collect};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};
use stitchwork_ingest::{DestinationNames, IntoDestination};

/// An engine that knows the tables of destinations by name.
#[derive(Debug, Clone)]
pub struct Session {
    engine: Arc<dyn Engine>,
}

impl Session {
    /// DataFusion, without any table yet.
    ///
    /// # Errors
    /// What setting up the engine says.
    pub fn new() -> Result<Self> {
        Ok(Self { engine: Arc::new(DataFusionEngine::new(DataFusionConfig::default())?) })
    }

    /// Any other engine.
    #[must_use]
    pub fn with_engine(engine: Arc<dyn Engine>) -> Self {
        Self { engine }
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Makes the tables of a destination known as `name.table`.
    ///
    /// # Errors
    /// `InvalidInput` for a name that the engine keeps for itself.
    pub async fn attach(self, name: &str, destination: impl IntoDestination) -> Result<Self> {
        let names = DestinationNames::new(destination.into_destination()?);
        self.engine.attach(name, Arc::new(names)).await?;
        Ok(self)
    }

    /// Runs a query and streams its result.
    ///
    /// # Errors
    /// What is wrong with the query or the tables.
    pub async fn query(&self, sql: &str) -> Result<BatchStream> {
        self.engine.query(QueryArgs::new(sql)).await
    }

    /// Runs a query with a small result.
    ///
    /// # Errors
    /// What is wrong with the query or the tables.
    pub async fn sql(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        collect(self.query(sql).await?).await
    }

    /// The result of a query as a table of text.
    ///
    /// # Errors
    /// What is wrong with the query or the tables.
    pub async fn show(&self, sql: &str) -> Result<String> {
        Ok(pretty_format_batches(&self.sql(sql).await?)?.to_string())
    }
}
