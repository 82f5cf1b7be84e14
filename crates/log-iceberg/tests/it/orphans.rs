//! What commits that were stopped have left is found, and nothing that anybody needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{
    At, Catalog, Changes, CommitArgs, ErrorKind, Log, LogArgs, LogFactory, Pointer, Retry, SwapArgs,
    TableIdent,
};
use stitchwork_log_iceberg::IcebergLogFactory;
use uuid::Uuid;

use crate::races::{Lossy, lossy};
use crate::setup::{Place, adds, all_names, any, append, create_args, latest};

const METADATA: &str = "memory:/t/metadata";

async fn put(place: &Place, name: &str, bytes: impl Into<Vec<u8>>) {
    let object = place.stores.resolve(&format!("{METADATA}/{name}")).unwrap();
    object.store.put(&object.path, bytes.into().into()).await.unwrap();
}

async fn remove(place: &Place, location: &str) {
    let object = place.stores.resolve(location).unwrap();
    object.store.delete(&object.path).await.unwrap();
}

async fn listed(place: &Place) -> usize {
    let folder = place.stores.resolve(METADATA).unwrap();
    let files: Vec<_> = folder.store.list(Some(&folder.path)).try_collect().await.unwrap();
    files.len()
}

/// The newest metadata.
async fn metadata(place: &Place) -> (Pointer, Value) {
    let entry = place.catalog.as_ref().unwrap().load(&TableIdent::new("n", "t")).await.unwrap();
    let pointer = entry.pointer.unwrap();
    let object = place.stores.resolve(&pointer.0).unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    (pointer, serde_json::from_slice(&bytes).unwrap())
}

async fn set(log: &Arc<dyn Log>, key: &str, value: &str) {
    let properties = BTreeMap::from([(key.to_owned(), Some(value.to_owned()))]);
    let changes = Changes { properties, ..Changes::default() };
    log.commit(CommitArgs::new(latest(log).await, "set", changes)).await.unwrap();
}

/// A commit that never ends: what it has written stays, and nobody knows of it.
async fn stop(catalog: &Lossy, log: &Arc<dyn Log>, name: &str) {
    let mut args = CommitArgs::new(latest(log).await, "append", adds([any(name)]));
    args.retry = Retry { patience: Duration::from_millis(1) };
    catalog.lose_requests.store(1000, Ordering::SeqCst);
    log.commit(args).await.unwrap_err();
    catalog.lose_requests.store(0, Ordering::SeqCst);
}

async fn orphans(log: &Arc<dyn Log>) -> Vec<String> {
    log.orphan_files().await.unwrap()
}

fn name(number: u64) -> String {
    format!("{number:05}-{}.metadata.json", Uuid::new_v4())
}

#[tokio::test]
async fn what_stopped_commits_left_is_found() {
    let (catalog, place) = lossy();
    let log = place.table().await;
    append(&log, "a").await;
    let before = listed(&place).await;
    stop(&catalog, &log, "b").await;
    stop(&catalog, &log, "c").await;
    let left = listed(&place).await - before;
    assert_eq!(left, 6, "each has left a manifest, a manifest list and a metadata file");
    append(&log, "d").await;
    for log in [&log, &place.open().await.unwrap()] {
        let found = orphans(log).await;
        assert_eq!(found.len(), left, "{found:?}");
        for ending in [".metadata.json", "-m0.avro"] {
            assert_eq!(found.iter().filter(|location| location.ends_with(ending)).count(), 2, "{found:?}");
        }
    }
    for location in orphans(&log).await {
        remove(&place, &location).await;
    }
    assert_eq!(orphans(&log).await, [""; 0]);
    let fresh = place.open().await.unwrap();
    assert_eq!(all_names(&fresh).await, ["a", "d"]);
    let versions: Vec<i64> = fresh.versions().try_collect().await.unwrap();
    for version in versions {
        fresh.snapshot(At::Version(version)).await.unwrap();
    }
    append(&fresh, "e").await;
    assert_eq!(all_names(&fresh).await, ["a", "d", "e"]);
}

#[tokio::test]
async fn in_a_folder_manifests_of_stopped_commits_are_found() {
    let place = Place::in_folder();
    let log = place.table().await;
    append(&log, "a").await;
    let id = Uuid::new_v4();
    for name in [format!("{id}-m0.avro"), format!("snap-5-0-{id}.avro")] {
        put(&place, &name, "x").await;
    }
    put(&place, "v9.metadata.json", "x").await;
    put(&place, "mine.avro", "x").await;
    let found = orphans(&log).await;
    assert!(found.len() == 2 && found.iter().all(|location| location.contains(&id.to_string())), "{found:?}");
    // A metadata file as catalogs have it: the folder is that of a table in a catalog, too.
    put(&place, &name(3), "{}").await;
    assert_eq!(orphans(&log).await, [""; 0]);
}

#[tokio::test]
async fn all_that_a_version_needs_stays() {
    let place = Place::in_catalog();
    let mut create = create_args();
    // Small manifests become one soon, and few metadata files are in the log.
    for (key, value) in
        [("write.metadata.previous-versions-max", "2"), ("commit.manifest.min-count-to-merge", "3")]
    {
        create.properties.insert(key.to_owned(), value.to_owned());
    }
    let log = place.create(create).await.unwrap();
    for n in 0..8 {
        append(&log, &format!("f{n}")).await;
    }
    let (expected, mut metadata) = metadata(&place).await;
    assert_eq!(metadata["metadata-log"].as_array().unwrap().len(), 2);
    assert_eq!(orphans(&log).await, [""; 0], "metadata files that have left the log are the table's");
    // The branch goes back, and the newest snapshots are on another one.
    let is_first = |snapshot: &&Value| snapshot.get("parent-snapshot-id").is_none_or(Value::is_null);
    let first = metadata["snapshots"].as_array().unwrap().iter().find(is_first).unwrap();
    let first = first["snapshot-id"].as_i64().unwrap();
    let newest = metadata["current-snapshot-id"].as_i64().unwrap();
    metadata["current-snapshot-id"] = json!(first);
    metadata["refs"] = json!({
        "main": {"snapshot-id": first, "type": "branch"},
        "audit": {"snapshot-id": newest, "type": "branch"},
    });
    let entry = json!({"metadata-file": expected.0, "timestamp-ms": metadata["last-updated-ms"]});
    metadata["metadata-log"].as_array_mut().unwrap().push(entry);
    let new = name(20);
    put(&place, &new, metadata.to_string()).await;
    let new = Some(Pointer(format!("{METADATA}/{new}")));
    let swap = SwapArgs { ident: TableIdent::new("n", "t"), expected: Some(expected), new, updates: None };
    place.catalog.as_ref().unwrap().swap(vec![swap]).await.unwrap();
    assert_eq!(all_names(&log).await, ["f0"]);
    assert_eq!(orphans(&log).await, [""; 0]);
}

#[tokio::test]
async fn what_may_be_of_another_table_or_catalog_stays() {
    let (catalog, place) = lossy();
    let log = place.table().await;
    append(&log, "a").await;
    stop(&catalog, &log, "b").await;
    let left = orphans(&log).await;
    assert_eq!(left.len(), 3);
    let (pointer, own) = metadata(&place).await;

    // Of a table that was never filled: of a creation that was stopped.
    let mut empty = own.clone();
    empty["table-uuid"] = json!(Uuid::new_v4());
    for (key, value) in [
        ("snapshots", json!([])),
        ("current-snapshot-id", json!(-1)),
        ("refs", json!({})),
        ("snapshot-log", json!([])),
        ("metadata-log", json!([])),
    ] {
        empty[key] = value;
    }
    let empty_name = name(0);
    put(&place, &empty_name, empty.to_string()).await;
    assert_eq!(orphans(&log).await.len(), 4);

    // It is not gone on from in vain.
    empty["metadata-log"] = json!([{"metadata-file": format!("{METADATA}/{empty_name}"), "timestamp-ms": 1}]);
    let next = name(1);
    put(&place, &next, empty.to_string()).await;
    assert_eq!(orphans(&log).await, [""; 0]);
    remove(&place, &format!("{METADATA}/{next}")).await;

    // Another table with rows.
    let mut other = own.clone();
    other["table-uuid"] = json!(Uuid::new_v4());
    let other_name = name(1);
    put(&place, &other_name, other.to_string()).await;
    assert_eq!(orphans(&log).await, [""; 0]);

    // Nobody knows whose a broken one is.
    put(&place, &other_name, "{").await;
    let error = log.orphan_files().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let text = format!("{error:?}");
    assert!(text.contains(&other_name) && text.contains("remove it where no other table does"), "{text}");
    remove(&place, &format!("{METADATA}/{other_name}")).await;
    assert_eq!(orphans(&log).await.len(), 4);

    // Who can only read does not know what is newest.
    for location in [pointer.0.as_str(), "memory:/t"] {
        let args =
            LogArgs { location: location.to_owned(), ..Place { catalog: None, ..place.clone() }.args() };
        let reader = IcebergLogFactory.open(args).await.unwrap();
        assert_eq!(orphans(&reader).await, [""; 0], "{location}");
    }

    // Several tables may have a folder of metadata in common.
    set(&log, "write.metadata.path", METADATA).await;
    assert_eq!(orphans(&log).await, [""; 0]);
}

#[tokio::test]
async fn a_catalog_that_commits_on_its_server_has_the_files() {
    let place = Place::in_catalog();
    let log = place.table().await;
    put(&place, &format!("{}-m0.avro", Uuid::new_v4()), "x").await;
    assert_eq!(orphans(&log).await.len(), 1);
    let server = Arc::new(Lossy::on_server());
    let entry = place.catalog.as_ref().unwrap().load(&TableIdent::new("n", "t")).await.unwrap();
    server.create(entry).await.unwrap();
    let log = Place { catalog: Some(server), ..place }.open().await.unwrap();
    assert_eq!(orphans(&log).await, [""; 0]);
}
