//! Checkpoints: written by us, used by us, and harmless when they are missing or broken.

use std::sync::Arc;

use stitchwork_core::object_store::{ObjectStoreExt, path::Path};
use stitchwork_core::{
    At, Changes, CommitArgs, CommitTag, ErrorKind, FileFilter, HistoryArgs, Log, StatsFor, Stores,
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
    let history: Vec<_> =
        futures::TryStreamExt::try_collect::<Vec<_>>(fresh.history(HistoryArgs::default())).await.unwrap();
    assert_eq!(history.iter().map(|v| v.id).collect::<Vec<_>>(), [10, 9], "as far as the commits are there");
    // And it goes on.
    let added = vec![file(fresh.as_ref(), "new", None, 0)];
    assert_eq!(commit(&fresh, "append", Changes { added, ..Changes::default() }).await.version(), 11);
    assert_eq!(names(&log.snapshot(At::Latest).await.unwrap(), FileFilter::default()).await.len(), 11);
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
async fn a_gap_is_an_error_and_a_payload_is_searched_for() {
    let stores = Stores::new();
    table(&stores, 7).await;
    delete(&stores, "00000000000000000006.json").await;
    let error = open("memory:t", &stores).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("version"), Some("6"));

    let stores = Stores::new();
    table(&stores, 7).await;
    // Somebody else's checkpoint has no payloads: as if ours were not there, they are found in the commits.
    let object = stores.resolve("memory:t/_delta_log").unwrap();
    let (from, to) = (
        object.child("00000000000000000004.checkpoint.parquet").path,
        Path::from("t/_delta_log/00000000000000000007.checkpoint.parquet"),
    );
    object.store.delete(&from).await.unwrap();
    let _ = to;
    let fresh = open("memory:t", &stores).await.unwrap();
    let tag = fresh.snapshot(At::Latest).await.unwrap().tag("app1").await.unwrap().unwrap();
    assert_eq!((tag.id, tag.payload), (5, Some(serde_json::json!([5]))));
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
