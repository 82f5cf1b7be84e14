//! Manifests that are broken, or of a later version.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use stitchwork_core::{At, ErrorKind, col};

use crate::rig::{Rig, append, rig, rows};

async fn get(rig: &Rig, path: &str) -> Bytes {
    let store: &dyn ObjectStore = &rig.store;
    store.get(&Path::from(path)).await.unwrap().bytes().await.unwrap()
}

async fn put(rig: &Rig, path: &str, bytes: impl Into<Bytes>) {
    let store: &dyn ObjectStore = &rig.store;
    store.put(&Path::from(path), bytes.into().into()).await.unwrap();
}

async fn table_with_checkpoint() -> Rig {
    let rig = rig();
    let table = rig.create(&[("files.checkpoint_interval", "2")]).await;
    for n in 0..3 {
        append(&table, &rows(&[n], Some("a")), None).await.unwrap();
    }
    rig
}

/// Everything that a reader does.
async fn read(rig: &Rig) -> stitchwork_core::Result<()> {
    use futures::TryStreamExt;
    let table = rig.open().await?;
    let snapshot = table.log().snapshot(At::Latest).await?;
    let filter = stitchwork_core::FileFilter { predicate: Some(col("id").gt(0_i64)), ..Default::default() };
    snapshot.files(filter).try_collect::<Vec<_>>().await.map(drop)
}

#[tokio::test]
async fn cut_short_anywhere_it_is_an_error() {
    let commit = "t/_stitchwork/commits/00000000000000000003.json";
    let checkpoint = "t/_stitchwork/checkpoints/00000000000000000002.json";
    for path in [commit, checkpoint] {
        let rig = table_with_checkpoint().await;
        read(&rig).await.unwrap();
        let whole = get(&rig, path).await;
        for end in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            put(&rig, path, whole.slice(..end)).await;
            let error = read(&rig).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{path} {end}: {error}");
            assert!(error.context("location").is_some_and(|location| location.ends_with(path)), "{error}");
            let remedy = error.context("remedy").unwrap_or_default();
            assert!(remedy.starts_with(if path == checkpoint { "remove" } else { "restore" }), "{error}");
            // What the error advises, where it advises it: the version before can be read.
            let log = rig.open().await.unwrap().log().clone();
            assert_eq!(log.snapshot(At::Version(1)).await.unwrap().version(), 1);
            // The files of a checkpoint are read when they are asked for.
            assert!(path == checkpoint || log.snapshot(At::Version(3)).await.is_err(), "{end}");
        }
        if path == checkpoint {
            // What the error advises.
            let store: &dyn ObjectStore = &rig.store;
            store.delete(&Path::from(path)).await.unwrap();
            read(&rig).await.unwrap();
        }
    }
}

#[tokio::test]
async fn garbage_is_an_error_and_never_a_panic() {
    let rig = table_with_checkpoint().await;
    let path = "t/_stitchwork/checkpoints/00000000000000000002.json";
    let whole = get(&rig, path).await;
    // Each byte in turn, so that numbers, names and brackets all get broken.
    for place in (0..whole.len()).step_by(3) {
        for byte in [b'"', b'9', b'{', 0xff] {
            let mut broken = whole.to_vec();
            broken[place] = byte;
            put(&rig, path, broken).await;
            // Some changes make another, valid file; none may panic.
            let _ = read(&rig).await;
        }
    }
}

#[tokio::test]
async fn a_missing_commit_is_an_error() {
    let rig = table_with_checkpoint().await;
    for n in 3..5 {
        append(&rig.open().await.unwrap(), &rows(&[n], Some("a")), None).await.unwrap();
    }
    let store: &dyn ObjectStore = &rig.store;
    store.delete(&Path::from("t/_stitchwork/checkpoints/00000000000000000004.json")).await.unwrap();
    store.delete(&Path::from("t/_stitchwork/commits/00000000000000000004.json")).await.unwrap();
    let error = read(&rig).await.unwrap_err();
    assert_eq!((error.kind(), error.context("version")), (ErrorKind::InvalidData, Some("4")));
    assert!(error.context("location").is_some_and(|location| location.ends_with("0004.json")), "{error}");
    assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
}

#[tokio::test]
async fn later_formats_and_features_are_refused_by_name() {
    let rig = table_with_checkpoint().await;
    let path = "t/_stitchwork/commits/00000000000000000003.json";
    let text = String::from_utf8(get(&rig, path).await.to_vec()).unwrap();
    put(&rig, path, text.replacen("\"format\":1", "\"format\":7", 1)).await;
    let error = read(&rig).await.unwrap_err();
    assert_eq!((error.kind(), error.context("format")), (ErrorKind::Unsupported, Some("7")));
    put(&rig, path, text.replacen("\"features\":[]", "\"features\":[\"deletes\"]", 1)).await;
    let error = read(&rig).await.unwrap_err();
    assert_eq!((error.kind(), error.context("feature")), (ErrorKind::Unsupported, Some("deletes")));
}
