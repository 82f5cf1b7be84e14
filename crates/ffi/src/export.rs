//! Streams of ours as C streams.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use futures::StreamExt;
use stitchwork_core::{BatchStream, Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Batches that wait for a reader: one that is being read, one that is being made.
const AHEAD: usize = 1;

/// A stream that is read by a thread which may block.
///
/// A task of the runtime polls the stream and is at most a batch ahead of the reader. Dropping the reader drops
/// the stream.
#[derive(Debug)]
pub struct BlockingReader {
    schema: SchemaRef,
    /// `None` in the channel is the end: a channel that closes without it has lost its task.
    batches: mpsc::Receiver<Option<Result<RecordBatch>>>,
    failure: Failure,
    ended: bool,
}

/// The error of a stream, kept whole while C only sees its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failure {
    error: Arc<Mutex<Option<Error>>>,
}

impl Failure {
    fn set(&self, error: Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The error, once.
    pub(crate) fn take(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl BlockingReader {
    /// A reader of `stream`, which is polled on `runtime`.
    #[must_use]
    pub fn new(mut stream: BatchStream, runtime: &Handle) -> Self {
        let (sender, batches) = mpsc::channel(AHEAD);
        let schema = stream.schema();
        runtime.spawn(async move {
            loop {
                let next = tokio::select! {
                    // The reader went away, perhaps while the stream waits for something that never comes.
                    () = sender.closed() => return,
                    next = stream.next() => next,
                };
                let last = !matches!(next, Some(Ok(_)));
                if sender.send(next).await.is_err() || last {
                    return;
                }
            }
        });
        Self { schema, batches, failure: Failure::default(), ended: false }
    }

    pub(crate) fn failure(&self) -> Failure {
        self.failure.clone()
    }
}

impl Iterator for BlockingReader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let error = match futures::executor::block_on(self.batches.recv()) {
            Some(Some(Ok(batch))) => return Some(Ok(batch)),
            Some(None) => {
                self.ended = true;
                return None;
            }
            Some(Some(Err(error))) => error,
            None => Error::unexpected("the stream was lost: its task panicked or its runtime ended"),
        };
        self.ended = true;
        let text = to_arrow(&error);
        self.failure.set(error);
        Some(Err(text))
    }
}

impl RecordBatchReader for BlockingReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// The error as C can carry it: a text without zero bytes, and a variant that decides the number.
fn to_arrow(error: &Error) -> ArrowError {
    let text = format!("{error:?}").replace('\0', " ");
    match error.kind() {
        ErrorKind::Unsupported => ArrowError::NotYetImplemented(text),
        ErrorKind::Unavailable | ErrorKind::RateLimited => {
            ArrowError::IoError(text.clone(), std::io::Error::other(text))
        }
        _ => ArrowError::CDataInterface(text),
    }
}

/// The stream as a C stream, polled on `runtime`.
///
/// Buffers are shared, not copied. Whoever holds the C stream pulls from a thread that may block, and releases it;
/// an error of the stream is a non-zero code with the error's text.
#[must_use]
pub fn export_stream(stream: BatchStream, runtime: &Handle) -> FFI_ArrowArrayStream {
    FFI_ArrowArrayStream::new(Box::new(BlockingReader::new(stream, runtime)))
}

/// Writes the stream as a C stream to an address, as `RecordBatchReader._import_from_c` of pyarrow reads it.
///
/// # Errors
/// `InvalidInput` for a null address.
///
/// # Safety
/// `address` is null or that of memory of the size and alignment of an `ArrowArrayStream`, which nobody else
/// reads or writes meanwhile. What it holds is overwritten without being released.
pub unsafe fn export_stream_to(
    stream: BatchStream,
    runtime: &Handle,
    address: *mut FFI_ArrowArrayStream,
) -> Result<()> {
    if address.is_null() {
        return Err(Error::invalid_input("a stream cannot be written to a null address")
            .with_operation("ffi::export_stream_to"));
    }
    // SAFETY: the address is not null; the caller promises that it is valid for a write.
    unsafe { std::ptr::write(address, export_stream(stream, runtime)) };
    Ok(())
}
