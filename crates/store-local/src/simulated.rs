//! Writers on a disk that loses what was not synced, and that must not mind.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use object_store::MultipartUpload;
use proptest::prelude::*;

use crate::disk::Disk;
use crate::upload::Upload;
use crate::writer::{Over, Writer};
use disk::{Manners, SimulatedDisk};

/// The objects by their paths.
type Objects = BTreeMap<String, Vec<u8>>;

/// What is done to objects.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An object at a path, in two pieces.
    Put(&'static str, &'static str, Over),
    /// An upload of parts, which are awaited from the last one to the first.
    Parts(&'static str, [&'static str; 3]),
    /// The same, given up in the end.
    GivenUp(&'static str, [&'static str; 3]),
    CopyTo(&'static str, &'static str, Over),
    RenameTo(&'static str, &'static str, Over),
}

use Step::{CopyTo, GivenUp, Parts, Put, RenameTo};

/// One after the other: some objects are new, some are put over others, some are refused.
const STEPS: [Step; 19] = [
    Put("/data/t/_log/0", "first commit", Over::Refuse),
    Put("/data/t/part/a=1/f", "rows", Over::Refuse),
    Put("/data/t/_log/1", "second commit", Over::Refuse),
    Put("/data/t/_log/1", "of another writer", Over::Refuse),
    Put("/data/t/_log/last", "1", Over::Replace),
    Put("/data/t/_log/last", "2, which is longer", Over::Replace),
    Put("/data/t/part/a=2/f", "more rows", Over::Replace),
    Parts("/data/t/part/a=3/f", ["many", " more ", "rows"]),
    Parts("/data/t/part/a=2/f", ["other", " rows in", " their place"]),
    GivenUp("/data/t/part/a=3/f", ["rows", " of a load", " that failed"]),
    CopyTo("/data/t/_log/last", "/data/kept/last", Over::Refuse),
    CopyTo("/data/t/_log/0", "/data/kept/last", Over::Refuse),
    CopyTo("/data/t/_log/0", "/data/t/_log/last", Over::Replace),
    CopyTo("/data/t/_log/0", "/data/t/_log/0", Over::Replace),
    RenameTo("/data/t/part/a=1/f", "/data/moved/to/f", Over::Replace),
    RenameTo("/data/t/part/a=2/f", "/data/t/part/a=3/f", Over::Replace),
    RenameTo("/data/t/_log/1", "/data/t/_log/2", Over::Replace),
    RenameTo("/data/t/_log/2", "/data/t/_log/0", Over::Refuse),
    RenameTo("/data/t/_log/2", "/data/log/2", Over::Refuse),
];

impl Step {
    fn run(self, writer: &Arc<Writer<SimulatedDisk>>) -> io::Result<()> {
        match self {
            Put(path, text, over) => {
                let (one, two) = text.as_bytes().split_at(text.len() / 2);
                writer.put(Path::new(path), [one, two], over)
            }
            Parts(path, parts) => upload(writer, path, parts, true),
            GivenUp(path, parts) => upload(writer, path, parts, false),
            CopyTo(from, to, over) => writer.copy(Path::new(from), Path::new(to), over),
            RenameTo(from, to, over) => writer.rename(Path::new(from), Path::new(to), over),
        }
    }

    /// What the objects are when it has been done.
    fn done(self, objects: &Objects) -> Objects {
        let mut done = objects.clone();
        match self {
            Put(path, text, _) => drop(done.insert(path.to_owned(), text.as_bytes().to_vec())),
            Parts(path, parts) => drop(done.insert(path.to_owned(), parts.concat().into_bytes())),
            GivenUp(..) => {}
            CopyTo(from, to, _) => drop(done.insert(to.to_owned(), objects[from].clone())),
            RenameTo(from, to, _) => {
                let moved = done.remove(from).unwrap();
                done.insert(to.to_owned(), moved);
            }
        }
        done
    }
}

fn upload(
    writer: &Arc<Writer<SimulatedDisk>>,
    path: &str,
    parts: [&str; 3],
    complete: bool,
) -> io::Result<()> {
    let mut upload = Upload::new(writer.clone(), object_store::path::Path::from(path), path.into());
    let done = block_on(async {
        let parts = parts.map(|part| upload.put_part(part.as_bytes().to_vec().into()));
        for part in parts.into_iter().rev() {
            part.await?;
        }
        if complete { upload.complete().await.map(drop) } else { upload.abort().await }
    });
    done.map_err(io::Error::other)
}

/// Does all steps until the power fails, and says what is wrong with what is found then: each object is as it was
/// before the step that was under way or as it is after it, and nothing else is there.
fn fault(steps: &[Step], manners: Manners, luck: u64) -> Option<String> {
    let disk = SimulatedDisk::new(manners);
    let writer = Arc::new(Writer::new(disk.clone()));
    let (mut before, mut after) = (Objects::new(), Objects::new());
    let mut begun = None;
    for step in steps {
        after = step.done(&before);
        match step.run(&writer) {
            Ok(()) => before.clone_from(&after),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => after.clone_from(&before),
            Err(_) => {
                begun = Some(*step);
                break;
            }
        }
    }
    let found: Objects = disk
        .after_power_failure(luck)
        .into_iter()
        .map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes))
        // What has become no object is shown by no listing.
        .filter(|(path, _)| !path.contains('#'))
        .collect();
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).chain(found.keys()).collect();
    for path in paths {
        let (is, was, will) = (found.get(path), before.get(path), after.get(path));
        if is != was && is != will {
            let shown = [is, was, will].map(|bytes| bytes.map(|bytes| String::from_utf8_lossy(bytes)));
            let [is, was, will] = shown;
            return Some(format!(
                "{path} was {was:?}, was to be {will:?}, and {is:?} is found after {begun:?}"
            ));
        }
    }
    match begun {
        Some(RenameTo(from, to, _)) if !found.contains_key(from) && found.get(to) != after.get(to) => {
            Some(format!("{from} was to become {to}, and is neither"))
        }
        _ => None,
    }
}

/// How many operations steps are, if the power does not fail.
fn operations(steps: &[Step]) -> usize {
    let disk = SimulatedDisk::new(Manners::default());
    let writer = Arc::new(Writer::new(disk.clone()));
    for step in steps {
        match step.run(&writer) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => panic!("{step:?}: {e}"),
            _ => {}
        }
    }
    disk.state.lock().operations
}

#[test]
fn what_is_acknowledged_outlives_a_power_failure_at_every_moment() {
    // The last moment is after all is done.
    for power in 0..=operations(&STEPS) {
        for luck in 0..200 {
            let found = fault(&STEPS, Manners { power: Some(power), ..Manners::default() }, luck);
            assert_eq!(found, None, "the power fails before operation {power}, luck {luck}");
        }
    }
}

/// Puts, uploads, copies and renames are each lost by a disk that begins to ignore syncs when they begin.
#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let (put, copy, rename) = (
        Put("/a/b", "text", Over::Refuse),
        CopyTo("/a/b", "/a/c", Over::Replace),
        RenameTo("/a/b", "/d/e", Over::Replace),
    );
    let replacing = Put("/a/b", "another text", Over::Replace);
    let parts = Parts("/a/b", ["one", "two", "three"]);
    for steps in [&[put][..], &[put, replacing], &[parts], &[put, parts], &[put, copy], &[put, rename]] {
        let begin = operations(&steps[..steps.len() - 1]);
        let folders = Manners { ignores_folders: Some(begin), ..Manners::default() };
        assert!((0..200).any(|luck| fault(steps, folders, luck).is_some()), "no name is lost: {steps:?}");
        let files = Manners { ignores_files: Some(begin), ..Manners::default() };
        let is_lost = (0..200).any(|luck| fault(steps, files, luck).is_some());
        // The bytes that get another name are safe already.
        let writes = matches!(steps.last(), Some(Put(..) | Parts(..)));
        assert_eq!(is_lost, writes, "{steps:?}");
    }
}

/// What a rename does first is not for nothing.
#[test]
fn a_rename_into_a_folder_that_is_not_safe_would_lose_the_object() {
    let lost = (0..200).filter(|luck| {
        let disk = SimulatedDisk::new(Manners::default());
        Writer::new(disk.clone()).put(Path::new("/a/b"), [b"one".as_slice()], Over::Refuse).unwrap();
        disk.create_dir(Path::new("/c")).unwrap();
        disk.rename(Path::new("/a/b"), Path::new("/c/d")).unwrap();
        disk.after_power_failure(*luck).is_empty()
    });
    assert!(lost.count() > 0);
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
fn folders_that_were_removed_are_made_again() {
    for step in [
        Put("/a/b/d", "two", Over::Replace),
        CopyTo("/c", "/a/b/d", Over::Refuse),
        CopyTo("/c", "/a/b/d", Over::Replace),
        RenameTo("/c", "/a/b/d", Over::Refuse),
        RenameTo("/c", "/a/b/d", Over::Replace),
    ] {
        let disk = SimulatedDisk::new(Manners::default());
        let writer = Arc::new(Writer::new(disk.clone()));
        writer.put(Path::new("/c"), [b"two".as_slice()], Over::Replace).unwrap();
        writer.put(Path::new("/a/b/c"), [b"one".as_slice()], Over::Replace).unwrap();
        {
            let mut state = disk.state.lock();
            state.names.remove(Path::new("/a/b/c"));
            state.folders.retain(|folder| !folder.starts_with("/a"));
            state.safe_folders.retain(|folder| !folder.starts_with("/a"));
        }
        step.run(&writer).unwrap();
        assert_eq!(disk.after_power_failure(1)[Path::new("/a/b/d")], b"two", "{step:?}");
    }
}

proptest! {
    /// The same with chance in place of the list.
    #[test]
    fn no_luck_is_bad_enough(power in 0_usize..400, luck: u64) {
        prop_assert_eq!(fault(&STEPS, Manners { power: Some(power), ..Manners::default() }, luck), None);
    }
}
