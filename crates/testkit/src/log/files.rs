//! Which files are live, and what is told of them.

use std::collections::BTreeSet;

use stitchwork_core::{
    At, Changes, Column, CommitArgs, DataFile, Deleted, ErrorKind, FileFilter, Reads, Scalar, StatsFor, col,
};

use super::Subject;
use super::fixture::{Table, expect, file_name, find, list, list_all, not_committed};
use crate::Outcome;
use crate::failure::{ensure, refusal};

/// Contract: added files are live, with size, rows, partition and statistics intact, in the snapshot of the
/// commit and in a fresh one. Where nobody else commits, nobody was faster. A file that a commit adds twice is
/// `InvalidInput`, and nothing is committed.
pub(super) async fn append_is_listed(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let partitions = [Some("a"), Some("b"), None, Some("with space/slash=%2F é"), Some("")];
    let mut files = Vec::new();
    for (n, p) in partitions.into_iter().enumerate() {
        files.push(table.file(10 * n as i64, p).await?);
    }
    let before = table.log.snapshot(At::Latest).await?;
    let done = table.append(&files).await?;
    ensure!(done.lost_races == 0, "the only commit has lost {} races", done.lost_races);
    for snapshot in [done.snapshot, table.latest().await?] {
        expect("after an append", snapshot.as_ref(), &files.iter().collect::<Vec<_>>()).await?;
        let listed = list_all(snapshot.as_ref()).await?;
        for want in &files {
            let got = find(&listed, want)?;
            intact(got, want)?;
            let object = table.args.stores.resolve(&got.location)?.location();
            let same = table.args.stores.resolve(&want.location)?.location();
            ensure!(object == same, "the file {same} is listed at {object}");
        }
    }
    expect("the snapshot before", before.as_ref(), &[]).await?;

    let twice = table.file(900, Some("a")).await?;
    let result = table.append(&[twice.clone(), twice]).await;
    let error = refusal("adding a file twice", result, &[ErrorKind::InvalidInput])?;
    not_committed("adding a file twice", &error)?;
    table.expect("after the refused one", &files.iter().collect::<Vec<_>>()).await
}

fn intact(got: &DataFile, want: &DataFile) -> Outcome {
    let name = file_name(want);
    ensure!(got.rows == want.rows, "{name} is listed with {:?} rows, not {:?}", got.rows, want.rows);
    ensure!(got.size == want.size, "{name} is listed with {} bytes, not {}", got.size, want.size);
    ensure!(got.deleted == Deleted::Nothing, "{name} is listed with deletes {:?}", got.deleted);
    ensure!(
        got.format.eq_ignore_ascii_case(&want.format),
        "{name} is listed as {}, not {}",
        got.format,
        want.format
    );
    // A partition of Delta and of Hive cannot tell an empty text from null.
    let empty_as_null = |got: &Scalar, want: &Scalar| want == &Scalar::from("") && got.is_null();
    let equal = got.partition.len() == want.partition.len()
        && got
            .partition
            .iter()
            .zip(&want.partition)
            .all(|(got, want)| got == want || empty_as_null(got, want));
    ensure!(equal, "{name} is listed in the partition {:?}, not {:?}", got.partition, want.partition);
    let Some(want) = &want.stats else { return Ok(()) };
    let Some(got) = &got.stats else {
        return Err(crate::Failure::new(format!("{name} is listed without its statistics")));
    };
    for (column, want) in &want.columns {
        let got = got.columns.get(column).cloned().unwrap_or_default();
        let same = |a: &Option<Scalar>, b: &Option<Scalar>| match (a, b) {
            (Some(a), Some(b)) => a.compare(b) == Some(std::cmp::Ordering::Equal),
            (a, b) => a.is_none() && b.is_none(),
        };
        ensure!(
            same(&got.min, &want.min) && same(&got.max, &want.max) && got.nulls == want.nulls,
            "{name}: the statistics of {column} are {got:?}, not {want:?}"
        );
    }
    Ok(())
}

/// Contract: removed files are gone and all others stay, also when files come in the same commit.
pub(super) async fn remove_is_exact(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let mut files = Vec::new();
    for n in 0..6 {
        files.push(table.file(10 * n, Some(if n % 2 == 0 { "a" } else { "b" })).await?);
    }
    table.append(&files[..3]).await?;
    table.append(&files[3..5]).await?;
    let base = table.latest().await?;
    let listed = list_all(base.as_ref()).await?;
    let removed = vec![find(&listed, &files[1])?.clone(), find(&listed, &files[3])?.clone()];
    let changes = Changes { removed, added: vec![files[5].clone()], ..Changes::default() };
    let commit =
        CommitArgs { reads: Reads::Everything, ..CommitArgs::new(base.clone(), "overwrite", changes) };
    let done = table.log.commit(commit).await?;
    let left = [&files[0], &files[2], &files[4], &files[5]];
    expect("after a removal", done.snapshot.as_ref(), &left).await?;
    table.expect("a fresh snapshot after a removal", &left).await?;
    expect("the snapshot before", base.as_ref(), &files[..5].iter().collect::<Vec<_>>()).await?;

    let base = table.latest().await?;
    let removed = list_all(base.as_ref()).await?;
    let changes = Changes { removed, ..Changes::default() };
    let commit = CommitArgs { reads: Reads::Everything, ..CommitArgs::new(base, "delete", changes) };
    table.log.commit(commit).await?;
    table.expect("after everything was removed", &[]).await
}

/// Contract: with a predicate, files that cannot match are left out, by partition and by statistics, and none
/// that can.
pub(super) async fn prunes_by_partition_and_stats(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let a = table.file(0, Some("a")).await?;
    let b = table.file(100, Some("b")).await?;
    let none = table.file(200, None).await?;
    let bare = DataFile { stats: None, ..table.file(300, Some("a")).await? };
    table.append(&[a.clone(), b.clone()]).await?;
    table.append(&[none.clone(), bare.clone()]).await?;
    let snapshot = table.latest().await?;
    let all = [&a, &b, &none, &bare];
    let cases = [
        (col("p").eq("a"), vec![&a, &bare]),
        (col("p").eq("zzz"), vec![]),
        (col("p").is_null(), vec![&none]),
        (col("p").is_not_null(), vec![&a, &b, &bare]),
        (col("p").is_in(["b", "c"]), vec![&b]),
        // Nothing is known of the ids of the file without statistics.
        (col("id").lt(50_i64), vec![&a, &bare]),
        (col("id").eq(105_i64), vec![&b, &bare]),
        (col("id").gt(150_i64), vec![&none, &bare]),
        (col("name").eq("n00105"), vec![&b, &bare]),
        (col("p").eq("b").and(col("id").lt(50_i64)), vec![]),
        (col("p").eq("b").or(col("id").lt(50_i64)), vec![&a, &b, &bare]),
        (col("id").lt(1000_i64), all.to_vec()),
        (col("name").is_null(), all.to_vec()),
    ];
    for (predicate, want) in cases {
        let filter = FileFilter { predicate: Some(predicate.clone()), stats: StatsFor::Nothing };
        let got: BTreeSet<String> =
            list(snapshot.as_ref(), filter).await?.iter().map(|f| file_name(f).to_owned()).collect();
        for file in all {
            let (listed, wanted) =
                (got.contains(file_name(file)), want.iter().any(|f| f.location == file.location));
            let low = file.size - 1000;
            ensure!(listed || !wanted, "{predicate}: the file of ids from {low} can match and is left out");
            ensure!(!listed || wanted, "{predicate}: the file of ids from {low} cannot match and is listed");
        }
    }
    Ok(())
}

/// Contract: statistics come for the columns asked for.
pub(super) async fn stats_on_demand(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let file = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&file)).await?;
    let snapshot = table.latest().await?;
    let (id, name) = (Column::new("id"), Column::new("name"));
    let asked = [
        (StatsFor::Nothing, vec![]),
        (StatsFor::Columns(vec![id.clone()]), vec![&id]),
        (StatsFor::Columns(vec![name.clone()]), vec![&name]),
        (StatsFor::All, vec![&id, &name]),
    ];
    for (stats, columns) in asked {
        // What a predicate needs on the way does not change what was asked for.
        for predicate in [None, Some(col("id").eq(5_i64))] {
            let listed = list(snapshot.as_ref(), FileFilter { predicate, stats: stats.clone() }).await?;
            let got = find(&listed, &file)?;
            ensure!(got.rows == Some(10), "with {stats:?} the file has {:?} rows", got.rows);
            for column in &columns {
                let known = got.stats.as_ref().and_then(|stats| stats.columns.get(*column));
                let complete = known.is_some_and(|k| k.min.is_some() && k.max.is_some() && k.nulls.is_some());
                ensure!(complete, "with {stats:?} the statistics of {column} are {known:?}");
            }
            let extra =
                got.stats.iter().flat_map(|stats| stats.columns.keys()).find(|c| !columns.contains(c));
            ensure!(extra.is_none() || stats == StatsFor::All, "with {stats:?} come statistics of {extra:?}");
        }
    }
    Ok(())
}
