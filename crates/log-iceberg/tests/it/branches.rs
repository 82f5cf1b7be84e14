//! Snapshots off the line of the newest one: left by a rollback, on a branch, or on a tag.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use serde_json::{Value, json};
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, CommitArgs, FileFilter, HistoryArgs, Log, Pointer, SwapArgs, TableIdent};
use stitchwork_testkit::unique;

use crate::setup::{Place, all_names, append, files, latest, names, removes};

/// Changes the metadata as another program would: by a new file, and a new pointer to it.
async fn rewrite(place: &Place, change: impl FnOnce(&mut Value)) {
    let (catalog, ident) = (place.catalog.as_ref().unwrap(), TableIdent::new("n", "t"));
    let expected = catalog.load(&ident).await.unwrap().pointer;
    let old = place.stores.resolve(&expected.as_ref().unwrap().0).unwrap();
    let bytes = old.store.get(&old.path).await.unwrap().bytes().await.unwrap();
    let mut metadata: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut metadata);
    let location = format!("memory:/t/metadata/{}.metadata.json", unique("foreign"));
    let new = place.stores.resolve(&location).unwrap();
    new.store.put(&new.path, metadata.to_string().into_bytes().into()).await.unwrap();
    let swap = SwapArgs { ident, expected, new: Some(Pointer(location)), updates: None };
    catalog.swap(vec![swap]).await.unwrap();
}

/// Makes an older snapshot the newest one of the main branch, as `rollback_to_snapshot` does.
fn roll_back(metadata: &mut Value, to: i64) {
    let at = metadata["last-updated-ms"].as_i64().unwrap() + 1;
    metadata["last-updated-ms"] = json!(at);
    metadata["current-snapshot-id"] = json!(to);
    metadata["refs"]["main"] = json!({"snapshot-id": to, "type": "branch"});
    let log = metadata["snapshot-log"].as_array_mut().unwrap();
    log.push(json!({"snapshot-id": to, "timestamp-ms": at}));
}

async fn versions(log: &dyn Log) -> BTreeSet<i64> {
    let listed: Vec<i64> = log.versions().try_collect().await.unwrap();
    let versions: BTreeSet<i64> = listed.iter().copied().collect();
    assert_eq!(versions.len(), listed.len(), "{listed:?}");
    versions
}

async fn history(log: &dyn Log) -> Vec<i64> {
    log.history(HistoryArgs::default()).map_ok(|version| version.id).try_collect().await.unwrap()
}

#[tokio::test]
async fn versions_have_what_a_rollback_left() {
    let place = Place::in_catalog();
    let log = place.table().await;
    assert_eq!(versions(log.as_ref()).await, [-1].into(), "a table without snapshots has that of none");
    let first = append(&log, "a").await.snapshot.version();
    let second = append(&log, "b").await.snapshot.version();
    rewrite(&place, |metadata| roll_back(metadata, first)).await;
    let fresh = place.open().await.unwrap();
    let third = append(&fresh, "c").await.snapshot.version();
    assert_eq!(history(fresh.as_ref()).await, [third, first]);
    // The handle from before sees it as well as a fresh one.
    for log in [&log, &fresh] {
        assert_eq!(versions(log.as_ref()).await, [first, second, third].into());
    }
    assert_eq!(all_names(&fresh).await, ["a", "c"]);
    let left = fresh.snapshot(At::Version(second)).await.unwrap();
    assert_eq!(names(&left, FileFilter::default()).await, ["a", "b"], "its files are still needed");
}

#[tokio::test]
async fn versions_have_branches_and_tags() {
    let place = Place::in_catalog();
    let log = place.table().await;
    let first = append(&log, "a").await.snapshot.version();
    // The branch removes a file and adds another one; the main branch goes on from before.
    let all = files(&latest(&log).await, FileFilter::default()).await;
    let delete = CommitArgs::new(latest(&log).await, "delete", removes(all));
    log.commit(delete).await.unwrap();
    let second = append(&log, "b").await.snapshot.version();
    rewrite(&place, |metadata| {
        roll_back(metadata, first);
        metadata["refs"]["audit"] = json!({"snapshot-id": second, "type": "branch"});
        metadata["refs"]["start"] = json!({"snapshot-id": first, "type": "tag"});
    })
    .await;
    let third = append(&log, "c").await.snapshot.version();
    assert_eq!(history(log.as_ref()).await, [third, first]);
    let listed = versions(log.as_ref()).await;
    assert_eq!(listed.len(), 4, "{listed:?}");
    for (name, version, expected) in [("audit", second, ["b"]), ("start", first, ["a"])] {
        let at = log.snapshot(At::Ref(name.to_owned())).await.unwrap();
        assert!(at.version() == version && listed.contains(&version), "{name}");
        assert_eq!(names(&at, FileFilter::default()).await, expected, "{name}");
    }
}

#[tokio::test]
async fn versions_have_branches_of_a_table_whose_main_one_is_empty() {
    let place = Place::in_catalog();
    let log = place.table().await;
    let only = append(&log, "a").await.snapshot.version();
    rewrite(&place, |metadata| {
        metadata["current-snapshot-id"] = json!(null);
        metadata["snapshot-log"] = json!([]);
        metadata["refs"] = json!({"audit": {"snapshot-id": only, "type": "branch"}});
    })
    .await;
    assert_eq!(versions(log.as_ref()).await, [-1, only].into());
    assert!(all_names(&log).await.is_empty());
    assert_eq!(log.snapshot(At::Version(-1)).await.unwrap().version(), -1);
}
