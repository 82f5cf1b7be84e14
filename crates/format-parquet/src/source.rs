//! The bytes of an object, its end at hand.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use stitchwork_core::{Error, Object, Result};

/// The smallest Parquet file has two magic numbers and the length of a footer.
const SMALLEST: u64 = 12;

/// An object whose size is known and whose last bytes are in memory: footers, and small files as a whole, take
/// no further request.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) object: Object,
    pub(crate) size: u64,
    tail_start: u64,
    tail: Bytes,
}

impl Source {
    pub(crate) async fn open(object: &Object, tail_bytes: u64) -> Result<Self> {
        let tail_bytes = tail_bytes.max(8);
        let (size, tail) = match object.size {
            Some(size) => (size, None),
            None => match suffix(object, tail_bytes).await {
                Ok((size, tail)) => (size, Some(tail)),
                Err(e @ object_store::Error::NotFound { .. }) => return Err(object.error(e)),
                // Not every store answers a request for the end of an object, and none for that of an empty one.
                Err(_) => (object.fetch_size().await?, None),
            },
        };
        if size < SMALLEST {
            // A caller's size may belong to an object that is not there.
            object.store.head(&object.path).await.map_err(|e| object.error(e))?;
            return Err(Error::invalid_data("the object is too short to be a Parquet file")
                .with_context("location", object.location())
                .with_context("size", size));
        }
        let tail_start = size.saturating_sub(tail_bytes);
        let tail = match tail {
            Some(tail) => tail,
            None => {
                object.store.get_range(&object.path, tail_start..size).await.map_err(|e| object.error(e))?
            }
        };
        if tail.len() as u64 != size - tail_start {
            return Err(Error::invalid_data("the object has not the size that it should have")
                .with_context("location", object.location())
                .with_context("size", size));
        }
        Ok(Self { object: object.clone(), size, tail_start, tail })
    }

    /// How many bytes of the object's end are in memory.
    pub(crate) fn tail_len(&self) -> usize {
        self.tail.len()
    }

    fn check(&self, range: &Range<u64>) -> ParquetResult<()> {
        if range.start <= range.end && range.end <= self.size {
            return Ok(());
        }
        Err(ParquetError::EOF(format!(
            "bytes {}..{} are asked for of an object of {} bytes",
            range.start, range.end, self.size
        )))
    }

    /// The bytes, if they are in memory.
    fn at_hand(&self, range: &Range<u64>) -> Option<Bytes> {
        if range.is_empty() {
            return Some(Bytes::new());
        }
        let start = usize::try_from(range.start.checked_sub(self.tail_start)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.tail_start)?).ok()?;
        (end <= self.tail.len()).then(|| self.tail.slice(start..end))
    }

    async fn fetch(&self, ranges: Vec<Range<u64>>) -> ParquetResult<Vec<Bytes>> {
        ranges.iter().try_for_each(|range| self.check(range))?;
        let missing: Vec<_> = ranges.iter().filter(|r| self.at_hand(r).is_none()).cloned().collect();
        let mut fetched = if missing.is_empty() {
            vec![].into_iter()
        } else {
            let external = |e| ParquetError::External(Box::new(e));
            self.object.store.get_ranges(&self.object.path, &missing).await.map_err(external)?.into_iter()
        };
        let short = || ParquetError::EOF("the store returned fewer bytes than asked for".to_owned());
        ranges
            .into_iter()
            .map(|range| match self.at_hand(&range) {
                Some(bytes) => Ok(bytes),
                None => {
                    let bytes = fetched.next().ok_or_else(short)?;
                    (bytes.len() as u64 == range.end - range.start).then_some(bytes).ok_or_else(short)
                }
            })
            .collect()
    }
}

impl AsyncFileReader for Source {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { Ok(self.fetch(vec![range]).await?.pop().unwrap_or_default()) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.fetch(ranges).await }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let (size, tail) = (self.size, self.tail_len());
            // Level histograms and the encodings of pages are of no use here, and can be large.
            let options = ParquetMetaDataOptions::new()
                .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
                .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
            let reader = ParquetMetaDataReader::new()
                .with_metadata_options(Some(options))
                .with_prefetch_hint(Some(tail));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

/// The size of an object and its last bytes, in one request.
async fn suffix(object: &Object, bytes: u64) -> object_store::Result<(u64, Bytes)> {
    let options = GetOptions { range: Some(GetRange::Suffix(bytes)), ..GetOptions::default() };
    let result = object.store.get_opts(&object.path, options).await?;
    let size = result.meta.size;
    Ok((size, result.bytes().await?))
}
