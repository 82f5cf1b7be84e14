//! Parquet as a [`Format`].

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, Options, ReadArgs,
    Registry, Result, WriteArgs,
};
use stitchwork_objects::overlay;

use crate::config::{OPTIONS, ParquetConfig};
use crate::file::ParquetFile;
use crate::reader;
use crate::statistics::summarize;
use crate::writer::ParquetWriter;

/// The name that the format is registered under.
pub const SCHEME: &str = "parquet";

/// Adds [`Parquet`] with its default settings to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(Parquet::new()))
}

/// The Parquet format.
#[derive(Debug, Clone, Default)]
pub struct Parquet {
    config: ParquetConfig,
}

impl Parquet {
    /// The format with its default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format with settings.
    ///
    /// # Errors
    /// `InvalidConfig` when the settings contradict each other.
    pub fn with_config(config: ParquetConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The format with settings by their names.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown one, or a value that it cannot have.
    pub fn with_options(options: &Options) -> Result<Self> {
        Self::with_config(overlay(&ParquetConfig::default(), options, &OPTIONS)?)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &ParquetConfig {
        &self.config
    }

    async fn open(&self, object: &Object) -> Result<ParquetFile> {
        ParquetFile::open(object, self.config.footer_bytes).await
    }
}

#[async_trait]
impl Format for Parquet {
    fn info(&self) -> Info {
        Info {
            scheme: SCHEME,
            name: "Parquet (parquet-rs 59)".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities {
            write: true,
            read_with_predicate: true,
            read_with_range: true,
            field_ids: true,
            column_statistics: true,
            exact_schema: self.config.arrow_schema,
        }
    }

    fn extensions(&self) -> &[&'static str] {
        &["parquet", "parq", "pq"]
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        let file = self.open(object).await.map_err(|e| e.with_operation("format::infer_schema"))?;
        Ok(file.schema)
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let file = self.open(object).await.map_err(|e| e.with_operation("format::inspect"))?;
        Ok(summarize(&file.metadata, &file.leaves, &file.nans, file.source.size()))
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        let file = self.open(object).await.map_err(|e| e.with_operation("format::read"))?;
        reader::read(file, args).await.map_err(|e| e.with_operation("format::read"))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let writer = ParquetWriter::new(object, args, &self.config);
        Ok(Box::new(writer.map_err(|e| e.with_operation("format::write"))?))
    }
}
