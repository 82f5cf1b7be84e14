//! `cargo xtask crash`: loads that meet random faults and kills, as long as one likes.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::workspace::{self, Workspace};
use crate::{Outcome, asks_for_help};

const USAGE: &str = "\
usage: cargo xtask crash [--rounds N] [--seed N]

Each round loads into tables of a random log, catalog and store, with faults of the store and the catalog or with kills
of the process, one after the other, and then once more without: every row must be there once. Rounds have the seeds
SEED, SEED + 1 and so on; without --seed the first one comes from the clock. 100 rounds take about a minute.";

/// How many rounds there are, where nobody says it.
const ROUNDS: u64 = 100;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    rounds: u64,
    seed: Option<u64>,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if asks_for_help(args) {
        println!("{USAGE}");
        return Ok(());
    }
    let asked = parse(args)?;
    // Seeds of the clock are small, so that they are easily typed again.
    let now =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() % 1_000_000_000);
    let seed = asked.seed.unwrap_or_else(|| u64::try_from(now()).unwrap_or_default());
    println!("{} rounds from seed {seed} on", asked.rounds);
    let (rounds, seed) = (asked.rounds.to_string(), seed.to_string());
    let args = [
        "test",
        "--quiet",
        "--package",
        "stitchwork-ingest",
        "--test",
        "killed",
        "--",
        "rounds",
        &rounds,
        &seed,
    ];
    workspace::run(&mut workspace.cargo(&args))
}

fn parse(args: &[String]) -> Outcome<Asked> {
    let mut asked = Asked { rounds: ROUNDS, seed: None };
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
            "--rounds" => asked.rounds = number()?,
            "--seed" => asked.seed = Some(number()?),
            other => return Err(format!("crash does not know {other:?}\n\n{USAGE}")),
        }
    }
    if asked.rounds == 0 { Err(format!("--rounds is at least 1\n\n{USAGE}")) } else { Ok(asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Outcome<Asked> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_read_whole() {
        assert_eq!(parsed(""), Ok(Asked { rounds: ROUNDS, seed: None }));
        assert_eq!(parsed("--rounds 7 --seed=12"), Ok(Asked { rounds: 7, seed: Some(12) }));
        for wrong in ["--rounds", "--rounds x", "--rounds 0", "--round 3", "7"] {
            assert!(parsed(wrong).is_err_and(|message| message.contains("usage")), "{wrong}");
        }
    }
}
