//! Which requests fail, and how.

use std::time::Duration;

use object_store::Error;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// An object is written whole.
    Put,
    /// An upload in parts begins.
    PutMultipart,
    /// A part is uploaded.
    PutPart,
    /// An upload in parts ends and its object becomes visible.
    Complete,
    /// An upload in parts is given up.
    Abort,
    /// An object is read, whole or in ranges.
    Get,
    /// An object is looked up.
    Head,
    /// Objects are listed.
    List,
    /// An object is deleted.
    Delete,
    /// An object is copied; the path is the target's.
    Copy,
    /// An object is renamed; the path is the target's.
    Rename,
}

impl Operation {
    /// The requests that change a store.
    pub const WRITES: [Self; 8] = [
        Self::Put,
        Self::PutMultipart,
        Self::PutPart,
        Self::Complete,
        Self::Abort,
        Self::Delete,
        Self::Copy,
        Self::Rename,
    ];
}

/// One request that the store was asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// What was asked.
    pub operation: Operation,
    /// About which path.
    pub path: String,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The request is not done; the error is a generic one (503).
    Unavailable,
    /// The request **is** done, and then answered with a generic error: the answer got lost.
    LostAnswer,
    /// The request **is** done, its answer got lost, and what comes back is the answer to its repetition by the
    /// client below: a conditional put is told that its condition does not hold, because of its own object.
    Repeated,
    /// The request is not done; the object is said to exist already.
    AlreadyExists,
    /// The request is not done; its precondition is said to fail.
    Precondition,
    /// The request is not done; the object is said to be missing.
    NotFound,
    /// The request is not done; it is said to be forbidden.
    PermissionDenied,
    /// The body of a get, or the entries of a list, break off after this many bytes or entries.
    TornBody(u64),
    /// The request is done after this time.
    Delay(Duration),
}

impl Fault {
    pub(super) fn error(self, path: &str) -> Error {
        let source = format!("injected fault {self:?}").into();
        let path = path.to_owned();
        match self {
            Self::AlreadyExists | Self::Repeated => Error::AlreadyExists { path, source },
            Self::Precondition => Error::Precondition { path, source },
            Self::NotFound => Error::NotFound { path, source },
            Self::PermissionDenied => Error::PermissionDenied { path, source },
            Self::Unavailable | Self::LostAnswer | Self::TornBody(_) | Self::Delay(_) => {
                Error::Generic { store: "FaultStore", source }
            }
        }
    }
}

/// Which requests fail, and how.
#[derive(Debug, Clone)]
pub struct Rule {
    operations: Vec<Operation>,
    path: String,
    skip: u64,
    times: u64,
    fault: Fault,
}

impl Rule {
    /// The next request of any kind.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self { operations: vec![], path: String::new(), skip: 0, times: 1, fault }
    }

    /// The next request of these kinds.
    #[must_use]
    pub fn on(operations: &[Operation], fault: Fault) -> Self {
        Self { operations: operations.to_vec(), ..Self::any(fault) }
    }

    /// Only requests whose path contains this.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = part.into();
        self
    }

    /// Lets this many matching requests through first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Applies to this many matching requests, one after the other.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// The fault of a request, if the rule is due.
    pub(super) fn apply(&mut self, request: &Request) -> Option<Fault> {
        let kind = self.operations.is_empty() || self.operations.contains(&request.operation);
        if !kind || !request.path.contains(&self.path) || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.fault)
    }
}
