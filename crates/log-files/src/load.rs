//! From the store to a state.

use std::sync::Arc;

use stitchwork_core::{Error, Result};

use crate::checkpoint;
use crate::lines::Header;
use crate::state::State;
use crate::store::LogStore;

/// The state of a version, or the newest one. `None` where there is no manifest.
pub(crate) async fn load(store: &LogStore, at: Option<i64>) -> Result<Option<State>> {
    let fits = |version: &i64| at.is_none_or(|at| *version <= at);
    let checkpoint = store.checkpoints().await?.into_iter().filter(fits).max();
    let last = match at {
        // The listing would tell no more than the commits themselves.
        Some(at) => Some(at),
        None => store.newest_commit(checkpoint).await?,
    };
    let state = match checkpoint {
        Some(version) => Some(checkpoint::read(store, version).await?),
        None => None,
    };
    let Some(last) = last else { return Ok(state) };
    let first = state.as_ref().map_or(0, |state| state.version + 1);
    let mut state = state;
    for commit in store.read_commits(first, last).await? {
        state = Some(match &state {
            Some(state) => state.apply(commit)?,
            None => State::first(commit)?,
        });
    }
    Ok(state)
}

/// The newest version that is not younger than a time.
pub(crate) async fn version_at(store: &LogStore, newest: &State, time: i64) -> Result<i64> {
    if newest.time <= time {
        return Ok(newest.version);
    }
    // The times of versions only grow.
    let (mut low, mut high) = (-1, newest.version);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if header(store, middle).await?.time <= time { low = middle } else { high = middle }
    }
    if low < 0 {
        return Err(Error::not_found("the table, or its manifest, is younger than the time")
            .with_context("time_ms", time));
    }
    Ok(low)
}

/// The first line of a commit that must be there.
pub(crate) async fn header(store: &LogStore, version: i64) -> Result<Header> {
    let path = store.commits.object(version).path;
    let Some((bytes, _)) = store.commits.bytes(version).await? else {
        let error = Error::invalid_data("a commit is missing while later ones are there");
        return Err(store.located(&path, error));
    };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Header::parse(line, "commit").map_err(|e| store.located(&path, e))
}

/// Whether a version is there, among those of a manifest whose newest state is known.
pub(crate) fn check_version(newest: &Arc<State>, version: i64) -> Result<()> {
    if (0..=newest.version).contains(&version) {
        return Ok(());
    }
    let message = if newest.is_folder() {
        "a folder without manifest has no versions; the first commit gives it some"
    } else {
        "the table has no such version"
    };
    Err(Error::not_found(message).with_context("version", version).with_context("newest", newest.version))
}
