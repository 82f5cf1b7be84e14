//! versitygw: S3 on a folder of files, with conditional puts that are right and atomic.

use std::process::Command;

use crate::folder::Folder;
use crate::instance::Instance;
use crate::service::Service;
use crate::up::Running;
use crate::{Result, probe, registry};

/// S3 with conditional puts that are right and atomic: the one to test commits with.
pub const VERSITYGW: Service = Service {
    name: "versitygw",
    version: "v1.8.0",
    about: "S3 on a folder, conditional puts right and atomic",
    user: "test",
    password: "testsecret",
    scheme: "http://127.0.0.1:",
    signal: "TERM",
    system_user: None,
    patience: 20,
    fetch,
    command,
    ready: |instance| probe::http_ok(instance.port, "/health"),
    make,
};

fn fetch(folder: &Folder) -> Result<()> {
    registry::go_install(
        folder,
        VERSITYGW.name,
        "github.com/versity/versitygw/cmd/versitygw",
        VERSITYGW.version,
    )
}

fn command(folder: &Folder, instance: &Instance) -> Result<Command> {
    let mut command = Command::new(registry::go_program(folder, VERSITYGW.name, VERSITYGW.version));
    command
        .env("ROOT_ACCESS_KEY", VERSITYGW.user)
        .env("ROOT_SECRET_KEY", VERSITYGW.password)
        .args(["--port", &format!("127.0.0.1:{}", instance.port), "--region", "us-east-1"])
        .args(["--health", "/health", "--quiet", "posix"])
        .arg(&instance.data);
    Ok(command)
}

/// A folder of the data is a bucket.
fn make(running: &Running, name: &str) -> Result<String> {
    running.make_folder(name)?;
    Ok(format!("s3://{name}"))
}
