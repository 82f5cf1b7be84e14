//! Settings of the engine.

use std::sync::Arc;

use datafusion::config::Dialect;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, UnboundedMemoryPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::object_store::memory::InMemory;
use stitchwork_core::{Error, OpenUrl, Options, Result, settings};
use url::Url;

use crate::error::FromDataFusion;

/// The catalog of relations that are registered one by one.
pub(crate) const CATALOG: &str = "datafusion";
/// The schema of relations that are registered under a bare name.
pub(crate) const SCHEMA: &str = "public";

/// Whose spelling of SQL the parser takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SqlDialect {
    /// The standard, with what most databases agree on.
    #[default]
    Generic,
    /// PostgreSQL's.
    PostgreSql,
    /// DuckDB's.
    DuckDb,
    /// Databricks's.
    Databricks,
    /// Snowflake's.
    Snowflake,
    /// BigQuery's.
    BigQuery,
}

impl SqlDialect {
    pub(crate) const fn parser(self) -> Dialect {
        match self {
            Self::Generic => Dialect::Generic,
            Self::PostgreSql => Dialect::PostgreSQL,
            Self::DuckDb => Dialect::DuckDB,
            Self::Databricks => Dialect::Databricks,
            Self::Snowflake => Dialect::Snowflake,
            Self::BigQuery => Dialect::BigQuery,
        }
    }
}

/// Settings of the engine; the defaults are those that were fastest in our measurements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataFusionConfig {
    /// How many parts of a query run at once; the number of processors when `None`. More of them than
    /// processors was slower by a tenth.
    pub target_partitions: Option<usize>,
    /// The most rows of a batch. 8,192 keeps a batch of a few columns within a processor's cache; 32,768 was
    /// not faster.
    pub batch_size: usize,
    /// The most bytes that sorts, joins and aggregates hold at once, over all queries; sorts and aggregates
    /// spill to disk above their share of it. No bound when `None`.
    pub memory_limit: Option<u64>,
    /// Filters are evaluated while a file is decoded, so that other columns are decoded for rows that pass
    /// alone. Saved a tenth over all queries and a third where few rows pass; where the bounds of the columns let
    /// expect many, they are evaluated above.
    pub pushdown_filters: bool,
    /// Texts and bytes are read as views into the decoded pages. Without them, all queries together took a
    /// fifth longer. Results have plain texts and bytes either way, unless [`Self::view_results`] says otherwise.
    pub view_types: bool,
    /// Results keep their views, as DataFusion gives them: for those who take them on without a copy. Plain texts and
    /// bytes, which every reader of Arrow knows, cost up to a sixth of a query that selects them from many rows.
    pub view_results: bool,
    /// The most bytes of decoded Parquet footers that are kept for later queries.
    pub metadata_cache: u64,
    /// A scan of more bytes than this is divided among the partitions, within files if need be.
    pub split_size: usize,
    /// Whose spelling of SQL the parser takes.
    pub dialect: SqlDialect,
}

impl Default for DataFusionConfig {
    fn default() -> Self {
        Self {
            target_partitions: None,
            batch_size: 8192,
            memory_limit: Some(2 << 30),
            pushdown_filters: true,
            view_types: true,
            view_results: false,
            metadata_cache: 50 << 20,
            split_size: 1 << 20,
            dialect: SqlDialect::Generic,
        }
    }
}

impl DataFusionConfig {
    /// The settings in the options and the query of a URL (`datafusion:?batch_size=1024`).
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown setting, or a value that is none.
    pub fn from_url(open: &OpenUrl) -> Result<Self> {
        let url = Url::parse(&open.url).map_err(|e| {
            Error::invalid_config("the URL is none").with_context("url", &open.url).with_source(e)
        })?;
        let pairs = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned()));
        let options: Options = pairs.chain(open.options.clone()).collect();
        serde_json::from_value(Value::Object(settings(&options))).map_err(|e| {
            Error::invalid_config("the engine does not take this setting")
                .with_context("reason", &e)
                .with_source(e)
        })
    }

    pub(crate) fn session(&self) -> Result<SessionConfig> {
        let positive = |name: &'static str, value: usize| match value {
            0 => Err(Error::invalid_config("the setting must be at least 1").with_context("setting", name)),
            value => Ok(value),
        };
        let mut session = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false)
            .with_repartition_file_min_size(self.split_size)
            .with_batch_size(positive("batch_size", self.batch_size)?);
        if let Some(partitions) = self.target_partitions {
            session = session.with_target_partitions(positive("target_partitions", partitions)?);
        }
        let options = session.options_mut();
        options.execution.parquet.pushdown_filters = self.pushdown_filters;
        // With a bound of one column's minimum, DataFusion 55.2 also leaves out rows that another column's or an
        // expression's is found in.
        options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
        // What is null is told otherwise by the plan than by its operators (`x is true` over an outer join): no matter.
        options.execution.skip_physical_aggregate_schema_check = true;
        // Casts to text make the type that columns have, so that comparing them needs no further cast.
        options.sql_parser.map_string_types_to_utf8view = self.view_types;
        Ok(session)
    }

    pub(crate) fn runtime(&self) -> Result<Arc<RuntimeEnv>> {
        let clamp = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let pool: Arc<dyn MemoryPool> = match self.memory_limit {
            Some(bytes) => Arc::new(FairSpillPool::new(clamp(bytes))),
            None => Arc::new(UnboundedMemoryPool::default()),
        };
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_metadata_cache_limit(clamp(self.metadata_cache))
            .build_arc()
            .ours()?;
        runtime.register_object_store(files_url()?.as_ref(), Arc::new(InMemory::new()));
        Ok(runtime)
    }
}

/// The store that scans name. DataFusion wants one store per scan; ours carry the store with each file, so
/// that one scan can read several, and this one stays empty.
pub(crate) fn files_url() -> Result<ObjectStoreUrl> {
    ObjectStoreUrl::parse("stitchwork://files").ours()
}

#[cfg(test)]
mod tests {
    use stitchwork_core::{ErrorKind, Options};

    use super::*;

    #[test]
    fn settings_come_from_urls_and_unknown_ones_are_refused() {
        let mut open = OpenUrl::new("datafusion:?batch_size=10&dialect=duckdb");
        open.options = Options::from([("memory_limit".to_owned(), "null".to_owned())]);
        let config = DataFusionConfig::from_url(&open).unwrap();
        assert_eq!((config.batch_size, config.memory_limit), (10, None));
        assert_eq!(config.dialect, SqlDialect::DuckDb);
        for url in ["datafusion:?batchsize=10", "datafusion:?batch_size=many"] {
            let error = DataFusionConfig::from_url(&OpenUrl::new(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{url}");
        }
        let none = DataFusionConfig { batch_size: 0, ..DataFusionConfig::default() };
        assert_eq!(none.session().unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
