//! A table at one version: a checkpoint or a folder, and the commits since.

use std::collections::BTreeMap;
use std::sync::Arc;

use stitchwork_core::{CommitTag, Error, Result};

use crate::lines::{Add, Commit};
use crate::table::TableMeta;

/// What the commits of a state stand on.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// The first commit.
    Nothing,
    /// The checkpoint of this version.
    Checkpoint(i64),
    /// The files of a folder without manifest.
    Folder(Arc<Vec<Arc<Add>>>),
}

/// A table at one version.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// -1 for a folder without manifest.
    pub(crate) version: i64,
    pub(crate) time: i64,
    pub(crate) table: Arc<TableMeta>,
    /// The newest tag of each application.
    pub(crate) tags: Arc<BTreeMap<String, CommitTag>>,
    pub(crate) base: Base,
    /// The commits since, oldest first.
    pub(crate) tail: Vec<Arc<Commit>>,
}

impl State {
    /// The state after the first commit.
    pub(crate) fn first(commit: Arc<Commit>) -> Result<Self> {
        let line = commit.table.clone().ok_or_else(|| {
            Error::invalid_data("the first commit of a table does not say what the table is")
        })?;
        let empty = Self {
            version: -1,
            time: i64::MIN,
            table: Arc::new(TableMeta::new(line)?),
            tags: Arc::default(),
            base: Base::Nothing,
            tail: vec![],
        };
        empty.apply(commit)
    }

    /// The state after the next commit.
    pub(crate) fn apply(&self, commit: Arc<Commit>) -> Result<Self> {
        let header = &commit.header;
        if header.version != self.version.saturating_add(1) || header.time <= self.time {
            return Err(Error::invalid_data("a commit does not follow the one before it")
                .with_context("version", header.version)
                .with_context("time", header.time));
        }
        let table = match &commit.table {
            Some(line) => Arc::new(TableMeta::new(line.clone())?),
            None => self.table.clone(),
        };
        let mut tags = self.tags.clone();
        if let Some(tag) = &header.tag {
            Arc::make_mut(&mut tags).insert(tag.application.clone(), tag.clone().into());
        }
        let (version, time, base) = (header.version, header.time, self.base.clone());
        let tail = self.tail.iter().cloned().chain([commit]).collect();
        Ok(Self { version, time, table, tags, base, tail })
    }

    /// The same state over a checkpoint that has been written meanwhile, unless it stands on a later one.
    pub(crate) fn rebased(&self, checkpoint: i64) -> Self {
        let mut state = self.clone();
        if matches!(state.base, Base::Checkpoint(own) if own >= checkpoint) {
            return state;
        }
        state.tail.retain(|commit| commit.header.version > checkpoint);
        state.base = Base::Checkpoint(checkpoint);
        state
    }

    /// Whether it is of a folder without manifest.
    pub(crate) fn is_folder(&self) -> bool {
        self.version < 0
    }

    /// How many lines the commits since the checkpoint have.
    pub(crate) fn tail_lines(&self) -> usize {
        self.tail.iter().map(|commit| commit.adds.len() + commit.removes.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(version: i64) -> Arc<Commit> {
        let mut commit = Commit::new("append");
        (commit.header.version, commit.header.time) = (version, 10 * version);
        let column = serde_json::json!([{ "name": "x", "type": "int64", "nullable": true }]);
        commit.table = (version == 0).then(|| crate::lines::TableLine {
            schema: column,
            partitioning: vec![],
            properties: BTreeMap::new(),
        });
        Arc::new(commit)
    }

    #[test]
    fn commits_follow_each_other() {
        let state = State::first(commit(0)).unwrap().apply(commit(1)).unwrap();
        assert!(state.apply(commit(1)).is_err() && state.apply(commit(3)).is_err());
        let mut early = commit(2).as_ref().clone();
        early.header.time = 10;
        assert!(state.apply(Arc::new(early)).is_err(), "its time is not later");
        assert!(State::first(commit(1)).is_err());
    }

    #[test]
    fn an_older_checkpoint_takes_no_commits_away() {
        let mut state = State::first(commit(0)).unwrap();
        for version in 1..10 {
            state = state.apply(commit(version)).unwrap();
        }
        let state = state.rebased(6);
        assert_eq!(state.tail.len(), 3);
        let state = state.rebased(4);
        assert!(matches!(state.base, Base::Checkpoint(6)));
        assert_eq!(state.tail.len(), 3);
    }
}
