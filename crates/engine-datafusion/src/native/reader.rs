//! Reads a file from the store that it came with.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use stitchwork_core::object_store::{ObjectMeta, ObjectStoreExt};

use super::files::FileContext;
use crate::convert::internal;
use crate::error::from_datafusion;

/// Opens each file in its own store, with the footers that are kept.
#[derive(Debug)]
pub(crate) struct StoreReaderFactory {
    cache: Arc<FileMetadataCache>,
}

impl StoreReaderFactory {
    pub(crate) fn new(cache: Arc<FileMetadataCache>) -> Self {
        Self { cache }
    }
}

impl ParquetFileReaderFactory for StoreReaderFactory {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let context = file
            .extension::<Arc<FileContext>>()
            .cloned()
            .ok_or_else(|| internal("a file came without its store"))?;
        let (meta, whole) = (file.object_meta.clone(), file.range.is_none());
        let bytes = CachedParquetFileReaderFactory::new(context.store.clone(), self.cache.clone())
            .create_reader(partition, file, hint, metrics)?;
        Ok(Box::new(StoreReader { bytes, context, meta, whole, cache: self.cache.clone(), hint }))
    }
}

/// DataFusion's reader, but for errors: its own loses their kind while it reads the footer.
struct StoreReader {
    bytes: Box<dyn AsyncFileReader + Send>,
    context: Arc<FileContext>,
    meta: ObjectMeta,
    /// Whether all row groups are read.
    whole: bool,
    cache: Arc<FileMetadataCache>,
    hint: Option<usize>,
}

impl StoreReader {
    fn error(context: &FileContext, error: datafusion::common::DataFusionError) -> ParquetError {
        let error = from_datafusion(error).with_context("location", context.object.location());
        ParquetError::External(Box::new(error))
    }
}

impl AsyncFileReader for StoreReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let context = self.context.clone();
        self.bytes.get_bytes(range).map_err(move |e| Self::error(&context, e.into())).boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        let context = self.context.clone();
        self.bytes.get_byte_ranges(ranges).map_err(move |e| Self::error(&context, e.into())).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let policy = options.map(ArrowReaderOptions::column_index_policy);
        async move {
            let fetch = async |meta: &ObjectMeta| {
                DFParquetMetadata::new(self.context.store.as_ref(), meta)
                    .with_file_metadata_cache(Some(self.cache.clone()))
                    .with_metadata_size_hint(self.hint)
                    .with_page_index_policy(policy)
                    .fetch_metadata()
                    .await
                    .map_err(|e| Self::error(&self.context, e))
            };
            let error = match fetch(&self.meta).await {
                Err(error) if self.whole => error,
                fetched => return fetched,
            };
            // Some tables say wrongly how large their files are, or were rewritten without being told.
            match self.context.store.head(&self.meta.location).await {
                Ok(found) if found.size != self.meta.size => fetch(&found).await,
                _ => Err(error),
            }
        }
        .boxed()
    }
}
