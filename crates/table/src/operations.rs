//! The operations, each of which is one commit.

mod append;
mod change;
mod commit_files;
mod delete;
mod overwrite;
mod rewrite;

use std::sync::Arc;

pub use append::AppendArgs;
pub use commit_files::CommitFilesArgs;
pub use delete::DeleteArgs;
pub use overwrite::OverwriteArgs;
use stitchwork_core::{Committed, Snapshot};

/// What an operation has done.
#[derive(Debug, Clone)]
pub struct OperationSummary {
    /// The table afterwards.
    pub snapshot: Arc<dyn Snapshot>,
    /// Rows that came new; rows that were only moved to another file do not count.
    pub rows_added: u64,
    /// Rows that went.
    pub rows_removed: u64,
    /// Rows that others of the same number were put in the place of.
    pub rows_updated: u64,
    /// Data files that came.
    pub files_added: u64,
    /// Data files that went.
    pub files_removed: u64,
    /// Bytes of the files that came.
    pub bytes_added: u64,
    /// How often somebody else's commit was faster.
    pub lost_races: u32,
}

impl OperationSummary {
    /// The same once it is committed.
    fn committed(self, done: Committed) -> Self {
        Self { snapshot: done.snapshot, lost_races: done.lost_races, ..self }
    }
}
