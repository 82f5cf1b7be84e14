//! Killed before and after every durable step.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;

use stitchwork_testkit::Operation;

use crate::child;
use crate::local::{Catalog, in_folder};
use crate::matrix::faults::{Trouble, Where};
use crate::matrix::{Cell, Violation, load, on_one_thread, settled};

/// The number of the signal that nobody can catch.
const SIGKILL: i32 = 9;

/// Kills a process at each durable step in turn, each in a world of its own.
pub(crate) fn everywhere(cell: Cell, catalog: Catalog) -> Result<(), Violation> {
    let places = on_one_thread(places(&cell, catalog))?;
    let mut killed = 0;
    for place in places.into_iter().step_by(cell.stride) {
        let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
        let world = in_folder(cell.log, catalog, true, folder.path(), Box::new(()));
        if cell.replace {
            on_one_thread(load::before(&world)).map_err(|e| format!("what is to be replaced: {e:?}"))?;
        }
        let mut child = child::start(&cell, catalog, folder.path(), place)?;
        let mut told = String::new();
        if let Some(out) = &mut child.stdout {
            out.read_to_string(&mut told).map_err(|e| format!("the child cannot be heard: {e}"))?;
        }
        let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
        if status.signal() != Some(SIGKILL) {
            return Err(format!("the child at {place:?} has ended with {status}, not by the kill: {told}"));
        }
        killed += 1;
        on_one_thread(settled(&cell, &world))
            .map_err(|e| format!("{} killed at {place:?}, folder {}: {e}", cell.log, world.location))?;
    }
    if killed < 5 { Err(format!("only {killed} places to be killed at")) } else { Ok(()) }
}

/// The requests at which a kill leaves something else than at another one: each that changes something, and the one
/// after it. With a catalog, which changes something between two requests to the store, these are all requests.
async fn places(cell: &Cell, catalog: Catalog) -> Result<Vec<Where>, Violation> {
    let world = crate::local::world(cell.log, catalog, true);
    if cell.replace {
        load::before(&world).await.map_err(|e| format!("what is to be replaced: {e:?}"))?;
    }
    let trouble = Trouble::none();
    load::run(&world, &trouble, cell.replace, None).await.map_err(|e| format!("without a kill: {e:?}"))?;
    let requests = trouble.requests();
    let changes = |n: &usize| requests.get(*n).is_some_and(|r| Operation::WRITES.contains(&r.operation));
    let steps: BTreeSet<usize> = match catalog {
        Catalog::Folders => (0..requests.len()).filter(changes).flat_map(|n| [n, n + 1]).collect(),
        _ => (0..requests.len()).collect(),
    };
    // After the last request there is nothing to be killed at.
    let at_store = steps.into_iter().filter(|n| *n < requests.len()).map(Where::Store);
    let calls = trouble.calls();
    let swaps = (0..calls.len()).filter(|n| matches!(calls[*n], "create" | "swap")).map(Where::Catalog);
    Ok(at_store.chain(swaps).collect())
}
