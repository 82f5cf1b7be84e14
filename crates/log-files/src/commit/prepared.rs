//! A commit in bytes.

use bytes::Bytes;
use object_store::PutPayload;
use stitchwork_commits::{Commit as _, Patience, Put, next_version, now_ms};
use stitchwork_core::{Error, Result};

use crate::lines::{Commit, write_line};
use crate::store::LogStore;

/// A commit of which only the first line changes from try to try.
#[derive(Debug)]
pub(crate) struct Prepared {
    commit: Commit,
    body: Bytes,
}

impl Prepared {
    pub(crate) fn new(mut commit: Commit) -> Result<Self> {
        let (body, lines) = commit.body()?;
        commit.header.lines = Some(lines);
        Ok(Self { commit, body: body.into() })
    }

    /// The version after another one and its time, and what to put there.
    pub(super) fn after(&mut self, version: i64, time: i64) -> Result<(i64, PutPayload)> {
        let header = &mut self.commit.header;
        header.version = next_version(version)?;
        let later = time.checked_add(1);
        header.time =
            now_ms().max(later.ok_or_else(|| Error::unsupported("the table has had its last version"))?);
        let mut first = Vec::new();
        write_line(&mut first, header)?;
        Ok((header.version, PutPayload::from_iter([Bytes::from(first), self.body.clone()])))
    }

    /// Puts the commit at version 0, unless another one is there.
    pub(crate) async fn put_first(&mut self, store: &LogStore, patience: &Patience) -> Result<Put<Commit>> {
        let (version, payload) = self.after(-1, i64::MIN)?;
        store.commits.put(version, &payload, self.id(), patience).await
    }

    pub(super) fn id(&self) -> &str {
        self.commit.id().unwrap_or_default()
    }

    /// The commit as it was put last.
    pub(crate) fn into_commit(self) -> Commit {
        self.commit
    }
}
