//! Every fault at every request, in this process: the cells of the matrix that need no server.

use std::time::Instant;

use stitchwork_ingest::Mutation;

use crate::local::{Catalog, world};
use crate::matrix::faults::Fault;
use crate::matrix::rounds::{Chance, round};
use crate::matrix::{Cell, Tally, Violation, exhaust, on_one_thread};

#[expect(clippy::print_stdout, reason = "how much was tried is shown of tests that fail")]
fn tried(cell: Cell, catalog: Catalog, durable: bool) -> Result<Tally, Violation> {
    let start = Instant::now();
    let tally = on_one_thread(exhaust(cell, |log| async move { Ok(world(log, catalog, durable)) }))?;
    let how = if cell.replace { "replace" } else { "append" };
    println!("{} {how} {catalog:?} durable={durable}: {tally:?} {:?}", cell.log, start.elapsed());
    Ok(tally)
}

/// A cell of the matrix: nothing is violated, and the faults were felt.
fn holds(cell: Cell, catalog: Catalog, durable: bool) {
    let tally = tried(cell, catalog, durable).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(tally.requests > 40, "{tally:?}");
    assert!(tally.tried > tally.requests / cell.stride / 2, "{tally:?}");
    assert!(tally.failed > tally.tried / 3, "most faults make a run fail: {tally:?}");
    assert_eq!(tally.calls > 0, !matches!(catalog, Catalog::Folders), "{tally:?}");
}

macro_rules! cells {
    ($($name:ident: $cell:expr, $catalog:ident, $durable:expr;)*) => {
        $(#[test] fn $name() { holds($cell, Catalog::$catalog, $durable); })*
    };
}

/// What can be felt on a store or in a catalog that differs from those in memory.
const FEW: &[Fault] = &[Fault::Unavailable, Fault::LostAnswer, Fault::Dead];

cells! {
    delta_append: Cell::append("delta"), Folders, false;
    delta_replace: Cell::replace("delta"), Folders, false;
    iceberg_append: Cell::append("iceberg"), Memory, false;
    iceberg_replace: Cell::replace("iceberg").every(2), Memory, false;
    files_append: Cell::append("files"), Folders, false;
    files_replace: Cell::replace("files"), Folders, false;
    named_delta_append: Cell::append("delta").only(FEW).every(5), Memory, false;
    named_files_replace: Cell::replace("files").only(FEW).every(5), Memory, false;
    bare_iceberg_append: Cell::append("iceberg").only(FEW).every(5), Folders, false;
    sqlite_delta_append: Cell::append("delta").only(FEW).every(7), Sqlite, false;
    sqlite_iceberg_append: Cell::append("iceberg").only(FEW).every(5), Sqlite, false;
    sqlite_files_replace: Cell::replace("files").only(FEW).every(7), Sqlite, false;
    durable_delta_append: Cell::append("delta").only(FEW).every(5), Folders, true;
    durable_iceberg_append: Cell::append("iceberg").only(FEW).every(11), Sqlite, true;
    durable_iceberg_replace: Cell::replace("iceberg").only(FEW).every(11), Sqlite, true;
    durable_files_append: Cell::append("files").only(FEW).every(7), Folders, true;
    durable_files_replace: Cell::replace("files").only(FEW).every(7), Folders, true;
}

/// The matrix finds a bug in each of the four steps. Without one it holds, as the tests above say.
#[test]
fn a_bug_in_each_step_is_caught() {
    use Mutation::{CommitUntagged, FilesRemoved, ManifestAnswerBelieved, RollForwardSkipped};
    const FAULTS: &[Fault] = &[Fault::Refused, Fault::LostAnswer, Fault::Repeated, Fault::Dead];
    for (mutation, log, catalog, sign) in [
        // The rows of files that were named are gone, and the load can never be finished.
        (FilesRemoved, "delta", Catalog::Folders, "the rerun failed: not found"),
        (FilesRemoved, "iceberg", Catalog::Memory, "the rerun failed: not found"),
        (ManifestAnswerBelieved, "files", Catalog::Folders, "the rerun failed: not found"),
        (ManifestAnswerBelieved, "iceberg", Catalog::Memory, "the rerun failed: not found"),
        // Rows twice. Delta and folders know a file by its path, so that they have it once however often it comes.
        (CommitUntagged, "iceberg", Catalog::Memory, "expected [\"a\", \"b\", \"c\"]"),
        // Rows that never come.
        (RollForwardSkipped, "delta", Catalog::Folders, "expected ["),
        (RollForwardSkipped, "iceberg", Catalog::Memory, "expected ["),
    ] {
        let cell = Cell::append(log).only(FAULTS).mutated(mutation);
        let violation = match tried(cell, catalog, false) {
            Ok(tally) => panic!("{mutation:?} is not caught over {log}: {tally:?}"),
            Err(violation) => violation,
        };
        assert!(violation.contains(sign), "{mutation:?} over {log} is caught by something else: {violation}");
    }
}

/// One fault after the other, also in recoveries; `cargo xtask crash` does more of them.
#[test]
fn random_faults_in_a_row() {
    for seed in 0..12_u64 {
        let mut chance = Chance::new(seed);
        let log = *chance.one_of(&["delta", "iceberg", "files"]);
        let catalog = match (log, chance.below(2)) {
            ("iceberg", _) | (_, 1) => Catalog::Memory,
            _ => Catalog::Folders,
        };
        let cell = Cell { replace: chance.below(2) == 1, ..Cell::append(log) };
        let world = world(log, catalog, false);
        on_one_thread(round(&cell, &world, &mut chance))
            .unwrap_or_else(|violation| panic!("seed {seed}, {cell:?}: {violation}"));
    }
}
