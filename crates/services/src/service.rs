//! The silhouette of a service, and the list of all of them.

use std::process::Command;

use crate::folder::Folder;
use crate::instance::Instance;
use crate::up::Running;
use crate::{Error, MINIO, MOTO, MOTO_5_0_0, MOTO_5_0_16, POSTGRES, Result, VERSITYGW};

/// A server that tests can have: how it is fetched, started and recognised as ready.
#[derive(Debug)]
pub struct Service {
    /// The name by which it is called.
    pub name: &'static str,
    /// The version that is fetched.
    pub version: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Its user, or the id of its access key.
    pub user: &'static str,
    /// The password of that user, or the secret of the access key.
    pub password: &'static str,
    /// The first part of its address, up to the port.
    pub(crate) scheme: &'static str,
    /// The signal that ends it in order.
    pub(crate) signal: &'static str,
    /// The user of the system that it runs as when we are root, for a server that refuses to be.
    pub(crate) system_user: Option<&'static str>,
    /// How many seconds it may take to be ready.
    pub(crate) patience: u64,
    /// Installs what is not there yet.
    pub(crate) fetch: fn(&Folder) -> Result<()>,
    /// Prepares the data of an instance, and gives the command that serves from it.
    pub(crate) command: fn(&Folder, &Instance) -> Result<Command>,
    /// Whether it answers.
    pub(crate) ready: fn(&Instance) -> bool,
    /// Makes a bucket or database of this name, and gives its URL.
    pub(crate) make: fn(&Running, &str) -> Result<String>,
}

/// All services, in the order of their names.
#[must_use]
pub fn all() -> [&'static Service; 6] {
    [&MINIO, &MOTO, &MOTO_5_0_0, &MOTO_5_0_16, &POSTGRES, &VERSITYGW]
}

/// The service of a name.
///
/// # Errors
/// For an unknown name, which lists the known ones.
pub fn find(name: &str) -> Result<&'static Service> {
    all().into_iter().find(|service| service.name == name).ok_or_else(|| {
        let known = all().map(|service| service.name).join(", ");
        Error::missing(format!("no service {name:?}, the services are {known}"))
    })
}
