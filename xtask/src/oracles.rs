//! `cargo xtask oracles`: a Python environment with the peers that read and write our tables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{self, Workspace};
use crate::{Outcome, no_arguments};

/// Names the interpreter to the tests that call the peers.
pub(crate) const PYTHON: &str = "STITCHWORK_PYTHON";
/// Set to `1`, turns a skipped oracle into a failure.
pub(crate) const REQUIRE: &str = "STITCHWORK_REQUIRE_ORACLES";

const PINS: &str = "tests/oracles/requirements.txt";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("oracles", args)?;
    let python = install(workspace)?;
    println!("{PYTHON}={}", python.display());
    Ok(())
}

/// Installs the peers if they are not there yet, and returns the environment's interpreter.
pub(crate) fn install(workspace: &Workspace) -> Outcome<PathBuf> {
    let folder = workspace.target()?.join("oracles");
    let python = folder.join("bin/python");
    let pins_file = workspace.root.join(PINS);
    let pins = fs::read_to_string(&pins_file).map_err(|e| format!("{PINS} cannot be read: {e}"))?;
    let stamp = folder.join("installed-pins.txt");
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        println!("the peers are installed in {}", folder.display());
        return Ok(python);
    }

    println!("installing the peers into {} (about a minute)", folder.display());
    let place = folder.to_string_lossy();
    workspace::run(&mut workspace.command(Path::new("python3"), &["-m", "venv", "--clear", &place]))
        .map_err(|e| {
            format!("{e}; Python 3.10 or newer with its venv module is needed (package python3-venv)")
        })?;
    let requirements = pins_file.to_string_lossy();
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", &requirements];
    workspace::run(&mut workspace.command(&python, &pip))?;
    // A peer that is installed but does not load would fail each test on its own, later.
    let versions = workspace.root.join("tests/oracles/versions.py");
    workspace::run(
        workspace.command(&python, &[&versions.to_string_lossy()]).env("PYTHONDONTWRITEBYTECODE", "1"),
    )?;
    // Written last: an interrupted installation starts again.
    fs::write(&stamp, pins).map_err(|e| format!("{} cannot be written: {e}", stamp.display()))?;
    Ok(python)
}
