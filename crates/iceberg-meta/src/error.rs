//! The one error type of this crate.

/// The result of every fallible call of this crate.
pub type Result<T, E = MetaError> = std::result::Result<T, E>;

/// What went wrong with Iceberg metadata, in the four ways that a caller answers differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetaError {
    /// The input breaks the specification: a damaged file or a wrong argument. Trying again does not help.
    #[error("{0}")]
    Invalid(String),
    /// The input is valid Iceberg that this crate does not handle, such as a type of a later version.
    #[error("{0}")]
    Unsupported(String),
    /// The change does not fit the metadata it is applied to, since another writer was first.
    #[error("{0}")]
    Conflict(String),
    /// The metadata library failed for a reason that is neither the input's nor another writer's.
    #[error("{0}")]
    Io(String),
}

impl MetaError {
    /// An [`MetaError::Invalid`] with this message.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// An [`MetaError::Unsupported`] with this message.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::Unsupported(message.into())
    }

    /// Says what was being done when the library failed, and sorts its failure by what a caller can do.
    pub(crate) fn from_iceberg(doing: &str, error: &iceberg::Error) -> Self {
        let message = format!("{doing}: {error}");
        match error.kind() {
            iceberg::ErrorKind::FeatureUnsupported => Self::Unsupported(message),
            iceberg::ErrorKind::CatalogCommitConflicts | iceberg::ErrorKind::PreconditionFailed => {
                Self::Conflict(message)
            }
            iceberg::ErrorKind::DataInvalid => Self::Invalid(message),
            _ => Self::Io(message),
        }
    }

    /// Says which JSON was wrong.
    pub(crate) fn from_json(what: &str, error: &serde_json::Error) -> Self {
        Self::Invalid(format!("{what} is not valid: {error}"))
    }
}
