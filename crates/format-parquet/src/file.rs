//! An opened Parquet file: its footer, its schema and its columns.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use futures::FutureExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use stitchwork_core::{Error, Object, Result};

use crate::columns::{Leaf, leaves};
use crate::error::{guard, panicked, read_error};
use crate::footer;
use crate::source::Source;

/// The key of the footer's metadata under which we keep the number of NaNs of each floating leaf, as a JSON
/// object by the leaf's place: bounds alone prove nothing about a column that may hold NaN.
pub(crate) const NAN_COUNTS: &str = "stitchwork.nan_counts";

/// A file whose footer has been read.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    pub(crate) source: Source,
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(crate) schema: SchemaRef,
    pub(crate) leaves: Arc<[Leaf]>,
    pub(crate) nans: Arc<BTreeMap<usize, u64>>,
}

impl ParquetFile {
    pub(crate) async fn open(object: &Object, tail_bytes: u64) -> Result<Self> {
        let mut source = Source::open(object, tail_bytes).await?;
        let metadata = AssertUnwindSafe(source.get_metadata(None)).catch_unwind().await;
        let metadata =
            metadata.unwrap_or_else(|panic| Err(panicked(&panic))).map_err(|e| read_error(object, e))?;
        let metadata = footer::mended(metadata);
        if let Some(column) = footer::interval_with_months(&metadata) {
            return Err(Error::unsupported("intervals that may have months and days are not supported")
                .with_context("column", column)
                .with_context("location", object.location()));
        }
        let arrow = arrow_metadata(&metadata).map_err(|e| read_error(object, e))?;
        let nans = nan_counts(&metadata);
        let mut in_schema = arrow.schema().metadata().clone();
        in_schema.remove(NAN_COUNTS);
        let schema = Arc::new(Schema::new_with_metadata(arrow.schema().fields().clone(), in_schema));
        let leaves: Arc<[Leaf]> = leaves(schema.fields()).into();
        let broken = |why: &str| Err(Error::invalid_data(why).with_context("location", object.location()));
        if leaves.len() != metadata.file_metadata().schema_descr().num_columns() {
            return broken("the schema in the footer does not fit the columns");
        }
        if metadata.row_groups().iter().any(|g| g.num_rows() < 0 || g.num_columns() != leaves.len()) {
            return broken("a row group in the footer does not fit the schema");
        }
        Ok(Self { source, metadata, schema, leaves, nans: Arc::new(nans) })
    }

    /// The same file with its page index, where it has one that can be read.
    pub(crate) async fn with_page_index(mut self) -> Result<Self> {
        let has_index = |group: &RowGroupMetaData| {
            group.columns().iter().any(|column| column.offset_index_offset().is_some())
        };
        if self.metadata.offset_index().is_some() || !self.metadata.row_groups().iter().any(has_index) {
            return Ok(self);
        }
        let mut reader = ParquetMetaDataReader::new_with_metadata(self.metadata.as_ref().clone())
            .with_page_index_policy(PageIndexPolicy::Optional);
        let loaded = AssertUnwindSafe(reader.load_page_index(&mut self.source)).catch_unwind().await;
        match loaded.unwrap_or_else(|panic| Err(panicked(&panic))) {
            Ok(()) => {
                if let Ok(metadata) = reader.finish() {
                    self.metadata = Arc::new(metadata);
                }
                Ok(self)
            }
            Err(e @ ParquetError::External(_)) => Err(read_error(self.source.object(), e)),
            // The index only ever leaves out work. The rows can be read without a broken one.
            Err(_) => Ok(self),
        }
    }

    /// The positions of the rows of each row group.
    pub(crate) fn row_ranges(&self) -> Vec<Range<u64>> {
        let mut end = 0;
        let rows = self.metadata.row_groups().iter().map(|group| group.num_rows().unsigned_abs());
        rows.map(|rows| {
            let start = end;
            end += rows;
            start..end
        })
        .collect()
    }
}

/// The offset of a row group's first byte.
pub(crate) fn group_start(group: &RowGroupMetaData) -> u64 {
    let first = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        // Some writers say 0 where there is no dictionary; no page is there, since the file begins with its
        // magic number.
        let dictionary = column.dictionary_page_offset().filter(|offset| *offset > 0);
        u64::try_from(dictionary.unwrap_or(i64::MAX).min(column.data_page_offset())).unwrap_or(0)
    };
    group.columns().iter().map(first).min().unwrap_or(0)
}

/// The arrow view of a file. The arrow schema that a writer left in the footer is only a hint, so a broken one
/// is passed over.
pub(crate) fn arrow_metadata(
    metadata: &Arc<ParquetMetaData>,
) -> std::result::Result<ArrowReaderMetadata, ParquetError> {
    let view =
        |options: ArrowReaderOptions| guard(|| ArrowReaderMetadata::try_new(metadata.clone(), options));
    let found = view(ArrowReaderOptions::new())
        .or_else(|_| view(ArrowReaderOptions::new().with_skip_arrow_metadata(true)))?;
    match footer::widened(found.schema(), metadata.file_metadata().schema_descr()) {
        Some(schema) => view(ArrowReaderOptions::new().with_schema(schema)),
        None => Ok(found),
    }
}

fn nan_counts(metadata: &ParquetMetaData) -> BTreeMap<usize, u64> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let text = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == NAN_COUNTS));
    text.and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok()).unwrap_or_default()
}
