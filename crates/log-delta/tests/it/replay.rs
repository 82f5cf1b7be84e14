//! Random commits against a model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, Changes, CommitArgs, DataFile, ErrorKind, FileFilter, Stores};

use crate::helpers::{commit, create, file, file_name, list, names, open};

#[derive(Debug, Clone)]
enum Step {
    Append {
        files: usize,
    },
    /// Removes each file whose number modulo 3 is this.
    Remove {
        modulo: usize,
    },
    /// Replaces all files by one.
    Compact,
    /// An append from a base that is this old.
    Stale {
        age: usize,
    },
    /// Goes on with a fresh log.
    Reopen,
    /// Another log of the same table, which has not seen the last commits.
    Switch,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_usize).prop_map(|files| Step::Append { files }),
        2 => (0..3_usize).prop_map(|modulo| Step::Remove { modulo }),
        1 => Just(Step::Compact),
        2 => (0..6_usize).prop_map(|age| Step::Stale { age }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Switch),
    ]
}

fn is_picked(file: &DataFile, modulo: usize) -> bool {
    let number: usize = file_name(&file.location).trim_start_matches('f').parse().unwrap();
    number % 3 == modulo
}

async fn check(steps: &[Step], interval: usize) {
    let stores = Stores::new();
    let interval = interval.to_string();
    let mut log = create("memory:t", &stores, &[("delta.checkpointInterval", &interval)]).await;
    let mut other = open("memory:t", &stores).await.unwrap();
    let mut versions: Vec<BTreeSet<String>> = vec![BTreeSet::new()];
    let mut snapshots = vec![log.snapshot(At::Latest).await.unwrap()];
    let mut next = 0;
    for step in steps {
        let mut model = versions.last().unwrap().clone();
        let mut new_files = |count: usize, model: &mut BTreeSet<String>| -> Vec<DataFile> {
            (0..count)
                .map(|_| {
                    let name = format!("f{next}");
                    let partition = [None, Some("a b"), Some("ü/%=")][next % 3];
                    next += 1;
                    model.insert(name.clone());
                    file(log.as_ref(), &name, partition, next as i64)
                })
                .collect()
        };
        let latest = log.snapshot(At::Latest).await.unwrap();
        let mut changes = Changes::default();
        let mut base = latest.clone();
        match step {
            Step::Append { files } => changes.added = new_files(*files, &mut model),
            Step::Stale { age } => {
                changes.added = new_files(1, &mut model);
                base = snapshots[snapshots.len().saturating_sub(1 + age)].clone();
            }
            Step::Remove { modulo } => {
                let live = list(&latest, FileFilter::default()).await;
                changes.removed = live.into_iter().filter(|f| is_picked(f, *modulo)).collect();
                changes.removed.iter().for_each(|f| assert!(model.remove(&file_name(&f.location))));
            }
            Step::Compact => {
                changes.removed = list(&latest, FileFilter::default()).await;
                model.clear();
                changes.added = new_files(1, &mut model);
            }
            Step::Reopen => {
                log = open("memory:t", &stores).await.unwrap();
                continue;
            }
            Step::Switch => {
                std::mem::swap(&mut log, &mut other);
                continue;
            }
        }
        let committed = log.commit(CommitArgs::new(base, "step", changes)).await.unwrap();
        assert_eq!(committed.snapshot.version(), versions.len() as i64);
        snapshots.push(committed.snapshot);
        versions.push(model);
    }
    let fresh = open("memory:t", &stores).await.unwrap();
    for (version, model) in versions.iter().enumerate() {
        let expected: Vec<String> = model.iter().cloned().collect();
        assert_eq!(names(&snapshots[version], FileFilter::default()).await, expected, "kept {version}");
        let travelled = fresh.snapshot(At::Version(version as i64)).await.unwrap();
        assert_eq!(names(&travelled, FileFilter::default()).await, expected, "fresh {version}");
    }
    let latest = fresh.snapshot(At::Latest).await.unwrap();
    assert_eq!(latest.version() as usize, versions.len() - 1);
    let beyond = fresh.snapshot(At::Version(versions.len() as i64)).await.unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::NotFound);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_version_holds_the_files_of_the_model(
        steps in proptest::collection::vec(step(), 1..24),
        interval in 1..6_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&steps, interval));
    }
}

#[tokio::test]
async fn many_versions_by_time() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[]).await;
    let mut times = vec![log.snapshot(At::Latest).await.unwrap().timestamp_ms()];
    for n in 0..5 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let added = vec![file(log.as_ref(), &format!("f{n}"), None, n)];
        times.push(commit(&log, "append", Changes { added, ..Changes::default() }).await.timestamp_ms());
    }
    for (version, time) in times.iter().enumerate() {
        let snapshot = log.snapshot(At::Timestamp(*time)).await.unwrap();
        assert_eq!(snapshot.version(), version as i64);
        assert_eq!(names(&snapshot, FileFilter::default()).await.len(), version);
    }
    let before = log.snapshot(At::Timestamp(times[0] - 60_000)).await.unwrap_err();
    assert_eq!(before.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn versions_of_one_time_are_those_that_the_snapshots_tell() {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("file://{}/t", folder.path().display());
    let stores = Stores::new();
    let log = create(&location, &stores, &[]).await;
    for n in 0..4 {
        let added = vec![file(log.as_ref(), &format!("f{n}"), None, n)];
        commit(&log, "append", Changes { added, ..Changes::default() }).await;
    }
    // As on a store that tells whole seconds, and last on one whose clock was put back.
    let seconds = [10, 11, 11, 11, 10];
    for (version, second) in seconds.iter().enumerate() {
        let path = folder.path().join(format!("t/_delta_log/{version:020}.json"));
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(*second);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    let log = open(&location, &stores).await.unwrap();
    for (time, version) in [(10_000, 0), (10_999, 0), (11_000, 4), (11_001, 4), (i64::MAX, 4)] {
        let snapshot = log.snapshot(At::Timestamp(time)).await.unwrap();
        assert_eq!(snapshot.version(), version, "as of {time}");
    }
    assert_eq!(log.snapshot(At::Timestamp(9_999)).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn versions_by_the_times_that_commits_carry() {
    let stores = Stores::new();
    let log = stores.resolve("memory:t/_delta_log").unwrap();
    // The files are all written now; only the commits know better.
    for version in 0..7_i64 {
        let info =
            serde_json::json!({"commitInfo": {"inCommitTimestamp": 1000 * (version + 1), "operation": "x"}});
        let mut lines = vec![info];
        if version == 0 {
            lines.push(serde_json::json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 7,
                "writerFeatures": ["inCommitTimestamp"]}}));
            lines.push(serde_json::json!({"metaData": {"id": "t", "format": {"provider": "parquet"},
                "schemaString": "{\"type\":\"struct\",\"fields\":[]}", "partitionColumns": [],
                "configuration": {"delta.enableInCommitTimestamps": "true"}}}));
        }
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let path = log.child(&format!("{version:020}.json")).path;
        log.store.put(&path, text.join("\n").into_bytes().into()).await.unwrap();
    }
    let log = open("memory:t", &stores).await.unwrap();
    for (time, version) in [(1000, 0), (1999, 0), (2000, 1), (6500, 5), (7000, 6), (i64::MAX, 6)] {
        let snapshot = log.snapshot(At::Timestamp(time)).await.unwrap();
        assert_eq!((snapshot.version(), snapshot.timestamp_ms()), (version, 1000 * (version + 1)));
    }
    assert_eq!(log.snapshot(At::Timestamp(999)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let base = log.snapshot(At::Latest).await.unwrap();
    let error = log.commit(CommitArgs::new(base, "x", Changes::default())).await.unwrap_err();
    assert_eq!(error.context("feature"), Some("inCommitTimestamp"));
}
