//! Streams of record batches.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};

use crate::Result;

/// A stream of batches that all have one schema, known before the first batch.
///
/// After an error or the end, do not poll again.
pub trait RecordBatchStream: Stream<Item = Result<RecordBatch>> {
    /// The schema of every batch.
    fn schema(&self) -> SchemaRef;
}

/// A boxed stream of batches: how data moves at every seam.
pub type BatchStream = Pin<Box<dyn RecordBatchStream + Send>>;

/// Gives a schema to any stream of batches.
pub struct BatchStreamAdapter {
    schema: SchemaRef,
    stream: BoxStream<'static, Result<RecordBatch>>,
}

impl BatchStreamAdapter {
    /// The stream `stream`, whose batches must all have `schema`.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "the adapter is only ever used as a boxed stream")]
    pub fn new(
        schema: SchemaRef,
        stream: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> BatchStream {
        Box::pin(Self { schema, stream: stream.boxed() })
    }

    /// A stream over batches that are in memory already.
    #[must_use]
    pub fn from_batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> BatchStream {
        Self::new(schema, stream::iter(batches.into_iter().map(Ok)))
    }

    /// A stream without any batch.
    #[must_use]
    pub fn empty(schema: SchemaRef) -> BatchStream {
        Self::from_batches(schema, vec![])
    }
}

debug_fields!(BatchStreamAdapter: schema);

impl Stream for BatchStreamAdapter {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.poll_next_unpin(cx)
    }
}

impl RecordBatchStream for BatchStreamAdapter {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// Reads a whole stream into memory: for small results and tests.
/// # Errors
/// The first error of the stream.
pub async fn collect(stream: BatchStream) -> Result<Vec<RecordBatch>> {
    stream.try_collect().await
}

/// The rows of a stream, counted without keeping them.
/// # Errors
/// The first error of the stream.
pub async fn count_rows(stream: BatchStream) -> Result<u64> {
    stream.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows() as u64) }).await
}
