//! PostgreSQL, as the system's packages install it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::folder::Folder;
use crate::instance::Instance;
use crate::service::Service;
use crate::up::Running;
use crate::{Error, Result, probe};

/// Where Debian's packages put each version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// Nothing here outlives a test, so nothing has to survive a loss of power.
const SETTINGS: [&str; 7] = [
    "unix_socket_directories=",
    "wal_level=logical",
    "max_replication_slots=20",
    "max_wal_senders=20",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
];

/// PostgreSQL with passwords, logical decoding, and no care for durability.
pub const POSTGRES: Service = Service {
    name: "postgres",
    version: "as the system's package has it",
    about: "PostgreSQL, logical decoding on",
    user: "postgres",
    password: "test secret",
    scheme: "postgres://postgres:test%20secret@127.0.0.1:",
    signal: "INT",
    system_user: Some("postgres"),
    patience: 60,
    fetch: |_| programs().map(|_| ()),
    command,
    ready,
    make,
};

/// The folder with the newest version's programs.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir(PACKAGES).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.filter_map(|entry| Some((number(&entry.path())?, entry.path().join("bin"))));
    let newest = newest.filter(|(_, folder)| folder.join("initdb").is_file()).max();
    let on_path = || probe::program("initdb")?.parent().map(Path::to_owned);
    newest.map(|(_, folder)| folder).or_else(on_path).ok_or_else(|| {
        Error::missing("the command `initdb` is not installed; Debian's package is postgresql")
    })
}

fn command(_: &Folder, instance: &Instance) -> Result<Command> {
    let programs = programs()?;
    let (data, user) = (&instance.data, instance.system_user);
    let password = data.join("password");
    let unwritable = |e| Error::failed(format!("{} cannot be written: {e}", password.display()));
    fs::write(&password, POSTGRES.password).map_err(unwritable)?;
    let cluster = data.join("cluster");
    let mut initdb = as_user(user, &programs.join("initdb"));
    initdb
        .args([
            "-U",
            POSTGRES.user,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
        ])
        .arg(&cluster)
        .arg("--pwfile")
        .arg(&password);
    probe::run(&mut initdb, "initdb").map_err(Error::failed)?;
    let mut command = as_user(user, &programs.join("postgres"));
    command.arg("-D").arg(cluster).args(["-h", "127.0.0.1", "-p", &instance.port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    Ok(command)
}

/// A program that is run as another user.
fn as_user(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "--"])
        .arg(program);
    command
}

fn ready(instance: &Instance) -> bool {
    let Ok(programs) = programs() else { return false };
    let mut asked = Command::new(programs.join("pg_isready"));
    asked.args(["-q", "-t", "2", "-h", "127.0.0.1", "-p", &instance.port.to_string()]);
    probe::run(&mut asked, "pg_isready").is_ok()
}

fn make(running: &Running, name: &str) -> Result<String> {
    let mut createdb = Command::new(programs()?.join("createdb"));
    createdb.env("PGPASSWORD", POSTGRES.password).args([
        "-h",
        "127.0.0.1",
        "-p",
        &running.port().to_string(),
        "-U",
        POSTGRES.user,
        "--",
        name,
    ]);
    probe::run(&mut createdb, "createdb").map_err(Error::failed)?;
    Ok(format!("{}/{name}", running.url()))
}
