//! What databases say, as errors that tell what to do.

use stitchwork_core::Error;

use crate::dialect::Dialect;

/// The error with the kind that the database's words have. Errors of relations are left as they are.
pub(crate) fn classify(error: Error, dialect: &dyn Dialect) -> Error {
    let Some(reason) = error.context("database_says").map(str::to_owned) else { return error };
    let state = error.context("sqlstate").unwrap_or_default().to_owned();
    match dialect.classify(&reason, &state) {
        Some((kind, message)) => {
            let classified = Error::new(kind, message)
                .with_operation("engine::query")
                .with_context("database_says", reason);
            classified.with_source(error)
        }
        None => error.with_context("engine", dialect.profile()),
    }
}
