//! Uploads that never ended.
//!
//! In a folder, an object is written as `name#number` until it is whole. Stores of files do not list such files and
//! cannot remove them, by their paths, so this goes to the file system itself. On object stores, uploads in parts that
//! never ended are no objects and cannot be listed through `ObjectStore`: a lifecycle rule of the bucket removes them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use object_store::local::LocalFileSystem;
use stitchwork_core::{Error, ErrorKind, Object, Result};

use super::{Leftover, LeftoverKind};

/// The files of uploads below a folder.
pub(super) fn find(
    folder: &Object,
    table: Option<&str>,
    is_old: &impl Fn(SystemTime) -> bool,
) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    if folder.root != "file://" || folder.path.as_ref().is_empty() {
        return Ok(found);
    }
    let path = LocalFileSystem::new().path_to_filesystem(&folder.path).map_err(|e| folder.error(e))?;
    let mut folders = vec![path];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // It was never made, or somebody has removed it meanwhile; or a file has the name of the folder.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            entries => entries.map_err(|e| failed(&folder, e))?,
        };
        for entry in entries {
            let entry = entry.map_err(|e| failed(&folder, e))?;
            let path = entry.path();
            // Links are not followed: what they lead to is not of this folder.
            let kind = entry.file_type().map_err(|e| failed(&path, e))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && is_upload(&path) {
                let meta = match entry.metadata() {
                    // The upload has ended meanwhile.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                    meta => meta.map_err(|e| failed(&path, e))?,
                };
                let modified = meta.modified().map_err(|e| failed(&path, e))?;
                if is_old(modified) {
                    found.push(Leftover {
                        kind: LeftoverKind::Upload,
                        table: table.map(str::to_owned),
                        location: format!("file://{}", path.display()),
                        size: meta.len(),
                        modified,
                    });
                }
            }
        }
    }
    Ok(found)
}

/// Removes the file of an upload.
pub(super) fn remove(location: &str) -> Result<()> {
    let path = PathBuf::from(location.strip_prefix("file://").unwrap_or(location));
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(&path, e)),
        _ => Ok(()),
    }
}

/// Whether a file is one of an upload: no object can have such a name.
fn is_upload(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split_once('#').is_some_and(|(object, number)| {
        !object.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn failed(path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, "the folder cannot be searched for uploads that never ended")
        .with_operation("ingest::leftovers")
        .with_context("path", path.display())
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_no_object_can_have_are_uploads() {
        for (name, expected) in [
            ("a.parquet#17", true),
            ("00000000000000000001.json#18446744073709551615", true),
            ("a.parquet", false),
            ("a#b", false),
            ("a#1b", false),
            ("#1", false),
            ("a#", false),
        ] {
            assert_eq!(is_upload(Path::new("/x").join(name).as_path()), expected, "{name}");
        }
    }
}
