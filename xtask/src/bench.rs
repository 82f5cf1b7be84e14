//! `cargo xtask bench <name>`: us and the peers in turn, in one run.

mod contenders;
mod measure;
mod statistics;

use std::fs;

use serde_json::json;

use crate::oracles::{self, Environment};
use crate::workspace::{self, Workspace};
use crate::{Outcome, is_help};
use contenders::{Server, Tools};
use measure::{Contender, Round};

const USAGE: &str = "\
usage: cargo xtask bench <append|commits|main|scan|start> [--rounds N] [--quick]

  append    one append of 4 million rows that are in memory: Delta, Iceberg and plain folders, beside a plain Parquet file of the same
            batches, delta-rs and pyiceberg
  commits   1,000 commits of 100 rows: Delta and Iceberg with and without sync, beside delta-rs, pyiceberg and the disk's own floor
  main      20,000 events of a local API, and 100,000 of a file, into Delta tables with child tables, beside dlt
  scan      queries of DataFusion over 4 million rows as Delta, Iceberg and plain folders, beside DataFusion over their files alone
  start     the program from its start to its first row, beside DuckDB's

Each round runs every contender once, every other round in the other order; --quick takes a twentieth of the rows or commits. Printed
are ratios of CPU seconds with their 95 % interval over the rounds, ratios of wall times, and peak memory; all numbers go to
target/bench.";

/// The peers that only benchmarks need.
const PEERS: Environment<'_> = Environment {
    folder: "bench/peers",
    pins: "bench/peers/requirements.txt",
    check: &["-c", "import dlt, deltalake"],
};
/// The programs of ours.
const PACKAGES: [&str; 3] = ["stitchwork-bench", "stitchwork-cli", "stitchwork-events-server"];
const NAMES: [&str; 5] = ["append", "commits", "main", "scan", "start"];

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    name: &'a str,
    rounds: usize,
    quick: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if args.is_empty() || args.iter().any(|arg| is_help(arg)) {
        println!("{USAGE}");
        return Ok(());
    }
    let asked = parse(args)?;
    let target = workspace.target()?;
    // Always the same ones: with others their dependencies have other features, and everything is built again.
    let packages = PACKAGES.iter().flat_map(|package| ["--package", package]);
    workspace::run(workspace.cargo(&["build", "--release", "--bins"]).args(packages))?;
    let results = target.join("bench");
    let tools = Tools {
        built: target.join("release"),
        oracles: oracles::install(workspace)?,
        others: ["main", "start"].contains(&asked.name).then(|| PEERS.install(workspace)).transpose()?,
        scripts: workspace.root.join("bench/peers"),
        scratch: results.join("scratch"),
    };
    let scratch = &tools.scratch;
    fs::create_dir_all(scratch).map_err(|e| format!("{} cannot be made: {e}", scratch.display()))?;
    let (contenders, server) = contenders(&asked, &tools)?;
    let file = results.join(format!("{}.json", asked.name));
    let mut rounds: Vec<Round> = Vec::with_capacity(asked.rounds);
    for number in 1..=asked.rounds {
        println!("round {number} of {}", asked.rounds);
        rounds.push(measure::round(&contenders, number, scratch)?);
        // After each round, since a run of hours may be stopped before its end.
        let text = json!({ "name": asked.name, "quick": asked.quick, "rounds": rounds }).to_string();
        fs::write(&file, text).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    }
    drop(server);
    println!("{}", statistics::table(&contenders, &rounds));
    println!("the numbers of each round are in {}", file.display());
    fs::remove_dir_all(scratch).map_err(|e| format!("{} cannot be removed: {e}", scratch.display()))
}

/// Who runs, and the server that they need.
fn contenders(asked: &Asked<'_>, tools: &Tools) -> Outcome<(Vec<Contender>, Option<Server>)> {
    let of = |count: usize| if asked.quick { count / 20 } else { count };
    let alone = |contenders| (contenders, None);
    match asked.name {
        "append" => contenders::append(tools, of(4_000_000)).map(alone),
        "commits" => Ok(alone(contenders::commits(tools, of(1_000)))),
        "scan" => contenders::scan(tools, of(4_000_000)).map(alone),
        "start" => contenders::start(tools).map(alone),
        _ => contenders::main(tools, of(20_000), of(100_000)).map(|(all, server)| (all, Some(server))),
    }
}

fn parse(args: &[String]) -> Outcome<Asked<'_>> {
    let mut asked = Asked { name: "", rounds: 5, quick: false };
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--quick" => asked.quick = true,
            "--rounds" => {
                let number = args.next().and_then(|text| text.parse().ok()).filter(|rounds| *rounds > 0);
                asked.rounds = number.ok_or_else(|| format!("--rounds needs a number above 0\n{USAGE}"))?;
            }
            name if NAMES.contains(&name) && asked.name.is_empty() => asked.name = name,
            other => return Err(format!("no benchmark or flag {other:?}\n{USAGE}")),
        }
    }
    if asked.name.is_empty() { Err(format!("which benchmark?\n{USAGE}")) } else { Ok(asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood() {
        let parsed = |line: &str| {
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            parse(&args).map(|asked| (asked.name.to_owned(), asked.rounds, asked.quick))
        };
        assert_eq!(parsed("commits"), Ok(("commits".to_owned(), 5, false)));
        assert_eq!(parsed("append --rounds 3 --quick"), Ok(("append".to_owned(), 3, true)));
        for wrong in ["--quick", "appent", "commits append", "commits --rounds 0", "commits --rounds"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
