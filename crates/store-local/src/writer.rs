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
        let (path, file) = self.beside(object, |path| self.disk.create_new(path))?;
        Ok(Staged { path, file })
    }

    /// Makes something beside an object under a name that nobody has, in a folder that is made where it is missing.
    fn beside<T>(&self, object: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(PathBuf, T)> {
        let folder = folder(object)?;
        for _ in 0..8 {
            // object_store's listings leave out names that end like this.
            let mut path = object.as_os_str().to_owned();
            path.push(format!("#{}", rand::random::<u64>()));
            let path = PathBuf::from(path);
            match self.within(folder, || make(&path)) {
                Ok(made) => return Ok((path, made)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("every name beside the object is taken"))
    }

    /// Makes something in a folder, which is made where it is missing.
    fn within<T>(&self, folder: &Path, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        self.make_safe(folder)?;
        match make() {
            // Somebody has removed the folder, and perhaps those around it, since we know of it.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                self.safe.lock().retain(|known| !folder.starts_with(known));
                self.make_safe(folder)?;
                make()
            }
            made => made,
        }
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
        self.make_name_safe(object)
    }

    /// Gives the bytes of an object a second name. They are never changed in place, so that two objects may share them.
    pub(crate) fn copy(&self, from: &Path, to: &Path, over: Over) -> io::Result<()> {
        self.make_bytes_safe(from)?;
        match over {
            Over::Refuse => self.within(folder(to)?, || self.disk.link(from, to))?,
            Over::Replace => {
                let (staged, ()) = self.beside(to, |path| self.disk.link(from, path))?;
                let named = self.disk.rename(&staged, to);
                // It is still there after an error, and where both names were those of one file already.
                let _ = self.disk.remove(&staged);
                named?;
            }
        }
        self.make_name_safe(to)
    }

    /// Gives an object another name in place of the one that it has.
    pub(crate) fn rename(&self, from: &Path, to: &Path, over: Over) -> io::Result<()> {
        self.make_bytes_safe(from)?;
        match over {
            Over::Refuse => {
                self.within(folder(to)?, || self.disk.link(from, to))?;
                // The new name first: until it is safe the old one may be the only one.
                self.make_name_safe(to)?;
                self.disk.remove(from)?;
            }
            Over::Replace => {
                self.within(folder(to)?, || self.disk.rename(from, to))?;
                self.make_name_safe(to)?;
            }
        }
        self.disk.sync_dir(folder(from)?)
    }

    /// Removes what has become no object. That it stays is no harm: no listing shows it.
    pub(crate) fn discard(&self, staged: &Staged<D::File>) {
        let _ = self.disk.remove(&staged.path);
    }

    /// Another process, or another store, may have written an object without a sync.
    fn make_bytes_safe(&self, object: &Path) -> io::Result<()> {
        self.disk.sync_path(object)
    }

    /// After an object got its name. Whatever kind of error this is: the object is there, so that it must not read like
    /// a refusal.
    fn make_name_safe(&self, object: &Path) -> io::Result<()> {
        self.disk.sync_dir(folder(object)?).map_err(|e| {
            io::Error::other(format!("the object has its name, but its folder cannot be synced: {e}"))
        })
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
