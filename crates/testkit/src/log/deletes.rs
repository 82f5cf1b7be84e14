//! Deleted rows of files that stay.

use stitchwork_core::{
    At, Changes, CommitArgs, DataFile, Deleted, ErrorKind, RoaringTreemap, Snapshot, WriteDeletesArgs,
};

use super::Subject;
use super::fixture::{Table, find, list_all, not_committed};
use crate::failure::{ensure, refusal, refused};
use crate::{Failure, Outcome};

/// Deletes positions of a file in a commit.
async fn delete(
    table: &Table,
    base: &std::sync::Arc<dyn Snapshot>,
    file: &DataFile,
    positions: &RoaringTreemap,
) -> stitchwork_core::Result<std::sync::Arc<dyn Snapshot>> {
    let args = WriteDeletesArgs { file: file.clone(), positions: positions.clone() };
    let written = table.log.write_deletes(args).await?;
    let changes = Changes { deletes: vec![(file.clone(), written)], ..Changes::default() };
    Ok(table.log.commit(CommitArgs::new(base.clone(), "delete", changes)).await?.snapshot)
}

/// What a snapshot says of the deletes of a file.
async fn deleted(snapshot: &dyn Snapshot, file: &DataFile) -> Result<RoaringTreemap, Failure> {
    let listed = list_all(snapshot).await?;
    let listed = find(&listed, file)?;
    let deletes = snapshot.deletes(listed).await?;
    ensure!(deletes.equality.is_empty(), "positions came back as deletes by key");
    let positions = deletes.positions.map(|p| p.as_ref().clone()).unwrap_or_default();
    match listed.deleted {
        Deleted::Nothing => ensure!(positions.is_empty(), "a file is listed without the deletes it has"),
        Deleted::Exactly(rows) => {
            ensure!(rows == positions.len(), "{rows} rows are said to be deleted, not {}", positions.len());
        }
        Deleted::Unknown => {}
    }
    Ok(positions)
}

/// Contract: with `position_deletes`, deleted positions come back from `Snapshot::deletes`, replace those
/// before, and are invisible until committed; two changes of one file's deletes conflict; other files and
/// older snapshots keep theirs. Without, `write_deletes` is `Unsupported`.
pub(super) async fn positions_round_trip(subject: Subject) -> Outcome {
    let table = Table::create(subject).await?;
    let files = [table.file(0, Some("a")).await?, table.file(10, Some("a")).await?];
    table.append(&files).await?;
    let base = table.latest().await?;
    let listed = list_all(base.as_ref()).await?;
    let (file, other) = (find(&listed, &files[0])?, find(&listed, &files[1])?);
    let first: RoaringTreemap = [0, 3, 9].into_iter().collect();
    if !table.log.capabilities().position_deletes {
        let args = WriteDeletesArgs { file: file.clone(), positions: first };
        refused("writing deletes", table.log.write_deletes(args).await, &[ErrorKind::Unsupported])?;
        return Ok(());
    }
    let args = WriteDeletesArgs { file: file.clone(), positions: first.clone() };
    let unused = table.log.write_deletes(args).await?;
    ensure!(unused.rows == 3, "three deletes are told as {}", unused.rows);
    let before = deleted(table.latest().await?.as_ref(), file).await?;
    ensure!(before.is_empty(), "deletes are visible before their commit");

    let after = delete(&table, &base, file, &first).await?;
    for snapshot in [after, table.latest().await?] {
        let got = deleted(snapshot.as_ref(), file).await?;
        ensure!(got == first, "the deleted positions are {got:?}, not {first:?}");
        let got = deleted(snapshot.as_ref(), other).await?;
        ensure!(got.is_empty(), "another file has the deletes {got:?}");
    }
    table.expect("after a delete", &[&files[0], &files[1]]).await?;

    let stale = delete(&table, &base, file, &[1].into_iter().collect()).await;
    let error = refusal("deletes from a stale base", stale, &[ErrorKind::Conflict])?;
    not_committed("deletes from a stale base", &error)?;

    let base = table.log.snapshot(At::Latest).await?;
    let listed = list_all(base.as_ref()).await?;
    let file = find(&listed, &files[0])?;
    let more: RoaringTreemap = first.iter().chain([5]).collect();
    delete(&table, &base, file, &more).await?;
    let got = deleted(table.latest().await?.as_ref(), file).await?;
    ensure!(got == more, "the deleted positions are {got:?}, not {more:?}");
    let got = deleted(base.as_ref(), file).await?;
    ensure!(got == first, "an older snapshot has the deletes {got:?}, not {first:?}");

    // A file with deletes can be removed.
    let base = table.latest().await?;
    let listed = list_all(base.as_ref()).await?;
    let changes = Changes { removed: vec![find(&listed, &files[0])?.clone()], ..Changes::default() };
    table.log.commit(CommitArgs::new(base, "rewrite", changes)).await?;
    table.expect("after the removal of a file with deletes", &[&files[1]]).await
}
