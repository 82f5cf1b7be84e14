//! Many writers.

use futures::future::join_all;
use stitchwork_core::{At, Changes, CommitArgs, DataFile, ErrorKind, Reads, col};

use super::Subject;
use super::fixture::{Table, append, expect, file, find, list_all, not_committed};
use crate::failure::{ensure, refusal, refused};
use crate::{Failure, Outcome};

/// Contract: an append from a stale base lands, and loses nothing of the winners.
pub(super) async fn blind_appends_rebase(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let mut files = Vec::new();
    for n in 0..6 {
        files.push(table.file(10 * n, Some("a")).await?);
    }
    table.append(&files[..1]).await?;
    let stale = table.log.snapshot(At::Latest).await?;
    let other = table.reopen().await?;
    // The winners append, remove and change a property.
    other.commit(append(other.snapshot(At::Latest).await?, &files[1..3])).await?;
    let base = other.snapshot(At::Latest).await?;
    let removed = vec![find(&list_all(base.as_ref()).await?, &files[0])?.clone()];
    other.commit(CommitArgs::new(base, "delete", Changes { removed, ..Changes::default() })).await?;
    let base = other.snapshot(At::Latest).await?;
    let properties = [("testkit.x".to_owned(), Some("1".to_owned()))].into();
    other
        .commit(CommitArgs::new(base, "set properties", Changes { properties, ..Changes::default() }))
        .await?;

    let done = table.log.commit(append(stale.clone(), &files[3..4])).await?;
    ensure!(done.lost_races <= 3, "an append after three others has lost {} races", done.lost_races);
    let left = [&files[1], &files[2], &files[3]];
    expect("the snapshot of a late append", done.snapshot.as_ref(), &left).await?;
    table.expect("after a late append", &left).await?;
    let property = table.latest().await?.properties().get("testkit.x").cloned();
    ensure!(property.as_deref() == Some("1"), "a late append has lost the winner's property");
    // The same stale base once more.
    table.log.commit(append(stale, &files[4..])).await?;
    table.expect("after another one", &[left[0], left[1], left[2], &files[4], &files[5]]).await
}

/// Contract: many appends at once, each through a log of its own, all land, each exactly once.
pub(super) async fn concurrent_appends_all_land(subject: Subject) -> Outcome {
    const WRITERS: i64 = 6;
    const COMMITS: i64 = 4;
    let table = Table::create(subject).await?;
    let spec = table.log.snapshot(At::Latest).await?.partitioning().last().map_or(0, |spec| spec.id);
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let log = table.reopen().await?;
        tasks.push(tokio::spawn(async move {
            let mut files = Vec::new();
            for commit in 0..COMMITS {
                let file = file(log.as_ref(), spec, 1000 * writer + 10 * commit, Some("a"));
                let base = log.snapshot(At::Latest).await?;
                let done = log.commit(append(base, std::slice::from_ref(&file))).await?;
                let own = list_all(done.snapshot.as_ref()).await?;
                files.push((file, own));
            }
            Ok::<_, stitchwork_core::Error>(files)
        }));
    }
    let mut files = Vec::new();
    for result in join_all(tasks).await {
        for (file, own) in result.map_err(|e| Failure::new(e.to_string()))?? {
            find(&own, &file).map_err(|e| Failure::new(format!("in the snapshot of its own commit {e}")))?;
            files.push(file);
        }
    }
    ensure!(files.len() == 24, "{} appends were made", files.len());
    table.expect("after many appends at once", &files.iter().collect::<Vec<_>>()).await
}

/// Contract: of two commits that remove the same file, the second is a `Conflict`, not committed, and leaves
/// nothing behind; one that removes another file lands.
pub(super) async fn conflicting_remove_refused(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let mut files = Vec::new();
    for n in 0..5 {
        files.push(table.file(10 * n, Some("a")).await?);
    }
    let base = table.append(&files[..2]).await?.snapshot;
    let listed = list_all(base.as_ref()).await?;
    let (first, second) = (find(&listed, &files[0])?, find(&listed, &files[1])?);
    let rewrite = |removed: &DataFile, added: &DataFile| {
        let changes =
            Changes { removed: vec![removed.clone()], added: vec![added.clone()], ..Changes::default() };
        CommitArgs::new(base.clone(), "rewrite", changes)
    };
    table.log.commit(rewrite(first, &files[2])).await?;
    let error = refusal(
        "removing a file that is gone",
        table.reopen().await?.commit(rewrite(first, &files[3])).await,
        &[ErrorKind::Conflict],
    )?;
    not_committed("removing a file that is gone", &error)?;
    table.expect("after the refused removal", &[&files[1], &files[2]]).await?;
    table.log.commit(rewrite(second, &files[4])).await?;
    table.expect("after the removal of another file", &[&files[2], &files[4]]).await?;

    // Many at once: one wins.
    let base = table.latest().await?;
    let target = find(&list_all(base.as_ref()).await?, &files[2])?.clone();
    let mut racers = Vec::new();
    for _ in 0..4 {
        let (log, base, target) = (table.reopen().await?, base.clone(), target.clone());
        racers.push(tokio::spawn(async move {
            let changes = Changes { removed: vec![target], ..Changes::default() };
            log.commit(CommitArgs::new(base, "delete", changes)).await
        }));
    }
    let mut won = 0;
    for result in join_all(racers).await {
        match result.map_err(|e| Failure::new(e.to_string()))? {
            Ok(_) => won += 1,
            Err(e) if e.kind() == ErrorKind::Conflict => not_committed("a lost race", &e)?,
            Err(e) => return Err(e.into()),
        }
    }
    ensure!(won == 1, "{won} of 4 removals of one file at once have won");
    table.expect("after a race of removals", &[&files[4]]).await
}

/// Contract: a commit that has read rows which a faster one added or removed is a `Conflict`, not committed;
/// one that has read others lands.
pub(super) async fn read_conflict_refused(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let old = table.file(500, Some("b")).await?;
    let winner = table.file(100, Some("a")).await?;
    let base = table.append(std::slice::from_ref(&old)).await?.snapshot;
    table.append(std::slice::from_ref(&winner)).await?;
    let mut live = vec![old.clone(), winner];
    let conflicts = [
        Reads::Everything,
        Reads::Rows(col("p").eq("a")),
        Reads::Rows(col("id").lt(105_i64)),
        Reads::Rows(col("p").eq("a").and(col("id").eq(109_i64))),
        Reads::Rows(col("p").eq("zzz").or(col("id").gt(0_i64))),
    ];
    let fine = [
        Reads::Nothing,
        Reads::Rows(col("p").eq("b")),
        Reads::Rows(col("id").gt(1000_i64)),
        Reads::Rows(col("p").eq("a").and(col("id").lt(50_i64))),
    ];
    for (reads, refuse) in
        conflicts.into_iter().map(|r| (r, true)).chain(fine.into_iter().map(|r| (r, false)))
    {
        let what = format!("a commit that has read {reads:?}");
        // In a partition and with ids that no later commit of this trial reads.
        let file = table.file(900, Some("elsewhere")).await?;
        let changes = Changes { added: vec![file.clone()], ..Changes::default() };
        let args = CommitArgs { reads, ..CommitArgs::new(base.clone(), "overwrite", changes) };
        let result = table.log.commit(args).await;
        if refuse {
            let error = refusal(&what, result, &[ErrorKind::Conflict])?;
            not_committed(&what, &error)?;
        } else {
            result.map_err(|e| Failure::new(format!("{what}: {e:?}")))?;
            live.push(file);
        }
        table.expect(&what, &live.iter().collect::<Vec<_>>()).await?;
    }

    // A row that was read and that somebody else has removed.
    let base = table.latest().await?;
    let removed = vec![find(&list_all(base.as_ref()).await?, &old)?.clone()];
    let remove = CommitArgs::new(base.clone(), "delete", Changes { removed, ..Changes::default() });
    table.log.commit(remove).await?;
    let file = table.file(20_000, Some("elsewhere")).await?;
    let changes = Changes { added: vec![file], ..Changes::default() };
    let reads = Reads::Rows(col("p").eq("b"));
    let args = CommitArgs { reads, ..CommitArgs::new(base, "overwrite", changes) };
    refused("a commit that has read a removed row", table.log.commit(args).await, &[ErrorKind::Conflict])?;
    Ok(())
}
