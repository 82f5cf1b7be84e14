//! Scans and plans: deletes, constants, limits, grades.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use stitchwork_core::{
    At, Changes, Column, CommitArgs, DeleteFile, Deleted, ErrorKind, Pushdown, Relation, Scalar, ScanArgs,
    WriteDeletesArgs, col,
};
use stitchwork_table::TableConfig;
use stitchwork_testkit::{MemoryLogFactory, MemoryRelation, Operation, assert_same_rows};

use crate::rig::{Rig, ids, rig, rig_with, rows};

/// The file whose ids begin with `first`.
async fn file(rig: &Rig, first: i64) -> stitchwork_core::DataFile {
    let first = Some(Scalar::from(first));
    let of = |file: &stitchwork_core::DataFile| {
        file.stats.as_ref().and_then(|s| s.columns.get(&Column::new("id")).cloned()).unwrap().min
    };
    rig.files().await.into_iter().find(|file| of(file) == first).unwrap()
}

async fn commit_deletes(rig: &Rig, deletes: Vec<(stitchwork_core::DataFile, DeleteFile)>) {
    let base = rig.table.snapshot().await.unwrap();
    let changes = Changes { deletes, ..Changes::default() };
    rig.table.log().commit(CommitArgs::new(base, "delete", changes)).await.unwrap();
}

/// Deletes positions of the file whose ids begin with `first`.
pub(crate) async fn delete_positions(rig: &Rig, first: i64, positions: &[u64]) {
    let file = file(rig, first).await;
    let args = WriteDeletesArgs { file: file.clone(), positions: positions.iter().copied().collect() };
    let written = rig.table.log().write_deletes(args).await.unwrap();
    commit_deletes(rig, vec![(file, written)]).await;
}

#[tokio::test]
async fn deleted_positions_do_not_come() {
    let rig = rig().await;
    rig.append(&[rows(0, 10, Some("a"))]).await;
    rig.append(&[rows(10, 10, Some("a"))]).await;
    delete_positions(&rig, 10, &[0, 4, 9]).await;
    let want: Vec<i64> = (0..20).filter(|id| ![10, 14, 19].contains(id)).collect();
    assert_eq!(rig.ids().await, want);
    assert_eq!(file(&rig, 10).await.deleted, Deleted::Exactly(3));
    let count = |args| async { rig.scan(args).await.iter().map(RecordBatch::num_rows).sum::<usize>() };
    assert_eq!(count(ScanArgs::default().with_projection(vec![])).await, 17);
    let some = ScanArgs::default().with_predicate(col("id").gt(12_i64)).with_limit(100);
    assert_eq!(ids(&rig.scan(some).await), [13, 15, 16, 17, 18]);
    assert_eq!(count(ScanArgs::default().with_limit(15)).await, 15);
    // All of a file.
    delete_positions(&rig, 10, &(0..10).collect::<Vec<_>>()).await;
    assert_eq!(rig.ids().await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_that_equal_a_key_do_not_come_and_null_equals_null() {
    let rig = rig().await;
    let (a, b) = (rows(0, 40, Some("a")), rows(40, 40, Some("b")));
    rig.append(&[a.clone(), b.clone()]).await;
    let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("plain")]));
    let p: ArrayRef = Arc::new(StringArray::from(vec!["a", "a"]));
    // A key of a column in the file and of one that is constant there.
    let keys = RecordBatch::try_from_iter(vec![("text", texts), ("p", p)]).unwrap();
    let keys = Arc::new(MemoryRelation::from(keys));
    let columns = vec![Column::new("text"), Column::new("p")];
    let mut deletes = vec![];
    for first in [0, 40] {
        let by_key = MemoryLogFactory::equality_deletes(columns.clone(), keys.clone());
        deletes.push((file(&rig, first).await, by_key));
    }
    commit_deletes(&rig, deletes).await;
    let gone = col("p").eq("a").and(col("text").is_null().or(col("text").eq("plain")));
    let keep = arrow::compute::not(&gone.passes(&a).unwrap()).unwrap();
    assert!(keep.false_count() > 0);
    let left = arrow::compute::filter_record_batch(&a, &keep).unwrap();
    assert_same_rows!(rig.all().await, [left.clone(), b.clone()]);
    // The columns of the keys are read though nobody asked for them.
    let mut want = ids(&[left, b]);
    want.sort_unstable();
    assert_eq!(rig.ids().await, want);
}

#[tokio::test]
async fn keys_of_another_width_still_match() {
    let rig = rig().await;
    rig.append(&[rows(0, 5, Some("a"))]).await;
    let narrow: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![1, 3]));
    let keys = RecordBatch::try_from_iter(vec![("id", narrow)]).unwrap();
    let by_key =
        MemoryLogFactory::equality_deletes(vec![Column::new("id")], Arc::new(MemoryRelation::from(keys)));
    commit_deletes(&rig, vec![(file(&rig, 0).await, by_key)]).await;
    assert_eq!(rig.ids().await, [0, 2, 4]);
}

#[tokio::test]
async fn a_limited_plan_lists_no_more_files_than_needed() {
    let rig = rig_with(TableConfig { read_ahead: 1, ..TableConfig::default() }).await;
    for n in 0..6 {
        rig.append(&[rows(n * 10, 10, Some("a"))]).await;
    }
    let relation = rig.table.relation(At::Latest).await.unwrap();
    let planned = |limit| {
        let relation = relation.clone();
        async move { relation.plan(ScanArgs::default().with_limit(limit)).await.unwrap().unwrap().files.len() }
    };
    assert_eq!((planned(0).await, planned(10).await, planned(11).await, planned(999).await), (1, 1, 2, 6));
    delete_positions(&rig, 0, &[0]).await;
    let relation = rig.table.relation(At::Latest).await.unwrap();
    let plan = relation.plan(ScanArgs::default().with_limit(10)).await.unwrap().unwrap();
    assert_eq!(plan.files.len(), 2, "a deleted row does not count");
    rig.store.forget();
    assert_eq!(
        rig.scan(ScanArgs::default().with_limit(5)).await.iter().map(RecordBatch::num_rows).sum::<usize>(),
        5
    );
    assert_eq!(rig.store.count(Operation::Get), 1);
}

#[tokio::test]
async fn partitions_decide_conjuncts_exactly_and_statistics_leave_out_files() {
    let rig = rig().await;
    rig.append(&[rows(0, 10, Some("a")), rows(10, 10, Some("b")), rows(20, 10, None)]).await;
    let relation = rig.table.relation(At::Latest).await.unwrap();
    use Pushdown::{Exact, Inexact};
    let cases = [
        (col("p").eq("a"), vec![Exact], 1),
        (col("p").is_null(), vec![Exact], 1),
        (col("p").not_eq("a"), vec![Exact], 1),
        (col("id").lt(5_i64), vec![Inexact], 1),
        (col("p").is_in(["a", "b"]).and(col("id").gt(15_i64)), vec![Exact, Inexact], 1),
        (col("p").eq("a").or(col("id").gt(25_i64)), vec![Inexact], 2),
        (col("text").like("text%"), vec![Inexact], 3),
    ];
    for (predicate, grades, files) in cases {
        let args = ScanArgs::default().with_predicate(predicate.clone());
        let plan = relation.plan(args).await.unwrap().unwrap();
        assert_eq!((plan.pushdown, plan.files.len()), (grades, files), "{predicate}");
        for planned in plan.files {
            let place = plan.schema.index_of("p").unwrap();
            assert_eq!(planned.constants, [(place, planned.file.partition[0].clone())]);
        }
    }
}

#[tokio::test]
async fn an_old_snapshot_is_read_as_it_was_and_cannot_be_edited() {
    let rig = rig().await;
    rig.append(&[rows(0, 3, Some("a"))]).await;
    rig.append(&[rows(3, 3, Some("a"))]).await;
    rig.table.delete(Default::default()).await.unwrap();
    let old = rig.table.relation(At::Version(1)).await.unwrap();
    let got = stitchwork_core::collect(old.scan(ScanArgs::default()).await.unwrap()).await.unwrap();
    assert_same_rows!(got, [rows(0, 3, Some("a"))]);
    assert!(old.editor().is_none());
    let error = rig.table.relation(At::Version(99)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn values_of_another_type_are_widened_into_the_table() {
    let rig = rig().await;
    let id: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![7, 8]));
    let number: ArrayRef = Arc::new(arrow_array::Float32Array::from(vec![0.5, 1.5]));
    let batch = RecordBatch::try_from_iter(vec![("number", number), ("id", id)]).unwrap();
    rig.append(&[batch]).await;
    assert_eq!(rig.ids().await, [7, 8]);
    let got = rig.scan(ScanArgs::default().with_projection(vec![2])).await;
    assert_eq!(got[0].column(0).as_ref(), &Float64Array::from(vec![0.5, 1.5]));
}
