//! Finding and reading a version of the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{Error, ErrorKind, Result};

use crate::checkpoint::{Checkpoint, Found, LogFile, read_head};
use crate::state::{Head, State};
use crate::store::LogStore;

/// The commits and checkpoints of a log, up to a version.
struct Listing {
    /// When each commit was written.
    commits: BTreeMap<i64, i64>,
    checkpoint: Option<(Checkpoint, i64)>,
}

async fn list(store: &LogStore, from: Option<i64>, up_to: i64) -> Result<Listing> {
    let mut commits = BTreeMap::new();
    let mut found = Found::default();
    let mut times = BTreeMap::new();
    let mut listed = store.list(from);
    loop {
        let meta = match listed.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) => break,
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let Some(file) = store.name(&meta).and_then(LogFile::parse) else { continue };
        let modified = meta.last_modified.timestamp_millis();
        match file {
            LogFile::Commit(version) if version <= up_to => {
                commits.insert(version, modified);
            }
            LogFile::Checkpoint { version, .. } | LogFile::Part { version, .. } if version <= up_to => {
                found.add(&file, &meta);
                times.insert(version, modified);
            }
            _ => {}
        }
    }
    let checkpoint = found.newest().map(|checkpoint| {
        let version = checkpoint.version;
        let time = commits.get(&version).or_else(|| times.get(&version)).copied().unwrap_or_default();
        (checkpoint, time)
    });
    Ok(Listing { commits, checkpoint })
}

/// The newest version, or the one asked for; `None` where there is no table at all.
///
/// # Errors
/// `NotFound` for a version that is not there, `InvalidData` for a log with gaps.
pub(crate) async fn load(store: &LogStore, wanted: Option<i64>) -> Result<Option<State>> {
    let up_to = wanted.unwrap_or(i64::MAX);
    let hint = store.hint().await?.map(|hint| hint.version).filter(|version| *version <= up_to);
    let mut listing = list(store, hint, up_to).await?;
    if hint.is_some() && listing.checkpoint.is_none() {
        // The hint points to nothing; the listing tells the truth.
        listing = list(store, None, up_to).await?;
    }
    let missing = |version: i64| {
        Error::not_found("the table has no such version, or not any more").with_context("version", version)
    };
    let newest = match (listing.commits.keys().next_back(), &listing.checkpoint) {
        (Some(commit), Some((checkpoint, _))) => (*commit).max(checkpoint.version),
        (Some(commit), None) => *commit,
        (None, Some((checkpoint, _))) => checkpoint.version,
        (None, None) if wanted.is_some() && store.exists().await? => return Err(missing(up_to)),
        (None, None) => return Ok(None),
    };
    if wanted.is_some_and(|wanted| wanted != newest) {
        return Err(missing(up_to));
    }
    let (head, checkpoint, base) = match listing.checkpoint {
        Some((mut checkpoint, time)) => {
            let head = read_head(store, &mut checkpoint).await?;
            let base = (checkpoint.version, time);
            (head, Some(Arc::new(checkpoint)), base)
        }
        None => (Head::default(), None, (-1, 0)),
    };
    let versions: Vec<i64> = (base.0 + 1..=newest).collect();
    if let Some(gap) = versions.iter().find(|version| !listing.commits.contains_key(version)) {
        if checkpoint.is_none() && wanted.is_some() && !listing.commits.contains_key(&0) {
            return Err(missing(up_to));
        }
        return Err(
            Error::invalid_data("the log has a gap: a commit is missing").with_context("version", gap)
        );
    }
    let commits = store.read_commits(versions).await?;
    State::build(checkpoint, head, base, commits).map(Some)
}

/// The version that was the newest at a time: commits in order, none younger than the one after it.
pub(crate) async fn version_at(store: &LogStore, timestamp_ms: i64) -> Result<i64> {
    let listing = list(store, None, i64::MAX).await?;
    let mut found = None;
    let mut last = i64::MIN;
    for (version, modified) in listing.commits {
        last = modified.max(last.saturating_add(1));
        if last > timestamp_ms {
            break;
        }
        found = Some(version);
    }
    found.ok_or_else(|| {
        Error::not_found("the table has no version that old, or not any more")
            .with_context("timestamp_ms", timestamp_ms)
    })
}
