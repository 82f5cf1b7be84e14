//! `cargo xtask bench <name>`: us and the peers in turn, in one run.

mod measure;
mod statistics;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::workspace::{self, Workspace};
use crate::{Outcome, oracles};
use measure::{Contender, Round};

const USAGE: &str = "\
usage: cargo xtask bench <append|commits> [--rounds N] [--quick]

  append    one append of 4 million rows that are in memory: Delta, Iceberg and plain folders, beside a plain Parquet file of the same
            batches, delta-rs and pyiceberg
  commits   1,000 commits of 100 rows: Delta and Iceberg with and without sync, beside delta-rs, pyiceberg and the disk's own floor

Each round runs every contender once, the rounds one after the other; --quick takes a twentieth of the rows or commits. Printed are
ratios of CPU seconds with their 95 % interval over the rounds, wall times and peak memory; all numbers go to target/bench.";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'a> {
    name: &'a str,
    rounds: usize,
    quick: bool,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if args.is_empty() || args.iter().any(|arg| ["--help", "-h", "help"].contains(&arg.as_str())) {
        println!("{USAGE}");
        return Ok(());
    }
    let asked = parse(args)?;
    let target = workspace.target()?;
    workspace::run(&mut workspace.cargo(&["build", "--release", "--package", "stitchwork-bench"]))?;
    let tools = Tools {
        ours: target.join("release/stitchwork-bench"),
        python: oracles::install(workspace)?,
        peers: workspace.root.join("bench/peers"),
    };
    let results = target.join("bench");
    let scratch = results.join("scratch");
    fs::create_dir_all(&scratch).map_err(|e| format!("{} cannot be made: {e}", scratch.display()))?;
    let contenders = match asked.name {
        "append" => append(&tools, &scratch, if asked.quick { 200_000 } else { 4_000_000 })?,
        _ => commits(&tools, if asked.quick { 50 } else { 1_000 }),
    };
    let mut rounds: Vec<Round> = Vec::with_capacity(asked.rounds);
    for number in 1..=asked.rounds {
        println!("round {number} of {}", asked.rounds);
        rounds.push(measure::round(&contenders, &scratch)?);
    }
    let lines = statistics::table(&contenders, &rounds);
    println!("{lines}");
    let file = results.join(format!("{}.json", asked.name));
    let all: Vec<Value> = rounds.iter().map(|round| json!(round)).collect();
    let text = json!({ "name": asked.name, "quick": asked.quick, "rounds": all }).to_string();
    fs::write(&file, text).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
    println!("the numbers of each round are in {}", file.display());
    fs::remove_dir_all(&scratch).map_err(|e| format!("{} cannot be removed: {e}", scratch.display()))
}

/// The programs of both sides.
struct Tools {
    ours: PathBuf,
    python: PathBuf,
    peers: PathBuf,
}

impl Tools {
    /// `{}` in an argument is the folder of the round.
    fn ours(&self, name: &str, args: &[&str]) -> Contender {
        Contender::new(name, &self.ours, args.iter().map(ToString::to_string).collect())
    }

    fn peer(&self, name: &str, script: &str, args: &[&str]) -> Contender {
        let script = self.peers.join(script).display().to_string();
        let args = std::iter::once(script).chain(args.iter().map(ToString::to_string)).collect();
        Contender::new(name, &self.python, args)
    }
}

fn append(tools: &Tools, scratch: &Path, rows: usize) -> Outcome<Vec<Contender>> {
    let file = scratch.join("rows.parquet").display().to_string();
    let rows = rows.to_string();
    workspace::run(std::process::Command::new(&tools.ours).args(["make", &file, &rows]))?;
    let ours = |how: &str| tools.ours(&format!("ours, {how}"), &["append", &file, "{}", how]);
    Ok(vec![
        tools.ours("plain Parquet", &["append", &file, "{}", "plain"]),
        ours("delta"),
        ours("iceberg"),
        ours("files"),
        tools.peer("delta-rs", "append.py", &["deltalake", &file, "{}"]),
        tools.peer("pyiceberg", "append.py", &["pyiceberg", &file, "{}"]),
    ])
}

fn commits(tools: &Tools, count: usize) -> Vec<Contender> {
    let count = count.to_string();
    let ours = |log: &str, sync: &str| {
        tools.ours(&format!("ours, {log}, {sync}"), &["commits", "{}", log, &count, sync])
    };
    vec![
        ours("delta", "nosync"),
        ours("iceberg", "nosync"),
        ours("files", "nosync"),
        tools.ours("the disk's floor", &["floor", "{}", &count]),
        ours("delta", "sync"),
        ours("iceberg", "sync"),
        tools.peer("delta-rs", "commits.py", &["deltalake", "{}", &count]),
        tools.peer("pyiceberg", "commits.py", &["pyiceberg", "{}", &count]),
    ]
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
            name @ ("append" | "commits") if asked.name.is_empty() => asked.name = name,
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
