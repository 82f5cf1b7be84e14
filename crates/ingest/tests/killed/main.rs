//! Processes that load and are killed: exactly at every durable step, also of those that clean up after a fault, and at
//! any moment. With a bug planted in them, that is found.
//!
//! With `rounds N SEED` as arguments it does that many random rounds instead of the tests, which `cargo xtask crash`
//! does; each says its seed, and with that seed the first round is that one again.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    reason = "a program of tests tells what it does, and fails loudly"
)]

mod child;
#[path = "../shared/matrix.rs"]
mod matrix;
mod rounds;
#[path = "../it/script.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod script;
mod steps;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use matrix::place::{Names, Store};
use matrix::{Cell, is_exhaustive};
use stitchwork_ingest::Mutation;

const LOGS: [&str; 3] = ["delta", "iceberg", "files"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first() {
        Some((first, rest)) if first == child::VERB => child::run(rest),
        Some((first, rest)) if first == "rounds" => rounds::run(rest),
        _ => return libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Vec<Trial> {
    let places = [
        ("files_folders", Store::Files, Names::Folders),
        ("files_sqlite", Store::Files, Names::Sqlite),
        ("s3_postgres", Store::S3, Names::Postgres),
    ];
    let others = [
        ("files_postgres", Store::Files, Names::Postgres),
        ("s3_folders", Store::S3, Names::Folders),
        ("s3_sqlite", Store::S3, Names::Sqlite),
    ];
    let others = if is_exhaustive() { &others[..] } else { &[] };
    let steps = places.iter().chain(others).flat_map(|(place, store, names)| {
        let (store, names) = (*store, *names);
        // After an earlier load little differs, so that one place will do, and the fastest one is it.
        let is_enough = (store, names) == (Store::Files, Names::Folders);
        let more = (is_exhaustive() || is_enough).then(|| LOGS.map(Cell::append_more));
        let cells = [LOGS.map(Cell::append), LOGS.map(Cell::replace)].into_iter().chain(more);
        cells.flatten().map(move |cell| {
            let name = format!("killed_at_every_durable_step::{place}::{}_{}", cell.log, cell.how.name());
            Trial::test(name, move || Ok(steps::everywhere(cell, store, names)?))
        })
    });
    let cells = [LOGS.map(Cell::append), LOGS.map(Cell::replace)].into_iter().flatten();
    let after_a_fault = cells.map(|cell| {
        let name = format!("killed_after_a_fault::files_folders::{}_{}", cell.log, cell.how.name());
        Trial::test(name, move || Ok(steps::after_a_fault(cell, Store::Files, Names::Folders)?))
    });
    let rounds = Trial::test("killed_at_any_moment", || Ok(rounds::some()?));
    steps.chain(after_a_fault).chain(bugs()).chain([rounds]).collect()
}

/// A bug in each of the four steps of a load, and what tells of it when a process with the bug is killed.
fn bugs() -> impl Iterator<Item = Trial> {
    use Mutation::{CommitUntagged, FilesRemoved, ManifestAnswerBelieved, RollForwardSkipped};
    let bugs = [
        (FilesRemoved, Cell::append("delta"), "the rerun failed: not found"),
        (FilesRemoved, Cell::replace("files"), "the rerun failed: not found"),
        (ManifestAnswerBelieved, Cell::append("files"), "the rerun failed: not found"),
        (ManifestAnswerBelieved, Cell::replace("delta"), "the rerun failed: not found"),
        // Rows twice, and a file that takes its own place: only Iceberg minds a file that comes twice.
        (CommitUntagged, Cell::append("iceberg"), "expected [\"a\", \"b\", \"c\"]"),
        (CommitUntagged, Cell::replace("iceberg"), "a file is changed twice in one commit"),
        // Rows that never come, as the next run itself finds where a table has an earlier load; those of a replacement
        // come once more, and the first ones stay behind.
        (RollForwardSkipped, Cell::append("files"), "expected ["),
        (RollForwardSkipped, Cell::append_more("iceberg"), "a table lacks the newest load"),
        (RollForwardSkipped, Cell::replace("delta"), "is left behind"),
    ];
    bugs.into_iter().map(|(mutation, cell, sign)| {
        let name = format!("killed_with_a_bug::{mutation:?}::{}_{}", cell.log, cell.how.name());
        Trial::test(name, move || Ok(steps::found(cell.mutated(mutation), sign)?))
    })
}
