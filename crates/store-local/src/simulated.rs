//! A disk that loses what was not synced, and writers that must not mind.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;

use crate::disk::Disk;
use crate::writer::{Over, Writer};

/// Bytes that were never written as such: what a file may hold where its blocks were not synced.
const GARBAGE: u8 = 0;

#[derive(Debug, Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    /// What is safe of it.
    safe: Vec<u8>,
}

/// A change of the names in a folder that is not safe yet.
#[derive(Debug, Clone)]
enum Change {
    Folder(PathBuf),
    Name(PathBuf, usize),
    Gone(PathBuf),
    Moved(PathBuf, PathBuf, usize),
}

#[derive(Debug, Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    safe_names: BTreeMap<PathBuf, usize>,
    safe_folders: BTreeSet<PathBuf>,
    pending: Vec<(PathBuf, Change)>,
    operations: usize,
}

/// How the disk treats its user.
#[derive(Debug, Clone, Copy, Default)]
struct Manners {
    /// The power fails before this operation.
    power: Option<usize>,
    /// Says that files are synced, and does nothing.
    ignores_files: bool,
    /// Says that folders are synced, and does nothing.
    ignores_folders: bool,
    /// Does not let this folder be synced.
    closed: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    manners: Manners,
}

impl SimulatedDisk {
    fn new(manners: Manners) -> Self {
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
    fn after_power_failure(&self, luck: u64) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut state = self.state.lock().clone();
        let mut dice = Dice(luck);
        for (_, change) in std::mem::take(&mut state.pending) {
            if dice.roll(2) == 0 {
                state.make_safe(change);
            }
        }
        let reachable =
            |path: &PathBuf| path.ancestors().skip(1).all(|folder| state.safe_folders.contains(folder));
        let files = state.safe_names.iter().filter(|(path, _)| reachable(path));
        files
            .map(|(path, inode)| {
                let Inode { bytes, safe } = &state.inodes[*inode];
                let found = match dice.roll(3) {
                    0 => safe.clone(),
                    1 => bytes[..safe.len().max(dice.roll(bytes.len() + 1))].to_vec(),
                    _ => {
                        let mut found = safe.clone();
                        found.resize(bytes.len(), GARBAGE);
                        found
                    }
                };
                (path.clone(), found)
            })
            .collect()
    }
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
            Change::Gone(path) => drop(self.safe_names.remove(&path)),
            Change::Moved(from, to, inode) => {
                self.safe_names.remove(&from);
                self.safe_names.insert(to, inode);
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
            let (held, place) = (&mut state.inodes[*file].bytes, usize::try_from(place).unwrap());
            held.resize(held.len().max(place + bytes.len()), GARBAGE);
            held[place..place + bytes.len()].copy_from_slice(bytes);
            Ok(())
        })
    }

    fn sync_file(&self, file: &usize) -> io::Result<()> {
        let ignored = self.manners.ignores_files;
        self.on(|state| {
            let inode = &mut state.inodes[*file];
            if !ignored {
                inode.safe = inode.bytes.clone();
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
            if ignored {
                return Ok(());
            }
            for (folder, change) in std::mem::take(&mut state.pending) {
                if folder == path { state.make_safe(change) } else { state.pending.push((folder, change)) }
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
            let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.change(to, Change::Moved(from.to_owned(), to.to_owned(), inode))?;
            state.names.insert(to.to_owned(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.on(|state| {
            state.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
            state.change(path, Change::Gone(path.to_owned()))
        })
    }
}

/// Objects that are written one after the other: some new, some over others, some refused.
const PUTS: [(&str, &str, Over); 7] = [
    ("/data/t/_log/0", "first commit", Over::Refuse),
    ("/data/t/part/a=1/f", "rows", Over::Refuse),
    ("/data/t/_log/1", "second commit", Over::Refuse),
    ("/data/t/_log/1", "of another writer", Over::Refuse),
    ("/data/t/_log/last", "1", Over::Replace),
    ("/data/t/_log/last", "2, which is longer", Over::Replace),
    ("/data/t/part/a=2/f", "more rows", Over::Replace),
];

/// Writes all objects until the power fails, and says what is wrong with what is found then.
fn fault(manners: Manners, luck: u64) -> Option<String> {
    let disk = SimulatedDisk::new(manners);
    let writer = Writer::new(disk.clone());
    // Each object as it was acknowledged, and as it may be besides.
    let mut acknowledged: BTreeMap<&str, &str> = BTreeMap::new();
    let mut begun = None;
    for (path, text, over) in PUTS {
        let (one, two) = text.as_bytes().split_at(text.len() / 2);
        match writer.put(Path::new(path), [one, two], over) {
            Ok(()) => drop(acknowledged.insert(path, text)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => {
                begun = Some((path, text));
                break;
            }
        }
    }
    let found = disk.after_power_failure(luck);
    for (path, text) in &acknowledged {
        let known = found.get(Path::new(path)).map(|bytes| String::from_utf8_lossy(bytes));
        let newer = begun.is_some_and(|(other, newer)| other == *path && known.as_deref() == Some(newer));
        if known.as_deref() != Some(*text) && !newer {
            return Some(format!("{path} was acknowledged with {text:?}, and {known:?} is found"));
        }
    }
    if let Some((path, text)) = begun
        && !acknowledged.contains_key(path)
        && let Some(bytes) = found.get(Path::new(path))
        && bytes != text.as_bytes()
    {
        return Some(format!("{path} is found half-written: {:?}", String::from_utf8_lossy(bytes)));
    }
    None
}

/// Every moment at which the power may fail; the last is after all is done.
fn moments() -> std::ops::RangeInclusive<usize> {
    let disk = SimulatedDisk::new(Manners::default());
    let writer = Writer::new(disk.clone());
    for (path, text, over) in PUTS {
        let _ = writer.put(Path::new(path), [text.as_bytes()], over);
    }
    // Each object is written in two pieces above.
    0..=disk.state.lock().operations + PUTS.len()
}

#[test]
fn what_is_acknowledged_outlives_a_power_failure_at_every_moment() {
    for power in moments() {
        for luck in 0..200 {
            let found = fault(Manners { power: Some(power), ..Manners::default() }, luck);
            assert_eq!(found, None, "the power fails before operation {power}, luck {luck}");
        }
    }
}

#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let files = Manners { ignores_files: true, ..Manners::default() };
    let folders = Manners { ignores_folders: true, ..Manners::default() };
    for manners in [files, folders] {
        assert!((0..200).any(|luck| fault(manners, luck).is_some()), "nothing is lost: {manners:?}");
    }
}

#[test]
fn refused_objects_stay_as_they_are() {
    let disk = SimulatedDisk::new(Manners::default());
    let writer = Writer::new(disk.clone());
    writer.put(Path::new("/a/b"), [b"one".as_slice()], Over::Refuse).unwrap();
    let refused = writer.put(Path::new("/a/b"), [b"two".as_slice()], Over::Refuse).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    let state = disk.state.lock();
    assert_eq!(state.names.keys().collect::<Vec<_>>(), [Path::new("/a/b")], "nothing else is left over");
    assert_eq!(state.inodes[state.names[Path::new("/a/b")]].bytes, b"one");
}

#[test]
fn an_object_whose_name_may_be_lost_is_neither_there_nor_refused() {
    let disk = SimulatedDisk::new(Manners { closed: Some("/a"), ..Manners::default() });
    let doubtful =
        Writer::new(disk.clone()).put(Path::new("/a/b"), [b"one".as_slice()], Over::Refuse).unwrap_err();
    assert_eq!(doubtful.kind(), io::ErrorKind::Other, "{doubtful}");
    assert!(disk.state.lock().names.contains_key(Path::new("/a/b")));
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let disk = SimulatedDisk::new(Manners::default());
    let writer = Writer::new(disk.clone());
    writer.put(Path::new("/a/b"), [b"one".as_slice()], Over::Replace).unwrap();
    {
        let mut state = disk.state.lock();
        state.names.clear();
        state.folders.remove(Path::new("/a"));
        state.safe_folders.remove(Path::new("/a"));
    }
    writer.put(Path::new("/a/c"), [b"two".as_slice()], Over::Replace).unwrap();
    assert_eq!(disk.after_power_failure(1)[Path::new("/a/c")], b"two");
}

proptest! {
    /// The same with chance in place of the list.
    #[test]
    fn no_luck_is_bad_enough(power in 0_usize..120, luck: u64) {
        prop_assert_eq!(fault(Manners { power: Some(power), ..Manners::default() }, luck), None);
    }
}
