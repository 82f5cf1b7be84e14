//! Why a server is not there.

use std::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It cannot be had on this machine: what it is made of is missing. A test is skipped.
    Missing(String),
    /// It is installed, but it does not start or does not do what it is asked for. A test fails.
    Failed(String),
}

impl Error {
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::Missing(message.into())
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// Says which service it is that is not there.
    pub(crate) fn of(self, service: &str) -> Self {
        match self {
            Self::Missing(message) => Self::Missing(format!("{service}: {message}")),
            Self::Failed(message) => Self::Failed(format!("{service}: {message}")),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}
