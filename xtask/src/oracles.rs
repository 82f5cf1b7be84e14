//! `cargo xtask oracles`: a Python environment with the peers that read and write our tables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{self, Workspace};
use crate::{Outcome, no_arguments};

/// Names the interpreter to the tests that call the peers.
pub(crate) const PYTHON: &str = "STITCHWORK_PYTHON";
/// Set to `1`, turns a skipped oracle into a failure.
pub(crate) const REQUIRE: &str = "STITCHWORK_REQUIRE_ORACLES";

/// The peers of the tests. The script of the check imports and loads every one, and prints its version.
const PEERS: Environment<'_> = Environment {
    folder: "oracles",
    pins: "tests/oracles/requirements.txt",
    check: &["tests/oracles/versions.py"],
};

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("oracles", args)?;
    let python = install(workspace)?;
    println!("{PYTHON}={}", python.display());
    Ok(())
}

/// The interpreter of the peers, if they are installed as they are pinned now.
pub(crate) fn installed(workspace: &Workspace) -> Outcome<Option<PathBuf>> {
    let place = PEERS.place(workspace)?;
    Ok(place.is_current().then_some(place.python))
}

/// Installs the peers if they are not there yet, and returns the environment's interpreter.
pub(crate) fn install(workspace: &Workspace) -> Outcome<PathBuf> {
    PEERS.install(workspace)
}

/// A virtual environment of Python with pinned packages.
#[derive(Debug)]
pub(crate) struct Environment<'a> {
    /// Where it lies, below the target folder.
    pub(crate) folder: &'a str,
    /// The file of its packages.
    pub(crate) pins: &'a str,
    /// What the interpreter is called with, to see that they load.
    pub(crate) check: &'a [&'a str],
}

impl Environment<'_> {
    /// Installs what is not there yet, and returns the interpreter.
    pub(crate) fn install(&self, workspace: &Workspace) -> Outcome<PathBuf> {
        let place = self.place(workspace)?;
        let Place { folder, python, stamp, pins } = &place;
        if place.is_current() {
            println!("the peers are installed in {}", folder.display());
            return Ok(place.python);
        }

        println!("installing the peers into {} (about a minute)", folder.display());
        let venv = ["-m", "venv", "--clear", &folder.to_string_lossy()];
        workspace::run(&mut workspace.command(Path::new("python3"), &venv)).map_err(|e| {
            format!("{e}; Python 3.10 or newer with its venv module is needed (package python3-venv)")
        })?;
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", self.pins];
        workspace::run(&mut workspace.command(python, &pip))?;
        // A peer that is installed but does not load would fail each test on its own, later.
        workspace::run(workspace.command(python, self.check).env("PYTHONDONTWRITEBYTECODE", "1"))?;
        // Written last: an interrupted installation starts again.
        fs::write(stamp, pins).map_err(|e| format!("{} cannot be written: {e}", stamp.display()))?;
        Ok(place.python)
    }

    fn place(&self, workspace: &Workspace) -> Outcome<Place> {
        let folder = workspace.target()?.join(self.folder);
        let pins = fs::read_to_string(workspace.root.join(self.pins))
            .map_err(|e| format!("{} cannot be read: {e}", self.pins))?;
        Ok(Place {
            python: folder.join("bin/python"),
            stamp: folder.join("installed-pins.txt"),
            folder,
            pins,
        })
    }
}

/// Where an environment lies, and what it must hold.
struct Place {
    folder: PathBuf,
    python: PathBuf,
    /// Holds the pins that were installed.
    stamp: PathBuf,
    pins: String,
}

impl Place {
    fn is_current(&self) -> bool {
        self.python.is_file() && fs::read_to_string(&self.stamp).is_ok_and(|installed| installed == self.pins)
    }
}
