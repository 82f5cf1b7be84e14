//! How Avro files are written and read.

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Options, Result, check_options};

use crate::codec::Compression;
use crate::shape;

/// How Avro files are written and read. `compression` and `block_rows` are also options of
/// [`stitchwork_core::WriteArgs::options`] under their names, for one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AvroConfig {
    /// How blocks are compressed.
    pub compression: Compression,
    /// The most rows of a block.
    pub block_rows: usize,
    /// The Avro schema, as JSON, that rows are read as, by the specification's
    /// [schema resolution](https://avro.apache.org/docs/1.12.0/specification/#schema-resolution); the one that they
    /// were written with when `None`.
    pub reader_schema: Option<String>,
    /// The most bytes of a block, decompressed, that are taken into memory.
    pub max_block_bytes: u64,
}

/// The settings, in the order of the fields.
const OPTIONS: [&str; 4] = ["compression", "block_rows", "reader_schema", "max_block_bytes"];
/// Those that are options of a single file too.
const FILE_OPTIONS: [&str; 2] = ["compression", "block_rows"];

impl Default for AvroConfig {
    fn default() -> Self {
        Self {
            compression: Compression::Deflate,
            block_rows: 8192,
            reader_schema: None,
            max_block_bytes: 1 << 30,
        }
    }
}

impl AvroConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.block_rows == 0 {
            return Err(Error::invalid_config("a size must be above 0").with_context("option", "block_rows"));
        }
        match self.reader_schema.as_deref().map(shape::parse) {
            Some(Err(e)) => Err(Error::invalid_config("the schema cannot be read as one")
                .with_context("option", "reader_schema")
                .with_source(e)),
            _ => Ok(()),
        }
    }

    /// Settings by their names.
    pub(crate) fn of_options(options: &Options) -> Result<Self> {
        Self::default().set(options, &OPTIONS)
    }

    /// These settings with the options of one file on top.
    pub(crate) fn with_options(&self, options: &Options) -> Result<Self> {
        self.set(options, &FILE_OPTIONS)
    }

    fn set(&self, options: &Options, known: &[&str]) -> Result<Self> {
        check_options(options, known)?;
        let mut config = self.clone();
        let wrong = |option: &'static str, value: &str| {
            Error::invalid_config("an option has a value that it cannot have")
                .with_context("option", option)
                .with_context("value", value)
        };
        if let Some(text) = options.get("compression") {
            let value = serde_json::from_value(text.as_str().into());
            config.compression = value.map_err(|e| wrong("compression", text).with_source(e))?;
        }
        if let Some(text) = options.get("block_rows") {
            config.block_rows = text.parse().map_err(|_| wrong("block_rows", text))?;
        }
        if let Some(text) = options.get("max_block_bytes") {
            config.max_block_bytes = text.parse().map_err(|_| wrong("max_block_bytes", text))?;
        }
        if let Some(text) = options.get("reader_schema") {
            config.reader_schema = Some(text.clone());
        }
        config.validate()?;
        Ok(config)
    }
}
