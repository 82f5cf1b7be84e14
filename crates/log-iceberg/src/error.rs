//! From errors of the metadata crate to ours.

use stitchwork_core::{Error, ErrorKind};
use stitchwork_iceberg_meta::MetaError;

/// An error about metadata that was read or is to be written.
pub(crate) fn meta(error: MetaError) -> Error {
    let kind = match &error {
        MetaError::Invalid(_) => ErrorKind::InvalidData,
        MetaError::Unsupported(_) => ErrorKind::Unsupported,
        MetaError::Conflict(_) => ErrorKind::Conflict,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, error.to_string())
}

/// An error about something that the caller asked for.
pub(crate) fn argument(error: MetaError) -> Error {
    match error {
        MetaError::Invalid(message) => Error::invalid_input(message),
        other => meta(other),
    }
}
