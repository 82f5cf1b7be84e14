//! The suite of [`Format`].

mod fixture;
mod read;
mod write;

use std::future::Future;
use std::sync::Arc;

use stitchwork_core::{Format, Result};

use crate::Suite;
use crate::suite::clauses;

/// What the trials are given. A format without `write` needs nothing to be written beforehand: the trials that
/// read are then skipped.
pub type Subject = Arc<dyn Format>;

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "format::write_read::rows_come_back" => write::rows_come_back,
    "format::write_read::empty_file_has_schema" => write::empty_file_has_schema,
    "format::write::summary_counts" => write::summary_counts,
    "format::write::summary_bounds" => write::summary_bounds,
    "format::write::invisible_until_finished" => write::invisible_until_finished,
    "format::write::refuses_foreign_schema" => write::refuses_foreign_schema,
    "format::inspect::agrees_with_write" => write::inspect_agrees,
    "format::read::projection" => read::projection,
    "format::read::schema_is_adapted" => read::schema_is_adapted,
    "format::read::predicate_keeps_matches" => read::predicate_keeps_matches,
    "format::read::rows_select" => read::rows_select,
    "format::read::row_numbers" => read::row_numbers,
    "format::read::batch_rows_bound" => read::batch_rows_bound,
    "format::read::missing_object" => read::missing_object,
    "format::read::broken_object" => read::broken_object,
    "format::capabilities::undeclared_refused" => read::undeclared_refused,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}
