//! Why a trial did not pass.

use std::fmt;

use stitchwork_core::{Error, ErrorKind};

/// What a trial comes to.
pub type Outcome = Result<(), Failure>;

/// The reason why a trial failed, or why it could not be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    reason: String,
    skipped: bool,
}

impl Failure {
    /// The subject breaks the clause.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), skipped: false }
    }

    /// The clause says nothing about this subject, or its surroundings do not let it be tried.
    #[must_use]
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), skipped: true }
    }

    /// Whether the trial was not tried, rather than failed.
    #[must_use]
    pub fn is_skipped(&self) -> bool {
        self.skipped
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(format!("{error:?}"))
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<arrow_schema::ArrowError> for Failure {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::new(error.to_string())
    }
}

/// Fails the trial with a reason unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($reason)+)));
        }
    };
}
pub(crate) use ensure;

/// Fails unless the result is an error of one of these kinds.
pub(crate) fn refused<T>(what: &str, result: Result<T, Error>, kinds: &[ErrorKind]) -> Outcome {
    refusal(what, result, kinds).map(drop)
}

/// Fails unless the result is an error of one of these kinds; gives the error.
pub(crate) fn refusal<T>(
    what: &str,
    result: Result<T, Error>,
    kinds: &[ErrorKind],
) -> Result<Error, Failure> {
    match result {
        Ok(_) => Err(Failure::new(format!("{what}: expected {kinds:?}, but it succeeded"))),
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => Err(Failure::new(format!("{what}: expected {kinds:?}, got {error:?}"))),
    }
}
