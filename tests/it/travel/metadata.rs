//! `t$history`, `t$snapshots` and `t$files`, compared with the log and with the objects in the store.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMillisecondType, UInt64Type};
use object_store::ObjectStoreExt;
use stitchwork_tests::layers::Place;

use super::{Past, every_log};

async fn one_batch(past: &Past, sql: &str) -> RecordBatch {
    let batches = past.lake.session.sql(sql).await.unwrap();
    assert!(!batches.is_empty(), "{sql}");
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn longs(batch: &RecordBatch, name: &str) -> Vec<i64> {
    batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn counts(batch: &RecordBatch, name: &str) -> Vec<Option<u64>> {
    batch.column_by_name(name).unwrap().as_primitive::<UInt64Type>().iter().collect()
}

fn words(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    (0..column.len()).map(|row| column.value(row).to_owned()).collect()
}

fn times(batch: &RecordBatch) -> Vec<i64> {
    let column = batch.column_by_name("timestamp").unwrap();
    column.as_primitive::<TimestampMillisecondType>().values().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_that_of_the_log() {
    for log in every_log() {
        let past = Past::new(log).await;
        let batch = one_batch(&past, "select * from lake.ns.\"t$history\" order by timestamp").await;
        let of_log =
            |what: fn(&stitchwork::core::Version) -> i64| past.history.iter().map(what).collect::<Vec<_>>();
        assert_eq!(longs(&batch, "version"), of_log(|v| v.id), "{log}");
        assert_eq!(times(&batch), of_log(|v| v.timestamp_ms), "{log}");
        let operations: Vec<String> = past.history.iter().map(|v| v.operation.clone()).collect();
        assert_eq!(words(&batch, "operation"), operations, "{log}");
        for (text, version) in words(&batch, "summary").iter().zip(&past.history) {
            let summary: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
            assert_eq!(summary, version.summary, "{log}");
        }
        let changes: Vec<&str> = past
            .history
            .iter()
            .filter(|v| past.changes.contains(&v.id))
            .map(|v| v.operation.as_str())
            .collect();
        let lower: Vec<String> = changes.iter().map(|o| o.to_lowercase()).collect();
        assert_eq!(lower.len(), 5, "{log}: {changes:?}");
        assert!(lower[1].contains("update") && lower[3].contains("delete"), "{log}: {changes:?}");

        let counted = "select operation, count(*) as n from lake.ns.\"t$history\" group by operation having count(*) > 2";
        assert_eq!(
            past.lake.rows(counted).await.unwrap(),
            [format!("n=3|operation={}", changes[0])],
            "{log}"
        );
        let newest = "select version as v from lake.ns.\"t$history\" order by timestamp desc limit 1";
        assert_eq!(past.lake.rows(newest).await.unwrap(), [format!("v={}", past.changes[4])], "{log}");
        let sql =
            format!("select operation as o from lake.ns.\"t$history\" where version = {}", past.changes[3]);
        assert_eq!(past.lake.rows(&sql).await.unwrap(), [format!("o={}", changes[3])], "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshots_have_the_rows_and_files_that_reading_them_finds() {
    for log in every_log() {
        let past = Past::new(log).await;
        let batch = one_batch(&past, "select * from lake.ns.\"t$snapshots\" order by timestamp").await;
        assert_eq!(longs(&batch, "version"), past.history.iter().map(|v| v.id).collect::<Vec<_>>(), "{log}");
        assert_eq!(times(&batch), past.history.iter().map(|v| v.timestamp_ms).collect::<Vec<_>>(), "{log}");
        let rows: Vec<Option<u64>> =
            past.history.iter().map(|v| Some(past.rows[&v.id].len() as u64)).collect();
        assert_eq!(counts(&batch, "rows"), rows, "{log}");
        for (place, version) in past.history.iter().enumerate() {
            let sql = format!("select bytes from lake.ns.\"t$files\" version as of {}", version.id);
            let batches = past.lake.session.sql(&sql).await.unwrap();
            let files: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let bytes: u64 = batches.iter().flat_map(|b| counts(b, "bytes")).map(Option::unwrap).sum();
            assert_eq!(counts(&batch, "files")[place], Some(files as u64), "{log}: version {}", version.id);
            assert_eq!(counts(&batch, "bytes")[place], Some(bytes), "{log}: version {}", version.id);
        }
        let fewest = "select count(*) as n from lake.ns.\"t$snapshots\" where rows = 4";
        let four = past.history.iter().filter(|v| past.rows[&v.id].len() == 4).count();
        assert_eq!(past.lake.rows(fewest).await.unwrap(), [format!("n={four}")], "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_the_objects_in_the_store() {
    for log in every_log() {
        let past = Past::new(log).await;
        let batch = one_batch(&past, "select * from lake.ns.\"t$files\"").await;
        let sizes = counts(&batch, "bytes");
        for (location, size) in words(&batch, "location").iter().zip(&sizes) {
            assert_eq!(Some(size_of(&past.lake.place, location).await), *size, "{log}: {location}");
        }
        assert!(words(&batch, "format").iter().all(|format| format == "parquet"), "{log}");
        let live: u64 = counts(&batch, "rows")
            .iter()
            .zip(counts(&batch, "deleted"))
            .map(|(rows, deleted)| rows.unwrap() - deleted.unwrap())
            .sum();
        assert_eq!(live, 4, "{log}");
        // Each row lies in a file whose partition says its kind.
        let mut kinds: Vec<String> = words(&batch, "partition");
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds, ["{\"kind\":\"B\"}", "{\"kind\":\"c\"}", "{\"kind\":null}"], "{log}");
        let sum = "select sum(f.rows - f.deleted) as live from lake.ns.\"t$files\" f where f.partition like '%null%'";
        assert_eq!(past.lake.rows(sum).await.unwrap(), ["live=2"], "{log}");
    }
}

async fn size_of(place: &Place, location: &str) -> u64 {
    let object = place.registry.stores().resolve(location).unwrap();
    object.store.head(&object.path).await.unwrap().size
}
