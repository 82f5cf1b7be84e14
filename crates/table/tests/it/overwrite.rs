//! Replacing rows.

use futures::FutureExt;
use stitchwork_core::{CommitState, ErrorKind, col};
use stitchwork_table::{AppendArgs, OverwriteArgs};
use stitchwork_testkit::assert_same_rows;

use crate::racing::slow;
use crate::rig::{Rig, rig, rows, stream};

async fn filled() -> Rig {
    let rig = rig().await;
    rig.append(&[rows(0, 10, Some("a")), rows(10, 10, Some("b"))]).await;
    rig
}

fn only(predicate: stitchwork_core::Predicate) -> OverwriteArgs {
    OverwriteArgs { predicate: Some(predicate), ..OverwriteArgs::default() }
}

#[tokio::test]
async fn everything_is_replaced_in_one_commit() {
    let rig = filled().await;
    let new = [rows(100, 7, Some("c"))];
    let done = rig.table.overwrite(stream(&new), OverwriteArgs::default()).await.unwrap();
    assert_eq!((done.rows_added, done.rows_removed, done.files_added, done.files_removed), (7, 20, 1, 2));
    assert_same_rows!(rig.all().await, new);
    assert_eq!(rig.history().await, ["create", "append", "overwrite"]);
    rig.table.overwrite(stream(&[]), OverwriteArgs::default()).await.unwrap();
    assert!(rig.ids().await.is_empty());
}

#[tokio::test]
async fn only_rows_that_pass_are_replaced() {
    let rig = filled().await;
    let new = [rows(5, 2, Some("a"))];
    let done = rig.table.overwrite(stream(&new), only(col("id").lt(8_i64))).await.unwrap();
    assert_eq!((done.rows_added, done.rows_removed), (2, 8));
    assert_eq!(rig.ids().await, [5, 6].into_iter().chain(8..20).collect::<Vec<_>>());
    let done = rig.table.overwrite(stream(&[rows(50, 1, Some("b"))]), only(col("p").eq("b"))).await.unwrap();
    assert_eq!((done.rows_added, done.rows_removed, done.files_removed), (1, 10, 1));
    assert_eq!(rig.ids().await, [5, 6, 8, 9, 50]);
}

#[tokio::test]
async fn a_new_row_that_does_not_pass_is_refused_and_nothing_happens() {
    let rig = filled().await;
    let before = rig.objects().await;
    for (new, predicate) in [
        (rows(5, 10, Some("a")), col("id").lt(8_i64)),
        (rows(5, 1, Some("b")), col("p").eq("a")),
        // Null passes nothing.
        (rows(5, 1, None), col("p").eq("a")),
    ] {
        let error = rig.table.overwrite(stream(&[new]), only(predicate)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert_eq!(rig.objects().await, before);
    }
    assert_eq!(rig.ids().await.len(), 20);
    assert_eq!(rig.history().await, ["create", "append"]);
}

#[tokio::test]
async fn a_lost_race_is_repeated_without_writing_the_new_rows_again() {
    let rig = filled().await;
    let winner = rig.table.clone();
    let other = async move {
        winner.append(stream(&[rows(200, 3, Some("b"))]), AppendArgs::default()).await.unwrap();
    };
    let table = slow(&rig, 1, vec![other.boxed()]);
    let new = [rows(100, 2, Some("b"))];
    let done = table.overwrite(stream(&new), only(col("p").eq("b"))).await.unwrap();
    assert_eq!((done.rows_added, done.rows_removed), (2, 13), "the winner's rows are replaced, too");
    assert_eq!(rig.ids().await, (0..10).chain([100, 101]).collect::<Vec<_>>());
    assert_eq!(rig.objects().await, 4, "two of before, the winner's, and one of the new rows");
}

#[tokio::test]
async fn without_repetitions_the_conflict_is_told_and_the_files_go() {
    let rig = filled().await;
    let winner = rig.table.clone();
    let other = async move {
        winner.append(stream(&[rows(200, 3, Some("z"))]), AppendArgs::default()).await.unwrap();
    };
    let table = slow(&rig, 0, vec![other.boxed()]);
    let error =
        table.overwrite(stream(&[rows(100, 2, Some("b"))]), OverwriteArgs::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.commit_state()), (ErrorKind::Conflict, Some(CommitState::NotCommitted)));
    assert_eq!(rig.objects().await, 3);
    assert_eq!(rig.ids().await.len(), 23);
}
