//! Logs that no writer made: errors, never panics, and never a long wait.

use proptest::prelude::*;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, Changes, ErrorKind, FileFilter, Stores};

use crate::helpers::{commit, create, file, open};

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
