//! From the errors (and panics) of arrow-ipc to ours.

use arrow_schema::ArrowError;
use stitchwork_core::{Error, Result};
use stitchwork_objects::catch;

/// Runs a decoder over bytes that nobody vouches for: should it panic, that is an error of the bytes.
pub(crate) fn guard<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T> {
    match catch(decode) {
        Ok(outcome) => outcome.map_err(|e| broken("the object is no readable Arrow IPC").with_source(e)),
        Err(why) => Err(broken("the object is no readable Arrow IPC").with_context("reason", why)),
    }
}

/// Bytes that are not what the format says.
pub(crate) fn broken(message: &str) -> Error {
    Error::invalid_data(message)
}
