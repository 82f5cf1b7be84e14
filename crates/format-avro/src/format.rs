//! Avro as a [`Format`].

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, Options, ReadArgs,
    Registry, Result, WriteArgs,
};
use stitchwork_objects::located;

use crate::config::AvroConfig;
use crate::error::broken;
use crate::reader::{self, Opened};
use crate::writer::AvroWriter;

/// The name that the format is registered under.
pub const SCHEME: &str = "avro";

/// Adds [`Avro`] with its default settings to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(Avro::new()))
}

/// Avro object container files.
#[derive(Debug, Clone, Default)]
pub struct Avro {
    config: AvroConfig,
}

impl Avro {
    /// The format with its default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format with settings.
    ///
    /// # Errors
    /// `InvalidConfig` when a setting cannot be.
    pub fn with_config(config: AvroConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The format with settings by their names.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown one, or a value that it cannot have.
    pub fn with_options(options: &Options) -> Result<Self> {
        Self::with_config(AvroConfig::of_options(options)?)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &AvroConfig {
        &self.config
    }

    async fn schema(&self, object: &Object) -> Result<SchemaRef> {
        let opened = Opened::new(object).await?;
        Ok(opened.rows(&self.config, 1).map_err(|e| located(e, object))?.schema())
    }

    async fn summary(&self, object: &Object) -> Result<FileSummary> {
        let mut opened = Opened::new(object).await?;
        let (mut rows, mut offsets) = (0_u64, vec![]);
        while let Some(block) = opened.blocks.next().await? {
            opened.blocks.skip(&block).await?;
            rows = rows.checked_add(block.rows).ok_or_else(|| broken("the blocks claim too many rows"))?;
            offsets.push(block.offset);
        }
        let summary = FileSummary::counted(rows, opened.blocks.size());
        Ok(FileSummary { split_offsets: offsets, ..summary })
    }
}

#[async_trait]
impl Format for Avro {
    fn info(&self) -> Info {
        Info { scheme: SCHEME, name: "Avro (arrow-avro 59)".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: true, read_with_range: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &["avro"]
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        self.schema(object).await.map_err(|e| e.with_operation("format::infer_schema"))
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let summary = self.summary(object).await;
        summary.map_err(|e| located(e, object).with_operation("format::inspect"))
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        reader::read(object, args, &self.config).await.map_err(|e| e.with_operation("format::read"))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let writer = AvroWriter::new(object, args, &self.config);
        Ok(Box::new(writer.map_err(|e| e.with_operation("format::write"))?))
    }
}
