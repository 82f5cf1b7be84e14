//! How many requests a read takes, and how many bytes.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stitchwork_core::{Format, Object, ReadArgs, RoaringTreemap, col};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::rng;
use stitchwork_testkit::{FaultStore, Operation, files};

use crate::data;

fn counted(name: &str) -> (Object, FaultStore) {
    let object = files::object(name);
    let store = FaultStore::new(object.store.clone());
    (Object { store: Arc::new(store.clone()), ..object }, store)
}

/// The requests and bytes of one read.
async fn of_read(object: &Object, store: &FaultStore, args: ReadArgs) -> (usize, u64) {
    store.forget();
    data::read(object, args).await;
    (store.fetched().len(), store.fetched_bytes())
}

#[tokio::test]
async fn a_small_file_takes_one_request() {
    let (object, store) = counted("small.parquet");
    let batch = data::comparable(500, &mut rng(1));
    let bytes = data::write(&object, &[batch], data::small_pages()).await.bytes;
    assert_eq!(store.count(Operation::Head), 0);
    for object in [object.clone(), object.clone().with_size(bytes)] {
        let predicate = Some(col("i").gt(3_i64));
        let args = ReadArgs { predicate, ..ReadArgs::default() };
        assert_eq!(of_read(&object, &store, args).await, (1, bytes));
        assert_eq!(store.count(Operation::Head), 0);
        store.forget();
        Parquet::new().inspect(&object).await.unwrap();
        assert_eq!(store.fetched().len(), 1);
        assert_eq!(store.count(Operation::Head), 0);
    }
}

#[tokio::test]
async fn only_what_is_needed_is_fetched() {
    let (object, store) = counted("large.parquet");
    let rows = 200_000;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let texts = (0..rows).map(|i| format!("{:x}", i.wrapping_mul(0x1e37_79b9_7f4a_7c15)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
    let batch = RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap();
    let options =
        files::options(&[("data_page_rows", "5000"), ("dictionary", "false"), ("compression", "none")]);
    let summary = data::write(&object, &[batch], options).await;
    let object = object.with_size(summary.bytes);
    let (_, all) = of_read(&object, &store, ReadArgs::default()).await;
    let footer = 64 << 10;
    assert!(all <= summary.bytes + footer && all > 4 << 20);
    let narrow = ReadArgs { projection: Some(vec![0]), ..ReadArgs::default() };
    let (_, bytes) = of_read(&object, &store, narrow).await;
    assert!(bytes <= rows as u64 * 8 + 2 * footer, "{bytes}");
    let predicate = ReadArgs { predicate: Some(col("id").eq(70_000_i64)), ..ReadArgs::default() };
    let (requests, bytes) = of_read(&object, &store, predicate).await;
    assert!(bytes < all / 8 && requests <= 4, "{requests} {bytes}");
    let one: RoaringTreemap = [99_999].into_iter().collect();
    let args = ReadArgs { rows: Some(Arc::new(one)), ..ReadArgs::default() };
    let (requests, bytes) = of_read(&object, &store, args).await;
    assert!(bytes < all / 8 && requests <= 4, "{requests} {bytes}");
    let none = ReadArgs { predicate: Some(col("id").gt(rows)), ..ReadArgs::default() };
    assert_eq!(of_read(&object, &store, none).await, (1, footer));
}
