//! Where services lie: programs that were fetched, and instances that run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use crate::{Error, Result};

/// The environment variable that names the folder; without it, it is `services` in cargo's target folder.
pub const FOLDER: &str = "STITCHWORK_SERVICES_DIR";

/// What marks the target folder, whatever its name is.
const TARGET_MARK: &str = "CACHEDIR.TAG";

/// The folder of everything that services need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at a path, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder that belongs to the running test: what [`FOLDER`] names, or else beside its own program.
    ///
    /// # Errors
    /// When neither that variable is set nor the program lies in a target folder.
    pub fn find() -> Result<Self> {
        if let Some(path) = env::var_os(FOLDER).filter(|path| !path.is_empty()) {
            return Ok(Self::new(path));
        }
        // Cargo's own settings have decided where this program lies, whatever they were.
        let program = env::current_exe().unwrap_or_default();
        let target = program.ancestors().find(|folder| folder.join(TARGET_MARK).is_file());
        let target = target.map(Path::to_owned).or_else(|| env::var_os("CARGO_TARGET_DIR").map(Into::into));
        target.map(|target| Self::new(target.join("services"))).ok_or_else(|| {
            Error::missing(format!(
                "no folder for services: set {FOLDER}, since {} is in no target folder",
                program.display()
            ))
        })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a fetched thing lies: named with its version, so that another version is another thing.
    pub(crate) fn fetched(&self, name: &str, version: &str) -> PathBuf {
        self.path.join("fetched").join(format!("{name}-{version}"))
    }

    /// The folder of the instances.
    pub(crate) fn instances(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Waits until no other process fetches or starts the service of this name. The lock ends with the file.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let locked = || -> io::Result<File> {
            fs::create_dir_all(&self.path)?;
            let file = self.lock_file(name)?;
            file.lock()?;
            Ok(file)
        };
        locked()
            .map_err(|e| Error::failed(format!("{} cannot be locked: {e}", self.lock_path(name).display())))
    }

    /// The same lock, if nobody has it and there is anything to lock.
    pub(crate) fn try_lock(&self, name: &str) -> Option<File> {
        let file = self.path.is_dir().then(|| self.lock_file(name))?.ok()?;
        file.try_lock().is_ok().then_some(file)
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.lock"))
    }

    fn lock_file(&self, name: &str) -> io::Result<File> {
        File::options().create(true).append(true).open(self.lock_path(name))
    }
}
