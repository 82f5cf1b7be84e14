//! Commits: put-if-absent at the next version, again and again until it is ours or a conflict.

mod build;
mod conflict;
mod put;

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use stitchwork_core::{CommitArgs, CommitState, Committed, Error, ErrorKind, Result};

use crate::actions::Commit;
use crate::log::Shared;
use crate::protocol;
use crate::snapshot::DeltaSnapshot;
use crate::state::State;
use crate::store::now_ms;

pub(crate) use build::base_info;
pub(crate) use put::{Patience, Put, put};

/// Makes a commit; the error says what it has left behind.
pub(crate) async fn commit(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    let result = run(shared, args).await;
    result.map_err(|error| {
        let error = error.with_operation("log::commit").with_context("table", &shared.store.root.location);
        match error.commit_state() {
            Some(_) => error,
            // Everything but the put itself happens before anything can be visible.
            None => error.with_commit_state(CommitState::NotCommitted),
        }
    })
}

async fn run(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    let (state, lost_races) = {
        // Commits of one process queue here rather than race each other at the store.
        let _turn = shared.turn.lock().await;
        land(shared, &args).await?
    };
    shared.maintain(&state).await;
    Ok(Committed { snapshot: Arc::new(DeltaSnapshot::new(shared.store.clone(), state)), lost_races })
}

async fn land(shared: &Arc<Shared>, args: &CommitArgs) -> Result<(Arc<State>, u32)> {
    let mut state = shared.kept_or_load().await?;
    if state.version < args.base.version() {
        state = shared.latest().await?;
    }
    let base = args.base.version();
    if state.version < base {
        return Err(Error::invalid_input(
            "the base of the commit is newer than the table: it is of another one",
        )
        .with_context("base", base)
        .with_context("version", state.version));
    }
    // Before anything else: a commit that is tried again finds itself among the winners.
    check_tag(&state, args)?;
    let ours = conflict::Ours::new(&shared.store, args)?;
    if !ours.is_blind() {
        for winner in winners(shared, &state, base).await? {
            ours.check(&winner, &shared.store, &state.table)?;
        }
    }
    let mut commit = build::build(&shared.store, &state, args)?;
    let id = commit.unique_id().unwrap_or_default().to_owned();
    let bytes = bytes::Bytes::from(commit.to_bytes()?);
    let mut patience = Patience::new(args.retry.patience);
    let mut lost_races = 0;
    loop {
        check_state(&state, args, &commit)?;
        let version = next_version(&state)?;
        let mut lost = match put(&shared.store, version, &bytes, &id, &mut patience).await? {
            Put::Won => {
                commit.version = version;
                commit.timestamp_ms = now_ms();
                let state = state.apply(Arc::new(commit));
                let state = Arc::new(state.map_err(|e| e.with_commit_state(CommitState::Committed))?);
                shared.keep(&state);
                return Ok((state, lost_races));
            }
            Put::Lost(winner) => Some(*winner),
        };
        while let Some(winner) = lost.take() {
            lost_races += 1;
            patience.progress();
            let winner = Arc::new(winner);
            state = Arc::new(state.apply(winner.clone())?);
            shared.keep(&state);
            check_tag(&state, args)?;
            ours.check(&winner, &shared.store, &state.table)?;
            if lost_races > 1 {
                // Where many race, looking first is cheaper than losing again.
                lost = shared.store.read_commit(next_version(&state)?).await?;
            }
        }
        if lost_races > 3 {
            back_off(lost_races.min(5)).await;
        }
    }
}

fn next_version(state: &State) -> Result<i64> {
    let next = state.version.checked_add(1);
    next.ok_or_else(|| Error::unsupported("the table has had its last version"))
}

/// Refuses a commit whose application has made it, or a later one.
fn check_tag(state: &State, args: &CommitArgs) -> Result<()> {
    if let Some(tag) = &args.tag
        && let Some(found) = state.txns.get(&tag.application)
        && found.txn.version >= tag.id
    {
        return Err(Error::new(ErrorKind::AlreadyExists, "the application has made this commit already")
            .with_context("application", &tag.application)
            .with_context("id", tag.id)
            .with_context("newest", found.txn.version));
    }
    Ok(())
}

/// What must hold in the very state that the commit is put on.
fn check_state(state: &State, args: &CommitArgs, commit: &Commit) -> Result<()> {
    let effects = protocol::Effects {
        removes: !args.changes.removed.is_empty() || !args.changes.deletes.is_empty(),
        vectors: !args.changes.deletes.is_empty(),
    };
    // A commit that makes the table able to do something can do it at once.
    let protocol = commit.protocol.as_ref().unwrap_or(&state.protocol);
    protocol::check_write(protocol, &state.table, effects)?;
    if !Arc::ptr_eq(&args.base.schema(), &state.table.schema) {
        let partitioning = args.base.partitioning();
        let columns: Vec<String> =
            partitioning.last().into_iter().flat_map(|spec| &spec.fields).map(|f| f.name.clone()).collect();
        crate::evolve::still_fits(&args.base.schema(), &state.table, &columns)?;
    }
    Ok(())
}

/// The commits between a base and a state.
async fn winners(shared: &Shared, state: &State, base: i64) -> Result<Vec<Arc<Commit>>> {
    let mut winners: Vec<Arc<Commit>> = state.tail().take_while(|c| c.version > base).cloned().collect();
    winners.reverse();
    let oldest = winners.first().map_or(state.version + 1, |commit| commit.version);
    if oldest > base + 1 {
        // The tail has been cut by a checkpoint since; the commits themselves mostly are still there.
        let missing =
            shared.store.read_commits((base + 1..oldest).collect()).await.map_err(|e| match e.kind() {
                ErrorKind::NotFound => {
                    Error::conflict("the base of the commit is too old to tell what happened since")
                        .with_context("base", base)
                        .with_source(e)
                }
                _ => e,
            })?;
        winners.splice(0..0, missing);
    }
    Ok(winners)
}

/// Waits for a random part of 2^`level` milliseconds. Without a runtime that has timers it does not wait.
async fn back_off(level: u32) {
    let micros = rand::rng().random_range(0..=1000_u64 << level.min(10));
    if tokio::runtime::Handle::try_current().is_ok() {
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

#[cfg(test)]
mod tests;
