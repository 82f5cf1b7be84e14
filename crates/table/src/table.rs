//! A table: a log, its formats and its stores, and every operation on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use futures::stream::BoxStream;
use serde_json::Value;
use stitchwork_core::{
    At, BatchStream, Catalog, Changes, CommitArgs, CreateArgs, DataFile, Formats, HistoryArgs, Log, LogArgs,
    Options, Registry, Relation, Result, ScanArgs, Snapshot, Stores, TableIdent, Version,
};

use crate::fit::check_fits;
use crate::sink::{FileSink, SinkArgs, writing_format};
use crate::{TableConfig, TableRelation, written};

/// Which table: by location, by name in a catalog, or by both.
#[derive(Debug, Clone)]
pub struct TableRef {
    /// The scheme of its log (`delta`, `iceberg`).
    pub log: String,
    /// Where it lies. Empty: where the catalog says.
    pub location: String,
    /// Its name.
    pub ident: Option<TableIdent>,
    /// The catalog that names it.
    pub catalog: Option<Arc<dyn Catalog>>,
    /// Options of the log.
    pub options: Options,
}

impl TableRef {
    /// A table that no catalog names.
    #[must_use]
    pub fn at(log: impl Into<String>, location: impl Into<String>) -> Self {
        Self {
            log: log.into(),
            location: location.into(),
            ident: None,
            catalog: None,
            options: Options::new(),
        }
    }

    /// The same under a name in a catalog.
    #[must_use]
    pub fn named(mut self, catalog: Arc<dyn Catalog>, ident: TableIdent) -> Self {
        self.catalog = Some(catalog);
        self.ident = Some(ident);
        self
    }

    fn log_args(&self, registry: &Registry, config: &TableConfig) -> LogArgs {
        LogArgs {
            location: self.location.clone(),
            ident: self.ident.clone(),
            catalog: self.catalog.clone(),
            stores: registry.stores().clone(),
            formats: registry.formats().clone(),
            options: self.options.clone(),
            budget: config.budget.clone(),
        }
    }
}

/// A table that can be read and changed. Clones share its log.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stores: Stores,
    pub(crate) formats: Formats,
    pub(crate) config: TableConfig,
}

impl Table {
    /// Opens a table.
    ///
    /// # Errors
    /// `NotFound` when there is none, or the log's scheme is not registered.
    pub async fn open(registry: &Registry, table: &TableRef, config: TableConfig) -> Result<Self> {
        let log = registry.log(&table.log)?.open(table.log_args(registry, &config)).await?;
        Ok(Self::new(log, registry.stores().clone(), registry.formats().clone(), config))
    }

    /// Makes a table.
    ///
    /// # Errors
    /// `AlreadyExists` when there is one; `Unsupported` for what its log cannot hold.
    pub async fn create(
        registry: &Registry,
        table: &TableRef,
        create: CreateArgs,
        config: TableConfig,
    ) -> Result<Self> {
        let log = registry.log(&table.log)?.create(table.log_args(registry, &config), create).await?;
        Ok(Self::new(log, registry.stores().clone(), registry.formats().clone(), config))
    }

    /// A table over an open log.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, stores: Stores, formats: Formats, config: TableConfig) -> Self {
        Self { log, stores, formats, config }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The same table with other settings.
    #[must_use]
    pub fn with_config(mut self, config: TableConfig) -> Self {
        self.config = config;
        self
    }

    /// The newest snapshot.
    ///
    /// # Errors
    /// What the log says.
    pub async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        self.log.snapshot(At::Latest).await
    }

    /// The table as it is or was, to be read by engines or by [`Relation::scan`].
    ///
    /// # Errors
    /// `NotFound` for a version that is not there.
    pub async fn relation(&self, at: At) -> Result<TableRelation> {
        // Only the newest state can be changed.
        let editable = at == At::Latest;
        let snapshot = self.log.snapshot(at).await?;
        Ok(TableRelation::new(snapshot, self.clone(), editable))
    }

    /// Reads the newest snapshot.
    ///
    /// # Errors
    /// What the log or the files say.
    pub async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        self.relation(At::Latest).await?.scan(args).await
    }

    /// The commits that made the table, newest first.
    #[must_use]
    pub fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        self.log.history(args)
    }

    /// Adds the columns of `schema` that the table lacks, nullable, at the end.
    ///
    /// # Errors
    /// `InvalidInput` where a column has another type, `Conflict` where another writer changed the schema.
    pub async fn add_columns(&self, schema: &SchemaRef) -> Result<Arc<dyn Snapshot>> {
        let mut tries = self.config.conflict_retries;
        loop {
            let base = self.snapshot().await?;
            // Another writer may have added the same columns meanwhile: then there is nothing left to do.
            let Some(merged) = crate::merge_schemas(&base.schema(), schema)? else { return Ok(base) };
            let changes = Changes { schema: Some(merged), ..Changes::default() };
            match self.log.commit(CommitArgs::new(base, "add columns", changes)).await {
                Ok(done) => return Ok(done.snapshot),
                Err(e) if tries > 0 && e.is_lost_race() => tries -= 1,
                Err(e) => return Err(e),
            }
        }
    }

    /// Adds the columns that rows of `schema` need, once it is sure that such rows fit otherwise: rows that are
    /// refused must leave no columns behind.
    pub(crate) async fn evolve_for(&self, schema: &SchemaRef) -> Result<Arc<dyn Snapshot>> {
        let base = self.snapshot().await?.schema();
        let merged = crate::merge_schemas(&base, schema)?.unwrap_or(base);
        check_fits(schema, &merged)?;
        self.add_columns(schema).await
    }

    /// Sets properties; `None` removes one.
    ///
    /// # Errors
    /// What the log says.
    pub async fn set_properties(
        &self,
        properties: BTreeMap<String, Option<String>>,
    ) -> Result<Arc<dyn Snapshot>> {
        let changes = Changes { properties, ..Changes::default() };
        let base = self.snapshot().await?;
        Ok(self.log.commit(CommitArgs::new(base, "set properties", changes)).await?.snapshot)
    }

    /// Starts to write data files of the snapshot's schema, which nobody sees until [`Table::commit_files`]
    /// names them.
    ///
    /// # Errors
    /// `NotFound` when the configured format is not registered.
    pub fn sink(&self, snapshot: Arc<dyn Snapshot>, prefix: &str) -> Result<FileSink> {
        Ok(FileSink::new(SinkArgs {
            log: self.log.clone(),
            snapshot,
            stores: self.stores.clone(),
            format: writing_format(&self.config, &self.formats)?,
            config: self.config.clone(),
            prefix: prefix.to_owned(),
        }))
    }

    /// Everything that must be remembered of a written file to commit it in another process.
    #[must_use]
    pub fn file_to_json(file: &DataFile) -> Value {
        written::to_json(file)
    }

    /// A file that [`Table::file_to_json`] has described, without statistics: [`Table::commit_files`] reads them anew.
    ///
    /// # Errors
    /// `InvalidData` for a description that is broken.
    pub fn file_from_json(&self, value: &Value, snapshot: &dyn Snapshot) -> Result<DataFile> {
        written::from_json(value, snapshot, self.log.as_ref())
    }
}
