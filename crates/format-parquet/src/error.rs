//! From the errors (and panics) of the parquet crate to ours.

use std::any::Any;

use parquet::errors::ParquetError;
use stitchwork_core::{Error, Object};
use stitchwork_objects::{catch, panic_words};

type Outcome<T> = Result<T, ParquetError>;

/// Runs a decoder over bytes that nobody vouches for: should it panic, that is an error of the bytes.
pub(crate) fn guard<T>(decode: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch(decode).unwrap_or_else(|why| Err(gave_up(&why)))
}

/// The error for a caught panic.
pub(crate) fn panicked(panic: &Box<dyn Any + Send>) -> ParquetError {
    gave_up(panic_words(panic.as_ref()))
}

fn gave_up(why: &str) -> ParquetError {
    ParquetError::General(format!("the decoder gave up: {why}"))
}

/// The error of reading an object.
pub(crate) fn read_error(object: &Object, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<Error>() {
            // An error of the store has come through the decoder as it was.
            Ok(store) => *store,
            Err(source) => Error::invalid_data("the object is no readable Parquet file")
                .with_context("location", object.location())
                .with_source(source),
        },
        ParquetError::NYI(_) => Error::unsupported("the object uses a part of Parquet that is not supported")
            .with_context("location", object.location())
            .with_source(error),
        other => Error::invalid_data("the object is no readable Parquet file")
            .with_context("location", object.location())
            .with_source(other),
    }
}

/// The error of encoding batches.
pub(crate) fn write_error(object: &Object, error: ParquetError) -> Error {
    let ours = match &error {
        ParquetError::NYI(_) => Error::unsupported("the batch cannot be written as Parquet"),
        _ => Error::invalid_input("the batch cannot be written as Parquet"),
    };
    ours.with_context("location", object.location()).with_source(error)
}
