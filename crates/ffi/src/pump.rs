//! Readers that block, as streams.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::{FutureExt, Stream};
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Batches that wait to be polled.
const AHEAD: usize = 1;

/// What ends a call that may be under way on another thread.
pub(crate) type Cancel = Box<dyn FnOnce() + Send>;

/// Reads on a thread that may block, a batch or two ahead of who polls. Dropping the stream before its end calls
/// `cancel` and stops reading.
pub(crate) fn pump<R>(schema: SchemaRef, reader: R, runtime: &Handle, cancel: Option<Cancel>) -> BatchStream
where
    R: Iterator<Item = Result<RecordBatch>> + Send + 'static,
{
    let (sender, batches) = mpsc::channel(AHEAD);
    let thread = runtime.spawn_blocking(move || {
        for batch in reader {
            let last = batch.is_err();
            if sender.blocking_send(batch).is_err() || last {
                return;
            }
        }
    });
    let pump = Pump { batches, thread: Some(thread), cancel, runtime: runtime.clone() };
    BatchStreamAdapter::new(schema, pump)
}

struct Pump {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    /// Taken when it has ended.
    thread: Option<JoinHandle<()>>,
    cancel: Option<Cancel>,
    runtime: Handle,
}

impl Stream for Pump {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(batch) = ready!(self.batches.poll_recv(context)) {
            return Poll::Ready(Some(batch));
        }
        let Some(thread) = &mut self.thread else { return Poll::Ready(None) };
        let outcome = ready!(thread.poll_unpin(context));
        self.thread = None;
        self.cancel = None;
        Poll::Ready(
            outcome.err().map(|e| {
                Err(Error::unexpected("the thread that reads for the stream was lost").with_source(e))
            }),
        )
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // To cancel may take a round trip to a server.
            drop(self.runtime.spawn_blocking(cancel));
        }
    }
}
