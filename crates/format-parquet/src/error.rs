//! From the errors (and panics) of the parquet crate to ours.

use std::any::Any;

use parquet::errors::ParquetError;
use stitchwork_core::{Error, ErrorKind, Object};
use stitchwork_objects::{catch, located, panic_words};

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
    let error = error_of("the object is no readable Parquet file", object, error);
    match error.kind() {
        ErrorKind::InvalidData => error.with_context(
            "remedy",
            "see whether it is cut off, damaged or something else, such as a page of a web server, and fetch or write it anew",
        ),
        _ => error,
    }
}

/// The error of decoding a row group of an object that has a good footer.
pub(crate) fn rows_error(object: &Object, row_group: usize, error: ParquetError) -> Error {
    let error = error_of("rows of a Parquet file cannot be decoded: the object is damaged", object, error);
    match error.kind() {
        ErrorKind::InvalidData if error.context("row_group").is_none() => error
            .with_context("row_group", row_group)
            .with_context("remedy", "restore the object from a copy, or write it anew from its source"),
        _ => error,
    }
}

fn error_of(damaged: &str, object: &Object, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<Error>() {
            // An error of the store has come through the decoder as it was.
            Ok(store) => located(*store, object),
            Err(source) => {
                Error::invalid_data(damaged).with_context("location", object.location()).with_source(source)
            }
        },
        ParquetError::NYI(_) => Error::unsupported("the object uses a part of Parquet that is not supported")
            .with_context("location", object.location())
            .with_source(error),
        other => Error::invalid_data(damaged).with_context("location", object.location()).with_source(other),
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
