//! The steps of a load, and what can go wrong at each.

use std::fmt;

use serde::{Deserialize, Serialize};
use stitchwork_testkit::{Operation, Request};

use super::faults::Fault;

/// Which step, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Where {
    /// Nowhere.
    Nowhere,
    /// A request to the store.
    Store(usize),
    /// A call of the catalog.
    Catalog(usize),
}

/// A request to the store, or a call of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A request to the store.
    Request(Request),
    /// A call of the catalog, by its name.
    Call(&'static str),
}

/// One step of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Which one it is.
    pub(crate) place: Where,
    /// What it does.
    pub(crate) what: What,
}

impl Step {
    /// Whether it changes something that outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        match &self.what {
            What::Request(request) => Operation::WRITES.contains(&request.operation),
            What::Call(name) => !matches!(*name, "list" | "load" | "namespaces" | "namespace_properties"),
        }
    }

    /// Every fault that the step can meet. Three are left out, since they cannot happen: reading does not change
    /// anything whose answer could be lost, and leaves what the step before it has left when the process dies; a put
    /// without a condition may be repeated; and whoever asks a catalog for a swap is told the truth, or that it is not
    /// known, but never that somebody else has done what was one's own.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let is_possible = |fault: &Fault| match fault {
            Fault::Refused | Fault::Unavailable | Fault::Slow => true,
            Fault::LostAnswer | Fault::Blind | Fault::Dead => self.is_durable(),
            Fault::Conflict => self.is_durable() && !self.is_removal(),
            Fault::Repeated => self.has_condition(),
            Fault::Torn => self.has_body(),
        };
        Fault::ALL.into_iter().filter(is_possible).collect()
    }

    fn is_removal(&self) -> bool {
        let What::Request(request) = &self.what else { return false };
        matches!(request.operation, Operation::Delete | Operation::Abort)
    }

    fn has_body(&self) -> bool {
        let What::Request(request) = &self.what else { return false };
        matches!(request.operation, Operation::Get | Operation::List)
    }

    /// Whether it asks for nothing to be there.
    fn has_condition(&self) -> bool {
        match &self.what {
            What::Call(name) => *name == "create",
            // These are put whatever is there.
            What::Request(Request { operation, path }) => {
                let unconditional =
                    path.contains("/load-") || [".done", ".avro"].iter().any(|end| path.ends_with(end));
                matches!(operation, Operation::Put | Operation::Copy | Operation::Rename) && !unconditional
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Request(request) => {
                write!(f, "{:?} ({:?} {})", self.place, request.operation, request.path)
            }
            What::Call(name) => write!(f, "{:?} (catalog {name})", self.place),
        }
    }
}
