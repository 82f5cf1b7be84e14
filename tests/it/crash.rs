//! Faults at the requests of a load where the store or the catalog is a real server; the other cells of the matrix are
//! tests of `ingest`.

#[path = "../../crates/ingest/tests/shared/matrix.rs"]
mod matrix;
#[path = "../../crates/ingest/tests/it/script.rs"]
#[allow(dead_code, reason = "the tests of `ingest`, whose script it is, use more of it")]
mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork::core::OpenUrl;
use stitchwork::registry;
use stitchwork_services::{POSTGRES, Running, Service, VERSITYGW, in_test};
use stitchwork_tests::buckets;
use tokio::sync::OnceCell;

use matrix::faults::Fault;
use matrix::world::{Names, World};
use matrix::{Cell, exhaust, on_one_thread};

/// What a server makes different: what it has done, and what it says of it.
const FAULTS: &[Fault] = &[Fault::Unavailable, Fault::LostAnswer, Fault::Repeated, Fault::Dead];

/// A running server and a bucket or database of its own, or `None` where there is no such server.
fn server(service: &'static Service) -> Option<(Running, String)> {
    let server = in_test(service)?;
    let fresh = server.fresh("crash").unwrap_or_else(|e| panic!("{}: {e}", service.name));
    Some((server, fresh))
}

/// Tries a cell, each time in a world that is numbered.
fn holds(cell: Cell, world: impl AsyncFn(usize) -> World) {
    let worlds = AtomicUsize::new(0);
    let next = |_| async { Ok(world(worlds.fetch_add(1, Ordering::Relaxed)).await) };
    let tally = on_one_thread(exhaust(cell, next)).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(tally.tried >= 6 && tally.failed > tally.tried / 3, "{cell:?}: {tally:?}");
}

fn on_s3(cells: &[Cell]) {
    let Some((server, bucket)) = server(&VERSITYGW) else { return };
    let options = buckets::options(&server.url(), server.user(), server.password());
    let reached = buckets::registry(options).unwrap();
    // One client for all worlds, as for all tasks of a process.
    let store = reached.stores().resolve(&bucket).unwrap().store;
    for cell in cells {
        let how = if cell.replace { "replace" } else { "append" };
        holds(*cell, async |n| World {
            log: cell.log,
            root: bucket.clone(),
            location: format!("{bucket}/{}-{how}-{n}", cell.log),
            store: store.clone(),
            namespace: String::new(),
            names: Names::Folders,
            registry,
            keep: Box::new(server.clone()),
        });
    }
}

#[test]
fn s3_append() {
    on_s3(&[
        Cell::append("delta").only(FAULTS).every(9),
        Cell::append("iceberg").only(FAULTS).every(7),
        Cell::append("files").only(FAULTS).every(13),
    ]);
}

#[test]
fn s3_replace() {
    on_s3(&[Cell::replace("delta").only(FAULTS).every(9), Cell::replace("iceberg").only(FAULTS).every(9)]);
}

#[test]
fn postgres() {
    let Some((server, database)) = server(&POSTGRES) else { return };
    for cell in [
        Cell::append("iceberg").only(FAULTS).every(5),
        Cell::replace("iceberg").only(FAULTS).every(9),
        Cell::append("delta").only(FAULTS).every(9),
    ] {
        let how = if cell.replace { "replace" } else { "append" };
        // One client for all worlds of a cell: to prove a password takes a server long, on purpose.
        let client = OnceCell::new();
        holds(cell, async |n| {
            let open = async || registry()?.catalog(OpenUrl::new(&database)).await;
            World {
                log: cell.log,
                root: "memory://".to_owned(),
                location: "memory:data".to_owned(),
                store: Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
                namespace: format!("{}_{how}_{n}", cell.log),
                names: Names::Shared(client.get_or_try_init(open).await.unwrap().clone()),
                registry,
                keep: Box::new(server.clone()),
            }
        });
    }
}
