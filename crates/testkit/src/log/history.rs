//! Versions: older snapshots and who made them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::json;
use stitchwork_core::{At, Changes, CommitArgs, CommitTag, ErrorKind, HistoryArgs, Version};

use super::Subject;
use super::fixture::{Table, append, expect, find, list_all};
use crate::Outcome;
use crate::failure::{ensure, refused};

/// Contract: older snapshots by version and by time give the files of then; where a way is not declared, it
/// is `Unsupported`.
pub(super) async fn time_travel(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let mut files = Vec::new();
    let mut versions = Vec::new();
    for n in 0..3 {
        tokio::time::sleep(Duration::from_millis(15)).await;
        let file = table.file(10 * n, Some("a")).await?;
        let done = table.append(std::slice::from_ref(&file)).await?;
        files.push(file);
        versions.push((done.snapshot.version(), done.snapshot.timestamp_ms()));
    }
    ensure!(
        versions.is_sorted_by_key(|(_, time)| *time),
        "the versions are not in the order of their times: {versions:?}"
    );
    let log = table.reopen().await?;
    let capabilities = log.capabilities();
    for (n, (version, time)) in versions.iter().enumerate() {
        let then: Vec<_> = files[..=n].iter().collect();
        let by_version = log.snapshot(At::Version(*version)).await;
        if capabilities.time_travel_by_version {
            let snapshot = by_version?;
            expect(&format!("the version {version}"), snapshot.as_ref(), &then).await?;
            ensure!(snapshot.version() == *version, "{version} is called {}", snapshot.version());
            let told = snapshot.timestamp_ms();
            ensure!(told == *time, "the version {version} is told to be of {told}, not of {time}");
        } else {
            refused("a snapshot by version", by_version, &[ErrorKind::Unsupported])?;
        }
        for moment in [*time, time + 5] {
            // Where times are whole seconds several versions have the same one, and the last of them is that of the moment.
            let newest = versions.iter().take_while(|(_, time)| *time <= moment).count();
            let then: Vec<_> = files.iter().take(newest).collect();
            let by_time = log.snapshot(At::Timestamp(moment)).await;
            if capabilities.time_travel_by_timestamp {
                expect(&format!("the time {moment}"), by_time?.as_ref(), &then).await?;
            } else {
                refused("a snapshot by time", by_time, &[ErrorKind::Unsupported])?;
            }
        }
    }
    if capabilities.time_travel_by_timestamp {
        refused("a time before the table", log.snapshot(At::Timestamp(1000)).await, &[ErrorKind::NotFound])?;
        let late = log.snapshot(At::Timestamp(i64::MAX / 2)).await?;
        expect("a time to come", late.as_ref(), &files.iter().collect::<Vec<_>>()).await?;
    }
    let by_ref = log.snapshot(At::Ref("no-such-branch".to_owned())).await;
    let kind = if capabilities.refs { ErrorKind::NotFound } else { ErrorKind::Unsupported };
    refused("an unknown branch", by_ref, &[kind])?;
    Ok(())
}

/// Contract: a version that never was is `NotFound`, or `Unsupported` where there are no versions.
pub(super) async fn missing_version_is_not_found(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let file = table.file(0, Some("a")).await?;
    table.append(&[file]).await?;
    let declared = table.log.capabilities().time_travel_by_version;
    let kind = if declared { ErrorKind::NotFound } else { ErrorKind::Unsupported };
    for version in [987_654_321, i64::MAX, -5] {
        let result = table.log.snapshot(At::Version(version)).await;
        refused(&format!("the version {version}"), result, &[kind])?;
    }
    Ok(())
}

/// Contract: every version that `At::Version` finds is listed, each once, and no other; without
/// `time_travel_by_version`, none but the newest.
pub(super) async fn all_that_are_found(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let mut known = BTreeSet::from([987_654_321, table.latest().await?.version()]);
    for n in 0..3 {
        let file = table.file(10 * n, Some("a")).await?;
        known.insert(table.append(&[file]).await?.snapshot.version());
    }
    let base = table.log.snapshot(At::Latest).await?;
    let removed = list_all(base.as_ref()).await?;
    let changes = Changes { removed, ..Changes::default() };
    let newest = table.log.commit(CommitArgs::new(base, "delete", changes)).await?.snapshot.version();
    let log = table.reopen().await?;
    let listed: Vec<i64> = log.versions().try_collect().await?;
    let versions: BTreeSet<i64> = listed.iter().copied().collect();
    ensure!(versions.len() == listed.len(), "a version is listed twice: {listed:?}");
    if !log.capabilities().time_travel_by_version {
        ensure!(
            versions.iter().all(|version| *version == newest),
            "the past cannot be read, but {listed:?} are listed; the newest is {newest}"
        );
        return Ok(());
    }
    known.extend([newest]);
    known.extend(&versions);
    for version in known {
        let is_there = match log.snapshot(At::Version(version)).await {
            Ok(_) => true,
            Err(e) if e.kind() == ErrorKind::NotFound => false,
            Err(e) => return Err(e.into()),
        };
        ensure!(
            versions.contains(&version) == is_there,
            "the version {version} is {}there, but listed are {listed:?}",
            if is_there { "" } else { "not " }
        );
    }
    Ok(())
}

/// Contract: commits that landed or were refused leave no orphan files: none of what is needed is taken for one.
pub(super) async fn no_orphans(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let file = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&file)).await?;
    let base = table.log.snapshot(At::Latest).await?;
    for n in 1..4 {
        let file = table.file(10 * n, Some("a")).await?;
        table.append(&[file]).await?;
    }
    let removed = vec![find(&list_all(base.as_ref()).await?, &file)?.clone()];
    let remove = CommitArgs::new(base, "delete", Changes { removed, ..Changes::default() });
    table.log.commit(remove.clone()).await?;
    refused(
        "a second removal of a file",
        table.reopen().await?.commit(remove).await,
        &[ErrorKind::Conflict],
    )?;
    let properties = [("testkit.x".to_owned(), Some("1".to_owned()))].into();
    let set = Changes { properties, ..Changes::default() };
    table.log.commit(CommitArgs::new(table.latest().await?, "set properties", set)).await?;
    for log in [&table.log, &table.reopen().await?] {
        let orphans = log.orphan_files().await?;
        ensure!(orphans.is_empty(), "after commits of which none was stopped, {orphans:?} are orphans");
    }
    Ok(())
}

/// Contract: the history has each commit once, newest first, with operation and tag, and no more than asked
/// for.
pub(super) async fn newest_first(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let tag = CommitTag { application: "app".to_owned(), id: 3, payload: Some(json!({"at": 1})) };
    let steps = [("append", None), ("overwrite", Some(tag)), ("delete", None)];
    let mut versions = Vec::new();
    for (n, (operation, tag)) in steps.iter().enumerate() {
        let file = table.file(10 * n as i64, Some("a")).await?;
        let base = table.log.snapshot(At::Latest).await?;
        let args = append(base, &[file]);
        let args = CommitArgs { operation: (*operation).to_owned(), tag: tag.clone(), ..args };
        versions.push(table.log.commit(args).await?.snapshot.version());
    }
    versions.reverse();
    let log = table.reopen().await?;
    let all: Vec<Version> = log.history(HistoryArgs::default()).try_collect().await?;
    // What the creation of the table counts as is the log's own.
    let newest = &all[..all.len().min(3)];
    let ids: Vec<i64> = newest.iter().map(|version| version.id).collect();
    ensure!(ids == versions, "the newest commits are {ids:?}, not {versions:?}");
    ensure!(all.len() <= 4, "the history of three commits has {} entries", all.len());
    ensure!(
        all.iter().rev().is_sorted_by_key(|version| version.timestamp_ms),
        "the history is not in the order of times"
    );
    for (version, (operation, tag)) in newest.iter().zip(steps.iter().rev()) {
        ensure!(
            version.operation.to_lowercase().contains(operation),
            "the operation {operation:?} is told as {:?}",
            version.operation
        );
        ensure!(version.tag == *tag, "the tag of {operation:?} is told as {:?}", version.tag);
    }
    let some: Vec<Version> = log.history(HistoryArgs { limit: Some(2) }).try_collect().await?;
    ensure!(some == all[..2], "with a limit of 2 the history is {some:?}");
    Ok(())
}
