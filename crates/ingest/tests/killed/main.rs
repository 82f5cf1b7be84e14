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

use matrix::Cell;
use matrix::place::{Names, Store};

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
    let stores = [("files", Store::Files), ("s3", Store::S3)];
    let catalogs = [("folders", Names::Folders), ("sqlite", Names::Sqlite), ("postgres", Names::Postgres)];
    let logs = ["delta", "iceberg", "files"];
    let cells = logs.into_iter().flat_map(|log| [Cell::append(log), Cell::replace(log)]);
    let places = stores.into_iter().flat_map(|store| catalogs.map(|catalog| (store, catalog)));
    let places: Vec<_> = places.collect();
    let steps = cells.flat_map(|cell| {
        places.clone().into_iter().map(move |((store_name, store), (catalog_name, names))| {
            let name = format!("{}::{}_{store_name}_{catalog_name}", cell.log, cell.how());
            Trial::test(format!("killed_before_and_after_every_durable_step::{name}"), move || {
                Ok(steps::everywhere(cell, store, names)?)
            })
        })
    });
    let rounds = Trial::test("killed_at_any_moment", || Ok(rounds::some()?));
    steps.chain([rounds]).collect()
}
