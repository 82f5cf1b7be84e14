//! How IPC files are written and read.

use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions};
use arrow_ipc::{CompressionType, MetadataVersion};
use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Options, Result};
use stitchwork_objects::overlay;

/// How the buffers of an object are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: what is read need not be copied.
    #[serde(alias = "none")]
    Uncompressed,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    #[default]
    Zstd,
}

/// Which of the two forms an object has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// The file form, with a footer that says where each batch begins.
    #[default]
    File,
    /// The stream form: one message after the other.
    Stream,
}

/// How IPC files are written and read. Each field that concerns writing is also an option of
/// [`stitchwork_core::WriteArgs::options`] under its name, for one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpcConfig {
    /// The form that is written; reading finds out by itself.
    pub layout: Layout,
    /// How buffers are compressed.
    pub compression: Compression,
    /// The level of zstd, 3 when `None`; an error for the others.
    pub compression_level: Option<i32>,
    /// The most rows of a record batch: larger ones are cut.
    pub max_batch_rows: usize,
    /// Whether the bounds and null counts of the columns are kept in the footer of the file form.
    pub statistics: bool,
    /// How many bytes of an object's end are read at first: a footer (or a file) within them takes one request.
    pub footer_bytes: u64,
    /// The most bytes of a record batch or dictionary, decompressed, that are taken into memory.
    pub max_message_bytes: u64,
}

/// The settings, those that are options of one file first.
pub(crate) const OPTIONS: [&str; 7] = [
    "layout",
    "compression",
    "compression_level",
    "max_batch_rows",
    "statistics",
    "footer_bytes",
    "max_message_bytes",
];

/// The options of one file: the fields of [`IpcConfig`] that concern writing.
const WRITE_OPTIONS: &[&str] = OPTIONS.split_at(5).0;

impl Default for IpcConfig {
    fn default() -> Self {
        Self {
            layout: Layout::File,
            compression: Compression::Zstd,
            compression_level: None,
            max_batch_rows: 65_536,
            statistics: true,
            footer_bytes: 64 << 10,
            max_message_bytes: 4 << 30,
        }
    }
}

impl IpcConfig {
    /// Checks the values against each other.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.max_batch_rows == 0 {
            return Err(
                Error::invalid_config("a size must be above 0").with_context("option", "max_batch_rows")
            );
        }
        self.write_options().map(drop)
    }

    /// These settings with the options of one file on top.
    pub(crate) fn with_options(&self, options: &Options) -> Result<Self> {
        let config = overlay(self, options, WRITE_OPTIONS)?;
        config.validate()?;
        Ok(config)
    }

    pub(crate) fn write_options(&self) -> Result<IpcWriteOptions> {
        let compression = match self.compression {
            Compression::Uncompressed => None,
            Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
            Compression::Zstd => Some(CompressionType::ZSTD),
        };
        let wrong = |e: arrow_schema::ArrowError| {
            Error::invalid_config("the compression has no such level")
                .with_context("option", "compression_level")
                .with_source(e)
        };
        if self.compression == Compression::Uncompressed && self.compression_level.is_some() {
            return Err(Error::invalid_config("what is not compressed has no level")
                .with_context("option", "compression_level"));
        }
        let handling = match self.layout {
            // A file has one dictionary for each field, which can only grow.
            Layout::File => DictionaryHandling::Delta,
            // Every reader of streams knows how to replace a dictionary, and few know how to extend one.
            Layout::Stream => DictionaryHandling::Resend,
        };
        let options = IpcWriteOptions::try_new(64, false, MetadataVersion::V5)
            .and_then(|options| options.try_with_compression(compression))
            .and_then(|options| options.try_with_compression_level(self.compression_level))
            .map_err(wrong)?;
        Ok(options.with_dictionary_handling(handling))
    }
}
