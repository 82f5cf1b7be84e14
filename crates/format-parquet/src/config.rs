//! How Parquet files are written and read.

use parquet::basic::{BrotliLevel, Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Options, Result};
use stitchwork_objects::overlay;

/// How the pages of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[serde(alias = "none")]
    Uncompressed,
    /// Snappy: fast, and what the oldest readers know.
    Snappy,
    /// Gzip.
    Gzip,
    /// Brotli.
    Brotli,
    /// LZ4 without framing (`LZ4_RAW`).
    Lz4,
    /// Zstandard.
    #[default]
    Zstd,
}

/// How Parquet files are written and read. Each field that concerns writing is also an option of
/// [`stitchwork_core::WriteArgs::options`] under its name, for one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParquetConfig {
    /// How pages are compressed.
    pub compression: Compression,
    /// The level of the compression; 3 for zstd and the codec's own default otherwise when `None`.
    pub compression_level: Option<i32>,
    /// The most rows of a row group.
    pub max_row_group_rows: usize,
    /// The size at which a row group is closed, by the estimate of its encoded bytes.
    pub row_group_bytes: usize,
    /// The size at which a data page is closed.
    pub data_page_bytes: usize,
    /// The most rows of a data page.
    pub data_page_rows: usize,
    /// The length to which texts and bytes are shortened in statistics; 0 for not at all.
    pub statistics_truncate_length: usize,
    /// Whether bounds are kept for each page, in the page index.
    pub page_index: bool,
    /// Whether columns are dictionary encoded where that pays: the first values of a column of the first level tell
    /// whether they repeat, and a dictionary that outgrows `data_page_bytes` is given up.
    pub dictionary: bool,
    /// Whether the arrow schema is kept in the footer, so that every arrow type comes back as it was.
    pub arrow_schema: bool,
    /// How many bytes of a file's end are read at first: a footer (or a file) within them takes one request.
    pub footer_bytes: u64,
}

/// The settings, those that are options of one file first.
pub(crate) const OPTIONS: [&str; 11] = [
    "compression",
    "compression_level",
    "max_row_group_rows",
    "row_group_bytes",
    "data_page_bytes",
    "data_page_rows",
    "statistics_truncate_length",
    "page_index",
    "dictionary",
    "arrow_schema",
    "footer_bytes",
];

/// The options of one file: the fields of [`ParquetConfig`] that concern writing.
const WRITE_OPTIONS: &[&str] = OPTIONS.split_at(10).0;

impl Default for ParquetConfig {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd,
            compression_level: None,
            max_row_group_rows: 1 << 20,
            row_group_bytes: 64 << 20,
            data_page_bytes: 1 << 20,
            data_page_rows: 20_000,
            statistics_truncate_length: 64,
            page_index: true,
            dictionary: true,
            arrow_schema: true,
            footer_bytes: 64 << 10,
        }
    }
}

impl ParquetConfig {
    /// Checks the values against each other.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the field.
    pub fn validate(&self) -> Result<()> {
        let sizes = [
            ("max_row_group_rows", self.max_row_group_rows),
            ("row_group_bytes", self.row_group_bytes),
            ("data_page_bytes", self.data_page_bytes),
            ("data_page_rows", self.data_page_rows),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(Error::invalid_config("a size must be above 0").with_context("option", name));
        }
        self.codec().map(|_| ())
    }

    /// These settings with the options of one file on top.
    pub(crate) fn with_options(&self, options: &Options) -> Result<Self> {
        let config = overlay(self, options, WRITE_OPTIONS)?;
        config.validate()?;
        Ok(config)
    }

    fn codec(&self) -> Result<Codec> {
        let refuse = |e: parquet::errors::ParquetError| {
            Error::invalid_config("the codec has no such level")
                .with_context("option", "compression_level")
                .with_context("compression", format!("{:?}", self.compression).to_lowercase())
                .with_source(e)
        };
        let unsigned = |level: i32| {
            u32::try_from(level).map_err(|e| {
                Error::invalid_config("the level is negative")
                    .with_context("option", "compression_level")
                    .with_source(e)
            })
        };
        Ok(match (self.compression, self.compression_level) {
            (Compression::Zstd, level) => {
                Codec::ZSTD(ZstdLevel::try_new(level.unwrap_or(3)).map_err(refuse)?)
            }
            (Compression::Gzip, Some(level)) => {
                Codec::GZIP(GzipLevel::try_new(unsigned(level)?).map_err(refuse)?)
            }
            (Compression::Gzip, None) => Codec::GZIP(GzipLevel::default()),
            (Compression::Brotli, Some(level)) => {
                Codec::BROTLI(BrotliLevel::try_new(unsigned(level)?).map_err(refuse)?)
            }
            (Compression::Brotli, None) => Codec::BROTLI(BrotliLevel::default()),
            (Compression::Uncompressed, None) => Codec::UNCOMPRESSED,
            (Compression::Snappy, None) => Codec::SNAPPY,
            (Compression::Lz4, None) => Codec::LZ4_RAW,
            (other, Some(_)) => {
                return Err(Error::invalid_config("the codec has no levels")
                    .with_context("option", "compression_level")
                    .with_context("compression", format!("{other:?}").to_lowercase()));
            }
        })
    }

    pub(crate) fn properties(&self, metadata: Vec<KeyValue>) -> Result<WriterProperties> {
        let truncate = (self.statistics_truncate_length > 0).then_some(self.statistics_truncate_length);
        let statistics = if self.page_index { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
        Ok(WriterProperties::builder()
            .set_compression(self.codec()?)
            .set_max_row_group_row_count(Some(self.max_row_group_rows))
            .set_max_row_group_bytes(Some(self.row_group_bytes))
            .set_data_page_size_limit(self.data_page_bytes)
            .set_dictionary_page_size_limit(self.data_page_bytes)
            .set_data_page_row_count_limit(self.data_page_rows)
            // The size and row limits of pages are only looked at between write batches.
            .set_write_batch_size(self.data_page_rows.min(1024))
            .set_statistics_truncate_length(truncate)
            .set_column_index_truncate_length(truncate)
            .set_statistics_enabled(statistics)
            .set_dictionary_enabled(self.dictionary)
            .set_created_by(format!("stitchwork version {} (parquet-rs)", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata((!metadata.is_empty()).then_some(metadata))
            .build())
    }
}

#[cfg(test)]
mod tests {
    use stitchwork_core::ErrorKind;

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn options_of_a_file_go_over_the_settings() {
        let config = ParquetConfig::default();
        let read = config.with_options(&options(&[
            ("compression", "gzip"),
            ("compression_level", "6"),
            ("max_row_group_rows", "100"),
            ("page_index", "false"),
        ]));
        let read = read.unwrap();
        assert_eq!((read.compression, read.compression_level), (Compression::Gzip, Some(6)));
        assert_eq!((read.max_row_group_rows, read.page_index), (100, false));
        assert_eq!(
            config.with_options(&options(&[("compression", "none")])).unwrap().compression,
            Compression::Uncompressed
        );
    }

    #[test]
    fn an_unknown_option_names_the_known_ones_and_a_bad_value_is_refused() {
        let config = ParquetConfig::default();
        let error = config.with_options(&options(&[("compresion", "zstd")])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.context("known").unwrap().contains("compression,compression_level"));
        for bad in [
            [("compression", "zip")],
            [("compression_level", "99")],
            [("row_group_bytes", "0")],
            [("row_group_bytes", "many")],
        ] {
            assert_eq!(config.with_options(&options(&bad)).unwrap_err().kind(), ErrorKind::InvalidConfig);
        }
        let level = options(&[("compression", "snappy"), ("compression_level", "1")]);
        assert_eq!(config.with_options(&level).unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
