//! Which commits of others forbid ours.

use std::collections::HashSet;

use stitchwork_core::{CommitArgs, Error, FileFilter, Predicate, Reads, Result, StatsFor};

use super::build::path;
use crate::lines::Commit;
use crate::sieve::Sieve;
use crate::state::State;
use crate::store::LogStore;

/// What our commit has read and changes.
pub(super) struct Ours {
    /// The paths of the files that we remove.
    removed: HashSet<String>,
    reads: Reads,
    changes_table: bool,
}

impl Ours {
    pub(super) fn new(store: &LogStore, args: &CommitArgs) -> Result<Self> {
        let changes = &args.changes;
        let mut removed = HashSet::new();
        for file in &changes.removed {
            if !removed.insert(path(file, store)) {
                return Err(Error::invalid_input("a commit can remove a file only once")
                    .with_context("file", &file.location));
            }
        }
        let changes_table =
            changes.schema.is_some() || changes.partitioning.is_some() || !changes.properties.is_empty();
        Ok(Self { removed, reads: args.reads.clone(), changes_table })
    }

    /// Whether no commit of data can be in the way.
    pub(super) fn is_blind(&self) -> bool {
        self.removed.is_empty() && self.reads == Reads::Nothing && !self.changes_table
    }

    /// Refuses when the winner has done something that ours rests on.
    pub(super) fn check(&self, winner: &Commit, store: &LogStore, state: &State) -> Result<()> {
        let refuse =
            |message: &str| Err(Error::conflict(message).with_context("winner", winner.header.version));
        if self.changes_table && winner.table.is_some() {
            return refuse("another commit changed the schema or the properties");
        }
        let touched = winner.removes.iter().chain(&winner.adds);
        if touched.into_iter().any(|line| self.removed.contains(&line.path)) {
            return refuse("another commit removed or replaced a file that this one removes too");
        }
        match &self.reads {
            Reads::Nothing => Ok(()),
            Reads::Everything if winner.adds.is_empty() && winner.removes.is_empty() => Ok(()),
            Reads::Everything => refuse("another commit changed the table, of which this one has read all"),
            Reads::Rows(predicate) if may_match(winner, predicate, store, state)? => {
                refuse("another commit added or removed rows that this one has read")
            }
            Reads::Rows(_) => Ok(()),
        }
    }
}

/// Whether a file of a commit may hold rows that pass.
fn may_match(winner: &Commit, predicate: &Predicate, store: &LogStore, state: &State) -> Result<bool> {
    let filter = FileFilter { predicate: Some(predicate.clone()), stats: StatsFor::Nothing };
    let mut sieve = Sieve::new(store.root.clone(), state.table.clone(), filter);
    for line in winner.adds.iter().chain(&winner.removes) {
        if sieve.sift(line)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
