//! Errors of ours through DataFusion and back, and DataFusion's own as ours.

use std::error::Error as StdError;
use std::sync::Arc;

use arrow_schema::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use stitchwork_core::{Error, ErrorKind, Result, object_store};

/// An error of ours on its way through DataFusion.
pub(crate) fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// An error that came out of DataFusion. One of ours comes back as it went in.
pub(crate) fn from_datafusion(error: DataFusionError) -> Error {
    unwrap(error).unwrap_or_else(|error| classify(*error))
}

/// Shorthand for results.
pub(crate) trait FromDataFusion<T> {
    /// The result with an error of ours.
    fn ours(self) -> Result<T>;
}

impl<T> FromDataFusion<T> for std::result::Result<T, DataFusionError> {
    fn ours(self) -> Result<T> {
        self.map_err(from_datafusion)
    }
}

/// Shorthand for results.
pub(crate) trait ToDataFusion<T> {
    /// The result with an error that DataFusion carries.
    fn theirs(self) -> std::result::Result<T, DataFusionError>;
}

impl<T> ToDataFusion<T> for Result<T> {
    fn theirs(self) -> std::result::Result<T, DataFusionError> {
        self.map_err(to_datafusion)
    }
}

/// The error of ours, or of the object store, inside of whatever wraps it; else the error itself.
fn unwrap(error: DataFusionError) -> std::result::Result<Error, Box<DataFusionError>> {
    match error {
        DataFusionError::External(source) => unwrap_external(source).map_err(|e| {
            Box::new(match e.downcast::<DataFusionError>() {
                Ok(error) => *error,
                Err(source) => DataFusionError::External(source),
            })
        }),
        DataFusionError::ObjectStore(source) => Ok(Error::from(*source)),
        DataFusionError::ArrowError(source, trace) => match *source {
            ArrowError::ExternalError(source) => unwrap(DataFusionError::External(source)),
            other => Err(Box::new(DataFusionError::ArrowError(Box::new(other), trace))),
        },
        DataFusionError::ParquetError(source) => match *source {
            ParquetError::External(source) => unwrap(DataFusionError::External(source)),
            other => Err(Box::new(DataFusionError::ParquetError(Box::new(other)))),
        },
        DataFusionError::Context(context, inner) => {
            unwrap(*inner).map_err(|inner| Box::new(DataFusionError::Context(context, inner)))
        }
        DataFusionError::Diagnostic(diagnostic, inner) => {
            unwrap(*inner).map_err(|inner| Box::new(DataFusionError::Diagnostic(diagnostic, inner)))
        }
        DataFusionError::Shared(inner) => match Arc::try_unwrap(inner) {
            Ok(inner) => unwrap(inner),
            Err(inner) => Err(Box::new(DataFusionError::Shared(inner))),
        },
        DataFusionError::Collection(mut errors) if !errors.is_empty() => unwrap(errors.swap_remove(0)),
        other => Err(Box::new(other)),
    }
}

type Boxed = Box<dyn StdError + Send + Sync>;

fn unwrap_external(source: Boxed) -> std::result::Result<Error, Boxed> {
    let source = match source.downcast::<Error>() {
        Ok(ours) => return Ok(*ours),
        Err(source) => source,
    };
    let source = match source.downcast::<object_store::Error>() {
        Ok(error) => return Ok(Error::from(*error)),
        Err(source) => source,
    };
    let inner = match source.downcast::<DataFusionError>() {
        Ok(inner) => *inner,
        Err(source) => match source.downcast::<ParquetError>() {
            Ok(inner) => DataFusionError::ParquetError(inner),
            Err(source) => match source.downcast::<ArrowError>() {
                Ok(inner) => DataFusionError::ArrowError(inner, None),
                Err(source) => return Err(source),
            },
        },
    };
    unwrap(inner).map_err(|inner| inner as Boxed)
}

/// What an error means for the caller when it is none of ours, or one of ours that others hold as well.
fn classify(error: DataFusionError) -> Error {
    let text = error.strip_backtrace();
    let (kind, message) =
        shared_kind(&error).map(|kind| (kind, "the query failed")).unwrap_or_else(|| own_kind(&error));
    Error::new(kind, message).with_context("reason", text.trim_end()).with_source(error)
}

/// The kind of an error of ours somewhere among the sources.
fn shared_kind(error: &DataFusionError) -> Option<ErrorKind> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.kind());
        }
        if let Some(store) = error.downcast_ref::<object_store::Error>() {
            return Some(match store {
                object_store::Error::NotFound { .. } => ErrorKind::NotFound,
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => ErrorKind::PermissionDenied,
                _ => ErrorKind::Unavailable,
            });
        }
        next = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => error.source(),
        };
    }
    None
}

fn own_kind(error: &DataFusionError) -> (ErrorKind, &'static str) {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own_kind(inner),
        DataFusionError::Shared(inner) => own_kind(inner),
        DataFusionError::SQL(..) => (ErrorKind::InvalidInput, "the SQL does not parse"),
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => {
            (ErrorKind::InvalidInput, "the SQL is no query over these tables")
        }
        DataFusionError::NotImplemented(_) => {
            (ErrorKind::Unsupported, "the engine does not support this SQL")
        }
        DataFusionError::Configuration(_) => (ErrorKind::InvalidConfig, "a setting of the engine is wrong"),
        DataFusionError::ResourcesExhausted(_) => (
            ErrorKind::Unavailable,
            "the query needs more memory than it may use now; retry it alone, or raise `memory_limit`",
        ),
        DataFusionError::Execution(_) => (ErrorKind::InvalidInput, "the query fails on these rows"),
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::ParquetError(_) => (ErrorKind::InvalidData, "a data file cannot be read"),
            ArrowError::IoError(..) => (ErrorKind::Unavailable, "reading or writing failed"),
            ArrowError::MemoryError(_) => (ErrorKind::Unavailable, "there is not enough memory"),
            ArrowError::NotYetImplemented(_) => (ErrorKind::Unsupported, "the engine does not support this"),
            _ => (ErrorKind::InvalidInput, "the query fails on these rows"),
        },
        DataFusionError::ParquetError(_) => (ErrorKind::InvalidData, "a data file cannot be read"),
        DataFusionError::IoError(_) => (ErrorKind::Unavailable, "reading or writing failed"),
        DataFusionError::ExecutionJoin(error) if error.is_cancelled() => {
            (ErrorKind::Cancelled, "a task of the query was cancelled")
        }
        _ => (ErrorKind::Unexpected, "the engine failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Error {
        Error::conflict("x").with_context("k", 1)
    }

    #[test]
    fn our_errors_come_back_from_every_wrapping() {
        let boxed = || Box::new(ours());
        for wrapped in [
            to_datafusion(ours()),
            DataFusionError::Context("c".to_owned(), Box::new(to_datafusion(ours()))),
            DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(boxed())), None),
            DataFusionError::ArrowError(
                Box::new(ArrowError::ExternalError(Box::new(to_datafusion(ours())))),
                None,
            ),
            DataFusionError::ParquetError(Box::new(ParquetError::External(boxed()))),
            DataFusionError::Shared(Arc::new(to_datafusion(ours()))),
            DataFusionError::Collection(vec![to_datafusion(ours())]),
        ] {
            let back = from_datafusion(wrapped);
            assert_eq!((back.kind(), back.context("k")), (ErrorKind::Conflict, Some("1")));
        }
    }

    #[test]
    fn a_shared_error_keeps_its_kind() {
        let shared = Arc::new(to_datafusion(ours()));
        let back = from_datafusion(DataFusionError::Shared(shared.clone()));
        assert_eq!(back.kind(), ErrorKind::Conflict);
        assert!(back.to_string().contains("k=1"), "{back}");
        drop(shared);
    }

    #[test]
    fn errors_of_the_engine_say_whose_fault_they_are() {
        for (error, kind) in [
            (DataFusionError::Plan("p".into()), ErrorKind::InvalidInput),
            (DataFusionError::NotImplemented("n".into()), ErrorKind::Unsupported),
            (DataFusionError::ResourcesExhausted("r".into()), ErrorKind::Unavailable),
            (DataFusionError::Internal("i".into()), ErrorKind::Unexpected),
            (DataFusionError::ParquetError(Box::new(ParquetError::EOF("e".into()))), ErrorKind::InvalidData),
        ] {
            assert_eq!(from_datafusion(error).kind(), kind);
        }
    }
}
