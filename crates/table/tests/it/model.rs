//! Operations in random order against a list of rows in memory.

use arrow::compute::{filter_record_batch, not};
use arrow_array::RecordBatch;
use futures::TryStreamExt;
use stitchwork_core::{Changes, CommitArgs, Deleted, FileFilter, Predicate, ScanArgs, WriteDeletesArgs, col};
use stitchwork_table::{AppendArgs, DeleteArgs, OverwriteArgs, TableConfig};
use stitchwork_testkit::assert_same_rows;

use crate::rig::{Rig, rig_with, rows, stream};

/// Numbers from a seed (splitmix64), so that a failure can be run again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

const PARTITIONS: [Option<&str>; 4] = [Some("a"), Some("b"), Some(""), None];

fn predicate(numbers: &mut Numbers, next: i64) -> Predicate {
    let id = numbers.below(next.unsigned_abs() + 1) as i64;
    match numbers.below(7) {
        0 => col("id").lt(id),
        1 => col("id").gt_eq(id).and(col("id").lt(id + 7)),
        2 => col("p").eq("a").and(col("id").gt(id)),
        3 => col("text").like("text 1%"),
        4 => col("p").is_null().or(col("flag").eq(true)),
        5 => col("number").gt(0.0).negate(),
        _ => col("p").is_in(["a", "b"]).negate(),
    }
}

fn without(model: &[RecordBatch], gone: &Predicate) -> Vec<RecordBatch> {
    let keep = |b: &RecordBatch| filter_record_batch(b, &not(&gone.passes(b).unwrap()).unwrap()).unwrap();
    model.iter().map(keep).collect()
}

fn only(model: &[RecordBatch], kept: &Predicate) -> Vec<RecordBatch> {
    model.iter().map(|b| filter_record_batch(b, &kept.passes(b).unwrap()).unwrap()).collect()
}

fn count(rows: &[RecordBatch]) -> u64 {
    rows.iter().map(|batch| batch.num_rows() as u64).sum()
}

/// Deletes one row of some file by its position, and gives the predicate that says which.
async fn delete_one(rig: &Rig, numbers: &mut Numbers) -> Option<Predicate> {
    let base = rig.table.snapshot().await.unwrap();
    let files: Vec<_> = base.files(FileFilter::default()).try_concat().await.unwrap();
    let file = files.get(numbers.below(files.len().max(1) as u64) as usize)?;
    let object = rig.registry.stores().resolve(&file.location).unwrap();
    let format = rig.registry.formats().get(&file.format).unwrap();
    let read = format.read(&object, stitchwork_core::ReadArgs::default()).await.unwrap();
    let ids = stitchwork_core::collect(read).await.unwrap();
    let position = numbers.below(file.rows.unwrap());
    let whole = arrow::compute::concat_batches(&ids[0].schema(), &ids).unwrap();
    let id =
        stitchwork_core::Scalar::from_array(whole.column_by_name("id").unwrap(), position as usize).unwrap();
    let mut positions = base.deletes(file).await.unwrap().positions.map(|p| (*p).clone()).unwrap_or_default();
    assert_eq!(file.deleted == Deleted::Nothing, positions.is_empty());
    positions.insert(position);
    let written =
        rig.table.log().write_deletes(WriteDeletesArgs { file: file.clone(), positions }).await.unwrap();
    let changes = Changes { deletes: vec![(file.clone(), written)], ..Changes::default() };
    rig.table.log().commit(CommitArgs::new(base.clone(), "delete", changes)).await.unwrap();
    Some(col("id").eq(id))
}

#[tokio::test]
async fn random_operations_agree_with_a_list_of_rows() {
    for seed in 0..12 {
        let mut numbers = Numbers(seed);
        let config = TableConfig { target_file_bytes: 4_000, max_open_files: 2, ..TableConfig::default() };
        let rig = rig_with(config).await;
        let mut model: Vec<RecordBatch> = vec![];
        let mut next = 0;
        for step in 0..25 {
            let p = PARTITIONS[numbers.below(4) as usize];
            let new = rows(next, 1 + numbers.below(30) as usize, p);
            let what = match numbers.below(10) {
                0..=4 => {
                    next += new.num_rows() as i64;
                    rig.table
                        .append(stream(std::slice::from_ref(&new)), AppendArgs::default())
                        .await
                        .unwrap();
                    model.push(new);
                    "append".to_owned()
                }
                5 | 6 => {
                    let gone = predicate(&mut numbers, next);
                    let left = without(&model, &gone);
                    let args = DeleteArgs { predicate: Some(gone.clone()), tag: None };
                    let done = rig.table.delete(args).await.unwrap();
                    assert_eq!(done.rows_removed, count(&model) - count(&left), "seed {seed}: delete {gone}");
                    model = left;
                    format!("delete {gone}")
                }
                7 => {
                    let replaced = predicate(&mut numbers, next);
                    let new = only(&[new], &replaced);
                    next += 30;
                    let left = without(&model, &replaced);
                    let args =
                        OverwriteArgs { predicate: Some(replaced.clone()), ..OverwriteArgs::default() };
                    let done = rig.table.overwrite(stream(&new), args).await.unwrap();
                    let counts = (done.rows_added, done.rows_removed);
                    assert_eq!(
                        counts,
                        (count(&new), count(&model) - count(&left)),
                        "seed {seed}: {replaced}"
                    );
                    model = left;
                    model.extend(new);
                    format!("overwrite {replaced}")
                }
                _ => match delete_one(&rig, &mut numbers).await {
                    Some(gone) => {
                        model = without(&model, &gone);
                        format!("delete the position of {gone}")
                    }
                    None => "nothing".to_owned(),
                },
            };
            let context = format!("seed {seed}, step {step}: {what}");
            let looked_for = predicate(&mut numbers, next);
            let got = rig.scan(ScanArgs::default().with_predicate(looked_for.clone())).await;
            let want = only(&model, &looked_for);
            assert_eq!(count(&got), count(&want), "{context}, looking for {looked_for}");
            assert_same_rows!(got, want);
            assert_same_rows!(rig.all().await, model);
        }
    }
}
