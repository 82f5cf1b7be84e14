//! What is read, and how little of the object is fetched for it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stitchwork_core::{Budget, Column, Format, ReadArgs, WriteArgs, collect};
use stitchwork_format_ipc::{Compression, Ipc, IpcConfig, Layout};
use stitchwork_testkit::FaultStore;
use stitchwork_testkit::batches::plain;
use stitchwork_testkit::files::{self, object};

use crate::{read, with, write};

/// Two columns, the second one large.
fn wide(first: i64, rows: usize) -> RecordBatch {
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values((first..).take(rows)));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("{n:01000}"))));
    RecordBatch::try_from_iter([("id", id), ("text", text)]).unwrap()
}

fn plain_files() -> Ipc {
    Ipc::with_config(IpcConfig { compression: Compression::Uncompressed, ..IpcConfig::default() }).unwrap()
}

#[tokio::test]
async fn only_the_wanted_columns_and_batches_are_fetched() {
    let mut object = object("wide.arrow");
    let batches: Vec<_> = (0..4).map(|n| wide(n * 2000, 2000)).collect();
    let summary = write(&plain_files(), &object, &batches).await.unwrap();
    assert_eq!(summary.split_offsets.len(), 4);
    let store = FaultStore::new(object.store.clone());
    object.store = Arc::new(store.clone());
    let object = object.with_size(summary.bytes);
    let args = ReadArgs { projection: Some(vec![0]), ..ReadArgs::default() };
    let found = read(&object, args).await.unwrap();
    assert_eq!(found.column(0).as_primitive::<Int64Type>().values().to_vec(), (0..8000).collect::<Vec<_>>());
    let fetched = store.fetched_bytes();
    assert!(fetched < summary.bytes / 10, "{fetched} of {} bytes", summary.bytes);
}

#[tokio::test]
async fn ranges_rows_and_numbers_go_together() {
    for layout in [Layout::File, Layout::Stream] {
        let object = object("parts.arrow");
        let batches: Vec<_> = (0..5).map(|n| plain(n, n as i64 * 100, 100).unwrap()).collect();
        let summary = write(&with(layout), &object, &batches).await.unwrap();
        let selected: stitchwork_core::RoaringTreemap = [5, 99, 100, 250, 251, 499].into_iter().collect();
        let args = ReadArgs {
            rows: Some(Arc::new(selected)),
            row_number: Some("at".to_owned()),
            ..ReadArgs::default()
        };
        let mut seen = Vec::new();
        for found in files::read_parts(&Ipc::new(), &object, 7, &args).await.unwrap() {
            let numbers = found.column(4).as_primitive::<Int64Type>();
            assert_eq!(found.column(0).as_primitive::<Int64Type>(), numbers);
            seen.extend(numbers.values().iter().copied());
        }
        assert_eq!(seen, [5, 99, 100, 250, 251, 499], "{layout:?}");
        for (place, offset) in summary.split_offsets.iter().enumerate() {
            let args = ReadArgs { range: Some(*offset..*offset + 1), ..ReadArgs::default() };
            assert_eq!(read(&object, args).await.unwrap(), batches[place]);
        }
    }
}

#[tokio::test]
async fn columns_of_the_same_name_are_told_apart_by_place() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let batch = RecordBatch::try_from_iter([("x", numbers), ("x", texts)]).unwrap();
    let object = object("twins.arrow");
    let summary = write(&Ipc::new(), &object, std::slice::from_ref(&batch)).await.unwrap();
    assert!(summary.stats.columns.is_empty());
    assert_eq!(read(&object, ReadArgs::default()).await.unwrap(), batch);
    let args = ReadArgs { projection: Some(vec![1]), ..ReadArgs::default() };
    assert_eq!(read(&object, args).await.unwrap(), batch.project(&[1]).unwrap());
}

#[tokio::test]
async fn statistics_are_those_of_the_values() {
    let object = object("stats.arrow");
    let batches = [plain(1, -50, 70).unwrap(), plain(2, 20, 30).unwrap()];
    let summary = write(&Ipc::new(), &object, &batches).await.unwrap();
    let id = &summary.stats.columns[&Column::new("id")];
    assert_eq!((id.min.clone(), id.max.clone()), (Some((-50_i64).into()), Some(49_i64.into())));
    assert_eq!((id.nulls, id.values, id.exact), (Some(0), Some(100), true));
    let text = &summary.stats.columns[&Column::new("text")];
    let nulls: usize = batches.iter().map(|batch| batch.column(3).null_count()).sum();
    assert_eq!(text.nulls, Some(nulls as u64));
    assert_eq!(text.min, Some("".into()));
    // Long texts are no bounds.
    let long: ArrayRef = Arc::new(StringArray::from(vec!["a".to_owned(), "b".repeat(100)]));
    let batch = RecordBatch::try_from_iter([("long", long)]).unwrap();
    let summary = write(&Ipc::new(), &object, &[batch]).await.unwrap();
    let long = &summary.stats.columns[&Column::new("long")];
    assert_eq!((long.min.clone(), long.max.clone(), long.nulls), (None, None, Some(0)));
}

#[tokio::test]
async fn a_budget_is_used_and_given_back() {
    let object = object("budget.arrow");
    let budget = Budget::new(64 << 20);
    let args = WriteArgs { budget: Some(budget.clone()), ..WriteArgs::new(wide(0, 1).schema()) };
    let mut writer = plain_files().write(&object, args).await.unwrap();
    writer.write(&wide(0, 2000)).await.unwrap();
    assert!(budget.free() < budget.total());
    writer.finish().await.unwrap();
    assert_eq!(budget.free(), budget.total());
    let args = ReadArgs { budget: Some(budget.clone()), ..ReadArgs::default() };
    let mut stream = Ipc::new().read(&object, args).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
    assert!(budget.free() < budget.total());
    collect(stream).await.unwrap();
    assert_eq!(budget.free(), budget.total());
}
