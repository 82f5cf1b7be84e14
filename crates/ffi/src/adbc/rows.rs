//! The rows of a statement.

use std::fmt;

use adbc_core::{CancelHandle, Statement as _};
use adbc_driver_manager::ManagedStatement;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use stitchwork_core::{BatchStream, Error, ErrorKind, Result};
use tokio::runtime::Handle;

use super::error::from_driver;
use crate::pump::{Cancel, pump};
use crate::texts;

/// A statement that has rows and has not run yet.
pub struct Query {
    statement: ManagedStatement,
}

impl Query {
    pub(crate) fn new(statement: ManagedStatement) -> Self {
        Self { statement }
    }

    /// What ends the statement while [`Query::execute`] is under way on another thread.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller { handle: self.statement.get_cancel_handle() }
    }

    /// Runs the statement.
    ///
    /// # Errors
    /// What the database says.
    pub fn execute(mut self) -> Result<Rows> {
        let reader = self.statement.execute().map_err(|e| from_driver(e, "adbc::query"))?;
        Ok(Rows { reader, statement: self.statement, seen: 0 })
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").finish_non_exhaustive()
    }
}

/// Ends a statement that is under way on another thread, where the driver can do that.
pub struct Canceller {
    handle: Box<dyn CancelHandle>,
}

impl Canceller {
    /// Asks for the end.
    pub fn cancel(&self) {
        // Not every driver can; the statement then ends by itself.
        drop(self.handle.try_cancel());
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").finish_non_exhaustive()
    }
}

/// The rows of a statement that runs.
pub struct Rows {
    // Before the statement: the driver wants the rows released first.
    reader: Box<dyn RecordBatchReader + Send>,
    statement: ManagedStatement,
    /// How many rows were read.
    seen: u64,
}

impl Rows {
    /// The columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// The rows as a stream, read on a thread of `runtime` that may block. Dropping the stream before its end
    /// cancels the statement, where the driver can; the statement and `keep` live as long as it is read.
    #[must_use]
    pub fn into_stream<K: Send + 'static>(self, runtime: &Handle, keep: K) -> BatchStream {
        let canceller = Canceller { handle: self.statement.get_cancel_handle() };
        let cancel: Cancel = Box::new(move || canceller.cancel());
        let schema = self.schema();
        pump(schema, Reading { rows: self, _keep: keep }, runtime, Some(cancel))
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?.map_err(from_reader);
        Some(batch.and_then(|batch| {
            texts::check(&batch, self.seen)?;
            self.seen += batch.num_rows() as u64;
            Ok(batch)
        }))
    }
}

struct Reading<K> {
    rows: Rows,
    _keep: K,
}

impl<K> Iterator for Reading<K> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

/// An error in the middle of the rows: the driver tells no more than a text.
fn from_reader(error: ArrowError) -> Error {
    match error {
        ArrowError::CDataInterface(text) => {
            Error::new(ErrorKind::Unexpected, "the database fails while it gives rows")
                .with_operation("adbc::rows")
                .with_context("database_says", text.trim())
        }
        other => Error::from(other),
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("schema", &self.schema()).finish_non_exhaustive()
    }
}
