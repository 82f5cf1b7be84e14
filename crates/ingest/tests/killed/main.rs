//! Processes that load and are killed: exactly at every durable step, and at any moment.
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
        let cells = ["delta", "iceberg", "files"].map(|log| [Cell::append(log), Cell::replace(log)]);
        cells.into_iter().flatten().map(move |cell| {
            let (store, names) = (*store, *names);
            let name = format!("killed_at_every_durable_step::{place}::{}_{}", cell.log, cell.how());
            Trial::test(name, move || Ok(steps::everywhere(cell, store, names)?))
        })
    });
    let rounds = Trial::test("killed_at_any_moment", || Ok(rounds::some()?));
    steps.chain([rounds]).collect()
}
