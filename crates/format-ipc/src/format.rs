//! Arrow IPC as a [`Format`].

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, FileStats, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, Options,
    ReadArgs, Registry, Result, WriteArgs, count_rows,
};
use stitchwork_objects::{located, overlay};

use crate::config::{IpcConfig, Layout, OPTIONS};
use crate::form::Form;
use crate::reader;
use crate::statistics::{KEY, kept};
use crate::writer::IpcWriter;

/// The name that the format is registered under.
pub const SCHEME: &str = "ipc";

/// Adds [`Ipc`] with its default settings to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(Ipc::new()))
}

/// Arrow IPC, files and streams.
#[derive(Debug, Clone, Default)]
pub struct Ipc {
    config: IpcConfig,
}

impl Ipc {
    /// The format with its default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format with settings.
    ///
    /// # Errors
    /// `InvalidConfig` when the settings contradict each other.
    pub fn with_config(config: IpcConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The format with settings by their names.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown one, or a value that it cannot have.
    pub fn with_options(options: &Options) -> Result<Self> {
        Self::with_config(overlay(&IpcConfig::default(), options, &OPTIONS)?)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &IpcConfig {
        &self.config
    }

    async fn summary(&self, object: &Object) -> Result<FileSummary> {
        match Form::open(object, &self.config).await? {
            Form::File(file) => {
                let rows = file.rows().await.map_err(|e| located(e, object))?.iter().sum();
                let stats = match file.metadata.get(KEY) {
                    Some(text) => kept(text, &file.schema, rows),
                    None => FileStats { rows: Some(rows), ..FileStats::default() },
                };
                let mut split_offsets: Vec<_> = file.batches.iter().map(|block| block.offset).collect();
                split_offsets.sort_unstable();
                Ok(FileSummary { rows, bytes: file.source.size(), stats, split_offsets })
            }
            Form::Stream(_, _, source) => {
                // No column is decoded.
                let args = ReadArgs { projection: Some(vec![]), ..ReadArgs::default() };
                let object = object.clone().with_size(source.size());
                let rows = count_rows(reader::read(&object, args, &self.config).await?).await?;
                Ok(FileSummary::counted(rows, source.size()))
            }
        }
    }
}

#[async_trait]
impl Format for Ipc {
    fn info(&self) -> Info {
        Info {
            scheme: SCHEME,
            name: "Arrow IPC (arrow-ipc 59)".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities {
            write: true,
            read_with_range: true,
            field_ids: true,
            column_statistics: self.config.statistics && self.config.layout == Layout::File,
            exact_schema: true,
            ..FormatCapabilities::default()
        }
    }

    fn extensions(&self) -> &[&'static str] {
        &["arrow", "feather", "ipc", "arrows"]
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        let form = Form::open(object, &self.config).await;
        Ok(form.map_err(|e| e.with_operation("format::infer_schema"))?.schema().clone())
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        self.summary(object).await.map_err(|e| e.with_operation("format::inspect"))
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        reader::read(object, args, &self.config).await.map_err(|e| e.with_operation("format::read"))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let writer = IpcWriter::new(object, args, &self.config);
        Ok(Box::new(writer.map_err(|e| e.with_operation("format::write"))?))
    }
}
