//! Writing one version, and finding out whether it was us when the answer is lost.

use std::time::{Duration, Instant};

use object_store::{Error as StoreError, PutMode, PutOptions, PutPayload};
use rand::Rng;
use stitchwork_core::{CommitState, Error, ErrorKind, Result};

use crate::{Commit, Commits};

/// How a put has ended.
#[derive(Debug)]
pub enum Put<C> {
    /// The version is ours.
    Won,
    /// The version is this commit of somebody else.
    Lost(C),
}

/// Time without progress by anybody.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    since: Instant,
}

impl Patience {
    /// For so long, from now on.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now() }
    }

    /// Somebody has committed, so that it begins anew.
    pub fn progress(&mut self) {
        self.since = Instant::now();
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() >= self.limit
    }
}

impl Commits {
    /// Puts a payload at a version, unless another commit is there. `id` is what nobody else's commit has inside.
    ///
    /// The put is repeated when its answer is lost: at one version only one of the copies can land, and all of them
    /// are ours.
    ///
    /// # Errors
    /// With the commit state *not committed* or *unknown*: what the store says when it refuses, or when patience ends
    /// before it answers; what [`Commit::parse`] says where what is there cannot be read.
    pub async fn put<C: Commit>(
        &self,
        version: i64,
        payload: &PutPayload,
        id: &str,
        patience: &Patience,
    ) -> Result<Put<C>> {
        let object = self.object(version);
        // Whether an earlier try may have landed, or may still do.
        let mut in_doubt = false;
        let mut level = 0;
        loop {
            // Whether no repetition helps; what is there is looked at all the same.
            let mut hopeless = false;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let failure = match object.store.put_opts(&object.path, payload.clone(), options).await {
                Ok(_) => return Ok(Put::Won),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => None,
                Err(error) if !in_doubt && is_refusal(&error) => {
                    return Err(object.error(error).with_commit_state(CommitState::NotCommitted));
                }
                Err(error) => {
                    hopeless = is_hopeless(&error);
                    in_doubt |= !hopeless;
                    Some(object.error(error))
                }
            };
            let failure = match self.bytes(version).await {
                Ok(Some((bytes, modified_ms))) => match self.parse::<C>(version, modified_ms, &bytes) {
                    Ok(commit) if commit.id() == Some(id) => return Ok(Put::Won),
                    Ok(commit) => return Ok(Put::Lost(commit)),
                    // Whose it is cannot be told. Ours would be readable, except when it was damaged on its way.
                    Err(error) => return Err(error.with_commit_state(state(in_doubt))),
                },
                Ok(None) => failure.unwrap_or_else(|| {
                    let error = "the store says that a commit is there, and then that not";
                    self.located(version, Error::unexpected(error))
                }),
                Err(error) => {
                    // What is there may be ours: the store repeats a put by itself, and is refused by the first.
                    in_doubt = true;
                    failure.unwrap_or(error)
                }
            };
            if hopeless || patience.is_over() {
                return Err(failure.with_context("version", version).with_commit_state(state(in_doubt)));
            }
            tracing::debug!(version, error = %failure, "the answer to a commit is lost, trying again");
            level = (level + 1).min(10);
            back_off(level).await;
        }
    }
}

fn state(in_doubt: bool) -> CommitState {
    if in_doubt { CommitState::Unknown } else { CommitState::NotCommitted }
}

/// Waits for a random part of 2^`level` milliseconds. Without a runtime that has timers it does not wait.
pub(crate) async fn back_off(level: u32) {
    let micros = rand::rng().random_range(0..=1000_u64 << level.min(10));
    if tokio::runtime::Handle::try_current().is_ok() {
        tokio::time::sleep(Duration::from_micros(micros)).await;
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

/// Whether the store has a reason that no patience mends, although it has no name for it: a folder that cannot be
/// made, a disk that is full.
fn is_hopeless(error: &StoreError) -> bool {
    matches!(error, StoreError::Generic { .. })
        && !matches!(ErrorKind::from(error), ErrorKind::Unavailable | ErrorKind::RateLimited)
}

#[cfg(test)]
mod tests;
