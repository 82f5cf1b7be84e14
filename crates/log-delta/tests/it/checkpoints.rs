//! Checkpoints: written by us, used by us, and harmless when they are missing or broken.

use std::sync::Arc;

use arrow_array::Array;
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{
    At, Changes, CommitArgs, CommitTag, DataFile, ErrorKind, FileFilter, HistoryArgs, Log, StatsFor, Stores,
    col,
};

use crate::helpers::{commit, create, file, list, names, open};

async fn table(stores: &Stores, commits: i64) -> Arc<dyn Log> {
    let log = create("memory:t", stores, &[("delta.checkpointInterval", "4")]).await;
    for n in 0..commits {
        let base = log.snapshot(At::Latest).await.unwrap();
        let added = vec![file(log.as_ref(), &format!("f{n}"), Some("a"), n)];
        let mut args = CommitArgs::new(base, "append", Changes { added, ..Changes::default() });
        let payload = Some(serde_json::json!([n]));
        args.tag = Some(CommitTag { application: format!("app{}", n % 2), id: n, payload });
        log.commit(args).await.unwrap();
    }
    log
}

async fn delete(stores: &Stores, name: &str) {
    let object = stores.resolve("memory:t/_delta_log").unwrap();
    object.store.delete(&object.child(name).path).await.unwrap();
}

async fn exists(stores: &Stores, name: &str) -> bool {
    let object = stores.resolve("memory:t/_delta_log").unwrap().child(name);
    object.store.head(&object.path).await.is_ok()
}

#[tokio::test]
async fn a_table_lives_on_its_checkpoint_alone() {
    let stores = Stores::new();
    let log = table(&stores, 10).await;
    let latest = log.snapshot(At::Latest).await.unwrap();
    let before = list(&latest, FileFilter { stats: StatsFor::All, ..FileFilter::default() }).await;
    assert!(exists(&stores, "00000000000000000008.checkpoint.parquet").await);
    for version in 0..=8 {
        delete(&stores, &format!("{version:020}.json")).await;
    }
    let fresh = open("memory:t", &stores).await.unwrap();
    let snapshot = fresh.snapshot(At::Latest).await.unwrap();
    assert_eq!(snapshot.version(), 10);
    let after = list(&snapshot, FileFilter { stats: StatsFor::All, ..FileFilter::default() }).await;
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    for (a, b) in after.iter().zip(&before) {
        assert_eq!(a.stats, b.stats);
    }
    assert_eq!(snapshot.schema(), latest.schema());
    assert_eq!(snapshot.properties(), latest.properties());
    for (application, id) in [("app0", 8), ("app1", 9)] {
        let tag = snapshot.tag(application).await.unwrap().unwrap();
        assert_eq!((tag.id, tag.payload), (id, Some(serde_json::json!([id]))), "{application}");
    }
    assert_eq!(fresh.snapshot(At::Version(8)).await.unwrap().version(), 8);
    assert_eq!(fresh.snapshot(At::Version(3)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let history: Vec<_> = fresh.history(HistoryArgs::default()).try_collect().await.unwrap();
    assert_eq!(history.iter().map(|v| v.id).collect::<Vec<_>>(), [10, 9], "as far as the commits are there");
    // And it goes on.
    let added = vec![file(fresh.as_ref(), "new", None, 0)];
    assert_eq!(commit(&fresh, "append", Changes { added, ..Changes::default() }).await.version(), 11);
    assert_eq!(names(&log.snapshot(At::Latest).await.unwrap(), FileFilter::default()).await.len(), 11);
}

#[tokio::test]
async fn versions_are_those_that_can_be_read() {
    let stores = Stores::new();
    table(&stores, 13).await;
    // Cleaned below the checkpoint of version 4, and with a gap behind that is bridged by the one of version 12.
    for version in [0, 1, 2, 4, 7] {
        delete(&stores, &format!("{version:020}.json")).await;
    }
    delete(&stores, "00000000000000000008.checkpoint.parquet").await;
    let fresh = open("memory:t", &stores).await.unwrap();
    let mut listed: Vec<i64> = fresh.versions().try_collect().await.unwrap();
    listed.sort_unstable();
    assert_eq!(listed, [4, 5, 6, 12, 13]);
    for version in 0..=14 {
        let found = fresh.snapshot(At::Version(version)).await;
        assert_eq!(found.is_ok(), listed.contains(&version), "{version}: {found:?}");
    }
}

#[tokio::test]
async fn hints_that_lie_are_seen_through() {
    for hint in [r#"{"version":900,"size":1}"#, "{", r#"{"version":1,"size":1}"#] {
        let stores = Stores::new();
        table(&stores, 6).await;
        let object = stores.resolve("memory:t/_delta_log/_last_checkpoint").unwrap();
        object.store.put(&object.path, hint.as_bytes().to_vec().into()).await.unwrap();
        let fresh = open("memory:t", &stores).await.unwrap();
        let snapshot = fresh.snapshot(At::Latest).await.unwrap();
        assert_eq!(snapshot.version(), 6, "{hint}");
        assert_eq!(names(&snapshot, FileFilter::default()).await.len(), 6);
    }
}

#[tokio::test]
async fn a_damaged_checkpoint_is_made_up_for_by_older_ones_and_commits() {
    let put = async |stores: &Stores, version: i64, bytes: &[u8]| {
        let name = format!("memory:t/_delta_log/{version:020}.checkpoint.parquet");
        let object = stores.resolve(&name).unwrap();
        object.store.put(&object.path, bytes.to_vec().into()).await.unwrap();
    };
    for damage in [&b"PAR1 this is none PAR1"[..], b""] {
        let stores = Stores::new();
        let log = table(&stores, 10).await;
        let expected = names(&log.snapshot(At::Latest).await.unwrap(), FileFilter::default()).await;
        put(&stores, 8, damage).await;
        let state = async || {
            let fresh = open("memory:t", &stores).await?;
            let snapshot = fresh.snapshot(At::Latest).await?;
            Ok::<_, stitchwork_core::Error>((
                snapshot.version(),
                names(&snapshot, FileFilter::default()).await,
            ))
        };
        assert_eq!(state().await.unwrap(), (10, expected.clone()), "by the one of version 4");
        put(&stores, 4, damage).await;
        assert_eq!(state().await.unwrap(), (10, expected), "by the commits alone");
        delete(&stores, "00000000000000000002.json").await;
        let error = state().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.context("remedy").is_some(), "{error}");
        assert!(error.context("location").is_some_and(|l| l.contains(".checkpoint.parquet")), "{error}");
    }
}

#[tokio::test]
async fn a_gap_is_an_error() {
    let stores = Stores::new();
    table(&stores, 7).await;
    delete(&stores, "00000000000000000006.json").await;
    let log = open("memory:t", &stores).await.unwrap();
    let error = log.snapshot(At::Latest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("version"), Some("6"));
    // What the error advises.
    assert_eq!(log.snapshot(At::Version(5)).await.unwrap().version(), 5);
    assert!(error.context("location").is_some_and(|location| location.ends_with("0006.json")), "{error}");
    assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
}

#[tokio::test]
async fn payloads_are_searched_for_under_checkpoints_that_lack_them() {
    let stores = Stores::new();
    table(&stores, 7).await;
    // A checkpoint of another writer: ours, its key for payloads spoiled.
    let object = stores.resolve("memory:t/_delta_log/00000000000000000004.checkpoint.parquet").unwrap();
    let mut bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec();
    let at = bytes.windows(19).rposition(|window| window == b"stitchwork.payloads").unwrap();
    bytes[at] = b'x';
    object.store.put(&object.path, bytes.into()).await.unwrap();
    let fresh = open("memory:t", &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
    for (application, id) in [("app0", 6), ("app1", 5)] {
        let tag = fresh.tag(application).await.unwrap().unwrap();
        assert_eq!((tag.id, tag.payload), (id, Some(serde_json::json!([id]))));
    }
    let old = open("memory:t", &stores).await.unwrap().snapshot(At::Version(4)).await.unwrap();
    let tag = old.tag("app0").await.unwrap().unwrap();
    assert_eq!((tag.id, tag.payload), (2, Some(serde_json::json!([2]))));
    for version in 0..=4 {
        delete(&stores, &format!("{version:020}.json")).await;
    }
    let tag = old.tag("app0").await.unwrap().unwrap();
    assert_eq!((tag.id, tag.payload), (2, None), "the id is known, the payload is lost");
}

#[tokio::test]
async fn checkpoints_under_other_names_are_found() {
    let uuid = "80a083e8-7026-4e79-81be-64bd76c43a11";
    for (name, whole) in [
        ("00000000000000000004.checkpoint.0000000001.0000000001.parquet".to_owned(), true),
        (format!("00000000000000000004.checkpoint.{uuid}.parquet"), true),
        ("00000000000000000004.checkpoint.0000000001.0000000002.parquet".to_owned(), false),
    ] {
        let stores = Stores::new();
        table(&stores, 6).await;
        let log = stores.resolve("memory:t/_delta_log").unwrap();
        let from = log.child("00000000000000000004.checkpoint.parquet").path;
        log.store.rename(&from, &log.child(&name).path).await.unwrap();
        for version in 0..4 {
            delete(&stores, &format!("{version:020}.json")).await;
        }
        match open("memory:t", &stores).await.unwrap().snapshot(At::Latest).await {
            Ok(snapshot) => {
                assert!(whole, "{name} is but a half");
                assert_eq!(names(&snapshot, FileFilter::default()).await.len(), 6);
            }
            Err(error) => assert!(!whole && error.kind() == ErrorKind::InvalidData, "{name}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_long_log_opens_without_its_old_commits() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[("delta.checkpointInterval", "50")]).await;
    let mut base = log.snapshot(At::Latest).await.unwrap();
    for n in 0..170 {
        let added = vec![file(log.as_ref(), &format!("f{n:03}"), Some("a"), n)];
        base = log
            .commit(CommitArgs::new(base, "append", Changes { added, ..Changes::default() }))
            .await
            .unwrap()
            .snapshot;
    }
    // Not even broken ones are looked at.
    let object = stores.resolve("memory:t/_delta_log").unwrap();
    for version in 1..150 {
        let path = object.child(&format!("{version:020}.json")).path;
        object.store.put(&path, b"broken".to_vec().into()).await.unwrap();
    }
    let fresh = open("memory:t", &stores).await.unwrap();
    let snapshot = fresh.snapshot(At::Latest).await.unwrap();
    assert_eq!(snapshot.version(), 170);
    assert_eq!(names(&snapshot, FileFilter::default()).await.len(), 170);
}

#[tokio::test]
async fn a_large_checkpoint_is_streamed_in_chunks() {
    const FILES: usize = 20_000;
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[("delta.checkpointInterval", "1")]).await;
    let plain = |n: usize| DataFile {
        stats: None,
        ..file(log.as_ref(), &format!("f{n:06}"), [Some("a"), Some("b")][n % 2], 0)
    };
    let added = (0..FILES).map(plain).collect();
    commit(&log, "append", Changes { added, ..Changes::default() }).await;
    delete(&stores, "00000000000000000000.json").await;
    let fresh = open("memory:t", &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
    for (predicate, expected) in [(None, FILES), (Some(col("p").eq("a")), FILES / 2)] {
        let mut stream = fresh.files(FileFilter { predicate, ..FileFilter::default() });
        let (mut files, mut chunks) = (0, 0);
        while let Some(chunk) = stream.try_next().await.unwrap() {
            assert!(chunk.len() <= 4096);
            files += chunk.len();
            chunks += 1;
        }
        assert_eq!(files, expected);
        assert!(chunks > FILES / 4096, "{chunks}");
    }
}

/// The tombstones in a checkpoint.
async fn tombstones(stores: &Stores, version: i64) -> usize {
    let name = format!("memory:t/_delta_log/{version:020}.checkpoint.parquet");
    let object = stores.resolve(&name).unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    reader
        .map(|batch| {
            let column = batch.unwrap().column_by_name("remove").unwrap().clone();
            column.len() - column.null_count()
        })
        .sum()
}

#[tokio::test]
async fn tombstones_are_kept_as_long_as_the_table_says() {
    for (retention, kept) in [("interval 1 hour", [0, 2, 2]), ("interval 0 seconds", [0, 0, 0])] {
        let stores = Stores::new();
        let properties =
            [("delta.checkpointInterval", "1"), ("delta.deletedFileRetentionDuration", retention)];
        let log = create("memory:t", &stores, &properties).await;
        let added = (0..3).map(|n| file(log.as_ref(), &format!("f{n}"), None, n)).collect();
        let snapshot = commit(&log, "append", Changes { added, ..Changes::default() }).await;
        let removed = list(&snapshot, FileFilter::default()).await.into_iter().take(2).collect();
        commit(&log, "delete", Changes { removed, ..Changes::default() }).await;
        let added = vec![file(log.as_ref(), "new", None, 0)];
        commit(&log, "append", Changes { added, ..Changes::default() }).await;
        for (version, expected) in (1..).zip(kept) {
            assert_eq!(tombstones(&stores, version).await, expected, "{retention}, version {version}");
        }
        let fresh = open("memory:t", &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
        assert_eq!(names(&fresh, FileFilter::default()).await, ["f2", "new"]);
    }
}
