//! Runs of contenders.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use wait4::Wait4;

use crate::Outcome;

/// Names the folder of the round to what is measured.
pub(super) const FOLDER: &str = "BENCH_FOLDER";

/// A program that is measured.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: String,
    /// The contender that it is compared with.
    pub(super) against: Option<String>,
    command: Vec<OsString>,
    /// How often the whole process is measured, where it says nothing of itself.
    whole: Option<usize>,
}

/// What a program says of itself: the seconds of what is measured, without start and preparation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) cpu: f64,
    pub(super) wall: f64,
    /// The rows that it wrote or read, where it counts them.
    #[serde(default)]
    pub(super) rows: Option<u64>,
    /// The wall seconds of each commit, where there are several.
    #[serde(default)]
    pub(super) seconds: Vec<f64>,
    /// The CPU seconds of parts by name, where there are some.
    #[serde(default)]
    pub(super) parts: BTreeMap<String, f64>,
}

/// One run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    #[serde(flatten)]
    pub(super) said: Said,
    /// The most memory of the whole process, in bytes.
    pub(super) peak: u64,
}

/// A run of each contender, by name.
pub(super) type Round = BTreeMap<String, Run>;

impl Contender {
    /// A program that prints what it has measured.
    pub(super) fn new(name: &str, program: &Path, args: Vec<String>) -> Self {
        let command = std::iter::once(program.into()).chain(args.into_iter().map(OsString::from)).collect();
        Self { name: name.to_owned(), against: None, command, whole: None }
    }

    /// What it is compared with.
    pub(super) fn against(self, name: &str) -> Self {
        Self { against: Some(name.to_owned()), ..self }
    }

    /// A program of which the whole process is measured, so many times.
    pub(super) fn whole(self, times: usize) -> Self {
        Self { whole: Some(times), ..self }
    }

    fn run(&self, folder: &Path) -> Outcome<Run> {
        let Some(times) = self.whole else { return self.once(folder) };
        let mut sum = Run { said: Said::default(), peak: 0 };
        for _ in 0..times {
            let Run { said, peak } = self.once(folder)?;
            sum.said.cpu += said.cpu;
            sum.said.wall += said.wall;
            sum.peak = sum.peak.max(peak);
        }
        sum.said.cpu /= times as f64;
        sum.said.wall /= times as f64;
        Ok(sum)
    }

    fn once(&self, folder: &Path) -> Outcome<Run> {
        let failed = |why: String| format!("{}: {why}", self.name);
        let Some((program, args)) = self.command.split_first() else {
            return Err(failed("there is no program".to_owned()));
        };
        let args = args.iter().map(|arg| arg.to_string_lossy().replace("{}", &folder.display().to_string()));
        let start = Instant::now();
        // The answer is small, so that a pipe holds it until the process has ended.
        let mut child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("it does not start: {e}")))?;
        let mut answer = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout
                .read_to_string(&mut answer)
                .map_err(|e| failed(format!("its answer cannot be read: {e}")))?;
        }
        let ended = child.wait4().map_err(|e| failed(format!("it was lost: {e}")))?;
        let wall = start.elapsed().as_secs_f64();
        if !ended.status.success() {
            return Err(failed(format!("it failed ({})", ended.status)));
        }
        let said = if self.whole.is_some() {
            let cpu = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
            Said { cpu, wall, ..Said::default() }
        } else {
            serde_json::from_str(&answer).map_err(|e| failed(format!("it said {answer:?}: {e}")))?
        };
        Ok(Run { said, peak: ended.rusage.maxrss })
    }
}

/// Runs each contender once, in a folder of its own that is removed afterwards; every other round in the other order, so
/// that what comes first wins nothing by it.
pub(super) fn round(contenders: &[Contender], number: usize, scratch: &Path) -> Outcome<Round> {
    let folder = scratch.join("round");
    let mut round = Round::new();
    let mut order: Vec<&Contender> = contenders.iter().collect();
    if number.is_multiple_of(2) {
        order.reverse();
    }
    for contender in order {
        fs::create_dir_all(&folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
        round.insert(contender.name.clone(), contender.run(&folder)?);
        fs::remove_dir_all(&folder).map_err(|e| format!("{} cannot be removed: {e}", folder.display()))?;
    }
    check_rows(&round)?;
    Ok(round)
}

/// Refuses a round in which somebody did less: whoever reads half of the rows wins for nothing.
fn check_rows(round: &Round) -> Outcome {
    let counted: Vec<(&String, u64)> =
        round.iter().filter_map(|(name, run)| Some((name, run.said.rows?))).collect();
    if counted.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        return Ok(());
    }
    let counts: Vec<String> = counted.iter().map(|(name, rows)| format!("{name}: {rows}")).collect();
    Err(format!("the contenders have not done the same; rows of {}", counts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_in_which_somebody_did_less_is_refused() {
        let run = |said: &str| Run { said: serde_json::from_str(said).unwrap(), peak: 0 };
        let mut round = Round::from([
            ("a".to_owned(), run(r#"{"cpu": 1, "wall": 1, "rows": 5}"#)),
            ("b".to_owned(), run(r#"{"cpu": 1, "wall": 1}"#)),
            ("c".to_owned(), run(r#"{"cpu": 1, "wall": 1, "rows": 5}"#)),
        ]);
        check_rows(&round).unwrap();
        round.insert("d".to_owned(), run(r#"{"cpu": 1, "wall": 1, "rows": 4}"#));
        assert_eq!(
            check_rows(&round).unwrap_err(),
            "the contenders have not done the same; rows of a: 5, c: 5, d: 4"
        );
    }
}
