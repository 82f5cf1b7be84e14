//! A clock that jumps between commits.

use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, FileFilter, HistoryArgs, Log, Version};

use crate::setup::{Place, all_names, append, latest, names};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The same table as if its metadata had been written so much later.
async fn shifted(place: &Place, newest: &str, by_ms: i64) -> Arc<dyn Log> {
    let object = place.stores.resolve(newest).unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    shift(&mut json, by_ms);
    object.store.put(&object.path, serde_json::to_vec(&json).unwrap().into()).await.unwrap();
    place.open().await.unwrap()
}

fn shift(json: &mut serde_json::Value, by_ms: i64) {
    match json {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                match value.as_i64() {
                    Some(time) if ["timestamp-ms", "last-updated-ms"].contains(&name.as_str()) => {
                        *value = (time + by_ms).into();
                    }
                    _ => shift(value, by_ms),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| shift(item, by_ms)),
        _ => {}
    }
}

#[tokio::test]
async fn times_grow_whatever_the_clock_does() {
    for by_ms in [400 * DAY_MS, -400 * DAY_MS] {
        let place = Place::in_folder();
        let log = place.table().await;
        append(&log, "a").await;
        let log = shifted(&place, "memory:/t/metadata/v2.metadata.json", by_ms).await;
        let first = latest(&log).await;
        let second = append(&log, "b").await.snapshot;
        let third = append(&log, "c").await.snapshot;
        let times = [&first, &second, &third].map(|snapshot| snapshot.timestamp_ms());
        assert!(times.is_sorted_by(|older, newer| older < newer), "{times:?}");
        let fresh = place.open().await.unwrap();
        assert_eq!(all_names(&fresh).await, ["a", "b", "c"]);
        let history: Vec<Version> = fresh.history(HistoryArgs::default()).try_collect().await.unwrap();
        assert_eq!(history.iter().rev().map(|version| version.timestamp_ms).collect::<Vec<_>>(), times);
        for (snapshot, expected) in [(&first, &["a"][..]), (&second, &["a", "b"])] {
            let then = fresh.snapshot(At::Timestamp(snapshot.timestamp_ms())).await.unwrap();
            assert_eq!(names(&then, FileFilter::default()).await, expected);
        }
    }
}
