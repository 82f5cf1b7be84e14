//! The one error type of every layer.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of every fallible call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as the caller has to act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The thing does not exist: check its name, or create it.
    NotFound,
    /// The thing exists already: use it, or choose another name.
    AlreadyExists,
    /// Another writer was faster in a way that matters: read the new state, decide again, retry.
    Conflict,
    /// An argument of the call is wrong: mend the call.
    InvalidInput,
    /// A setting is wrong: mend the configuration.
    InvalidConfig,
    /// Stored or received data is broken: the message says which object and where.
    InvalidData,
    /// The implementation cannot do this: choose another one, or another mode.
    Unsupported,
    /// Credentials, rights or room are missing or do not suffice: mend them, a retry does not help.
    PermissionDenied,
    /// There is no room left: a disk is full, or a quota used up.
    StorageFull,
    /// The other side asks for patience: wait, then retry.
    RateLimited,
    /// The other side is not there for now: retry with back-off.
    Unavailable,
    /// The caller gave up, or a deadline passed.
    Cancelled,
    /// None of the above: most likely a bug; report it with the whole message.
    Unexpected,
}

impl ErrorKind {
    /// The kind in words, as it stands in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::Conflict => "conflict",
            Self::InvalidInput => "invalid input",
            Self::InvalidConfig => "invalid configuration",
            Self::InvalidData => "invalid data",
            Self::Unsupported => "unsupported",
            Self::PermissionDenied => "permission denied",
            Self::StorageFull => "storage full",
            Self::RateLimited => "rate limited",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Unexpected => "unexpected",
        }
    }
}

/// What a failed commit has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitState {
    /// The commit is durable and visible; only work after it failed.
    Committed,
    /// Nothing is visible: the commit can be tried again.
    NotCommitted,
    /// The answer was lost: look for the commit's own tag in a fresh snapshot before a retry.
    Unknown,
}

/// An error with its kind, where it happened, and what led to it.
///
/// `Display` is one line for logs, the source left out; `Debug` is many lines for people, with each cause that says
/// something new. Messages are lowercase without a full stop and may change; match on [`Error::kind`].
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    operation: Option<&'static str>,
    context: Vec<(&'static str, String)>,
    commit: Option<CommitState>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

macro_rules! shorthands {
    ($($name:ident $kind:ident),*) => {$(
        #[doc = concat!("Shorthand for [`ErrorKind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        }
    )*};
}

impl Error {
    /// An error of this kind with this message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        let inner = Inner { kind, message, operation: None, context: vec![], commit: None, source: None };
        Self { inner: Box::new(inner) }
    }

    /// An error that somebody keeps, once more and whole; the kept one is its source.
    pub fn again(kept: Arc<Self>) -> Self {
        let Inner { kind, ref message, operation, ref context, commit, .. } = *kept.inner;
        let (message, context) = (message.clone(), context.clone());
        let inner = Inner { kind, message, operation, context, commit, source: Some(Box::new(kept)) };
        Self { inner: Box::new(inner) }
    }

    shorthands!(
        not_found NotFound,
        invalid_input InvalidInput,
        invalid_config InvalidConfig,
        invalid_data InvalidData,
        unsupported Unsupported,
        conflict Conflict,
        unexpected Unexpected
    );

    /// Says which call failed, as `role::verb`. The innermost one stays.
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.inner.operation.get_or_insert(operation);
        self
    }

    /// Adds one `key=value`. The caller keeps secrets out of the value.
    pub fn with_context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.inner.context.push((key, value.to_string()));
        self
    }

    /// Keeps the error that led to this one.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Says what a failed commit has left behind.
    pub fn with_commit_state(mut self, state: CommitState) -> Self {
        self.inner.commit = Some(state);
        self
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// What the failed commit has left behind; `None` where no commit was involved.
    pub fn commit_state(&self) -> Option<CommitState> {
        self.inner.commit
    }

    /// The value of a context key.
    pub fn context(&self, key: &str) -> Option<&str> {
        self.inner.context.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    /// Whether the same call may succeed later without any change by the caller.
    pub fn is_retryable(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::RateLimited | ErrorKind::Unavailable)
            && self.has_committed_nothing()
    }

    /// Whether another writer was faster and nothing was committed, so that the work can be done again, from its
    /// beginning and over the new state.
    pub fn is_lost_race(&self) -> bool {
        self.inner.kind == ErrorKind::Conflict && self.has_committed_nothing()
    }

    fn has_committed_nothing(&self) -> bool {
        !matches!(self.inner.commit, Some(CommitState::Unknown | CommitState::Committed))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.kind.as_str())?;
        if let Some(operation) = self.inner.operation {
            write!(f, " at {operation}")?;
        }
        write!(f, ": {}", one_line(&self.inner.message))?;
        for (key, value) in &self.inner.context {
            write!(f, " {key}={}", one_line(value))?;
        }
        f.write_str(match self.inner.commit {
            Some(CommitState::Committed) => " (committed)",
            Some(CommitState::NotCommitted) => " (not committed)",
            Some(CommitState::Unknown) => " (commit state unknown)",
            None => "",
        })
    }
}

/// A text of others without its line breaks, each of which becomes a space.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(['\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    Cow::Owned(lines.collect::<Vec<_>>().join(" "))
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.to_string();
        f.write_str(&shown)?;
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            let line = one_line(&text);
            // Many errors repeat their cause, and ours may tell it as a reason.
            if !shown.contains(line.as_ref()) {
                write!(f, "\n  caused by: {}", text.trim_end())?;
                shown.push('\n');
                shown.push_str(&line);
            }
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        let kind = ErrorKind::from(&error);
        let (message, reason) = match unlistable(&error) {
            Some((message, reason)) => (message, Some(reason)),
            None => {
                let system = system_error(&error);
                let message =
                    if system.is_some_and(is_full) { FULL } else { "the object store refused the request" };
                let reason = system.map(ToString::to_string);
                (message, reason.or_else(|| answer(&error.to_string())))
            }
        };
        let refused = Self::new(kind, message).with_source(error);
        match reason {
            Some(reason) => refused.with_context("reason", reason),
            None => refused,
        }
    }
}

impl From<&object_store::Error> for ErrorKind {
    fn from(error: &object_store::Error) -> Self {
        use object_store::Error as S;
        match error {
            S::NotFound { .. } => Self::NotFound,
            S::AlreadyExists { .. } => Self::AlreadyExists,
            S::Precondition { .. } | S::NotModified { .. } => Self::Conflict,
            S::InvalidPath { .. } => Self::InvalidInput,
            S::NotSupported { .. } | S::NotImplemented { .. } => Self::Unsupported,
            S::PermissionDenied { .. } | S::Unauthenticated { .. } => Self::PermissionDenied,
            S::UnknownConfigurationKey { .. } => Self::InvalidConfig,
            S::Generic { store, source } => generic_kind(store, error, &source.to_string()),
            _ => Self::Unexpected,
        }
    }
}

/// What keeps a whole folder from being listed and what to do about it, and the name of the one file or folder that does.
fn unlistable(error: &object_store::Error) -> Option<(&'static str, String)> {
    match error {
        object_store::Error::InvalidPath { source } => {
            // Control characters are mostly why it is refused, so that they are shown as escapes.
            let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            let reason = source.to_string().chars().map(shown).collect();
            Some(("a file or folder has a name that objects cannot have: rename or remove it", reason))
        }
        object_store::Error::Generic { store: "LocalFileSystem", source } => {
            let text = source.to_string();
            let walk = text.strip_prefix("Unable to walk dir: ")?;
            let message = match walk.starts_with("File system loop") {
                true => {
                    "a link in the folder leads to a folder that it lies in, without an end: remove the link"
                }
                false => "a folder cannot be listed",
            };
            Some((message, walk.to_owned()))
        }
        _ => None,
    }
}

/// The error of the operating system below an error: it names no secret, and says why.
fn system_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a std::io::Error> {
    match error.downcast_ref() {
        Some(found) => Some(found),
        None => system_error(error.source()?),
    }
}

/// The status of an answer, and the code that S3 and Azure put beside it (`403 Forbidden: SignatureDoesNotMatch`): the rest of
/// a message may hold a URL with a signature.
fn answer(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("status code: ")?;
    let status = rest.split([':', ',', '<']).next()?.trim();
    let code =
        rest.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let short = |code: &&str| code.len() < 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match code.filter(short) {
        Some(code) => Some(format!("{status}: {code}")),
        None => Some(status.to_owned()),
    }
}

/// How the stores of files and memory say that an object is shorter than what was asked of it.
const OUT_OF_RANGE: [&str; 3] = ["Out of range", "Requested range was invalid", "Invalid range"];

/// What an error is for which object_store has no name: most of them pass, but no patience mends a request that is
/// wrong. The status of an answer stands in the message only, since its types are private.
fn generic_kind(store: &str, error: &object_store::Error, message: &str) -> ErrorKind {
    if let Some(error) = system_error(error) {
        return system_kind(error).unwrap_or(ErrorKind::Unavailable);
    }
    let status = answer(message).and_then(|answer| answer.get(..3)?.parse().ok());
    match (store, status) {
        ("Config" | "URL", _) => ErrorKind::InvalidConfig,
        // Ranges come from what files and logs say of an object: it is not what was written.
        ("LocalFileSystem" | "InMemory", _) if OUT_OF_RANGE.iter().any(|said| message.starts_with(said)) => {
            ErrorKind::InvalidData
        }
        (_, Some(416)) => ErrorKind::InvalidData,
        (_, Some(401 | 403)) => ErrorKind::PermissionDenied,
        (_, Some(404)) => ErrorKind::NotFound,
        // What the system has no part in is about the request: a path that is none.
        ("LocalFileSystem" | "InMemory", _) => ErrorKind::InvalidInput,
        (_, Some(429)) => ErrorKind::RateLimited,
        // S3 says 400 where a connection was too slow.
        (_, Some(408 | 425 | 500..)) => ErrorKind::Unavailable,
        (_, Some(400)) if message.contains("RequestTimeout") => ErrorKind::Unavailable,
        (_, Some(400..500)) => ErrorKind::InvalidInput,
        _ if message.contains("redirect without LOCATION") => ErrorKind::InvalidConfig,
        _ => ErrorKind::Unavailable,
    }
}

/// What is said of a disk that takes no more.
const FULL: &str =
    "the disk is full, or a quota or the limit of a file's size is used up: make room, and do it again";

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge)
}

/// What no patience mends; `None` for what may pass.
fn system_kind(error: &std::io::Error) -> Option<ErrorKind> {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => Some(ErrorKind::NotFound),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => Some(ErrorKind::PermissionDenied),
        _ if is_full(error) => Some(ErrorKind::StorageFull),
        Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename => Some(ErrorKind::InvalidInput),
        _ => None,
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::InvalidData | Io::UnexpectedEof => ErrorKind::InvalidData,
            _ => system_kind(&error).unwrap_or(ErrorKind::Unavailable),
        };
        let message = if is_full(&error) { FULL } else { "the system refuses" };
        Self::new(kind, message).with_source(error)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        match error {
            // An error of ours that travelled through an arrow interface comes back whole.
            arrow_schema::ArrowError::ExternalError(source) => match source.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(source) => Self::unexpected("arrow reports an external error").with_source(source),
            },
            other => Self::invalid_data("arrow refuses the data").with_source(other),
        }
    }
}
