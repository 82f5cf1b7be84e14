//! One measurement of ours: `bench <what> <arguments>` prints a line of JSON. `cargo xtask bench` runs it beside the peers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

mod append;
mod commits;
mod data;
mod load;
mod scan;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use cpu_time::ProcessTime;
use serde_json::json;
use stitchwork::Result;

const USAGE: &str = "\
usage: bench make FILE ROWS | append FILE FOLDER plain|delta|iceberg|files | commits FOLDER delta|iceberg|files COUNT sync|nosync
       bench floor FOLDER COUNT | table FILE FOLDER delta|iceberg|files | scan FOLDER delta|iceberg|files table|bare
       bench events FILE COUNT | load FILE FOLDER delta|iceberg|files";

/// What is told of a measurement beside its own numbers.
struct Measured {
    cpu: ProcessTime,
    wall: Instant,
    /// The CPU seconds of parts by name.
    parts: BTreeMap<&'static str, f64>,
}

impl Measured {
    fn start() -> Self {
        Self { cpu: ProcessTime::now(), wall: Instant::now(), parts: BTreeMap::new() }
    }

    fn part(&mut self, name: &'static str, since: ProcessTime) {
        self.parts.insert(name, since.elapsed().as_secs_f64());
    }

    fn end(self, mut more: serde_json::Value) -> serde_json::Value {
        more["cpu"] = json!(self.cpu.elapsed().as_secs_f64());
        more["wall"] = json!(self.wall.elapsed().as_secs_f64());
        more["parts"] = json!(self.parts);
        more
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&args.iter().map(String::as_str).collect::<Vec<_>>())) {
        Ok(Some(line)) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &[&str]) -> Result<Option<serde_json::Value>> {
    let number = |text: &str| text.parse::<usize>().ok();
    Ok(match args {
        ["make", file, rows] => match number(rows) {
            Some(rows) => Some(data::make(file, rows)?),
            None => None,
        },
        ["append", file, folder, how] => Some(append::run(file, folder, how).await?),
        ["commits", folder, log, count, sync @ ("sync" | "nosync")] => match number(count) {
            Some(count) => Some(commits::run(folder, log, count, *sync == "sync").await?),
            None => None,
        },
        ["floor", folder, count] => match number(count) {
            Some(count) => Some(commits::floor(folder, count)?),
            None => None,
        },
        ["table", file, folder, log] => Some(scan::make(file, folder, log).await?),
        ["scan", folder, log, "bare"] => Some(scan::run(folder, log, scan::Side::Bare).await?),
        ["scan", folder, log, "table"] => Some(scan::run(folder, log, scan::Side::Table).await?),
        ["scan", folder, log, "plain"] => Some(scan::run(folder, log, scan::Side::Plain).await?),
        ["events", file, count] => match number(count) {
            Some(count) => Some(load::make(file, count)?),
            None => None,
        },
        ["load", file, folder, log] => Some(load::run(file, folder, log).await?),
        _ => None,
    })
}
