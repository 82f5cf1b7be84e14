//! SQL over the tables of a destination.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches_with_schema;
use stitchwork_core::{
    BatchStream, Engine, OpenUrl, Options, QueryArgs, Registry, Result, TableIdent, collect,
};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};
use stitchwork_ingest::{DestinationNames, IntoDestination};
use stitchwork_table::{CatalogNames, FileSet, TableConfig};

use crate::{absolute, registry};

/// An engine that knows tables by name: those of destinations, of catalogs, and files.
///
/// A destination brings its own registry; catalogs and files are opened with that of the session.
#[derive(Debug, Clone)]
pub struct Session {
    engine: Arc<dyn Engine>,
    /// Everything that the features bring, made when it is needed, where none was given.
    registry: Option<Registry>,
}

impl Session {
    /// DataFusion, without any table yet.
    ///
    /// # Errors
    /// What setting up the engine says.
    pub fn new() -> Result<Self> {
        Ok(Self::with_engine(Arc::new(DataFusionEngine::new(DataFusionConfig::default())?)))
    }

    /// The engine that a URL opens in a registry (`duckdb:?threads=2`), and that registry.
    ///
    /// # Errors
    /// `NotFound` for an engine that the registry has not; what opening it says.
    pub async fn open(registry: Registry, engine: OpenUrl) -> Result<Self> {
        let engine = registry.engine(engine).await?;
        Ok(Self::with_engine(engine).with_registry(registry))
    }

    /// Any other engine.
    #[must_use]
    pub fn with_engine(engine: Arc<dyn Engine>) -> Self {
        Self { engine, registry: None }
    }

    /// Opens catalogs and files with what this registry has, connectors from outside among it, in place of
    /// everything that the enabled features bring.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Gives options to the stores of a scheme (`s3://`) or to that of a root (`s3://bucket`) in the session's
    /// registry: to those that are opened from now on, which then check them.
    ///
    /// # Errors
    /// What making the registry says.
    pub fn store_options<K: Into<String>, V: Into<String>>(
        mut self,
        scheme_or_root: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        let options: Options = options.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.at_hand()?.stores().set_options_for(scheme_or_root, options);
        Ok(self)
    }

    fn at_hand(&mut self) -> Result<&Registry> {
        let registry = match self.registry.take() {
            Some(registry) => registry,
            None => registry()?,
        };
        Ok(self.registry.insert(registry))
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

    /// Makes the tables of a catalog, which the session's registry opens by URL, known as `name.namespace.table`.
    ///
    /// # Errors
    /// What opening the catalog says; `InvalidInput` for a name that the engine keeps for itself.
    pub async fn attach_catalog(mut self, name: &str, catalog: OpenUrl) -> Result<Self> {
        let registry = self.at_hand()?.clone();
        let catalog = registry.catalog(catalog).await?;
        let names = CatalogNames::new(catalog, registry, TableConfig::default());
        self.engine.attach(name, Arc::new(names)).await?;
        Ok(self)
    }

    /// Makes files known as the table `name`: objects (`s3://bucket/x.csv`), patterns and folders, whose formats the
    /// session's registry finds by the endings of their names.
    ///
    /// # Errors
    /// `NotFound` where there are none, or the registry has no format for them; what reading their columns says.
    pub async fn attach_files<S: AsRef<str>>(mut self, name: &str, locations: &[S]) -> Result<Self> {
        let locations =
            locations.iter().map(|location| absolute(location.as_ref())).collect::<Result<Vec<_>>>()?;
        let files = FileSet::open(self.at_hand()?, &locations).await?;
        self.engine.register(&TableIdent::bare(name), Arc::new(files)).await?;
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

    /// The result of a query as a table of text: the names of its columns, even where there is no row.
    ///
    /// # Errors
    /// What is wrong with the query or the tables.
    pub async fn show(&self, sql: &str) -> Result<String> {
        let stream = self.query(sql).await?;
        let schema = stream.schema();
        let batches = collect(stream).await?;
        let has_rows = batches.iter().any(|batch| batch.num_rows() > 0);
        if schema.fields().is_empty() && !has_rows {
            return Ok(NO_ROWS.to_owned());
        }
        let table = pretty_format_batches_with_schema(schema, &batches)?;
        Ok(if has_rows { table.to_string() } else { format!("{table}\n{NO_ROWS}") })
    }
}

/// What stands for the rows of a result that has none.
const NO_ROWS: &str = "no rows";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_result_shows_its_columns() {
        let session = Session::new().unwrap();
        let shown = session.show("select 1 as one, 'x' as two where false").await.unwrap();
        assert_eq!(shown, "+-----+-----+\n| one | two |\n+-----+-----+\n+-----+-----+\nno rows");
        let shown = session.show("select 1 as one").await.unwrap();
        assert_eq!(shown, "+-----+\n| one |\n+-----+\n| 1   |\n+-----+");
    }
}
