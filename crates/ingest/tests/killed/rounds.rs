//! Random rounds: kills at any moment, and faults in a row.

use std::time::{Duration, Instant};

use crate::child;
use crate::local::{Catalog, in_folder, world};
use crate::matrix::faults::Where;
use crate::matrix::rounds::{Chance, round};
use crate::matrix::{Cell, Violation, load, on_one_thread, settled};

/// `rounds N SEED`: rounds whose seeds are SEED, SEED + 1 and so on.
pub(crate) fn run(args: &[String]) -> Result<(), Violation> {
    let [rounds, seed] = args else { return Err(format!("rounds N SEED, got {args:?}")) };
    let rounds: u64 = rounds.parse().map_err(|e| format!("{rounds} is no number of rounds: {e}"))?;
    let first: u64 = seed.parse().map_err(|e| format!("{seed} is no seed: {e}"))?;
    for seed in (0..rounds).map(|n| first.wrapping_add(n)) {
        let start = Instant::now();
        let what = one(seed)
            .map_err(|e| format!("seed {seed}: {e}\nagain: cargo xtask crash --rounds 1 --seed {seed}"))?;
        println!("seed {seed}: {what}, {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("{rounds} rounds, nothing was lost, doubled or left behind");
    Ok(())
}

/// Those of the tests: kills only, since the matrix has the faults.
pub(crate) fn some() -> Result<(), Violation> {
    for seed in 0..8 {
        kills(&mut Chance::new(seed)).map_err(|e| format!("seed {seed}: {e}"))?;
    }
    Ok(())
}

/// One round. Says what it was.
fn one(seed: u64) -> Result<String, Violation> {
    let mut chance = Chance::new(seed);
    if chance.below(3) == 0 {
        return kills(&mut chance);
    }
    let (cell, mut catalog) = layers(&mut chance);
    let durable = chance.below(3) == 0;
    if catalog == Catalog::Sqlite && chance.below(2) == 0 {
        catalog = Catalog::Memory;
    }
    let world = world(cell.log, catalog, durable);
    on_one_thread(round(&cell, &world, &mut chance))?;
    Ok(format!("faults in {} replace={} {catalog:?} durable={durable}", cell.log, cell.replace))
}

fn layers(chance: &mut Chance) -> (Cell, Catalog) {
    let log = *chance.one_of(&["delta", "iceberg", "files"]);
    let catalog = match (log, chance.below(2)) {
        ("iceberg", _) | (_, 1) => Catalog::Sqlite,
        _ => Catalog::Folders,
    };
    (Cell { replace: chance.below(2) == 1, ..Cell::append(log) }, catalog)
}

/// Up to four processes that are killed at a random moment, one after the other.
fn kills(chance: &mut Chance) -> Result<String, Violation> {
    let (cell, catalog) = layers(chance);
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let world = in_folder(cell.log, catalog, true, folder.path(), Box::new(()));
    if cell.replace {
        on_one_thread(load::before(&world)).map_err(|e| format!("what is to be replaced: {e:?}"))?;
    }
    let mut story = vec![];
    for _ in 0..=chance.below(4) {
        let wait = Duration::from_micros(chance.below(120_000));
        let mut child = child::start(&cell, catalog, folder.path(), Where::Nowhere)?;
        std::thread::sleep(wait);
        // It may have ended by itself meanwhile.
        child.kill().map_err(|e| format!("the child cannot be killed: {e}"))?;
        let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
        story.push(format!("{wait:?}: {status}"));
    }
    let what = format!("kills of {} replace={} {catalog:?}: {}", cell.log, cell.replace, story.join(", "));
    on_one_thread(settled(&cell, &world)).map_err(|e| format!("{e}\n{what}"))?;
    Ok(what)
}
