//! The bytes of an object, its end at hand.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use stitchwork_core::{Error, ErrorKind, Object, Result};
use stitchwork_objects::{Missing, Tailed};

/// The smallest Parquet file has two magic numbers and the length of a footer.
const SMALLEST: u64 = 12;

/// The least that is read of an object's end: the length of a footer and the magic number.
const LEAST_TAIL: u64 = 8;

/// The magic number at the end of a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";

/// The magic number at the end of any other file.
const MAGIC: &[u8] = b"PAR1";

/// An object that is large enough for a Parquet file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    bytes: Tailed,
    /// Whether the caller was wrong about the size.
    other_size: bool,
}

impl Source {
    pub(crate) async fn open(object: &Object, tail_bytes: u64) -> Result<Self> {
        let opened = Tailed::open(object, tail_bytes.max(LEAST_TAIL)).await;
        let is_whole = |bytes: &Tailed| bytes.tail().ends_with(MAGIC) || bytes.tail().ends_with(ENCRYPTED);
        let (bytes, other_size) = match opened {
            // Some tables say wrongly how large their files are, or were rewritten without being told.
            Err(error) if object.size.is_some() && error.kind() == ErrorKind::InvalidData => {
                (Self::whatever_its_size(object, tail_bytes).await?, true)
            }
            Ok(bytes) if object.size.is_some() && !is_whole(&bytes) => {
                let told = bytes.size();
                let bytes = Self::whatever_its_size(object, tail_bytes).await?;
                let other_size = bytes.size() != told;
                (bytes, other_size)
            }
            opened => (opened?, false),
        };
        if bytes.size() < SMALLEST {
            return Err(Error::invalid_data("the object is too short to be a Parquet file")
                .with_context("location", object.location())
                .with_context("size", bytes.size()));
        }
        if bytes.tail().ends_with(ENCRYPTED) {
            return Err(Error::unsupported(
                "the file is encrypted, which is not supported; write it anew without",
            )
            .with_context("location", object.location()));
        }
        Ok(Self { bytes, other_size })
    }

    async fn whatever_its_size(object: &Object, tail_bytes: u64) -> Result<Tailed> {
        let object = Object { size: None, ..object.clone() };
        Tailed::open(&object, tail_bytes.max(LEAST_TAIL)).await
    }

    /// Whether the caller was wrong about the size, so that parts of the file that it names may not be all.
    pub(crate) fn has_other_size(&self) -> bool {
        self.other_size
    }

    /// The object.
    pub(crate) fn object(&self) -> &Object {
        self.bytes.object()
    }

    /// The size of the object.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.size()
    }

    async fn fetch(&self, ranges: &[Range<u64>]) -> ParquetResult<Vec<Bytes>> {
        self.bytes.fetch(ranges).await.map_err(|missing| match missing {
            Missing::Outside(range) => ParquetError::EOF(format!(
                "bytes {}..{} are asked for of an object of {} bytes",
                range.start,
                range.end,
                self.size()
            )),
            Missing::Short => ParquetError::EOF("the store returned fewer bytes than asked for".to_owned()),
            Missing::Store(error) => ParquetError::External(Box::new(error)),
        })
    }
}

impl AsyncFileReader for Source {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { Ok(self.fetch(std::slice::from_ref(&range)).await?.pop().unwrap_or_default()) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.fetch(&ranges).await }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let (size, tail) = (self.size(), self.bytes.tail().len());
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
