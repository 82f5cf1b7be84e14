//! `cargo xtask drivers`: the database drivers that engines are tested with, from their package registries.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::{self, Workspace};
use crate::{Outcome, no_arguments, oracles};

/// The client of a registry.
enum Registry {
    Npm,
    Pip,
}

/// A driver's library inside of a package.
struct Driver {
    /// Names the library to the tests.
    variable: &'static str,
    registry: Registry,
    package: &'static str,
    version: &'static str,
    /// Of the package's file.
    sha256: &'static str,
    /// Where the library lies in the package.
    library: &'static str,
}

/// DuckDB and its extensions have to be of one version; of this one there are both.
const DRIVERS: [Driver; 3] = [
    Driver {
        variable: "STITCHWORK_DUCKDB_DRIVER",
        registry: Registry::Npm,
        package: "@duckdb/node-bindings-linux-x64",
        version: "1.5.5-r.5",
        sha256: "86d2bda909785550e8a14a57a8a4584827aff0e268d8f1a58c3fd48559f7020e",
        library: "package/libduckdb.so",
    },
    Driver {
        variable: "STITCHWORK_SQLITE_DRIVER",
        registry: Registry::Pip,
        package: "adbc-driver-sqlite",
        version: "1.13.0",
        sha256: "fb51f307cb3c45aa5476c84eae83781079939832f35dd54611dbe6095627ca3d",
        library: "adbc_driver_sqlite/libadbc_driver_sqlite.so",
    },
    Driver {
        variable: "STITCHWORK_POSTGRESQL_DRIVER",
        registry: Registry::Pip,
        package: "adbc-driver-postgresql",
        version: "1.13.0",
        sha256: "a86819ba7c79b1d067c4a5344358b4d346bab58e888d7879ed2b25d97cc59ba1",
        library: "adbc_driver_postgresql/libadbc_driver_postgresql.so",
    },
];

/// Prints the checksum of a file, which the platforms' own programs spell differently.
const CHECKSUM: &str =
    "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest(), end='')";
/// Unpacks an archive of either kind into a folder.
const UNPACK: &str = "import shutil, sys; shutil.unpack_archive(sys.argv[1], sys.argv[2], sys.argv[3])";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("drivers", args)?;
    for (variable, path) in install(workspace)? {
        println!("{variable}={}", path.display());
    }
    Ok(())
}

/// Fetches the drivers that are not there yet; gives each one's variable and path.
pub(crate) fn install(workspace: &Workspace) -> Outcome<Vec<(&'static str, PathBuf)>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the pinned drivers are those for Linux on x86-64; name others by their variables".into());
    }
    let folder = workspace.target()?.join("drivers");
    fs::create_dir_all(&folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    DRIVERS
        .iter()
        .map(|driver| {
            let path = driver.install(workspace, &folder)?;
            Ok((driver.variable, path))
        })
        .collect()
}

/// The drivers that are there, as they are pinned now.
pub(crate) fn installed(workspace: &Workspace) -> Outcome<Vec<(&'static str, PathBuf)>> {
    let folder = workspace.target()?.join("drivers");
    let current = DRIVERS.iter().filter(|driver| driver.is_current(&folder));
    Ok(current.map(|driver| (driver.variable, driver.path(&folder))).collect())
}

impl Driver {
    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.library.rsplit('/').next().unwrap_or(self.library))
    }

    /// Holds the checksum of the package that the library is from.
    fn stamp(&self, folder: &Path) -> PathBuf {
        self.path(folder).with_extension("sha256")
    }

    fn is_current(&self, folder: &Path) -> bool {
        let stamp = fs::read_to_string(self.stamp(folder));
        self.path(folder).is_file() && stamp.is_ok_and(|sha256| sha256 == self.sha256)
    }

    fn install(&self, workspace: &Workspace, folder: &Path) -> Outcome<PathBuf> {
        let path = self.path(folder);
        if self.is_current(folder) {
            return Ok(path);
        }
        println!("fetching {} {}", self.package, self.version);
        let unpacked = folder.join("unfinished");
        let _ = fs::remove_dir_all(&unpacked);
        fs::create_dir_all(&unpacked).map_err(|e| format!("{} cannot be made: {e}", unpacked.display()))?;
        let package = self.fetch(workspace, &unpacked)?;
        let package = package.to_string_lossy();

        let python = Path::new("python3");
        let sum = workspace::capture(&mut workspace.command(python, &["-c", CHECKSUM, &package]))?;
        let sum = String::from_utf8_lossy(&sum);
        if sum != self.sha256 {
            return Err(format!("{package} has the checksum {sum}, not {}: it is not used", self.sha256));
        }
        let kind = match self.registry {
            Registry::Npm => "gztar",
            Registry::Pip => "zip",
        };
        let place = unpacked.to_string_lossy();
        workspace::run(&mut workspace.command(python, &["-c", UNPACK, &package, &place, kind]))?;
        // The library may be in use under its old name: it is replaced, not written to.
        fs::rename(unpacked.join(self.library), &path)
            .map_err(|e| format!("{} cannot be moved to {}: {e}", self.library, path.display()))?;
        let _ = fs::remove_dir_all(&unpacked);
        // Written last: an interrupted installation starts again.
        let stamp = self.stamp(folder);
        fs::write(&stamp, self.sha256).map_err(|e| format!("{} cannot be written: {e}", stamp.display()))?;
        Ok(path)
    }

    /// The package's file, by the registry's client as it is set up on this machine.
    fn fetch(&self, workspace: &Workspace, folder: &Path) -> Outcome<PathBuf> {
        let place = folder.to_string_lossy();
        match self.registry {
            Registry::Npm => {
                let package = format!("{}@{}", self.package, self.version);
                let args = ["pack", "--silent", "--pack-destination", &place, &package];
                let output = workspace::capture(&mut workspace.command(Path::new("npm"), &args))
                    .map_err(|e| format!("{e}; the command `npm` is needed (package npm)"))?;
                drop(output);
            }
            Registry::Pip => {
                let package = format!("{}=={}", self.package, self.version);
                let args = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
                let args = [&args[..], &["--only-binary", ":all:", "--dest", &place, &package]].concat();
                // The environment of the peers has a pip, which the system's Python may lack.
                let python = oracles::installed(workspace)?.unwrap_or_else(|| PathBuf::from("python3"));
                workspace::run(&mut workspace.command(&python, &args))
                    .map_err(|e| format!("{e}; Python's pip is needed: run `cargo xtask oracles` first"))?;
            }
        }
        let entries = fs::read_dir(folder).map_err(|e| format!("{place} cannot be read: {e}"))?;
        let mut files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
        files.next().ok_or_else(|| format!("{} came as no file", self.package))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_current_when_its_stamp_is_that_of_the_pin() {
        let folder = std::env::temp_dir().join(format!("stitchwork-drivers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let driver = &DRIVERS[0];
        assert_eq!(driver.path(&folder), folder.join("libduckdb.so"));
        fs::write(driver.path(&folder), b"a library").unwrap();
        assert!(!driver.is_current(&folder));
        fs::write(driver.stamp(&folder), "another pin").unwrap();
        assert!(!driver.is_current(&folder));
        fs::write(driver.stamp(&folder), driver.sha256).unwrap();
        assert!(driver.is_current(&folder));
        fs::remove_dir_all(&folder).unwrap();
    }
}
