//! Commits: staged from the newest state, published by one compare-and-set, and made anew from the next state while
//! others are faster (Iceberg spec, "Optimistic Concurrency").

mod conflict;
mod entry;
mod merge;
mod plan;
mod rewrite;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use stitchwork_core::{CommitArgs, CommitState, Committed, Error, ErrorKind, Result};
use stitchwork_iceberg_meta::TableMeta;

use crate::files::pause;
use crate::pointer::Published;
use crate::snapshot::IcebergSnapshot;
use crate::state::{Shared, State};
use crate::{error, tags};

use plan::Plan;
use stage::Staged;

/// Makes a commit.
pub(crate) async fn commit(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    shared.pointers.check_writable().map_err(not_committed)?;
    let mut attempts = Attempts::new(shared, args);
    let result = attempts.run().await;
    attempts.clean_up(&result).await;
    result
}

fn not_committed(error: Error) -> Error {
    match error.commit_state() {
        Some(_) => error,
        None => error.with_commit_state(CommitState::NotCommitted),
    }
}

struct Attempts<'a> {
    shared: &'a Arc<Shared>,
    args: CommitArgs,
    plan: Option<Plan>,
    /// Up to which snapshot the changes of others have been looked at.
    checked: i64,
    lost_races: u32,
    /// Failures in a row.
    failures: u32,
    progress: Instant,
    /// Every file that was written, for the case that it is not needed in the end.
    written: BTreeSet<String>,
}

enum Attempt {
    Done(Committed),
    Lost,
}

impl<'a> Attempts<'a> {
    fn new(shared: &'a Arc<Shared>, args: CommitArgs) -> Self {
        let checked = args.base.version();
        Self {
            shared,
            args,
            plan: None,
            checked,
            lost_races: 0,
            failures: 0,
            progress: Instant::now(),
            written: BTreeSet::new(),
        }
    }

    async fn run(&mut self) -> Result<Committed> {
        loop {
            match self.attempt().await {
                Ok(Attempt::Done(committed)) => return Ok(committed),
                Ok(Attempt::Lost) => {
                    // The winner has made progress, so that patience begins anew.
                    self.lost_races += 1;
                    self.failures = 0;
                    self.progress = Instant::now();
                    pause(self.lost_races.min(5)).await;
                }
                Err(error) if self.may_try_again(&error) => {
                    self.failures += 1;
                    pause(self.failures).await;
                }
                Err(error) => return Err(not_committed(error)),
            }
        }
    }

    fn may_try_again(&self, error: &Error) -> bool {
        error.is_retryable()
            && error.commit_state() != Some(CommitState::Unknown)
            && self.progress.elapsed() < self.args.retry.patience
    }

    async fn attempt(&mut self) -> Result<Attempt> {
        let shared = self.shared;
        let state = shared.load().await?;
        if let Some(plan) = &self.plan
            && landed(&state, plan)
        {
            // Which of the files are in use is not known here, so that all stay.
            self.written.clear();
            return Ok(Attempt::Done(self.committed(state)?));
        }
        self.check_tag(&state.meta)?;
        let plan = match self.plan.take() {
            Some(plan) => plan,
            None => Plan::new(shared, &state, &self.args)?,
        };
        let plan = self.plan.insert(plan);
        conflict::check(shared, &state, &self.args, plan, &mut self.checked).await?;
        let staged = stage::stage(shared, &state, &self.args, plan, &mut self.written).await?;
        let metadata = staged.location.clone();
        let bytes = Bytes::from(staged.meta.to_bytes().map_err(error::meta)?);
        // A folder's file is published by being written, so that it must never be removed as a leftover.
        if matches!(shared.pointers, crate::pointer::Pointers::Catalog { .. }) {
            self.written.insert(metadata.clone());
        }
        plan.published.push(metadata.clone());
        let published = shared.pointers.publish(&shared.files, &state.location, &metadata, &bytes).await?;
        let won = match published {
            Published::Won => true,
            Published::Lost => false,
            Published::Unknown(error) => self.find_out(&state, &metadata, &bytes, error).await?,
        };
        if !won {
            return Ok(Attempt::Lost);
        }
        self.finish(&state, staged).await.map(Attempt::Done)
    }

    fn check_tag(&self, meta: &TableMeta) -> Result<()> {
        let Some(tag) = &self.args.tag else { return Ok(()) };
        let last = tags::find(meta, meta.current_snapshot().as_ref(), &tag.application, true);
        match last {
            Some(last) if last.id >= tag.id => {
                Err(Error::new(ErrorKind::AlreadyExists, "the application has committed this id already")
                    .with_context("application", &tag.application)
                    .with_context("id", tag.id)
                    .with_context("last", last.id))
            }
            _ => Ok(()),
        }
    }

    /// Finds out what became of a request whose answer was lost. As long as the pointer is the old one it can be
    /// made again, since it either has no effect or the one that is wanted.
    async fn find_out(
        &mut self,
        state: &State,
        metadata: &str,
        bytes: &Bytes,
        mut last: Error,
    ) -> Result<bool> {
        let shared = self.shared;
        loop {
            if self.progress.elapsed() >= self.args.retry.patience {
                return Err(Error::new(ErrorKind::Unavailable, "the answer to the commit was lost")
                    .with_context("metadata", metadata)
                    .with_commit_state(CommitState::Unknown)
                    .with_source(last));
            }
            self.failures += 1;
            pause(self.failures).await;
            let by_name = self.plan.as_ref().is_some_and(|plan| plan.has_unique_names);
            if by_name {
                let now = match shared.load().await {
                    Ok(now) => now,
                    Err(error) => {
                        last = error;
                        continue;
                    }
                };
                if self.plan.as_ref().is_some_and(|plan| landed(&now, plan)) {
                    return Ok(true);
                }
                if now.location != state.location {
                    return Ok(false);
                }
            }
            match shared.pointers.publish(&shared.files, &state.location, metadata, bytes).await {
                Ok(Published::Won) => return Ok(true),
                // In a folder the content of the file has told whose it is.
                Ok(Published::Lost) if !by_name => return Ok(false),
                // Somebody was faster, or our first request has arrived after all: the next round tells.
                Ok(Published::Lost) => {}
                Ok(Published::Unknown(error)) | Err(error) => last = error,
            }
        }
    }

    /// What follows a commit that has landed; nothing of it can fail the commit.
    async fn finish(&mut self, before: &State, staged: Staged) -> Result<Committed> {
        let Staged { location, meta, manifests } = staged;
        for manifest in manifests.iter() {
            self.written.remove(&manifest.path);
        }
        if let Some(snapshot) = meta.current_snapshot() {
            self.written.remove(&snapshot.manifest_list);
        }
        self.written.remove(&location);
        let state = Arc::new(State::with_manifests(location, meta, manifests));
        self.shared.remember(state.clone());
        self.remove_old_metadata(&before.meta, &state.meta).await;
        self.committed(state)
    }

    fn committed(&self, state: Arc<State>) -> Result<Committed> {
        let snapshot = IcebergSnapshot::current(self.shared.clone(), state)
            .map_err(|e| e.with_commit_state(CommitState::Committed))?;
        Ok(Committed { snapshot: Arc::new(snapshot), lost_races: self.lost_races })
    }

    /// Removes metadata files that have left the log, where the table asks for it.
    async fn remove_old_metadata(&self, before: &TableMeta, after: &TableMeta) {
        if after.property("write.metadata.delete-after-commit.enabled") != Some("true") {
            return;
        }
        let kept: BTreeSet<String> = after.metadata_log().into_iter().map(|e| e.metadata_file).collect();
        let gone = before.metadata_log().into_iter().map(|entry| entry.metadata_file);
        self.shared.files.remove_quietly(gone.filter(|file| !kept.contains(file))).await;
    }

    /// Removes what was written for nothing. Where it is not known whether the commit has landed, all stays.
    async fn clean_up(&mut self, result: &Result<Committed>) {
        let keep = match result {
            Ok(_) => false,
            Err(error) => error.commit_state() != Some(CommitState::NotCommitted),
        };
        if !keep {
            self.shared.files.remove_quietly(std::mem::take(&mut self.written)).await;
        }
    }
}

/// Whether one of the attempts is part of the table.
fn landed(state: &State, plan: &Plan) -> bool {
    if plan.makes_snapshot {
        return state.meta.snapshot(plan.snapshot_id).is_some();
    }
    // Names of a folder's files are not unique, so that only their content can tell.
    plan.has_unique_names
        && plan.published.iter().any(|location| {
            *location == state.location
                || state.meta.metadata_log().iter().any(|entry| entry.metadata_file == *location)
        })
}
