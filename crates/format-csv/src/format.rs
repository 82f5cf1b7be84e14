//! CSV as a [`Format`].

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, Options, ReadArgs,
    Registry, Result, WriteArgs, count_rows,
};

use crate::config::CsvConfig;
use crate::reader;
use crate::writer::CsvWriter;

/// The name that the format is registered under.
pub const SCHEME: &str = "csv";

/// Adds [`Csv`] with its default settings to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(Csv::new()))
}

/// CSV and its dialects.
#[derive(Debug, Clone, Default)]
pub struct Csv {
    config: CsvConfig,
}

impl Csv {
    /// The format with its default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format with settings.
    ///
    /// # Errors
    /// `InvalidConfig` when a setting cannot be.
    pub fn with_config(config: CsvConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The format with settings by their names, as [`CsvConfig::with_options`] has them.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown one, or a value that it cannot have.
    pub fn with_options(options: &Options) -> Result<Self> {
        Ok(Self { config: CsvConfig::default().with_options(options)? })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &CsvConfig {
        &self.config
    }
}

#[async_trait]
impl Format for Csv {
    fn info(&self) -> Info {
        Info { scheme: SCHEME, name: "CSV".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &["csv", "csv.gz", "csv.zst", "csv.bz2", "csv.xz", "tsv", "tsv.gz", "tsv.zst", "tsv.bz2", "tsv.xz"]
    }

    fn file_extension(&self, options: &Options) -> Result<String> {
        self.config.file_extension(options).map_err(|e| e.with_operation("format::file_extension"))
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        let schema = reader::schema(object, &self.config).await;
        schema.map_err(|e| e.with_operation("format::infer_schema"))
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let operation = "format::inspect";
        let bytes = object.fetch_size().await.map_err(|e| e.with_operation(operation))?;
        // A schema without columns: records are split, and none of their values looked at.
        let args = ReadArgs { schema: Some(Arc::new(Schema::empty())), ..ReadArgs::default() };
        let rows = reader::read(object, args, &self.config).await.map_err(|e| e.with_operation(operation))?;
        Ok(FileSummary::counted(count_rows(rows).await?, bytes))
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        reader::read(object, args, &self.config).await.map_err(|e| e.with_operation("format::read"))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let writer = CsvWriter::new(object, args, &self.config);
        Ok(Box::new(writer.map_err(|e| e.with_operation("format::write"))?))
    }
}
