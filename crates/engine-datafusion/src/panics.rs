//! Panics of the engine as errors: its reader of Parquet gives up in this way over some files that are broken, and its planner
//! over some queries.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use arrow_array::RecordBatch;
use datafusion::common::DataFusionError;
use futures::{FutureExt, Stream, StreamExt};
use stitchwork_core::{Error, Result};

use crate::error::to_datafusion;

/// The work's result; an error where it panics.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(gave_up(panic.as_ref())))
}

/// The rows of a stream; an error, and nothing after it, where it panics.
pub(crate) fn caught_stream<S>(rows: S) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static
where
    S: Stream<Item = Result<RecordBatch>> + Send + 'static,
{
    caught_rows(rows, gave_up)
}

/// The same with an error of the caller's choice.
pub(crate) fn caught_rows<S, E>(
    rows: S,
    told: fn(&(dyn Any + Send)) -> E,
) -> impl Stream<Item = std::result::Result<RecordBatch, E>> + Send + 'static
where
    S: Stream<Item = std::result::Result<RecordBatch, E>> + Send + 'static,
    E: Send + 'static,
{
    futures::stream::unfold(Some(Box::pin(rows)), move |rows| async move {
        let mut rows = rows?;
        match AssertUnwindSafe(rows.next()).catch_unwind().await {
            Ok(batch) => batch.map(|batch| (batch, Some(rows))),
            Err(panic) => Some((Err(told(panic.as_ref())), None)),
        }
    })
}

/// The error of a reader that panics over a file.
pub(crate) fn of_file(panic: &(dyn Any + Send)) -> DataFusionError {
    let error = Error::invalid_data("a data file cannot be read: it is damaged")
        .with_context("remedy", "restore the object from a copy, or write it anew from its source")
        .with_context("why", words(panic));
    to_datafusion(error)
}

fn gave_up(panic: &(dyn Any + Send)) -> Error {
    Error::unexpected("the engine gave up on the query, by a mistake of its own or over a file that is broken; where other queries read \
         the same tables, say it in other words")
        .with_operation("engine::query")
        .with_context("why", words(panic))
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_the_last_item_of_a_stream() {
        let rows = futures::stream::iter(0..3).map(|number| {
            assert!(number < 1, "number {number} is too much");
            Ok(RecordBatch::new_empty(std::sync::Arc::new(arrow_schema::Schema::empty())))
        });
        let items: Vec<_> = caught_stream(rows).collect().await;
        assert_eq!(items.len(), 2);
        assert!(items[0].is_ok());
        let error = items[1].as_ref().unwrap_err();
        assert_eq!(error.context("why"), Some("number 1 is too much"));
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_its_error() {
        let work = async |number: u32| {
            assert!(number < 1, "there is none");
            Ok(number)
        };
        let error = caught(work(1)).await.unwrap_err();
        assert_eq!(error.context("why"), Some("there is none"));
        assert_eq!(caught(work(0)).await.unwrap(), 0);
    }
}
