//! Every step of a load × every fault, for every log, way to load, catalog and store: the cells of the matrix.

use std::time::Instant;

use stitchwork_ingest::Mutation;

use crate::matrix::faults::Fault;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::rounds::{Chance, round};
use crate::matrix::{Cell, Extent, How, Tally, Violation, exhaust, on_one_thread};

#[expect(clippy::print_stdout, reason = "how much was tried is shown of tests that fail")]
fn tried(cell: Cell, place: &Place) -> Result<Tally, Violation> {
    let start = Instant::now();
    let tally = on_one_thread(exhaust(cell, place))?;
    println!("{} {} on {place:?}: {tally:?} {:?}", cell.log, cell.how.name(), start.elapsed());
    Ok(tally)
}

/// A place that needs no server.
fn here(store: Store, names: Names) -> Place {
    let place = Place::new(store, names).unwrap_or_else(|violation| panic!("{violation}"));
    place.unwrap_or_else(|| panic!("{store:?} and {names:?} need a server"))
}

/// A cell of the matrix: nothing is violated, and the faults were felt.
fn holds(cell: Cell, store: Store, names: Names) {
    let place = Place::new(store, names).unwrap_or_else(|violation| panic!("{violation}"));
    // What is missing is named by whoever was asked for it.
    let Some(place) = place else { return };
    let tally = tried(cell, &place).unwrap_or_else(|violation| panic!("{violation}"));
    let least = match cell.extent {
        Extent::Everything => 3 * tally.steps,
        Extent::OneFault { every, .. } => tally.steps / every,
    };
    assert!(tally.steps > 40 && tally.tried >= least, "{tally:?}");
    assert!(tally.failed > tally.tried / 3, "most faults make a run fail: {tally:?}");
    assert_eq!(tally.calls > 0, names != Names::Folders, "{tally:?}");
}

/// The cells of every log, at a place: of first loads and of replacements, or of loads that go on after an earlier one.
macro_rules! cells {
    ($($name:ident: $store:ident, $names:ident, $extent:expr;)*) => {
        $(mod $name {
            use super::*;
            cells!(in $store, $names, $extent =>
                delta_append: append, "delta";
                delta_replace: replace, "delta";
                iceberg_append: append, "iceberg";
                iceberg_replace: replace, "iceberg";
                files_append: append, "files";
                files_replace: replace, "files";
            );
        })*
    };
    (more: $($name:ident: $store:ident, $names:ident, $extent:expr;)*) => {
        $(mod $name {
            use super::*;
            cells!(in $store, $names, $extent =>
                delta_append_more: append_more, "delta";
                iceberg_append_more: append_more, "iceberg";
                files_append_more: append_more, "files";
            );
        })*
    };
    (in $store:ident, $names:ident, $extent:expr => $($cell:ident: $how:ident, $log:literal;)*) => {
        $(#[test] fn $cell() {
            holds(Cell::$how($log).tried($extent), Store::$store, Names::$names);
        })*
    };
}

mod every_fault_at_every_step {
    use super::*;

    cells! {
        files_sqlite: Files, Sqlite, Extent::Everything;
    }
}

mod one_fault_at_every_step {
    use super::*;

    cells! {
        files_folders: Files, Folders, Extent::OneFault { every: 1, turn: 0 };
        files_postgres: Files, Postgres, Extent::OneFault { every: 1, turn: 1 };
    }
}

/// And at every call of the catalog.
mod one_fault_at_every_third_request {
    use super::*;

    cells! {
        s3_folders: S3, Folders, Extent::OneFault { every: 3, turn: 0 };
        s3_sqlite: S3, Sqlite, Extent::OneFault { every: 3, turn: 1 };
        s3_postgres: S3, Postgres, Extent::OneFault { every: 3, turn: 2 };
    }
}

/// One fault at some of the requests, and at every call of the catalog: such a load differs little from a first one.
mod after_an_earlier_load {
    use super::*;

    cells! { more:
        files_folders: Files, Folders, Extent::OneFault { every: 3, turn: 0 };
        files_sqlite: Files, Sqlite, Extent::OneFault { every: 4, turn: 1 };
        files_postgres: Files, Postgres, Extent::OneFault { every: 4, turn: 3 };
        s3_folders: S3, Folders, Extent::OneFault { every: 8, turn: 2 };
        s3_sqlite: S3, Sqlite, Extent::OneFault { every: 8, turn: 4 };
        s3_postgres: S3, Postgres, Extent::OneFault { every: 8, turn: 6 };
    }
}

/// The matrix finds a bug in each of the four steps. Without one it holds, as the tests above say.
mod a_bug_is_caught {
    use super::*;

    const FAULTS: &[Fault] = &[Fault::Refused, Fault::LostAnswer, Fault::Repeated, Fault::Dead];

    fn caught(mutation: Mutation, cell: Cell, names: Names, sign: &str) {
        let (log, how) = (cell.log, cell.how.name());
        let violation = match tried(cell.only(FAULTS).mutated(mutation), &here(Store::Memory, names)) {
            Ok(tally) => panic!("{mutation:?} is not caught over {log} {how}: {tally:?}"),
            Err(violation) => violation,
        };
        assert!(
            violation.contains(sign),
            "{mutation:?} over {log} {how} is taken for something else: {violation}"
        );
    }

    /// The rows of files that were named are gone, and the load can never be finished.
    #[test]
    fn in_files() {
        const SIGN: &str = "the rerun failed: not found";
        caught(Mutation::FilesRemoved, Cell::append("delta"), Names::Folders, SIGN);
        caught(Mutation::FilesRemoved, Cell::append("iceberg"), Names::Memory, SIGN);
        caught(Mutation::FilesRemoved, Cell::replace("files"), Names::Folders, SIGN);
    }

    /// The same.
    #[test]
    fn in_the_load_manifest() {
        const SIGN: &str = "the rerun failed: not found";
        caught(Mutation::ManifestAnswerBelieved, Cell::append("files"), Names::Folders, SIGN);
        caught(Mutation::ManifestAnswerBelieved, Cell::append("iceberg"), Names::Memory, SIGN);
        caught(Mutation::ManifestAnswerBelieved, Cell::replace("delta"), Names::Folders, SIGN);
    }

    /// Rows twice, and where a replacement is done twice, a file that takes its own place. Delta and folders know a file
    /// by its path, so that they have it once however often it comes.
    #[test]
    fn in_tagged_commits() {
        let sign = "expected [\"a\", \"b\", \"c\"]";
        caught(Mutation::CommitUntagged, Cell::append("iceberg"), Names::Memory, sign);
        let sign = "a file is changed twice in one commit";
        caught(Mutation::CommitUntagged, Cell::replace("iceberg"), Names::Memory, sign);
    }

    /// Rows that never come, as the next run itself finds where a table has an earlier load; those of a replacement
    /// come once more, and the first ones stay behind.
    #[test]
    fn in_rolling_forward() {
        caught(Mutation::RollForwardSkipped, Cell::append("delta"), Names::Folders, "expected [");
        caught(Mutation::RollForwardSkipped, Cell::append("iceberg"), Names::Memory, "expected [");
        let sign = "a table lacks the newest load";
        caught(Mutation::RollForwardSkipped, Cell::append_more("files"), Names::Folders, sign);
        caught(Mutation::RollForwardSkipped, Cell::replace("iceberg"), Names::Memory, "is left behind");
    }
}

/// One fault after the other, also in recoveries; `cargo xtask crash` does more of them.
#[test]
fn random_faults_in_a_row() {
    for seed in 0..12_u64 {
        let mut chance = Chance::new(seed);
        let log = *chance.one_of(&["delta", "iceberg", "files"]);
        let names = *chance.one_of(&[Names::Folders, Names::Memory]);
        let cell = Cell { how: *chance.one_of(&How::ALL), ..Cell::append(log) };
        on_one_thread(round(&cell, &here(Store::Memory, names), &mut chance))
            .unwrap_or_else(|violation| panic!("seed {seed}, {cell:?}: {violation}"));
    }
}
