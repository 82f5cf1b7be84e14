//! Errors of ours through DataFusion and back, and DataFusion's own as ours.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use arrow_schema::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use datafusion::sql::sqlparser::parser::ParserError;
use stitchwork_core::{Error, ErrorKind, Result, object_store};

/// An error of ours on its way through DataFusion.
pub(crate) fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(Kept(Arc::new(error))))
}

/// An error of ours that DataFusion may give to several who wait for the same rows.
#[derive(Debug)]
struct Kept(Arc<Error>);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Kept {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// An error that came out of DataFusion. One of ours comes back as it went in.
pub(crate) fn from_datafusion(error: DataFusionError) -> Error {
    unwrap(error).unwrap_or_else(|error| {
        let kept = sources(error.as_ref()).find_map(kept);
        kept.map_or_else(|| classify(*error), Error::again)
    })
}

fn kept(error: &(dyn StdError + 'static)) -> Option<Arc<Error>> {
    Some(error.downcast_ref::<Kept>()?.0.clone())
}

/// The error and what lies below it.
fn sources(error: &DataFusionError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    fn below<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => (*error).source(),
        }
    }
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), below)
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
    let source = match source.downcast::<Kept>() {
        Ok(kept) => return Ok(Arc::try_unwrap(kept.0).unwrap_or_else(Error::again)),
        Err(source) => source,
    };
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
    let reason = reason(&error, &text);
    let message = match &reason {
        reason if tells_of_nanoseconds(reason) => BEYOND_NANOSECONDS,
        reason if kind == ErrorKind::Unsupported && tells_of_a_query(reason) => QUERY_AS_VALUE,
        _ => message,
    };
    let ours = Error::new(kind, message).with_context("reason", &reason);
    // What was left out of the reason would come back with the source.
    if reason == text { ours.with_source(error) } else { ours }
}

const BEYOND_NANOSECONDS: &str = "a moment outside of the years 1677 to 2262 would have to be counted in nanoseconds; \
     use `timestamp`, which is one of microseconds, or cast what counts nanoseconds to it";

const DAMAGED: &str = "a data file cannot be read: it is damaged, or uses what no reader here knows; restore it from a copy, or \
     write it anew";
const QUERY_AS_VALUE: &str = "a query stands where the engine does not plan one; join with it, or ask for it in a `select` or a `where` of its own";

/// Whether a query is left in a plan.
fn tells_of_a_query(reason: &str) -> bool {
    reason.split_once("does not support logical expression ").is_some_and(|(_, expr)| {
        ["Exists(", "InSubquery(", "ScalarSubquery(", "SetComparison("]
            .iter()
            .any(|query| expr.starts_with(query))
    })
}

/// Whether a moment did not fit 64 bits of nanoseconds.
fn tells_of_nanoseconds(reason: &str) -> bool {
    reason.contains("represented as nanoseconds")
        || (reason.contains("to Timestamp(ns") && reason.contains("exceeds the representable i64 range"))
}

/// How DataFusion closes what it takes for its own fault. Much of it is about functions that do not fit their
/// arguments, and whoever writes a query here has no business with DataFusion's authors.
const BUG_REPORT: (&str, &str) = (
    ".\nThis issue was likely caused by a bug in DataFusion's code.",
    "https://github.com/apache/datafusion/issues",
);

/// What DataFusion says, in its words alone.
fn reason(error: &DataFusionError, text: &str) -> String {
    if let Some(said) = parser_error(error).or_else(|| cast_error(error)) {
        return said;
    }
    let mut rest = text;
    let mut reason = String::new();
    while let Some((before, tail)) = rest.split_once(BUG_REPORT.0)
        && let Some((_, after)) = tail.split_once(BUG_REPORT.1)
    {
        reason.push_str(before);
        rest = after;
    }
    reason.push_str(rest);
    // What each signature says of the arguments is said again behind it, in one sentence.
    if reason.contains("failed to match any signature")
        && let Some(place) = reason.find("No function matches")
    {
        reason.drain(..place);
    }
    reason.truncate(reason.trim_end().len());
    reason
}

/// What the parser says, which DataFusion shows as Rust writes a value.
fn parser_error(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => parser_error(inner),
        DataFusionError::Shared(inner) => parser_error(inner),
        DataFusionError::Collection(errors) => parser_error(errors.first()?),
        DataFusionError::SQL(error, _) => Some(match error.as_ref() {
            ParserError::ParserError(said) | ParserError::TokenizerError(said) => said.clone(),
            ParserError::RecursionLimitExceeded => "the SQL is nested too deeply".to_owned(),
        }),
        _ => None,
    }
}

/// What a cast says of the value that it fails at, which DataFusion shows behind the names of its own parts.
fn cast_error(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => cast_error(inner),
        DataFusionError::Shared(inner) => cast_error(inner),
        DataFusionError::Collection(errors) => cast_error(errors.first()?),
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::CastError(said) | ArrowError::ParseError(said) => Some(said.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The kind of an error of ours somewhere among the sources.
fn shared_kind(error: &DataFusionError) -> Option<ErrorKind> {
    sources(error).find_map(|error| {
        let ours = error.downcast_ref::<Error>().map(Error::kind);
        ours.or_else(|| error.downcast_ref::<object_store::Error>().map(ErrorKind::from))
    })
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
            ArrowError::ParquetError(_) => (ErrorKind::InvalidData, DAMAGED),
            ArrowError::IoError(..) => (ErrorKind::Unavailable, "reading or writing failed"),
            ArrowError::MemoryError(_) => (ErrorKind::Unavailable, "there is not enough memory"),
            ArrowError::CastError(_) | ArrowError::ParseError(_) => (
                ErrorKind::InvalidInput,
                "a value has no equal in the type that it is cast to; `try_cast(… as …)` makes a null of such a value",
            ),
            ArrowError::NotYetImplemented(_) => (ErrorKind::Unsupported, "the engine does not support this"),
            _ => (ErrorKind::InvalidInput, "the query fails on these rows"),
        },
        DataFusionError::ParquetError(_) => (ErrorKind::InvalidData, DAMAGED),
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
    fn the_engine_asks_for_no_bug_report() {
        let inner = DataFusionError::Internal("no\n such thing".into());
        let outer = DataFusionError::Internal(format!("two: {inner} and {inner}"));
        let error = from_datafusion(DataFusionError::Context("typing".into(), Box::new(outer)));
        let expected = "unexpected: the engine failed reason=typing caused by Internal error: two: Internal error: \
                        no such thing and Internal error: no such thing";
        assert_eq!(error.to_string(), expected);
        assert_eq!(format!("{error:?}"), expected);
        let whole = DataFusionError::Plan("a bug in DataFusion's code".into());
        assert!(from_datafusion(whole).to_string().ends_with("a bug in DataFusion's code"));
    }

    #[test]
    fn a_cause_that_is_not_told_yet_stays() {
        let io = std::io::Error::other("the disk is wet");
        let error = from_datafusion(DataFusionError::IoError(io));
        assert_eq!(
            error.to_string(),
            "unavailable: reading or writing failed reason=IO error: the disk is wet"
        );
        assert_eq!(format!("{error:?}"), error.to_string());
        assert!(StdError::source(&error).is_some());
    }

    #[test]
    fn a_shared_error_of_a_store_means_what_it_means_alone() {
        let store = object_store::Error::Generic {
            store: "LocalFileSystem",
            source: "Out of range of file /t, expected: 9, actual: 5".into(),
        };
        let shared = Arc::new(DataFusionError::ObjectStore(Box::new(store)));
        assert_eq!(from_datafusion(DataFusionError::Shared(shared.clone())).kind(), ErrorKind::InvalidData);
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
