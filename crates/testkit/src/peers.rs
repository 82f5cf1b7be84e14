//! The outside readers and writers: Python programs, run as processes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use stitchwork_core::{Error, Result};

/// Says that a test is skipped for want of something that a peer needs.
///
/// # Panics
/// When `STITCHWORK_REQUIRE_ORACLES` is 1: then nothing may be skipped.
pub fn skip(test: &str, needs: &str) {
    crate::needs::skip(test, needs, "STITCHWORK_REQUIRE_ORACLES");
}

/// The interpreter that `STITCHWORK_PYTHON` names, which `cargo xtask oracles` sets up with all peers.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// The interpreter, if it has these modules. Without it, `None`, and a line that says which test was skipped.
    ///
    /// # Panics
    /// When `STITCHWORK_REQUIRE_ORACLES` is 1 and there is no such interpreter: then nothing may be skipped.
    #[must_use]
    pub fn find(test: &str, modules: &[&str]) -> Option<Self> {
        let found = std::env::var_os("STITCHWORK_PYTHON").map(PathBuf::from).filter(|path| path.is_file());
        let found = found.map(|interpreter| Self { interpreter }).filter(|python| python.has(modules));
        if found.is_none() {
            skip(test, "the Python peers; `cargo xtask oracles` installs them and says how to name them");
        }
        found
    }

    fn has(&self, modules: &[&str]) -> bool {
        modules.is_empty() || self.run(["-c", &format!("import {}", modules.join(", "))]).is_ok()
    }

    /// Runs a program with its arguments, and gives what it prints, without the space around it.
    ///
    /// # Errors
    /// `Unexpected` with what it printed when it fails.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String> {
        let mut command = Command::new(&self.interpreter);
        let output = command.args(args).env("PYTHONDONTWRITEBYTECODE", "1").output();
        let output = output
            .map_err(|e| Error::unexpected("the interpreter of the peers does not start").with_source(e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let args: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        Err(Error::unexpected("a peer failed")
            .with_context("args", args.join(" "))
            .with_context("stderr", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// The driver of a database that a test needs, as `find` finds it: at the path that the environment variable names, if
/// it is set, and in the folders where `cargo xtask drivers` puts drivers. Without it, `None`, and a line that says
/// which test was skipped.
///
/// # Panics
/// When `STITCHWORK_REQUIRE_ORACLES` is 1 and there is no driver: then nothing may be skipped.
#[must_use]
pub fn driver(
    test: &str,
    database: &str,
    variable: &str,
    find: impl FnOnce(Option<&Path>, &[PathBuf]) -> Option<PathBuf>,
) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    // Both lie in cargo's target folder, wherever its settings have put that.
    let program = std::env::current_exe().unwrap_or_default();
    let folders: Vec<PathBuf> = program.ancestors().map(|folder| folder.join("drivers")).collect();
    let found = find(named.as_deref(), &folders);
    if found.is_none() {
        skip(test, &format!("the driver of {database}; `cargo xtask drivers` fetches it"));
    }
    found
}
