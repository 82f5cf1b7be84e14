//! From the errors (and panics) of arrow-avro to ours.

use stitchwork_core::{Error, Result};
use stitchwork_objects::catch;

/// Runs a decoder over bytes that nobody vouches for: should it panic, that is an error of the bytes.
pub(crate) fn guard<T, E: std::fmt::Display>(
    message: &'static str,
    decode: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    match catch(decode) {
        Ok(outcome) => outcome.map_err(|e| broken(message).with_context("reason", plain(&e.to_string()))),
        Err(why) => Err(broken(message).with_context("reason", why)),
    }
}

/// A reason without the dump of what the decoder had in its memory.
fn plain(reason: &str) -> &str {
    match reason.split_once(", but got ") {
        Some((plain, dump)) if dump.contains('{') => plain,
        _ => reason,
    }
}

/// Bytes that are not what the format says.
pub(crate) fn broken(message: &str) -> Error {
    Error::invalid_data(message).with_context(
        "remedy",
        "see whether the Avro file is cut off, damaged or something else, and fetch or write it anew",
    )
}
