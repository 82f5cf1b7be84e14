//! Checkpoints: what a log amounted to at a version (Delta protocol, "Checkpoints").

mod columns;
mod object;
mod read;
mod write;

use std::collections::BTreeMap;

use object_store::ObjectMeta;
use object_store::path::Path;

pub(crate) use columns::AddRows;
pub(crate) use read::{FileRows, file_rows, read_head};
pub(crate) use write::write_checkpoint;

/// A file of a checkpoint.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) path: Path,
    pub(crate) size: u64,
}

/// A checkpoint whose files are all there.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    pub(crate) version: i64,
    /// One file, or the parts of a multi-part checkpoint.
    pub(crate) main: Vec<Part>,
    /// Whether the one main file is JSON rather than Parquet.
    pub(crate) json: bool,
    /// The files with file actions that a V2 checkpoint points to.
    pub(crate) sidecars: Vec<Part>,
}

/// What the name of a file in the log says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LogFile {
    Commit(i64),
    /// A checkpoint in one file, classic or V2.
    Checkpoint {
        version: i64,
        json: bool,
    },
    /// One part of so many.
    Part {
        version: i64,
        part: usize,
        parts: usize,
    },
}

impl LogFile {
    /// Reads a file name; `None` for files that are no part of the replay.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (version, rest) = name.split_once('.')?;
        if version.len() != 20 {
            return None;
        }
        let version = version.parse().ok().filter(|v| *v >= 0)?;
        let words: Vec<&str> = rest.split('.').collect();
        match words.as_slice() {
            ["json"] => Some(Self::Commit(version)),
            ["checkpoint", "parquet"] => Some(Self::Checkpoint { version, json: false }),
            ["checkpoint", uuid, "parquet"] if uuid.len() == 36 => {
                Some(Self::Checkpoint { version, json: false })
            }
            ["checkpoint", uuid, "json"] if uuid.len() == 36 => {
                Some(Self::Checkpoint { version, json: true })
            }
            ["checkpoint", part, parts, "parquet"] => {
                let (part, parts) = (part.parse().ok()?, parts.parse().ok()?);
                (part >= 1 && part <= parts).then_some(Self::Part { version, part, parts })
            }
            _ => None,
        }
    }
}

/// The checkpoints of a listing.
#[derive(Debug, Default)]
pub(crate) struct Found {
    whole: BTreeMap<i64, (Part, bool)>,
    /// By version and number of parts.
    parts: BTreeMap<(i64, usize), BTreeMap<usize, Part>>,
}

impl Found {
    pub(crate) fn add(&mut self, file: &LogFile, meta: &ObjectMeta) {
        let file_of = || Part { path: meta.location.clone(), size: meta.size };
        match *file {
            LogFile::Commit(_) => {}
            LogFile::Checkpoint { version, json } => {
                self.whole.insert(version, (file_of(), json));
            }
            LogFile::Part { version, part, parts } => {
                self.parts.entry((version, parts)).or_default().insert(part, file_of());
            }
        }
    }

    /// The versions with a checkpoint of which every part is there.
    pub(crate) fn versions(&self) -> impl Iterator<Item = i64> {
        let parts = self.parts.iter().filter(|((_, count), parts)| parts.len() == *count);
        self.whole.keys().copied().chain(parts.map(|((version, _), _)| *version))
    }

    /// The newest checkpoint of which every part is there.
    pub(crate) fn newest(&self) -> Option<Checkpoint> {
        let whole = self.whole.iter().next_back().map(|(version, (part, json))| Checkpoint {
            version: *version,
            main: vec![part.clone()],
            json: *json,
            sidecars: vec![],
        });
        let parts = self.parts.iter().rev().find(|((_, count), parts)| parts.len() == *count);
        let parts = parts.map(|((version, _), parts)| Checkpoint {
            version: *version,
            main: parts.values().cloned().collect(),
            json: false,
            sidecars: vec![],
        });
        match (whole, parts) {
            (Some(whole), Some(parts)) if parts.version > whole.version => Some(parts),
            (whole, parts) => whole.or(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_log() {
        let name = |rest: &str| format!("{:020}.{rest}", 7);
        let uuid = "80a083e8-7026-4e79-81be-64bd76c43a11";
        for (rest, expected) in [
            ("json".to_owned(), Some(LogFile::Commit(7))),
            ("checkpoint.parquet".to_owned(), Some(LogFile::Checkpoint { version: 7, json: false })),
            (format!("checkpoint.{uuid}.json"), Some(LogFile::Checkpoint { version: 7, json: true })),
            (
                "checkpoint.0000000002.0000000003.parquet".to_owned(),
                Some(LogFile::Part { version: 7, part: 2, parts: 3 }),
            ),
            ("checkpoint.0000000004.0000000003.parquet".to_owned(), None),
            (format!("{:020}.compacted.json", 9), None),
            ("crc".to_owned(), None),
        ] {
            assert_eq!(LogFile::parse(&name(&rest)), expected, "{rest}");
        }
        assert_eq!(LogFile::parse("_last_checkpoint"), None);
    }

    #[test]
    fn only_whole_checkpoints_count() {
        let mut found = Found::default();
        let mut add = |name: &str| {
            let meta = ObjectMeta {
                location: Path::from(name),
                last_modified: std::time::SystemTime::now().into(),
                size: 1,
                e_tag: None,
                version: None,
            };
            found.add(&LogFile::parse(name).unwrap(), &meta);
            found.newest().map(|c| (c.version, c.main.len()))
        };
        assert_eq!(add(&format!("{:020}.checkpoint.parquet", 5)), Some((5, 1)));
        assert_eq!(add(&format!("{:020}.checkpoint.0000000001.0000000002.parquet", 9)), Some((5, 1)));
        assert_eq!(add(&format!("{:020}.checkpoint.0000000002.0000000002.parquet", 9)), Some((9, 2)));
    }
}
