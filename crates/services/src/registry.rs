//! Programs from package registries, through the registries' own clients as they are set up on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;
use crate::{Error, Result, probe};

/// The program of a Go module, built once for each version.
pub(crate) fn go_install(folder: &Folder, name: &str, package: &str, version: &str) -> Result<()> {
    let place = folder.fetched(name, version);
    if place.join(name).is_file() {
        return Ok(());
    }
    if probe::program("go").is_none() {
        return Err(Error::missing("the command `go` is not installed"));
    }
    let unfinished = unfinished(&place)?;
    let mut command = Command::new("go");
    command
        .args(["install", "-trimpath", "-ldflags=-s -w", &format!("{package}@{version}")])
        .env("GOBIN", &unfinished)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "");
    probe::run(&mut command, &format!("go install {package}@{version}")).map_err(Error::missing)?;
    finish(&unfinished, &place)
}

/// The program that [`go_install`] has built.
pub(crate) fn go_program(folder: &Folder, name: &str, version: &str) -> PathBuf {
    folder.fetched(name, version).join(name)
}

/// A virtual environment with a Python package, installed once for each version.
pub(crate) fn pip_install(folder: &Folder, name: &str, requirement: &str, version: &str) -> Result<()> {
    let place = folder.fetched(name, version);
    // Written last: an interrupted installation starts again. The environment itself cannot be moved when it is done.
    let stamp = place.join("installed");
    if stamp.is_file() {
        return Ok(());
    }
    if probe::program("python3").is_none() {
        return Err(Error::missing("the command `python3` is not installed"));
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&place);
    probe::run(&mut venv, "python3 -m venv").map_err(Error::missing)?;
    let wanted = format!("{requirement}=={version}");
    let mut pip = Command::new(place.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &wanted]);
    probe::run(&mut pip, &format!("pip install {wanted}")).map_err(Error::missing)?;
    fs::write(&stamp, &wanted)
        .map_err(|e| Error::failed(format!("{} cannot be written: {e}", stamp.display())))
}

/// An empty folder beside a place, to be renamed to it.
fn unfinished(place: &Path) -> Result<PathBuf> {
    let folder = place.with_extension("unfinished");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .map_err(|e| Error::failed(format!("{} cannot be made: {e}", folder.display())))?;
    Ok(folder)
}

fn finish(unfinished: &Path, place: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(place);
    fs::rename(unfinished, place)
        .map_err(|e| Error::failed(format!("{} cannot be made: {e}", place.display())))
}
