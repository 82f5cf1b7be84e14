//! A disk that loses what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;

/// Bytes that were never written as such: what a file may hold where its blocks were not synced.
const GARBAGE: u8 = 0;

#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    pub(super) bytes: Vec<u8>,
    /// What is safe of it.
    safe: Vec<u8>,
    /// What was written since, each at its place.
    writes: Vec<(usize, Vec<u8>)>,
}

/// A change of the names in a folder that is not safe yet.
#[derive(Debug, Clone)]
enum Change {
    Folder(PathBuf),
    Name(PathBuf, usize),
    Gone(PathBuf, usize),
    /// One change, as it is on every disk with a journal: the old name is not gone before the new one is there.
    Moved(PathBuf, PathBuf, usize),
}

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) inodes: Vec<Inode>,
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) folders: BTreeSet<PathBuf>,
    safe_names: BTreeMap<PathBuf, usize>,
    pub(super) safe_folders: BTreeSet<PathBuf>,
    pending: Vec<(PathBuf, Change)>,
    pub(super) operations: usize,
}

/// How the disk treats its user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manners {
    /// The power fails before this operation.
    pub(super) power: Option<usize>,
    /// Says from this operation on that files are synced, and does nothing.
    pub(super) ignores_files: Option<usize>,
    /// Says from this operation on that folders are synced, and does nothing.
    pub(super) ignores_folders: Option<usize>,
    /// Does not let this folder be synced.
    pub(super) closed: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct SimulatedDisk {
    pub(super) state: Arc<Mutex<State>>,
    manners: Manners,
}

impl SimulatedDisk {
    pub(super) fn new(manners: Manners) -> Self {
        let root = BTreeSet::from([PathBuf::from("/")]);
        let state = State { folders: root.clone(), safe_folders: root, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), manners }
    }

    fn on<T>(&self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        if self.manners.power.is_some_and(|at| state.operations >= at) {
            return Err(io::Error::other("there is no power"));
        }
        state.operations += 1;
        work(&mut state)
    }

    /// The files that are found after the power came back: of what was not synced, `luck` says what is there.
    pub(super) fn after_power_failure(&self, luck: u64) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut state = self.state.lock().clone();
        let mut dice = Dice(luck);
        // What a change brings with it comes after the others, and may be lost as well.
        while !state.pending.is_empty() {
            let (_, change) = state.pending.remove(0);
            if dice.roll(2) == 0 {
                state.make_safe(change);
            }
        }
        let reachable =
            |path: &PathBuf| path.ancestors().skip(1).all(|folder| state.safe_folders.contains(folder));
        let files = state.safe_names.iter().filter(|(path, _)| reachable(path));
        files.map(|(path, inode)| (path.clone(), state.inodes[*inode].after(&mut dice))).collect()
    }
}

impl Inode {
    /// Each write is there, torn or lost, in any order; and the length may be that of a file whose blocks are not there.
    fn after(&self, dice: &mut Dice) -> Vec<u8> {
        let mut found = self.safe.clone();
        if dice.roll(3) == 0 {
            found.resize(self.bytes.len(), GARBAGE);
        }
        for (place, bytes) in &self.writes {
            let kept = match dice.roll(3) {
                0 => 0,
                1 => bytes.len(),
                _ => dice.roll(bytes.len() + 1),
            };
            if kept > 0 {
                put(&mut found, *place, &bytes[..kept]);
            }
        }
        found
    }
}

fn put(held: &mut Vec<u8>, place: usize, bytes: &[u8]) {
    held.resize(held.len().max(place + bytes.len()), GARBAGE);
    held[place..place + bytes.len()].copy_from_slice(bytes);
}

/// Numbers without a source of chance, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

impl State {
    fn folder_of(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = path.parent().unwrap().to_owned();
        if self.folders.contains(&folder) { Ok(folder) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn change(&mut self, path: &Path, change: Change) -> io::Result<()> {
        let folder = self.folder_of(path)?;
        self.pending.push((folder, change));
        Ok(())
    }

    fn make_safe(&mut self, change: Change) {
        match change {
            Change::Folder(path) => drop(self.safe_folders.insert(path)),
            Change::Name(path, inode) => drop(self.safe_names.insert(path, inode)),
            // Another file may have got the name since.
            Change::Gone(path, inode) => {
                if self.safe_names.get(&path) == Some(&inode) {
                    self.safe_names.remove(&path);
                }
            }
            Change::Moved(from, to, inode) => {
                self.safe_names.insert(to, inode);
                // In a folder of its own the old name is safe from coming back only when that is synced.
                let folder = from.parent().unwrap().to_owned();
                self.pending.push((folder, Change::Gone(from, inode)));
            }
        }
    }
}

impl Disk for SimulatedDisk {
    type File = usize;

    fn create_new(&self, path: &Path) -> io::Result<usize> {
        self.on(|state| {
            let inode = state.inodes.len();
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.change(path, Change::Name(path.to_owned(), inode))?;
            state.inodes.push(Inode::default());
            state.names.insert(path.to_owned(), inode);
            Ok(inode)
        })
    }

    fn write_at(&self, file: &mut usize, place: u64, bytes: &[u8]) -> io::Result<()> {
        self.on(|state| {
            let (inode, place) = (&mut state.inodes[*file], usize::try_from(place).unwrap());
            put(&mut inode.bytes, place, bytes);
            inode.writes.push((place, bytes.to_vec()));
            Ok(())
        })
    }

    fn sync_file(&self, file: &usize) -> io::Result<()> {
        let ignored = self.manners.ignores_files;
        self.on(|state| {
            let inode = &mut state.inodes[*file];
            if ignored.is_none_or(|from| state.operations < from) {
                inode.safe = inode.bytes.clone();
                inode.writes.clear();
            }
            Ok(())
        })
    }

    fn sync_path(&self, path: &Path) -> io::Result<()> {
        let inode = self.state.lock().names.get(path).copied();
        self.sync_file(&inode.ok_or(io::ErrorKind::NotFound)?)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.on(|state| {
            if state.folders.contains(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.change(path, Change::Folder(path.to_owned()))?;
            state.folders.insert(path.to_owned());
            Ok(())
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let ignored = self.manners.ignores_folders;
        if self.manners.closed.is_some_and(|closed| path == Path::new(closed)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.on(|state| {
            // A move within a folder brings a change of the same folder with it.
            while ignored.is_none_or(|from| state.operations < from)
                && let Some(n) = state.pending.iter().position(|(folder, _)| folder == path)
            {
                let (_, change) = state.pending.remove(n);
                state.make_safe(change);
            }
            Ok(())
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.on(|state| {
            if state.names.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            state.change(to, Change::Name(to.to_owned(), inode))?;
            state.names.insert(to.to_owned(), inode);
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.on(|state| {
            let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            // Two names of one file stay as they are, says POSIX.
            if state.names.get(to) == Some(&inode) {
                return Ok(());
            }
            state.change(to, Change::Moved(from.to_owned(), to.to_owned(), inode))?;
            state.names.remove(from);
            state.names.insert(to.to_owned(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.on(|state| {
            let inode = state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
            state.change(path, Change::Gone(path.to_owned(), inode))
        })
    }
}
