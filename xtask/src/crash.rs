//! `cargo xtask crash`: loads that meet random faults and kills, as long as one likes, or all of them that there are.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::workspace::{self, Workspace};
use crate::{Outcome, asks_for_help, services, test};

const USAGE: &str = "\
usage: cargo xtask crash [--rounds N] [--seed N]
       cargo xtask crash --exhaustive

Each round loads with a random log into a random store (memory, files, S3) with a random catalog (none, memory, SQLite,
PostgreSQL), with faults of the store and the catalog or with kills of the process, one after the other, and then once
more without: every row must be there once. Rounds have the seeds SEED, SEED + 1 and so on; without --seed the first
one comes from the clock. A round whose server is missing is skipped, and says so. 100 rounds take about two minutes.

--exhaustive runs the tests of crashes as they are, but for one thing: every cell tries every fault at every step, and
every kill, of which a usual run of the tests takes a part where a store or a catalog is a server.";

/// How many rounds there are, where nobody says it.
const ROUNDS: u64 = 100;

/// Set to `1`, lets the tests leave nothing out.
const EXHAUSTIVE: &str = "STITCHWORK_CRASH_EXHAUSTIVE";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Rounds { rounds: u64, seed: Option<u64> },
    Everything,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if asks_for_help(args) {
        println!("{USAGE}");
        return Ok(());
    }
    match parse(args)? {
        Asked::Rounds { rounds, seed } => random(workspace, rounds, seed),
        Asked::Everything => everything(workspace),
    }
}

fn random(workspace: &Workspace, rounds: u64, seed: Option<u64>) -> Outcome {
    // Seeds of the clock are small, so that they are easily typed again.
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() % 1_000_000_000);
    let seed = seed.unwrap_or_else(|| u64::try_from(now()).unwrap_or_default());
    println!("{rounds} rounds from seed {seed} on");
    let (rounds, seed) = (rounds.to_string(), seed.to_string());
    let program = ["test", "--quiet", "--package", "stitchwork-ingest", "--test", "killed"];
    let mut command = workspace.cargo(&program);
    command.args(["--", "rounds", &rounds, &seed]);
    services::with(&services::folder(workspace)?, &mut command, workspace::run)
}

fn everything(workspace: &Workspace) -> Outcome {
    let folder = services::folder(workspace)?;
    for (program, filter) in [("it", "matrix_cells::"), ("killed", "killed_")] {
        let mut command = workspace.cargo(&["test", "--package", "stitchwork-ingest", "--test", program]);
        command.args(["--", filter, "--nocapture"]).env(EXHAUSTIVE, "1");
        println!("{}", services::with(&folder, &mut command, test::tests)?.shown());
    }
    Ok(())
}

fn parse(args: &[String]) -> Outcome<Asked> {
    if args == ["--exhaustive"] {
        return Ok(Asked::Everything);
    }
    let (mut rounds, mut seed) = (ROUNDS, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg.as_str(), args.next().map(String::as_str)),
        };
        let number = || {
            let value = value.ok_or_else(|| format!("{name} needs a number\n\n{USAGE}"))?;
            value.parse().map_err(|_| format!("{name} needs a number, got {value:?}\n\n{USAGE}"))
        };
        match name {
            "--rounds" => rounds = number()?,
            "--seed" => seed = Some(number()?),
            "--exhaustive" => return Err(format!("--exhaustive stands alone\n\n{USAGE}")),
            other => return Err(format!("crash does not know {other:?}\n\n{USAGE}")),
        }
    }
    if rounds == 0 {
        return Err(format!("--rounds is at least 1\n\n{USAGE}"));
    }
    Ok(Asked::Rounds { rounds, seed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Asked> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_read_whole() {
        assert_eq!(parsed(""), Ok(Asked::Rounds { rounds: ROUNDS, seed: None }));
        assert_eq!(parsed("--rounds 7 --seed=12"), Ok(Asked::Rounds { rounds: 7, seed: Some(12) }));
        assert_eq!(parsed("--exhaustive"), Ok(Asked::Everything));
        for wrong in [
            "--rounds 2 --exhaustive",
            "--exhaustive --seed 1",
            "--rounds",
            "--rounds x",
            "--rounds 0",
            "--round 3",
            "7",
        ] {
            assert!(parsed(wrong).is_err_and(|message| message.contains("usage")), "{wrong}");
        }
    }
}
