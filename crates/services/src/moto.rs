//! moto: an S3 for tests of Python programs. Two of its versions lose data, which is what we want them for.

use std::process::Command;

use crate::folder::Folder;
use crate::instance::Instance;
use crate::service::Service;
use crate::up::Running;
use crate::{Error, Result, probe, registry};

/// Its conditional puts are right for single puts; of several completions of one multipart upload each wins.
pub const MOTO: Service = Service {
    name: "moto",
    version: "5.2.5",
    about: "S3 in memory, conditional puts right but for multipart uploads",
    user: "test",
    password: "testsecret",
    scheme: "http://127.0.0.1:",
    signal: "TERM",
    system_user: None,
    patience: 60,
    fetch: |folder| fetch(folder, MOTO.version),
    command: |folder, instance| Ok(command(folder, instance, MOTO.version)),
    ready: |instance| probe::http_ok(instance.port, "/moto-api/"),
    make,
};

/// Ignores every condition of a put without a word, and so loses data when two write.
pub const MOTO_5_0_0: Service = Service {
    name: "moto-5.0.0",
    version: "5.0.0",
    about: "S3 in memory that ignores the conditions of puts: to be refused",
    fetch: |folder| fetch(folder, MOTO_5_0_0.version),
    command: |folder, instance| Ok(command(folder, instance, MOTO_5_0_0.version)),
    ..MOTO
};

/// Looks at `If-None-Match` and ignores `If-Match`, and so loses data when two replace.
pub const MOTO_5_0_16: Service = Service {
    name: "moto-5.0.16",
    version: "5.0.16",
    about: "S3 in memory that ignores If-Match: to be refused",
    fetch: |folder| fetch(folder, MOTO_5_0_16.version),
    command: |folder, instance| Ok(command(folder, instance, MOTO_5_0_16.version)),
    ..MOTO
};

fn fetch(folder: &Folder, version: &str) -> Result<()> {
    registry::pip_install(folder, "moto", "moto[server]", version)
}

fn command(folder: &Folder, instance: &Instance, version: &str) -> Command {
    let mut command = Command::new(folder.fetched("moto", version).join("bin/moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &instance.port.to_string()]);
    command
}

/// It looks at no signature, so a plain request makes a bucket.
fn make(running: &Running, name: &str) -> Result<String> {
    match probe::http(running.port(), "PUT", &format!("/{name}")) {
        Some(200) => Ok(format!("s3://{name}")),
        answer => Err(Error::failed(format!("moto makes no bucket {name}: it answers {answer:?}"))),
    }
}
