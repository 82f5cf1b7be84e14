//! Which commits of others forbid ours.

use std::collections::HashSet;
use std::sync::Arc;

use stitchwork_core::{CommitArgs, Error, FileFilter, Predicate, Reads, Result, StatsFor};

use super::build::log_path;
use crate::actions::{Add, Commit, Remove};
use crate::files::Sieve;
use crate::meta::TableMeta;
use crate::store::LogStore;

/// What our commit has read and changes.
pub(super) struct Ours {
    /// The decoded paths of the files that we remove or delete rows of.
    touched: HashSet<String>,
    reads: Reads,
    changes_metadata: bool,
}

impl Ours {
    pub(super) fn new(store: &LogStore, args: &CommitArgs) -> Result<Self> {
        let changes = &args.changes;
        let mut touched = HashSet::new();
        for file in changes.removed.iter().chain(changes.deletes.iter().map(|(file, _)| file)) {
            let path = store.root.decode(&log_path(file, store))?.into_owned();
            if !touched.insert(path) {
                return Err(Error::invalid_input("a commit can remove a file or delete its rows only once")
                    .with_context("file", &file.location));
            }
        }
        let mut added = HashSet::new();
        for file in &changes.added {
            if !added.insert(log_path(file, store)) {
                return Err(Error::invalid_input("a commit can add a file only once")
                    .with_context("file", &file.location));
            }
        }
        let changes_metadata =
            changes.schema.is_some() || changes.partitioning.is_some() || !changes.properties.is_empty();
        Ok(Self { touched, reads: args.reads.clone(), changes_metadata })
    }

    /// Whether no commit of data can be in the way.
    pub(super) fn is_blind(&self) -> bool {
        self.touched.is_empty() && self.reads == Reads::Nothing && !self.changes_metadata
    }

    /// Refuses when the winner has done something that ours rests on.
    pub(super) fn check(&self, winner: &Commit, store: &LogStore, table: &Arc<TableMeta>) -> Result<()> {
        let refuse = |message: &str| Err(Error::conflict(message).with_context("winner", winner.version));
        if self.changes_metadata && (winner.metadata.is_some() || winner.protocol.is_some()) {
            return refuse("another commit changed the schema or the properties");
        }
        if !self.touched.is_empty() {
            for remove in &winner.removes {
                // Whatever its `dataChange`: a compaction moved the rows that we meant to remove.
                if self.touched.contains(store.root.decode(&remove.path)?.as_ref()) {
                    return refuse("another commit removed a file that this one removes too, or its rows");
                }
            }
        }
        match &self.reads {
            Reads::Nothing => Ok(()),
            Reads::Everything => {
                let changed = winner.adds.iter().any(|add| add.data_change)
                    || winner.removes.iter().any(|remove| remove.data_change);
                if changed {
                    refuse("another commit changed the table, of which this one has read all")
                } else {
                    Ok(())
                }
            }
            Reads::Rows(predicate) => {
                if may_match(winner, predicate, store, table)? {
                    return refuse("another commit added or removed rows that this one has read");
                }
                Ok(())
            }
        }
    }
}

/// Whether a data-changing file of a commit may hold rows that pass.
fn may_match(
    winner: &Commit,
    predicate: &Predicate,
    store: &LogStore,
    table: &Arc<TableMeta>,
) -> Result<bool> {
    let filter = FileFilter { predicate: Some(predicate.clone()), stats: StatsFor::Nothing };
    let mut sieve = Sieve::new(store.root.clone(), table.clone(), filter);
    for add in winner.adds.iter().filter(|add| add.data_change) {
        if sieve.sift(add)?.is_some() {
            return Ok(true);
        }
    }
    for remove in winner.removes.iter().filter(|remove| remove.data_change) {
        let matches = match as_add(remove) {
            Some(add) => sieve.sift(&Arc::new(add))?.is_some(),
            None => true,
        };
        if matches {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is known about a removed file; `None` where its partition is not.
fn as_add(remove: &Remove) -> Option<Add> {
    Some(Add {
        path: remove.path.clone(),
        partition_values: remove.partition_values.clone()?,
        size: remove.size.unwrap_or_default(),
        modification_time: 0,
        data_change: true,
        stats: remove.stats.clone(),
        tags: None,
        deletion_vector: None,
    })
}
