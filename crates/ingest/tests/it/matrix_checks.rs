//! The checks of the matrix can fail: each of them finds what is done to a load that went well.

use object_store::{ObjectStoreExt, PutPayload, path::Path};
use serde_json::{Value, json};
use stitchwork_ingest::Mutation;

use crate::matrix::faults::Trouble;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::world::World;
use crate::matrix::{Cell, How, Violation, check, load, on_one_thread, prepared, remains};

const LOGS: [&str; 3] = ["delta", "iceberg", "files"];

/// A world in which the load has gone well.
async fn loaded(log: &str, store: Store) -> World {
    let place = Place::new(store, Names::Folders).unwrap().unwrap();
    let world = place.world(log).await.unwrap();
    load::run(&world, &Trouble::none(), How::Append, None).await.unwrap();
    world
}

/// Some data file of the table of events.
async fn a_file(world: &World) -> Path {
    let listed = world.listed().await.unwrap().into_iter();
    let mut paths = listed.map(|object| object.location);
    paths.find(|path| path.extension() == Some("parquet") && path.as_ref().contains("/events/")).unwrap()
}

#[track_caller]
fn is_found(found: Result<(), Violation>, sign: &str, what: &str) {
    let Err(violation) = found else { panic!("nothing is found over {what}") };
    assert!(violation.contains(sign), "over {what}, it is taken for something else: {violation}");
}

#[test]
fn a_file_that_no_version_has_is_found() {
    for log in LOGS {
        on_one_thread(async {
            let world = loaded(log, Store::Memory).await;
            remains::check(&world).await.unwrap();
            let file = a_file(&world).await.to_string().replace("load-", "stray-");
            world.store.put(&Path::from(file), PutPayload::from_static(b"x")).await.unwrap();
            is_found(remains::check(&world).await, "is left behind: no version", log);
        });
    }
}

#[test]
fn metadata_that_no_version_has_is_found() {
    on_one_thread(async {
        let world = loaded("iceberg", Store::Memory).await;
        remains::check(&world).await.unwrap();
        for name in ["snap-1-0-stray.avro", "stray-m0.avro", "00009-stray.metadata.json"] {
            let file = a_file(&world).await.to_string();
            let (table, _) = file.split_once("/data/").unwrap();
            let stray = Path::from(format!("{table}/metadata/{name}"));
            world.store.put(&stray, PutPayload::from_static(b"x")).await.unwrap();
            is_found(remains::check(&world).await, "is left behind: no version", name);
            world.store.delete(&stray).await.unwrap();
        }
        remains::check(&world).await.unwrap();
    });
}

#[test]
fn a_file_that_is_gone_is_found() {
    for log in LOGS {
        on_one_thread(async {
            let world = loaded(log, Store::Memory).await;
            world.store.delete(&a_file(&world).await).await.unwrap();
            is_found(remains::check(&world).await, "is gone, which a table has", log);
        });
    }
}

#[test]
fn an_upload_that_never_ended_is_found() {
    on_one_thread(async {
        let world = loaded("delta", Store::Files).await;
        remains::check(&world).await.unwrap();
        let folder = world.address.location.strip_prefix("file://").unwrap();
        std::fs::write(format!("{folder}/events/load.parquet#1"), "x").unwrap();
        is_found(remains::check(&world).await, "it is no object of the store", "files");
    });
}

/// The objects of the pipeline's state whose names end so, the oldest first.
async fn state(world: &World, ending: &str) -> Vec<Path> {
    let listed = world.listed().await.unwrap().into_iter();
    let paths = listed.map(|object| object.location);
    let mut paths: Vec<_> = paths
        .filter(|path| path.as_ref().contains("/_stitchwork/script/") && path.as_ref().ends_with(ending))
        .collect();
    paths.sort();
    paths
}

/// Writes the newest manifest anew, with something else in it.
async fn change_manifest(world: &World, key: &str, value: Value) {
    let newest = state(world, ".json").await.pop().unwrap();
    let bytes = world.store.get(&newest).await.unwrap().bytes().await.unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    manifest[key] = value;
    world.store.put(&newest, PutPayload::from(manifest.to_string())).await.unwrap();
}

#[test]
fn a_state_that_does_not_fit_the_tables_is_found() {
    for log in LOGS {
        let cell = Cell::append(log);
        on_one_thread(async {
            let world = loaded(log, Store::Memory).await;
            check::check(&cell, &world).await.unwrap();
            change_manifest(&world, "load", json!(3)).await;
            is_found(check::check(&cell, &world).await, "has load 2, the manifest", log);
            change_manifest(&world, "cursor", json!({"next": 3})).await;
            is_found(check::check(&cell, &world).await, "the manifest has the cursor", log);
            world.store.delete(&state(&world, ".done").await.pop().unwrap()).await.unwrap();
            is_found(check::check(&cell, &world).await, "has no mark", log);
            for manifest in state(&world, ".json").await {
                world.store.delete(&manifest).await.unwrap();
            }
            is_found(check::check(&cell, &world).await, "there is no load manifest", log);
        });
    }
}

#[test]
fn commits_without_a_tag_are_found() {
    for log in LOGS {
        on_one_thread(async {
            let place = Place::new(Store::Memory, Names::Folders).unwrap().unwrap();
            let world = place.world(log).await.unwrap();
            let bug = Some(Mutation::CommitUntagged);
            load::run(&world, &Trouble::none(), How::Append, bug).await.unwrap();
            is_found(check::check(&Cell::append(log), &world).await, "has no tag", log);
        });
    }
}

#[test]
fn earlier_rows_that_are_gone_are_found() {
    for log in LOGS {
        let cell = Cell::append_more(log);
        on_one_thread(async {
            let place = Place::new(Store::Memory, Names::Folders).unwrap().unwrap();
            let world = prepared(&cell, &place).await.unwrap();
            check::at_once(&cell, &world).await.unwrap();
            // This one replaces what it should add to.
            load::run(&world, &Trouble::none(), How::Replace, None).await.unwrap();
            is_found(check::at_once(&cell, &world).await, "not 11 once", log);
            is_found(check::check(&cell, &world).await, "expected [\"1\", \"11\", \"2\", \"3\"]", log);
        });
    }
}

#[test]
fn rows_that_are_old_and_new_at_once_are_found() {
    for log in LOGS {
        on_one_thread(async {
            let place = Place::new(Store::Memory, Names::Folders).unwrap().unwrap();
            let cell = Cell::replace(log);
            let world = prepared(&cell, &place).await.unwrap();
            check::at_once(&cell, &world).await.unwrap();
            // This one adds to what it should replace.
            load::run(&world, &Trouble::none(), How::Append, None).await.unwrap();
            is_found(check::at_once(&cell, &world).await, "neither", log);
        });
    }
}
