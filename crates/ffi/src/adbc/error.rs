//! What a driver says, as an error of ours.

use adbc_core::error::{Error as AdbcError, Status};
use stitchwork_core::{Error, ErrorKind};

/// The error with the driver's own words as the context `database_says`, and SQL's state where the driver tells it.
pub(crate) fn from_driver(error: AdbcError, operation: &'static str) -> Error {
    let kind = match error.status {
        Status::NotFound => ErrorKind::NotFound,
        Status::AlreadyExists => ErrorKind::AlreadyExists,
        Status::InvalidArguments => ErrorKind::InvalidInput,
        Status::InvalidData | Status::Integrity => ErrorKind::InvalidData,
        Status::NotImplemented => ErrorKind::Unsupported,
        Status::Unauthenticated | Status::Unauthorized => ErrorKind::PermissionDenied,
        Status::IO | Status::Timeout => ErrorKind::Unavailable,
        Status::Cancelled => ErrorKind::Cancelled,
        _ => ErrorKind::Unexpected,
    };
    let state: String = error.sqlstate.iter().filter_map(|c| u8::try_from(*c).ok()).map(char::from).collect();
    let refused = Error::new(kind, "the database refuses")
        .with_operation(operation)
        .with_context("database_says", error.message.trim());
    match state.trim_matches(['\0', '0']) {
        "" => refused,
        _ => refused.with_context("sqlstate", state),
    }
}
