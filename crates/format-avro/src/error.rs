//! From the errors (and panics) of arrow-avro to ours.

use stitchwork_core::{Error, Result};
use stitchwork_objects::catch;

/// Runs a decoder over bytes that nobody vouches for: should it panic, that is an error of the bytes.
pub(crate) fn guard<T, E: std::fmt::Display>(
    message: &'static str,
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    match catch(decode) {
        Ok(outcome) => outcome.map_err(|e| broken(message).with_context("reason", e)),
        Err(why) => Err(broken(message).with_context("reason", why)),
    }
}

/// Bytes that are not what the format says.
pub(crate) fn broken(message: &str) -> Error {
    Error::invalid_data(message)
}
