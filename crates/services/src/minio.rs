//! MinIO: a second S3 whose conditional puts are right. It is run as a program and never linked.

use std::process::Command;

use crate::folder::Folder;
use crate::instance::Instance;
use crate::service::Service;
use crate::up::Running;
use crate::{Result, probe, registry};

/// A second S3 with conditional puts that are right and atomic.
pub const MINIO: Service = Service {
    name: "minio",
    version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    about: "S3, conditional puts right and atomic",
    user: "test",
    password: "testsecret",
    scheme: "http://127.0.0.1:",
    signal: "TERM",
    system_user: None,
    patience: 60,
    fetch,
    command,
    ready: |instance| probe::http_ok(instance.port, "/minio/health/ready"),
    make,
};

fn fetch(folder: &Folder) -> Result<()> {
    registry::go_install(folder, MINIO.name, "github.com/minio/minio", MINIO.version)
}

fn command(folder: &Folder, instance: &Instance) -> Result<Command> {
    let mut command = Command::new(registry::go_program(folder, MINIO.name, MINIO.version));
    command
        .env("MINIO_ROOT_USER", MINIO.user)
        .env("MINIO_ROOT_PASSWORD", MINIO.password)
        .envs([("MINIO_BROWSER", "off"), ("MINIO_UPDATE", "off"), ("MINIO_CALLHOME_ENABLE", "off")])
        .args(["server", "--quiet", "--address", &format!("127.0.0.1:{}", instance.port)])
        .arg(&instance.data);
    Ok(command)
}

/// A folder of the data is a bucket.
fn make(running: &Running, name: &str) -> Result<String> {
    running.make_folder(name)?;
    Ok(format!("s3://{name}"))
}
