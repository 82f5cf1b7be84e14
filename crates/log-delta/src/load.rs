//! Finding and reading a version of the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{Error, ErrorKind, Result};

use crate::checkpoint::{Checkpoint, Found, LogFile, read_head};
use crate::meta::TableMeta;
use crate::state::{Head, State};
use crate::store::LogStore;

/// The commits and checkpoints of a log, up to a version.
struct Listing {
    /// When each commit was written.
    commits: BTreeMap<i64, i64>,
    checkpoint: Option<(Checkpoint, i64)>,
    /// The versions of all checkpoints.
    checkpoints: BTreeSet<i64>,
}

/// Lists the log from a version on; of its checkpoints only those below a version.
async fn list(store: &LogStore, from: Option<i64>, up_to: i64, below: i64) -> Result<Listing> {
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
            LogFile::Checkpoint { version, .. } | LogFile::Part { version, .. }
                if version <= up_to && version < below =>
            {
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
    Ok(Listing { commits, checkpoint, checkpoints: found.versions().collect() })
}

/// The versions that can be read, the oldest first: a checkpoint, or the first commit, and all commits from there on.
/// Cleaning a log leaves others that nobody can read any more.
pub(crate) async fn versions(store: &LogStore) -> Result<Vec<i64>> {
    let Listing { commits, checkpoints, .. } = list(store, None, i64::MAX, i64::MAX).await?;
    let mut readable = Vec::new();
    for version in commits.keys().copied().collect::<BTreeSet<_>>().union(&checkpoints).copied() {
        // Nothing is before the first commit, so that it needs no checkpoint.
        let before = readable.last().copied().unwrap_or(-1);
        if checkpoints.contains(&version) || before == version - 1 {
            readable.push(version);
        }
    }
    Ok(readable)
}

/// The newest version, or the one asked for; `None` where there is no table at all.
///
/// # Errors
/// `NotFound` for a version that is not there, `InvalidData` for a log with gaps.
pub(crate) async fn load(store: &LogStore, wanted: Option<i64>) -> Result<Option<State>> {
    let up_to = wanted.unwrap_or(i64::MAX);
    let hint = store.hint().await?.map(|hint| hint.version).filter(|version| *version <= up_to);
    let mut listing = list(store, hint, up_to, i64::MAX).await?;
    if hint.is_some() && listing.checkpoint.is_none() {
        // The hint points to nothing; the listing tells the truth.
        listing = list(store, None, up_to, i64::MAX).await?;
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
    let (head, checkpoint, base) = loop {
        let Some((mut checkpoint, time)) = listing.checkpoint.take() else {
            break (Head::default(), None, (-1, 0));
        };
        match read_head(store, &mut checkpoint).await {
            Ok(head) => {
                let base = (checkpoint.version, time);
                break (head, Some(Arc::new(checkpoint)), base);
            }
            Err(error) => listing = without(store, checkpoint.version, newest, error).await?,
        }
    };
    let versions: Vec<i64> = listing.commits.keys().copied().filter(|version| *version > base.0).collect();
    // Not by counting up to the newest: a single misnamed file would make that a long way.
    let gap = versions.iter().zip(base.0 + 1..).find(|(version, expected)| **version != *expected);
    if let Some((_, gap)) = gap {
        if checkpoint.is_none() && wanted.is_some() && !listing.commits.contains_key(&0) {
            return Err(missing(up_to));
        }
        let error = Error::invalid_data("the log has a gap: a commit is missing, and later ones are there");
        return Err(store.commits.lost(gap, error.with_context("version", gap)));
    }
    let commits = store.read_commits(versions).await?;
    State::build(checkpoint, head, base, commits).map(Some)
}

/// What is listed up to a version without a checkpoint that cannot be read, where an older one, or none, and the commits
/// from there on hold the same.
///
/// # Errors
/// That of the checkpoint, where they do not, or where it may be read later.
async fn without(store: &LogStore, damaged: i64, newest: i64, error: Error) -> Result<Listing> {
    if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::NotFound) {
        return Err(error);
    }
    let older = list(store, None, newest, damaged).await?;
    let base = older.checkpoint.as_ref().map_or(-1, |(checkpoint, _)| checkpoint.version);
    let whole = older.commits.range(base + 1..).map(|(version, _)| *version).eq(base + 1..=newest);
    if !whole {
        return Err(error.with_context(
            "remedy",
            "restore the checkpoint from a copy: older checkpoints and commits do not hold all of the table any more",
        ));
    }
    tracing::warn!(%error, damaged, base, "a checkpoint cannot be read: an older one and the commits since are read instead");
    Ok(older)
}

/// The version that was the newest at a time: by the times that commits carry where the table has that feature,
/// else by those of their files, none younger than the one after it. Of several of one time, on a store that tells whole
/// seconds, it is the last one: each has the time that it is told with.
pub(crate) async fn version_at(store: &LogStore, table: &TableMeta, timestamp_ms: i64) -> Result<i64> {
    let listing = list(store, None, i64::MAX, i64::MAX).await?;
    if table.flag("delta.enableInCommitTimestamps") {
        let since = table.number("delta.inCommitTimestampEnablementVersion").unwrap_or(0);
        let versions: Vec<i64> = listing.commits.range(since..).map(|(version, _)| *version).collect();
        if let Some(version) = search(store, &versions, timestamp_ms).await? {
            return Ok(version);
        }
    }
    let found = growing(listing.commits).into_iter().take_while(|(_, time)| *time <= timestamp_ms).last();
    found.map(|(version, _)| version).ok_or_else(|| {
        Error::not_found("the table has no version that old, or not any more")
            .with_context("timestamp_ms", timestamp_ms)
    })
}

/// When each commit that is there counts as made, by the times of their files.
pub(crate) async fn times(store: &LogStore) -> Result<BTreeMap<i64, i64>> {
    Ok(growing(list(store, None, i64::MAX, i64::MAX).await?.commits))
}

/// The times of files where none is younger than the one after it: a clock may have been put back.
fn growing(mut modified: BTreeMap<i64, i64>) -> BTreeMap<i64, i64> {
    let mut last = i64::MIN;
    for time in modified.values_mut() {
        last = last.max(*time);
        *time = last;
    }
    modified
}

/// The newest of some commits that is not younger than a time, by their own times, which only grow.
async fn search(store: &LogStore, versions: &[i64], timestamp_ms: i64) -> Result<Option<i64>> {
    let (mut low, mut high) = (0, versions.len());
    while low < high {
        let middle = low.midpoint(high);
        let Some(version) = versions.get(middle) else { break };
        let commit = store.read_commit(*version).await?;
        if commit.is_some_and(|commit| commit.timestamp_ms <= timestamp_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low.checked_sub(1).and_then(|place| versions.get(place).copied()))
}
