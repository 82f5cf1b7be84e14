//! Writing one version, and finding out whether it was us when the answer is lost.

use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::Error as StoreError;
use stitchwork_core::{CommitState, Error, ErrorKind, Result};

use super::back_off;
use crate::actions::Commit;
use crate::store::LogStore;

/// How a put has ended.
#[derive(Debug)]
pub(crate) enum Put {
    /// The version is ours.
    Won,
    /// The version is this commit of somebody else.
    Lost(Box<Commit>),
}

/// Time without progress by anybody.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    since: Instant,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now() }
    }

    /// Somebody has committed.
    pub(crate) fn progress(&mut self) {
        self.since = Instant::now();
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() >= self.limit
    }
}

/// Puts `bytes` at `version`, unless another commit is there. `id` is what nobody else's commit has inside.
///
/// The put is repeated when its answer is lost: at one version only one of the copies can land, and all of
/// them are ours.
pub(crate) async fn put(
    store: &LogStore,
    version: i64,
    bytes: &Bytes,
    id: &str,
    patience: &mut Patience,
) -> Result<Put> {
    let path = store.commit_path(version);
    // Whether an earlier try may have landed, or may still do.
    let mut in_doubt = false;
    let mut level = 0;
    loop {
        let failure = match store.put_commit(version, bytes.clone()).await {
            Ok(()) => return Ok(Put::Won),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => None,
            Err(error) if !in_doubt && is_refusal(&error) => {
                return Err(store.error(&path, error).with_commit_state(CommitState::NotCommitted));
            }
            Err(error) => {
                in_doubt = true;
                Some(store.error(&path, error))
            }
        };
        let failure = match store.read_commit(version).await {
            Ok(Some(commit)) if commit.unique_id() == Some(id) => return Ok(Put::Won),
            Ok(Some(commit)) => return Ok(Put::Lost(Box::new(commit))),
            Ok(None) => failure.unwrap_or_else(|| {
                store.located(
                    &path,
                    Error::unexpected("the store says that a commit is there, and then that not"),
                )
            }),
            // Whose it is cannot be told. Ours would be readable, except when it was damaged on its way.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let state = if in_doubt { CommitState::Unknown } else { CommitState::NotCommitted };
                return Err(error.with_commit_state(state));
            }
            Err(error) => failure.unwrap_or(error),
        };
        if patience.is_over() {
            let state = if in_doubt { CommitState::Unknown } else { CommitState::NotCommitted };
            return Err(failure.with_context("version", version).with_commit_state(state));
        }
        tracing::debug!(version, error = %failure, "the answer to a commit is lost, trying again");
        level = (level + 1).min(10);
        back_off(level).await;
    }
}

/// Whether the store has said no, rather than nothing.
fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::NotSupported { .. }
            | StoreError::NotImplemented { .. }
            | StoreError::InvalidPath { .. }
            | StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }
            | StoreError::UnknownConfigurationKey { .. }
            | StoreError::NotFound { .. }
    )
}
