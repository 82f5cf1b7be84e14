//! JSON as a [`Format`].

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, Options, ReadArgs,
    Registry, Result, WriteArgs, count_rows,
};

use crate::chunks::Chunks;
use crate::config::JsonConfig;
use crate::reader;
use crate::writer::JsonWriter;

/// The name that the format is registered under.
pub const SCHEME: &str = "json";

/// Adds [`Json`] with its default settings to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(Json::new()))
}

/// NDJSON and arrays of objects.
#[derive(Debug, Clone, Default)]
pub struct Json {
    config: JsonConfig,
}

impl Json {
    /// The format with its default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format with settings.
    ///
    /// # Errors
    /// `InvalidConfig` when a setting cannot be.
    pub fn with_config(config: JsonConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// The format with settings by their names.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown one, or a value that it cannot have.
    pub fn with_options(options: &Options) -> Result<Self> {
        Self::with_config(JsonConfig::of_options(options)?)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &JsonConfig {
        &self.config
    }
}

#[async_trait]
impl Format for Json {
    fn info(&self) -> Info {
        Info { scheme: SCHEME, name: "JSON (arrow-json 59)".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &[
            "json",
            "ndjson",
            "jsonl",
            "json.gz",
            "json.zst",
            "json.bz2",
            "json.xz",
            "ndjson.gz",
            "ndjson.zst",
            "ndjson.bz2",
            "ndjson.xz",
            "jsonl.gz",
            "jsonl.zst",
            "jsonl.bz2",
            "jsonl.xz",
        ]
    }

    fn file_extension(&self, options: &Options) -> Result<String> {
        self.config.file_extension(options).map_err(|e| e.with_operation("format::file_extension"))
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        let operation = "format::infer_schema";
        let mut chunks = Chunks::open(object, &self.config).await.map_err(|e| e.with_operation(operation))?;
        reader::schema(&mut chunks, &self.config).await.map_err(|e| e.with_operation(operation))
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let bytes = object.fetch_size().await.map_err(|e| e.with_operation("format::inspect"))?;
        // A schema without columns: the records are looked at, and none of their values kept.
        let args = ReadArgs { schema: Some(Arc::new(arrow_schema::Schema::empty())), ..ReadArgs::default() };
        let config = JsonConfig { strict: false, ..self.config.clone() };
        let rows =
            reader::read(object, args, &config).await.map_err(|e| e.with_operation("format::inspect"))?;
        Ok(FileSummary::counted(count_rows(rows).await?, bytes))
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        reader::read(object, args, &self.config).await.map_err(|e| e.with_operation("format::read"))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let writer = JsonWriter::new(object, args, &self.config);
        Ok(Box::new(writer.map_err(|e| e.with_operation("format::write"))?))
    }
}
