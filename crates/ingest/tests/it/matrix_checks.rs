//! The checks of the matrix can fail: each of them finds what is done to a load that went well.

use object_store::{ObjectStoreExt, PutPayload, path::Path};

use crate::matrix::faults::Trouble;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::world::World;
use crate::matrix::{Violation, load, on_one_thread, remains};

const LOGS: [&str; 3] = ["delta", "iceberg", "files"];

/// A world in which the load has gone well.
async fn loaded(log: &str, store: Store) -> World {
    let place = Place::new(store, Names::Folders).unwrap().unwrap();
    let world = place.world(log).await.unwrap();
    load::run(&world, &Trouble::none(), false, None).await.unwrap();
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
    let violation = found.expect_err(what);
    assert!(violation.contains(sign), "{what} is taken for something else: {violation}");
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
        is_found(remains::check(&world).await, "it is no object of the store", "an upload");
    });
}
