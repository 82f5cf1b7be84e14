//! A clock that jumps between commits: the files of the log have the times of the disk.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::TryStreamExt;
use stitchwork_core::{At, Changes, HistoryArgs, Log, Snapshot, Stores, Version};

use crate::helpers::{commit, create, file, open};

async fn append(log: &Arc<dyn Log>, name: &str) -> Arc<dyn Snapshot> {
    let added = vec![file(log.as_ref(), name, None, 1)];
    commit(log, "append", Changes { added, ..Changes::default() }).await
}

fn set(folder: &Path, version: u64, time: SystemTime) -> i64 {
    let entry = folder.join(format!("_delta_log/{version:020}.json"));
    std::fs::File::options().write(true).open(entry).unwrap().set_modified(time).unwrap();
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn times_do_not_run_backwards_through_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    let stores = Stores::new();
    let log = create(&location, &stores, &[]).await;
    append(&log, "a").await;
    let hour = Duration::from_secs(3600);
    let now = SystemTime::now();
    let first = set(folder.path(), 0, now - 3 * hour);
    // An hour ahead, and then put right again.
    let ahead = set(folder.path(), 1, now + hour);
    let log = open(&location, &stores).await.unwrap();
    let told = append(&log, "b").await;
    assert_eq!(told.timestamp_ms(), ahead, "not before the one that it follows");
    append(&log, "c").await;
    let later = set(folder.path(), 3, now + 2 * hour);

    let fresh = open(&location, &stores).await.unwrap();
    let mut at = vec![];
    for version in 0..4 {
        let snapshot = fresh.snapshot(At::Version(version)).await.unwrap();
        at.push(snapshot.timestamp_ms());
    }
    assert_eq!(at, [first, ahead, ahead, later]);
    let history: Vec<Version> = fresh.history(HistoryArgs::default()).try_collect().await.unwrap();
    assert_eq!(history.iter().rev().map(|version| version.timestamp_ms).collect::<Vec<_>>(), at);
    for (time, version) in [(first, 0), (ahead - 1, 0), (ahead, 2), (later - 1, 2), (later, 3)] {
        let then = fresh.snapshot(At::Timestamp(time)).await.unwrap();
        assert_eq!(then.version(), version, "{time}");
    }
}
