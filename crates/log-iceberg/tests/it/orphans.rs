//! What commits that were stopped have left is found, and nothing that anybody needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::{Value, json};
use stitchwork_core::arrow::schema::{DataType, Field, Schema};
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{
    At, Catalog, Changes, CommitArgs, CommitTag, ErrorKind, FileFilter, Log, LogArgs, LogFactory, Pointer,
    Retry, Snapshot, SwapArgs, TableIdent,
};
use stitchwork_log_iceberg::IcebergLogFactory;
use uuid::Uuid;

use crate::races::{Lossy, lossy};
use crate::setup::{Place, adds, all_names, any, append, create_args, latest, names};

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

async fn json_at(place: &Place, location: &str) -> Value {
    let object = place.stores.resolve(location).unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// The newest metadata.
async fn metadata(place: &Place) -> (Pointer, Value) {
    let entry = place.catalog.as_ref().unwrap().load(&TableIdent::new("n", "t")).await.unwrap();
    let pointer = entry.pointer.unwrap();
    let metadata = json_at(place, &pointer.0).await;
    (pointer, metadata)
}

async fn set(log: &Arc<dyn Log>, key: &str, value: &str) {
    let properties = BTreeMap::from([(key.to_owned(), Some(value.to_owned()))]);
    let changes = Changes { properties, ..Changes::default() };
    log.commit(CommitArgs::new(latest(log).await, "set", changes)).await.unwrap();
}

fn load(base: Arc<dyn Snapshot>, name: &str, id: i64) -> CommitArgs {
    let tag = CommitTag { application: "loads".to_owned(), id, payload: None };
    CommitArgs { tag: Some(tag), ..CommitArgs::new(base, "append", adds([any(name)])) }
}

async fn land(log: &Arc<dyn Log>, name: &str, id: i64) {
    log.commit(load(latest(log).await, name, id)).await.unwrap();
}

/// A commit that never ends: what it has written stays, and nobody knows of it.
async fn stop(catalog: &Lossy, log: &Arc<dyn Log>, name: &str, id: i64) {
    stop_with(catalog, log, load(latest(log).await, name, id)).await;
}

async fn stop_with(catalog: &Lossy, log: &Arc<dyn Log>, mut args: CommitArgs) {
    args.retry = Retry { patience: Duration::from_millis(1) };
    catalog.lose_requests.store(1000, Ordering::SeqCst);
    log.commit(args).await.unwrap_err();
    catalog.lose_requests.store(0, Ordering::SeqCst);
}

/// Makes changed metadata the newest, as another program would.
async fn publish(place: &Place, change: impl FnOnce(&mut Value)) {
    let (expected, mut metadata) = metadata(place).await;
    let before = json!({"metadata-file": expected.0, "timestamp-ms": metadata["last-updated-ms"]});
    metadata["metadata-log"].as_array_mut().unwrap().push(before);
    change(&mut metadata);
    let new = name(90);
    put(place, &new, metadata.to_string()).await;
    let new = Some(Pointer(format!("{METADATA}/{new}")));
    let swap = SwapArgs { ident: TableIdent::new("n", "t"), expected: Some(expected), new, updates: None };
    place.catalog.as_ref().unwrap().swap(vec![swap]).await.unwrap();
}

async fn orphans(log: &Arc<dyn Log>) -> Vec<String> {
    log.orphan_files().await.unwrap()
}

/// A metadata file tells of more than the table.
async fn assert_in_doubt(log: &Arc<dyn Log>, what: &str) {
    let Err(error) = log.orphan_files().await else { panic!("{what}: nothing is in doubt") };
    assert_eq!(error.kind(), ErrorKind::Conflict, "{what}: {error}");
    assert!(error.context("metadata").unwrap().ends_with(".metadata.json"), "{what}: {error}");
    assert_eq!(error.context("folder"), Some("memory:/t/metadata/"), "{what}: {error}");
}

fn extra() -> Arc<Field> {
    Arc::new(Field::new("extra", DataType::Utf8, true))
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
    stop(&catalog, &log, "b", 1).await;
    stop(&catalog, &log, "b", 1).await;
    let columns = latest(&log).await.schema().fields().iter().cloned().chain([extra()]).collect::<Vec<_>>();
    let changes = Changes { schema: Some(Arc::new(Schema::new(columns))), ..Changes::default() };
    let evolve = CommitArgs::new(latest(&log).await, "add columns", changes);
    stop_with(&catalog, &log, evolve.clone()).await;
    let left = listed(&place).await - before;
    assert_eq!(
        left, 7,
        "a load leaves a manifest, a manifest list and a metadata file, a new column the last of these"
    );
    assert_in_doubt(&log, "nobody has gone on with the load").await;
    land(&log, "b", 1).await;
    assert_in_doubt(&log, "nobody has gone on with the column").await;
    log.commit(CommitArgs { base: latest(&log).await, ..evolve }).await.unwrap();
    for log in [&log, &place.open().await.unwrap()] {
        let found = orphans(log).await;
        assert_eq!(found.len(), left, "{found:?}");
        for (part, count) in [(".metadata.json", 3), ("-m0.avro", 2), ("/snap-", 2)] {
            assert_eq!(found.iter().filter(|location| location.contains(part)).count(), count, "{found:?}");
        }
    }
    for location in orphans(&log).await {
        remove(&place, &location).await;
    }
    assert_eq!(orphans(&log).await, [""; 0]);
    let fresh = place.open().await.unwrap();
    assert_eq!(all_names(&fresh).await, ["a", "b"]);
    let versions: Vec<i64> = fresh.versions().try_collect().await.unwrap();
    for version in versions {
        fresh.snapshot(At::Version(version)).await.unwrap();
    }
    append(&fresh, "e").await;
    assert_eq!(all_names(&fresh).await, ["a", "b", "e"]);
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
    let (catalog, place) = lossy();
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
    stop(&catalog, &log, "g", 1).await;
    land(&log, "g", 1).await;
    let left = orphans(&log).await;
    assert_eq!(left.len(), 3, "metadata files that have left the log are the table's: {left:?}");
    let (_, before) = metadata(&place).await;
    assert_eq!(before["metadata-log"].as_array().unwrap().len(), 2);
    // The branch goes back, and the newest snapshots are on another one.
    let is_first = |snapshot: &&Value| snapshot.get("parent-snapshot-id").is_none_or(Value::is_null);
    let first = before["snapshots"].as_array().unwrap().iter().find(is_first).unwrap();
    let (first, newest) = (first["snapshot-id"].clone(), before["current-snapshot-id"].clone());
    publish(&place, |metadata| {
        metadata["current-snapshot-id"] = first.clone();
        metadata["refs"] = json!({
            "main": {"snapshot-id": first, "type": "branch"},
            "audit": {"snapshot-id": newest, "type": "branch"},
        });
    })
    .await;
    assert_eq!(all_names(&log).await, ["f0"]);
    assert_eq!(orphans(&log).await, left);
    // A metadata file of the past is damaged, or gone: nobody can tell whose those before it are.
    let past = before["metadata-log"][0]["metadata-file"].as_str().unwrap();
    put(&place, past.rsplit('/').next().unwrap(), "").await;
    assert_in_doubt(&log, "a file of the past is damaged").await;
    remove(&place, past).await;
    assert_in_doubt(&log, "a file of the past is gone").await;
    // As the error says.
    let Err(error) = log.orphan_files().await else { panic!("it was in doubt") };
    for name in error.context("metadata").unwrap().split(',') {
        remove(&place, &format!("{METADATA}/{name}")).await;
    }
    for location in orphans(&log).await {
        remove(&place, &location).await;
    }
    let versions: Vec<i64> = log.versions().try_collect().await.unwrap();
    assert_eq!(versions.len(), 9);
    for version in versions {
        let snapshot = place.open().await.unwrap().snapshot(At::Version(version)).await.unwrap();
        names(&snapshot, FileFilter::default()).await;
    }
    // Where the table has moved to, nobody has looked.
    publish(&place, |metadata| metadata["location"] = json!("memory:/elsewhere")).await;
    put(&place, &format!("{}-m0.avro", Uuid::new_v4()), "x").await;
    assert_eq!(orphans(&log).await, [""; 0]);
}

#[tokio::test]
async fn what_may_be_of_another_table_or_catalog_stays() {
    let (catalog, place) = lossy();
    let log = place.table().await;
    land(&log, "a", 1).await;
    stop(&catalog, &log, "b", 2).await;
    land(&log, "b", 2).await;
    assert_eq!(orphans(&log).await.len(), 3);
    let (pointer, own) = metadata(&place).await;
    let first = json_at(&place, own["metadata-log"][0]["metadata-file"].as_str().unwrap()).await;

    // What is made on the newest state, as a second catalog would have it.
    let mut next = own.clone();
    let entry = json!({"metadata-file": pointer.0, "timestamp-ms": own["last-updated-ms"]});
    next["metadata-log"].as_array_mut().unwrap().push(entry);
    let with = |changes: &[(&str, Value)]| {
        let mut other = next.clone();
        changes.iter().for_each(|(key, value)| other[*key] = value.clone());
        other
    };
    let creation = |later: i64, changes: &[(&str, Value)]| {
        let mut other = first.clone();
        changes.iter().for_each(|(key, value)| other[*key] = value.clone());
        other["table-uuid"] = json!(Uuid::new_v4());
        other["last-updated-ms"] = json!(first["last-updated-ms"].as_i64().unwrap() + later);
        other
    };
    let snapshot = |id: i64, summary: &[(&str, &str)]| {
        let mut snapshot = own["snapshots"].as_array().unwrap().last().unwrap().clone();
        (snapshot["snapshot-id"], snapshot["sequence-number"]) = (json!(id), json!(90));
        for (key, value) in summary {
            snapshot["summary"][*key] = json!(value);
        }
        snapshot
    };
    let more = |snapshots: &[Value]| {
        let all = [own["snapshots"].as_array().unwrap().as_slice(), snapshots].concat();
        let newest = all.last().unwrap()["snapshot-id"].clone();
        with(&[
            ("snapshots", json!(all)),
            ("last-sequence-number", json!(90)),
            ("current-snapshot-id", newest.clone()),
            ("refs", json!({"main": {"snapshot-id": newest, "type": "branch"}})),
        ])
    };
    let load = |application: &str, id: &str| {
        more(&[snapshot(4711, &[("stitchwork.application", application), ("stitchwork.id", id)])])
    };
    let other = name(7);
    put(&place, &other, creation(-1, &[]).to_string()).await;
    assert_eq!(orphans(&log).await.len(), 4, "a creation that was stopped");

    let changed = |key: &str, change: &dyn Fn(&mut Value)| {
        let mut value = own[key].clone();
        change(&mut value);
        with(&[(key, value)])
    };
    let new = own["current-snapshot-id"].clone();
    // The order in which they are written says nothing.
    let is_old = |snapshot: &&Value| snapshot["snapshot-id"] != new;
    let old = own["snapshots"].as_array().unwrap().iter().find(is_old).unwrap().clone();
    let refs = |name: &str, kind: &str| {
        changed("refs", &|refs| refs[name] = json!({"snapshot-id": new, "type": kind}))
    };
    let stray =
        with(&[("metadata-log", json!([{"metadata-file": "memory:/t/metadata/x.json", "timestamp-ms": 1}]))]);
    for (what, of) in [
        ("a younger table that is empty", creation(60_000, &[])),
        ("another table that is empty", creation(-1, &[("properties", json!({"owner": "somebody"}))])),
        ("another table", with(&[("table-uuid", json!(Uuid::new_v4()))])),
        ("a commit of somebody else", more(&[snapshot(4711, &[("stitchwork.application", "")])])),
        ("a load of somebody else", load("others", "2")),
        ("a load that is to come", load("loads", "3")),
        ("nothing new", next.clone()),
        ("the same load without files", load("loads", "2")),
        ("the same load in other words", more(&[snapshot(4711, &[("stitchwork.payload", "{}")])])),
        ("two commits", more(&[snapshot(4711, &[]), snapshot(4712, &[])])),
        ("another schema", changed("schemas", &|schemas| schemas[0]["fields"][1]["name"] = json!("renamed"))),
        ("identifier fields", changed("schemas", &|schemas| schemas[0]["identifier-field-ids"] = json!([1]))),
        (
            "a retention",
            with(&[(
                "refs",
                json!({"main": {"snapshot-id": new, "type": "branch", "min-snapshots-to-keep": 3}}),
            )]),
        ),
        ("another property", changed("properties", &|properties| properties["owner"] = json!("somebody"))),
        ("a branch", refs("audit", "branch")),
        ("a tag", refs("release", "tag")),
        (
            "a sort order",
            changed("sort-orders", &|orders| {
                let field = json!({"transform": "identity", "source-id": 1, "direction": "asc", "null-order": "nulls-first"});
                orders.as_array_mut().unwrap().push(json!({"order-id": 1, "fields": [field]}));
            }),
        ),
        (
            "a partitioning",
            changed("partition-specs", &|specs| {
                let mut spec = specs[0].clone();
                spec["spec-id"] = json!(1);
                specs.as_array_mut().unwrap().push(spec);
            }),
        ),
        (
            "a rollback",
            with(&[
                ("current-snapshot-id", old["snapshot-id"].clone()),
                ("refs", json!({"main": {"snapshot-id": old["snapshot-id"], "type": "branch"}})),
            ]),
        ),
        (
            "an expired snapshot",
            changed("snapshots", &|snapshots| {
                snapshots.as_array_mut().unwrap().retain(|snapshot| snapshot["snapshot-id"] == new);
            }),
        ),
        ("a commit on a state that is none of the table's", stray),
    ] {
        put(&place, &other, of.to_string()).await;
        assert_in_doubt(&log, what).await;
    }

    // Nobody knows whose a broken one is.
    put(&place, &other, "{").await;
    let error = log.orphan_files().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let text = format!("{error:?}");
    assert!(text.contains(&other) && text.contains("remove it where no other table does"), "{text}");
    remove(&place, &format!("{METADATA}/{other}")).await;
    assert_eq!(orphans(&log).await.len(), 3);

    // The same load, with other files: by another catalog.
    stop(&catalog, &log, "y", 3).await;
    assert_in_doubt(&log, "nobody has gone on with the load").await;
    land(&log, "z", 3).await;
    assert_in_doubt(&log, "the same load with other files").await;

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
