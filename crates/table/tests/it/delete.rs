//! Deleting rows.

use futures::FutureExt;
use stitchwork_core::{CommitState, Deleted, ErrorKind, Predicate, col};
use stitchwork_table::{AppendArgs, DeleteArgs};
use stitchwork_testkit::Operation;

use crate::racing::slow;
use crate::rig::{Rig, rig, rows, stream};

fn args(predicate: Predicate) -> DeleteArgs {
    DeleteArgs { predicate: Some(predicate), tag: None }
}

async fn filled() -> Rig {
    let rig = rig().await;
    rig.append(&[rows(0, 10, Some("a")), rows(10, 10, Some("b"))]).await;
    rig.append(&[rows(20, 10, Some("a"))]).await;
    rig
}

#[tokio::test]
async fn rows_that_pass_go_and_files_without_any_stay() {
    let rig = filled().await;
    let before = rig.files().await;
    let done = rig.table.delete(args(col("id").gt_eq(5_i64).and(col("id").lt(15_i64)))).await.unwrap();
    assert_eq!((done.rows_removed, done.files_removed, done.files_added, done.rows_added), (10, 2, 2, 0));
    assert_eq!(rig.ids().await, (0..5).chain(15..30).collect::<Vec<_>>());
    let after = rig.files().await;
    let kept = before.iter().filter(|b| after.iter().any(|a| a.location == b.location)).count();
    assert_eq!(kept, 1, "the file of ids from 20 is not written anew");
}

#[tokio::test]
async fn null_neither_passes_nor_is_deleted() {
    let rig = filled().await;
    let nulls = Predicate::And(vec![col("number").is_null()]);
    let all = rig.ids().await.len();
    let null_ids = rig.scan(stitchwork_core::ScanArgs::default().with_predicate(nulls)).await;
    let null_ids = crate::rig::ids(&null_ids);
    assert!(!null_ids.is_empty());
    let done = rig.table.delete(args(col("number").gt(0.0).or(col("number").lt_eq(0.0)))).await.unwrap();
    assert_eq!(done.rows_removed as usize, all - null_ids.len());
    assert_eq!(rig.ids().await, null_ids);
}

#[tokio::test]
async fn whole_files_go_unread() {
    let rig = filled().await;
    rig.store.forget();
    let done = rig.table.delete(args(col("p").eq("a"))).await.unwrap();
    assert_eq!((done.rows_removed, done.files_removed, done.files_added), (20, 2, 0));
    let done = rig.table.delete(args(col("id").lt(1000_i64))).await.unwrap();
    assert_eq!((done.rows_removed, done.files_removed, done.files_added), (10, 1, 0));
    assert_eq!(rig.store.count(Operation::Get), 0, "statistics and partitions tell enough");
    assert!(rig.ids().await.is_empty());
}

#[tokio::test]
async fn nothing_to_delete_commits_nothing() {
    let rig = filled().await;
    for predicate in [col("id").gt(1000_i64), col("p").eq("zzz"), col("text").eq("never written")] {
        let done = rig.table.delete(args(predicate)).await.unwrap();
        assert_eq!((done.rows_removed, done.files_removed), (0, 0));
    }
    assert_eq!(rig.history().await, ["create", "append", "append"]);
    assert_eq!(rig.objects().await, 3);
    let done = rig.table.delete(DeleteArgs::default()).await.unwrap();
    assert_eq!((done.rows_removed, rig.ids().await.len()), (30, 0));
}

#[tokio::test]
async fn an_unknown_column_is_named_and_nothing_happens() {
    let rig = filled().await;
    let error = rig.table.delete(args(col("nope").eq(1_i64))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(format!("{error:?}").contains("nope"));
    assert_eq!(rig.ids().await.len(), 30);
}

#[tokio::test]
async fn a_lost_race_is_repeated_with_what_the_winner_wrote() {
    let rig = filled().await;
    let winner = rig.table.clone();
    let other = async move {
        winner.append(stream(&[rows(100, 3, Some("b"))]), AppendArgs::default()).await.unwrap();
    };
    let before = rig.objects().await;
    let table = slow(&rig, 3, vec![other.boxed()]);
    let done = table.delete(args(col("id").gt(25_i64))).await.unwrap();
    assert_eq!(done.rows_removed, 7, "four of before, three of the winner");
    assert_eq!(rig.ids().await, (0..=25).collect::<Vec<_>>());
    assert_eq!(rig.history().await, ["create", "append", "append", "append", "delete"]);
    assert_eq!(rig.objects().await, before + 2, "the winner's file and one of the second try");
}

#[tokio::test]
async fn a_winner_elsewhere_is_no_conflict() {
    let rig = filled().await;
    let winner = rig.table.clone();
    let other = async move {
        winner.append(stream(&[rows(100, 3, Some("c"))]), AppendArgs::default()).await.unwrap();
    };
    let table = slow(&rig, 0, vec![other.boxed()]);
    let done = table.delete(args(col("p").eq("a").and(col("id").lt(5_i64)))).await.unwrap();
    assert_eq!((done.rows_removed, done.lost_races), (5, 1));
    assert_eq!(rig.ids().await, (5..30).chain(100..103).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_too_many_lost_races_nothing_is_left_behind() {
    let rig = filled().await;
    let mut others = vec![];
    for n in 0..3 {
        let winner = rig.table.clone();
        let other = async move {
            winner.append(stream(&[rows(100 + n, 1, Some("b"))]), AppendArgs::default()).await.unwrap();
        };
        others.push(other.boxed());
    }
    let table = slow(&rig, 2, others);
    let error = table.delete(args(col("id").gt(25_i64))).await.unwrap_err();
    assert_eq!((error.kind(), error.commit_state()), (ErrorKind::Conflict, Some(CommitState::NotCommitted)));
    assert_eq!(rig.ids().await.len(), 33);
    assert_eq!(rig.objects().await, 6, "three files of before and three of the winners");
}

#[tokio::test]
async fn deleted_positions_stay_deleted_when_their_file_is_written_anew() {
    let rig = filled().await;
    crate::reading::delete_positions(&rig, 10, &[0, 1]).await;
    let done = rig.table.delete(args(col("id").eq(15_i64))).await.unwrap();
    assert_eq!((done.rows_removed, done.files_removed, done.files_added), (1, 1, 1));
    assert!(rig.files().await.iter().all(|file| file.deleted == Deleted::Nothing));
    assert_eq!(rig.ids().await, (0..10).chain(12..15).chain(16..30).collect::<Vec<_>>());
    crate::reading::delete_positions(&rig, 20, &[3]).await;
    let done = rig.table.delete(args(col("p").eq("a"))).await.unwrap();
    assert_eq!(done.rows_removed, 19, "a row that is deleted already does not count");
}
