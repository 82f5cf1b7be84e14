//! How an object gets its name only when its bytes are safe, and is acknowledged only when its name is.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::disk::Disk;

/// After this many folders their names are asked for anew: what is known about folders is bounded.
const FOLDERS: usize = 16_384;

/// Writes files to a disk.
#[derive(Debug)]
pub(crate) struct Writer<D> {
    disk: D,
    /// Folders whose names, and those of the folders that they lie in, are safe.
    safe: Mutex<HashSet<PathBuf>>,
}

/// What shall become of an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// It stays, and the new one is refused.
    Refuse,
    /// It is replaced.
    Replace,
}

/// A file that has no name of an object yet.
#[derive(Debug)]
pub(crate) struct Staged<F> {
    path: PathBuf,
    file: F,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(disk: D) -> Self {
        Self { disk, safe: Mutex::default() }
    }

    /// A whole object.
    pub(crate) fn put<'a>(
        &self,
        path: &Path,
        chunks: impl IntoIterator<Item = &'a [u8]>,
        over: Over,
    ) -> io::Result<()> {
        let mut staged = self.stage(path)?;
        let mut place = 0;
        let written = chunks.into_iter().try_for_each(|chunk| {
            self.write_at(&mut staged, place, chunk)?;
            place += chunk.len() as u64;
            Ok(())
        });
        match written {
            Ok(()) => self.publish(staged, path, over),
            Err(e) => {
                self.discard(&staged);
                Err(e)
            }
        }
    }

    /// A file beside the object whose bytes it will hold, in a folder that is made where it is missing.
    pub(crate) fn stage(&self, object: &Path) -> io::Result<Staged<D::File>> {
        let folder = folder(object)?;
        self.make_safe(folder)?;
        for _ in 0..8 {
            // object_store's listings leave out names that end like this.
            let mut path = object.as_os_str().to_owned();
            path.push(format!("#{}", rand::random::<u64>()));
            let path = PathBuf::from(path);
            match self.disk.create_new(&path) {
                Ok(file) => return Ok(Staged { path, file }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                // Somebody has removed the folder meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    self.safe.lock().remove(folder);
                    self.make_safe(folder)?;
                }
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("the folder of the object is removed whenever it is made"))
    }

    pub(crate) fn write_at(&self, staged: &mut Staged<D::File>, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_at(&mut staged.file, place, bytes)
    }

    /// Gives the object its name. Returns when it would outlive a power failure; after an error of the last step
    /// the object may be there.
    pub(crate) fn publish(&self, staged: Staged<D::File>, object: &Path, over: Over) -> io::Result<()> {
        let named = self.disk.sync_file(&staged.file).and_then(|()| match over {
            Over::Refuse => self.disk.link(&staged.path, object),
            Over::Replace => self.disk.rename(&staged.path, object),
        });
        if over == Over::Refuse || named.is_err() {
            self.discard(&staged);
        }
        named?;
        // Whatever kind of error this is: the object is there, so that it must not read like a refusal.
        self.disk.sync_dir(folder(object)?).map_err(|e| {
            io::Error::other(format!("the object has its name, but its folder cannot be synced: {e}"))
        })
    }

    /// Removes what has become no object. That it stays is no harm: no listing shows it.
    pub(crate) fn discard(&self, staged: &Staged<D::File>) {
        let _ = self.disk.remove(&staged.path);
    }

    /// After a name was given by somebody else: makes the name and the bytes safe.
    pub(crate) fn make_object_safe(&self, object: &Path) -> io::Result<()> {
        self.make_safe(folder(object)?)?;
        self.disk.sync_path(object)?;
        self.disk.sync_dir(folder(object)?)
    }

    /// After a name was taken away: makes that safe.
    pub(crate) fn make_absence_safe(&self, object: &Path) -> io::Result<()> {
        self.disk.sync_dir(folder(object)?)
    }

    /// Makes a folder where it is missing, and its name safe. A folder that is there may be the work of a process
    /// that has not synced it yet, so that each is synced once by each store.
    fn make_safe(&self, folder: &Path) -> io::Result<()> {
        if self.safe.lock().contains(folder) {
            return Ok(());
        }
        let Some(outer) = folder.parent() else { return Ok(()) };
        self.make_safe(outer)?;
        let made = self.disk.create_dir(folder);
        match &made {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return made,
            _ => {}
        }
        match self.disk.sync_dir(outer) {
            // A folder that we may not open was not made by us.
            Err(e) if made.is_err() && e.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
        let mut safe = self.safe.lock();
        if safe.len() >= FOLDERS {
            safe.clear();
        }
        safe.insert(folder.to_owned());
        Ok(())
    }
}

fn folder(object: &Path) -> io::Result<&Path> {
    object.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no object"))
}
