//! Rows as they were asked for, out of those that a format decodes.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use stitchwork_core::{
    BatchStreamAdapter, Error, ErrorKind, ReadArgs, RoaringTreemap, ScanArgs, Stores, col, collect,
};

/// Rows whose one column holds `first..last`.
fn rows(first: i64, last: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(first..last));
    RecordBatch::try_from_iter([("place", column)]).unwrap()
}

async fn delivered(args: ReadArgs, first: u64, batches: Vec<RecordBatch>) -> Vec<Vec<Vec<i64>>> {
    let object = Stores::new().resolve("memory:///rows").unwrap();
    let rows = BatchStreamAdapter::from_batches(batches[0].schema(), batches);
    let found = collect(args.deliver_from(first, &object, rows).unwrap()).await.unwrap();
    let values = |column: &ArrayRef| column.as_primitive::<Int64Type>().values().to_vec();
    found.iter().map(|batch| batch.columns().iter().map(values).collect()).collect()
}

#[tokio::test]
async fn batches_are_cut_and_rows_numbered() {
    let args = ReadArgs { batch_rows: Some(2), row_number: Some("row".to_owned()), ..ReadArgs::default() };
    let found = delivered(args, 0, vec![rows(0, 3), rows(3, 5)]).await;
    let expected = [[0..2, 0..2], [2..3, 2..3], [3..5, 3..5]];
    assert_eq!(found, expected.map(|columns| columns.map(Vec::from_iter).to_vec()));
}

#[tokio::test]
async fn rows_from_the_middle_have_their_own_numbers() {
    let selected = RoaringTreemap::from_iter([3, 11, 14, 99]);
    let args = ReadArgs {
        rows: Some(Arc::new(selected)),
        row_number: Some("row".to_owned()),
        ..ReadArgs::default()
    };
    let found = delivered(args, 10, vec![rows(10, 13), rows(13, 16)]).await;
    assert_eq!(found, [[[11], [11]], [[14], [14]]].map(|columns| columns.map(Vec::from).to_vec()));
}

#[tokio::test]
async fn a_scan_gets_the_rows_that_pass_cut_and_limited() {
    let scan = |args: ScanArgs, batches: Vec<RecordBatch>| async move {
        let rows = BatchStreamAdapter::from_batches(batches[0].schema(), batches);
        let found = collect(args.deliver(rows).unwrap()).await.unwrap();
        found
            .iter()
            .map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect::<Vec<_>>()
    };
    let batches = || vec![rows(0, 3), rows(3, 9), rows(9, 10)];
    let args = || ScanArgs { batch_rows: Some(4), ..ScanArgs::default() };
    assert_eq!(scan(args(), batches()).await, [vec![0, 1, 2], vec![3, 4, 5, 6], vec![7, 8], vec![9]]);
    let filtered = args().with_predicate(col("place").gt(4_i64));
    assert_eq!(scan(filtered.clone(), batches()).await, [vec![5, 6, 7, 8], vec![9]]);
    assert_eq!(scan(filtered.with_limit(3), batches()).await, [[5, 6, 7]]);
    assert_eq!(scan(args().with_limit(0), batches()).await, [[0_i64; 0]; 0]);
}

#[tokio::test]
async fn a_scan_counts_rows_without_columns_and_reads_no_further_than_its_limit() {
    let failing = || {
        let items = [Ok(rows(0, 3)), Err(Error::unexpected("read too far"))];
        BatchStreamAdapter::new(rows(0, 1).schema(), futures::stream::iter(items))
    };
    let args = ScanArgs::default().with_projection(vec![]);
    let found = collect(args.clone().with_limit(2).deliver(failing()).unwrap()).await.unwrap();
    assert_eq!((found[0].num_rows(), found[0].num_columns()), (2, 0));
    assert!(collect(args.deliver(failing()).unwrap()).await.is_err());
    let elsewhere = ScanArgs::default().with_projection(vec![1]);
    assert_eq!(elsewhere.deliver(failing()).err().unwrap().kind(), ErrorKind::InvalidInput);
    let addresses = ScanArgs { addresses: true, ..ScanArgs::default() };
    assert_eq!(addresses.deliver(failing()).err().unwrap().kind(), ErrorKind::Unsupported);
}
