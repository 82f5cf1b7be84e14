//! Logs that no writer made: errors, never panics, and never a long wait.

use proptest::prelude::*;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, Changes, CommitArgs, ErrorKind, FileFilter, Stores};

use crate::helpers::{commit, create, file, names, open};

async fn put(stores: &Stores, name: &str, bytes: Vec<u8>) {
    let object = stores.resolve("memory:t/_delta_log").unwrap().child(name);
    object.store.put(&object.path, bytes.into()).await.unwrap();
}

async fn read(stores: &Stores) -> Result<(), ErrorKind> {
    let log = open("memory:t", stores).await.map_err(|e| e.kind())?;
    let snapshot = log.snapshot(At::Latest).await.map_err(|e| e.kind())?;
    let files: Result<Vec<_>, _> =
        futures::TryStreamExt::try_collect(snapshot.files(FileFilter::default())).await;
    files.map(|_| ()).map_err(|e| e.kind())
}

#[tokio::test]
async fn a_version_from_nowhere_is_a_gap() {
    let stores = Stores::new();
    create("memory:t", &stores, &[]).await;
    put(&stores, "09223372036854775807.json", b"{}".to_vec()).await;
    assert_eq!(read(&stores).await, Err(ErrorKind::InvalidData));
}

/// A commit and a checkpoint of ours, to be damaged.
async fn originals() -> (Vec<u8>, Vec<u8>) {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[("delta.checkpointInterval", "1")]).await;
    let added = vec![file(log.as_ref(), "a", Some("x"), 1), file(log.as_ref(), "b", None, 1)];
    commit(&log, "append", Changes { added, ..Changes::default() }).await;
    let object = stores.resolve("memory:t/_delta_log").unwrap();
    let mut out = Vec::new();
    for name in ["00000000000000000001.json", "00000000000000000001.checkpoint.parquet"] {
        let got = object.store.get(&object.child(name).path).await.unwrap();
        out.push(got.bytes().await.unwrap().to_vec());
    }
    (out.remove(0), out.remove(0))
}

fn damage(bytes: &mut Vec<u8>, flips: &[(usize, u8)], cut: usize) {
    for (at, with) in flips {
        let at = at % bytes.len();
        bytes[at] ^= with;
    }
    bytes.truncate(bytes.len().saturating_sub(cut));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_errors(
        flips in proptest::collection::vec((any::<usize>(), 1..=255_u8), 0..4),
        cut in 0..40_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (json, parquet) = originals().await;
            let stores = Stores::new();
            create("memory:t", &stores, &[]).await;
            let mut damaged = json.clone();
            damage(&mut damaged, &flips, cut);
            put(&stores, "00000000000000000001.json", damaged).await;
            let _ = read(&stores).await;

            let mut damaged = parquet;
            damage(&mut damaged, &flips, cut % 8);
            put(&stores, "00000000000000000001.json", json).await;
            put(&stores, "00000000000000000001.checkpoint.parquet", damaged).await;
            let _ = read(&stores).await;
        });
    }
}

/// A log whose second entry adds two files.
async fn two_entries() -> (Stores, String) {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[]).await;
    let added = vec![file(log.as_ref(), "a", Some("x"), 1), file(log.as_ref(), "b", None, 1)];
    commit(&log, "append", Changes { added, ..Changes::default() }).await;
    let object = stores.resolve("memory:t/_delta_log").unwrap().child(ENTRY);
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    (stores, String::from_utf8(bytes.to_vec()).unwrap())
}

const ENTRY: &str = "00000000000000000001.json";

#[tokio::test]
async fn an_entry_that_lost_its_end_is_told_with_its_place_and_what_to_do() {
    let (stores, whole) = two_entries().await;
    let first_line = whole.find('\n').unwrap() + 1;
    let last_line = whole.trim_end().rfind('\n').unwrap() + 1;
    for (left, words) in [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("\0\0\0\0", "is empty"),
        (&whole[..10], "cut off"),
        (&whole[..whole.len() - 3], "cut off"),
        (&whole[..first_line], "fewer files"),
        (&whole[..last_line], "fewer files"),
    ] {
        put(&stores, ENTRY, left.as_bytes().to_vec()).await;
        let log = open("memory:t", &stores).await.unwrap();
        let error = log.snapshot(At::Latest).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{left:?}");
        assert!(error.message().contains(words), "{left:?}: {error}");
        assert!(error.context("location").is_some_and(|location| location.ends_with(ENTRY)), "{error}");
        assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
        // What the error advises.
        assert_eq!(log.snapshot(At::Version(0)).await.unwrap().version(), 0);
    }
    // The last line break is no part of an action, and others write none.
    put(&stores, ENTRY, whole.trim_end().as_bytes().to_vec()).await;
    assert_eq!(read(&stores).await, Ok(()));
}

#[tokio::test]
async fn an_entry_that_is_empty_stops_whoever_has_the_table_open() {
    let (stores, _) = two_entries().await;
    let log = open("memory:t", &stores).await.unwrap();
    let base = log.snapshot(At::Latest).await.unwrap();
    put(&stores, "00000000000000000002.json", vec![]).await;
    let error = log.snapshot(At::Latest).await.unwrap_err();
    assert!(error.message().contains("is empty"), "{error}");
    let added = vec![file(log.as_ref(), "c", None, 1)];
    let changes = Changes { added, ..Changes::default() };
    let error = log.commit(CommitArgs::new(base, "append", changes)).await.unwrap_err();
    assert!(error.message().contains("is empty"), "{error}");
    // What the error advises: the version before it is as it was.
    let before = log.snapshot(At::Version(1)).await.unwrap();
    assert_eq!(names(&before, FileFilter::default()).await, ["a", "b"]);
}
