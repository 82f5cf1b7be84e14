//! Runs of contenders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use wait4::Wait4;

use crate::Outcome;

/// A program that is measured.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: String,
    program: PathBuf,
    args: Vec<String>,
}

/// What a program says of itself: the seconds of what is measured, without start and preparation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) cpu: f64,
    pub(super) wall: f64,
    /// The wall seconds of each commit, where there are several.
    #[serde(default)]
    pub(super) seconds: Vec<f64>,
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
    pub(super) fn new(name: &str, program: &Path, args: Vec<String>) -> Self {
        Self { name: name.to_owned(), program: program.to_owned(), args }
    }

    fn run(&self, folder: &Path) -> Outcome<Run> {
        let failed = |why: String| format!("{}: {why}", self.name);
        let args = self.args.iter().map(|arg| arg.replace("{}", &folder.display().to_string()));
        // The answer is one line, which a pipe holds until the process has ended.
        let mut child = Command::new(&self.program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| failed(format!("it does not start: {e}")))?;
        let mut answer = String::new();
        if let Some(mut stdout) = child.stdout.take() {
            use std::io::Read;
            stdout
                .read_to_string(&mut answer)
                .map_err(|e| failed(format!("its answer cannot be read: {e}")))?;
        }
        let ended = child.wait4().map_err(|e| failed(format!("it was lost: {e}")))?;
        if !ended.status.success() {
            return Err(failed(format!("it failed ({})", ended.status)));
        }
        let said = serde_json::from_str(&answer).map_err(|e| failed(format!("it said {answer:?}: {e}")))?;
        Ok(Run { said, peak: ended.rusage.maxrss })
    }
}

/// Runs each contender once, in a folder of its own that is removed afterwards.
pub(super) fn round(contenders: &[Contender], scratch: &Path) -> Outcome<Round> {
    let folder = scratch.join("round");
    let mut round = Round::new();
    for contender in contenders {
        fs::create_dir_all(&folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
        round.insert(contender.name.clone(), contender.run(&folder)?);
        fs::remove_dir_all(&folder).map_err(|e| format!("{} cannot be removed: {e}", folder.display()))?;
    }
    Ok(round)
}
