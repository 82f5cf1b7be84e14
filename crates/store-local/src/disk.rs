//! What is asked of a file system, so that a simulated one can stand in its place.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// The operations by which objects are written. Between a sync and the next nothing is promised to outlive a power
/// failure: neither the bytes of a file nor a name in a folder, in any order.
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// A file that is open for writing.
    type File: Debug + Send + 'static;

    /// Makes a file that is not there yet.
    fn create_new(&self, path: &Path) -> io::Result<Self::File>;
    /// Writes bytes at a place.
    fn write_at(&self, file: &mut Self::File, place: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns when the bytes of the file are safe.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;
    /// The same for a file that is not open.
    fn sync_path(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder in one that is there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Returns when the names in the folder are safe.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Gives a file a second name that is free.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Moves a name, over whatever had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn create_new(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    fn write_at(&self, file: &mut File, place: u64, bytes: &[u8]) -> io::Result<()> {
        file.seek(SeekFrom::Start(place))?;
        file.write_all(bytes)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        // The length counts as data here: it is needed to read the bytes back.
        file.sync_data()
    }

    fn sync_path(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_data()
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match File::open(path)?.sync_all() {
            // Some network file systems do not know how; then there is no way to ask for more.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    /// Windows keeps the names of NTFS in its journal and does not open folders as files.
    #[cfg(not(unix))]
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
