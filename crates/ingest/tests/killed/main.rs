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
#[path = "../shared/local.rs"]
mod local;
#[path = "../shared/matrix.rs"]
mod matrix;
mod rounds;
#[path = "../it/script.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod script;
mod steps;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use local::Catalog;
use matrix::Cell;

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
    let cells = [
        ("delta_append", Cell::append("delta"), Catalog::Folders),
        ("delta_replace", Cell::replace("delta").every(4), Catalog::Folders),
        ("iceberg_append", Cell::append("iceberg"), Catalog::Sqlite),
        ("iceberg_replace", Cell::replace("iceberg").every(5), Catalog::Sqlite),
        ("files_append", Cell::append("files"), Catalog::Folders),
        ("files_replace", Cell::replace("files").every(4), Catalog::Folders),
    ];
    let steps = cells.map(|(name, cell, catalog)| {
        Trial::test(format!("killed_at_each_step::{name}"), move || Ok(steps::everywhere(cell, catalog)?))
    });
    let rounds = Trial::test("killed_at_any_moment", || Ok(rounds::some()?));
    steps.into_iter().chain([rounds]).collect()
}
