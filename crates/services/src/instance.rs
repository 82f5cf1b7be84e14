//! One running server: its folder, its state file, and who uses it.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use crate::folder::Folder;
use crate::service::Service;
use crate::{Error, Result, probe};

/// The user that is a person and not a process.
const KEEP: &str = "keep";

/// A server that runs or is about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Its folder: `<name>-<port>`.
    pub(crate) path: PathBuf,
    pub(crate) port: u16,
    /// Where it keeps what clients store in it.
    pub(crate) data: PathBuf,
    /// The user of the system that it runs as, if not ours.
    pub(crate) system_user: Option<&'static str>,
}

impl Instance {
    /// The instance of a service on a port.
    pub(crate) fn new(folder: &Folder, service: &Service, port: u16) -> Self {
        let name = format!("{}-{port}", service.name);
        let path = folder.instances().join(&name);
        let system_user = service.system_user.filter(|_| probe::is_root());
        let data = match system_user {
            // Another user cannot walk to a folder that lies under root's home.
            Some(_) => env::temp_dir().join(format!("stitchwork-{name}")),
            None => path.join("data"),
        };
        Self { path, port, data, system_user }
    }

    /// Makes its folders anew. This process is its first user.
    pub(crate) fn prepare(&self) -> Result<()> {
        let made = || -> io::Result<()> {
            for old in [&self.path, &self.data] {
                match fs::remove_dir_all(old) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::create_dir_all(self.path.join("users"))?;
            fs::create_dir(&self.data)
        };
        made().map_err(|e| Error::failed(format!("{} cannot be made: {e}", self.path.display())))?;
        if let Some(user) = self.system_user {
            let mut chown = process::Command::new("chown");
            probe::run(chown.arg(user).arg(&self.data), "chown of the data").map_err(Error::missing)?;
        }
        Ok(())
    }

    /// All instances of a service that can be used, by their state files.
    pub(crate) fn running(folder: &Folder, service: &Service) -> Vec<Self> {
        let mut instances = Self::all(folder, service);
        instances.retain(|instance| instance.state().is_file());
        instances
    }

    /// All instances of a service that have a folder, whatever has become of them.
    fn all(folder: &Folder, service: &Service) -> Vec<Self> {
        let entries = fs::read_dir(folder.instances()).into_iter().flatten().flatten();
        let port = |name: &str| name.strip_prefix(service.name)?.strip_prefix('-')?.parse().ok();
        let ports = entries.filter_map(|entry| port(entry.file_name().to_str()?));
        let mut instances: Vec<_> = ports.map(|port| Self::new(folder, service, port)).collect();
        instances.sort_by_key(|instance| instance.port);
        instances
    }

    /// Removes what is left of the instances of a service whose processes are gone. The service must be locked, since
    /// one that is about to start has no process yet.
    pub(crate) fn sweep(folder: &Folder, service: &Service) {
        Self::all(folder, service).iter().for_each(Self::forget);
    }

    /// Whether its watcher or its server is there, or another process has got the id of one of them.
    fn is_alive(&self) -> bool {
        let told = fs::read_to_string(self.path.join("processes")).unwrap_or_default();
        let told = told.split_whitespace().filter_map(|id| id.parse().ok());
        told.chain(self.watcher()).any(probe::is_alive)
    }

    /// The file that is there while the instance may be used. It holds the id of the watcher.
    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Makes the state file, whole or not at all.
    pub(crate) fn open(&self, watcher: u32) -> Result<()> {
        let unfinished = self.path.join("state.unfinished");
        let written = fs::write(&unfinished, watcher.to_string());
        written
            .and_then(|()| fs::rename(&unfinished, self.state()))
            .map_err(|e| Error::failed(format!("{} cannot be written: {e}", self.state().display())))
    }

    /// The process that ends the server when nobody uses it.
    pub(crate) fn watcher(&self) -> Option<u32> {
        fs::read_to_string(self.state()).ok()?.trim().parse().ok()
    }

    /// Enters a user. False when the instance is closing and must not be used.
    pub(crate) fn enter(&self, user: &str) -> bool {
        let entered = fs::write(self.path.join("users").join(user), "").is_ok();
        // In this order: the watcher removes the state first and looks at the users then.
        entered && self.state().is_file()
    }

    /// Whether a person has asked for it.
    pub(crate) fn is_kept(&self) -> bool {
        self.path.join("users").join(KEEP).exists()
    }

    /// Whether a process other than this one uses it.
    pub(crate) fn has_users(&self) -> bool {
        let users = fs::read_dir(self.path.join("users")).into_iter().flatten().flatten();
        let ids = users.filter_map(|user| user.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|id| *id != process::id()).any(probe::is_alive)
    }

    /// Asks the watcher to end it.
    pub(crate) fn ask_to_stop(&self) -> Result<()> {
        fs::write(self.path.join("stop"), "")
            .map_err(|e| Error::failed(format!("{} cannot be stopped: {e}", self.path.display())))
    }

    /// Removes what a server left behind that is gone, and its watcher too.
    pub(crate) fn forget(&self) {
        if self.is_alive() {
            return;
        }
        for old in [&self.state(), &self.data, &self.path] {
            let _ = if Path::is_dir(old) { fs::remove_dir_all(old) } else { fs::remove_file(old) };
        }
    }
}

/// The name under which a user is entered.
pub(crate) fn user(kept: bool) -> String {
    if kept { KEEP.to_owned() } else { process::id().to_string() }
}
