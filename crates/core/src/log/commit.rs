//! Commits: what they change, what they have read, and whose they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;

use super::Snapshot;
use crate::{DataFile, DeleteFile, PartitionField, Predicate};

/// A mark inside a commit that says whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitTag {
    /// Who commits (`pipeline/github`).
    pub application: String,
    /// Which of its commits this is. Ids of one application only grow.
    pub id: i64,
    /// What to find again with the commit, as JSON (a cursor). A cleaned log may have lost it, not the id.
    pub payload: Option<serde_json::Value>,
}

/// What a commit has read, and so must not change before it lands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Reads {
    /// Nothing: a blind append. Never in conflict with data.
    #[default]
    Nothing,
    /// The rows that pass: somebody else's new or removed file that may hold such rows is a conflict.
    Rows(Predicate),
    /// The whole table: any change of data is a conflict.
    Everything,
}

/// What a commit does.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Files that become live.
    pub added: Vec<DataFile>,
    /// Files that cease to be live, as the base snapshot gave them.
    pub removed: Vec<DataFile>,
    /// Deletes that replace those of a file; the pair as the base snapshot and `write_deletes` gave it.
    pub deletes: Vec<(DataFile, DeleteFile)>,
    /// The new schema, where it changes. Fields without an id get a new one.
    pub schema: Option<SchemaRef>,
    /// The new partitioning for files written from now on.
    pub partitioning: Option<Vec<PartitionField>>,
    /// Properties to set; `None` removes one.
    pub properties: BTreeMap<String, Option<String>>,
}

/// How long a commit tries while others are faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Give up after this long **without progress by anybody**; a lost race is progress by the winner.
    pub patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { patience: Duration::from_secs(60) }
    }
}

/// A commit.
#[derive(Debug, Clone)]
pub struct CommitArgs {
    /// The snapshot that the changes were made from.
    pub base: Arc<dyn Snapshot>,
    /// What changes.
    pub changes: Changes,
    /// What was read.
    pub reads: Reads,
    /// Whose commit it is. `AlreadyExists` where the log has this id, or a higher one, of the application.
    pub tag: Option<CommitTag>,
    /// The operation in words, for the history (`append`, `overwrite`, `delete`).
    pub operation: String,
    /// How long to try.
    pub retry: Retry,
}

impl CommitArgs {
    /// A commit of `changes` made from `base`, which has read nothing.
    pub fn new(base: Arc<dyn Snapshot>, operation: impl Into<String>, changes: Changes) -> Self {
        let operation = operation.into();
        Self { base, changes, reads: Reads::Nothing, tag: None, operation, retry: Retry::default() }
    }
}

/// A commit that has landed.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The snapshot that the commit made.
    pub snapshot: Arc<dyn Snapshot>,
    /// How often somebody else was faster: by no more commits than there are above the base.
    pub lost_races: u32,
}
