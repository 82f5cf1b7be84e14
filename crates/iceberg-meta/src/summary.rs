//! The counts of a snapshot summary (specification, "Snapshots" and Appendix F).

use std::collections::{BTreeMap, HashSet};

use crate::manifest::{FileContent, IceDataFile};
use crate::value::IceValue;

/// What a commit adds and removes.
#[derive(Debug, Clone, Default)]
pub struct SummaryDelta {
    added: Counts,
    removed: Counts,
    partitions: HashSet<(i32, Vec<Option<IceValue>>)>,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    data_files: u64,
    records: u64,
    files_size: u64,
    delete_files: u64,
    position_delete_files: u64,
    equality_delete_files: u64,
    deletion_vectors: u64,
    position_deletes: u64,
    equality_deletes: u64,
}

impl Counts {
    fn add(&mut self, file: &IceDataFile) {
        self.files_size += size(file);
        match file.content {
            FileContent::Data => {
                self.data_files += 1;
                self.records += file.record_count;
            }
            FileContent::PositionDeletes => {
                self.delete_files += 1;
                self.position_deletes += file.record_count;
                if file.is_deletion_vector() {
                    self.deletion_vectors += 1;
                } else {
                    self.position_delete_files += 1;
                }
            }
            FileContent::EqualityDeletes => {
                self.delete_files += 1;
                self.equality_delete_files += 1;
                self.equality_deletes += file.record_count;
            }
        }
    }
}

/// A deletion vector counts with its own length, since its Puffin file may hold many.
fn size(file: &IceDataFile) -> u64 {
    match file.content_size_in_bytes.and_then(|v| u64::try_from(v).ok()) {
        Some(length) if file.is_deletion_vector() => length,
        _ => file.file_size,
    }
}

impl SummaryDelta {
    /// Counts a file that the commit adds, with the id of its partition spec.
    pub fn add_file(&mut self, spec_id: i32, file: &IceDataFile) {
        self.added.add(file);
        self.partitions.insert((spec_id, file.partition.clone()));
    }

    /// Counts a file that the commit removes, with the id of its partition spec.
    pub fn remove_file(&mut self, spec_id: i32, file: &IceDataFile) {
        self.removed.add(file);
        self.partitions.insert((spec_id, file.partition.clone()));
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }
}

/// The counts of the next snapshot's summary: what `delta` adds and removes, left out where zero, and the totals.
///
/// `previous` is the summary of the parent snapshot; without a parent the totals begin at zero. A total that the
/// parent does not state, or that would become negative since the parent stated a wrong one, is left out: a missing
/// total is honest, a guessed one is not.
pub fn summary_totals(
    previous: Option<&BTreeMap<String, String>>,
    delta: &SummaryDelta,
) -> BTreeMap<String, String> {
    let (added, removed) = (&delta.added, &delta.removed);
    let mut summary = BTreeMap::new();
    let changes = [
        ("added-data-files", added.data_files),
        ("deleted-data-files", removed.data_files),
        ("added-records", added.records),
        ("deleted-records", removed.records),
        ("added-files-size", added.files_size),
        ("removed-files-size", removed.files_size),
        ("added-delete-files", added.delete_files),
        ("removed-delete-files", removed.delete_files),
        ("added-position-delete-files", added.position_delete_files),
        ("removed-position-delete-files", removed.position_delete_files),
        ("added-equality-delete-files", added.equality_delete_files),
        ("removed-equality-delete-files", removed.equality_delete_files),
        ("added-dvs", added.deletion_vectors),
        ("removed-dvs", removed.deletion_vectors),
        ("added-position-deletes", added.position_deletes),
        ("removed-position-deletes", removed.position_deletes),
        ("added-equality-deletes", added.equality_deletes),
        ("removed-equality-deletes", removed.equality_deletes),
        ("changed-partition-count", delta.partitions.len() as u64),
    ];
    for (key, count) in changes {
        if count > 0 {
            summary.insert(key.to_owned(), count.to_string());
        }
    }
    let totals = [
        ("total-data-files", added.data_files, removed.data_files),
        ("total-records", added.records, removed.records),
        ("total-files-size", added.files_size, removed.files_size),
        ("total-delete-files", added.delete_files, removed.delete_files),
        ("total-position-deletes", added.position_deletes, removed.position_deletes),
        ("total-equality-deletes", added.equality_deletes, removed.equality_deletes),
    ];
    for (key, plus, minus) in totals {
        let base = match previous {
            None => Some(0u64),
            Some(previous) => previous.get(key).and_then(|v| v.parse().ok()),
        };
        let total = base.and_then(|base| base.checked_add(plus)).and_then(|sum| sum.checked_sub(minus));
        if let Some(total) = total {
            summary.insert(key.to_owned(), total.to_string());
        }
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: FileContent, records: u64, size: u64, partition: i32) -> IceDataFile {
        IceDataFile {
            content,
            record_count: records,
            file_size: size,
            format: "PARQUET".into(),
            partition: vec![Some(IceValue::Int(partition))],
            ..IceDataFile::default()
        }
    }

    fn get<'a>(summary: &'a BTreeMap<String, String>, key: &str) -> Option<&'a str> {
        summary.get(key).map(String::as_str)
    }

    #[test]
    fn totals_follow_a_table_through_its_commits() {
        let mut first = SummaryDelta::default();
        assert!(first.is_empty());
        first.add_file(0, &file(FileContent::Data, 100, 1_000, 1));
        first.add_file(0, &file(FileContent::Data, 50, 500, 2));
        let one = summary_totals(None, &first);
        assert_eq!(get(&one, "added-data-files"), Some("2"));
        assert_eq!(get(&one, "total-records"), Some("150"));
        assert_eq!(get(&one, "total-files-size"), Some("1500"));
        assert_eq!(get(&one, "total-delete-files"), Some("0"));
        assert_eq!(get(&one, "changed-partition-count"), Some("2"));
        assert_eq!(get(&one, "deleted-data-files"), None);

        let mut second = SummaryDelta::default();
        second.remove_file(0, &file(FileContent::Data, 50, 500, 2));
        second.add_file(0, &file(FileContent::EqualityDeletes, 3, 30, 1));
        second.add_file(0, &file(FileContent::PositionDeletes, 4, 40, 1));
        let mut vector = file(FileContent::PositionDeletes, 5, 9_999, 1);
        vector.format = "PUFFIN".into();
        vector.content_size_in_bytes = Some(46);
        second.add_file(0, &vector);
        let two = summary_totals(Some(&one), &second);
        assert_eq!(get(&two, "deleted-records"), Some("50"));
        assert_eq!(get(&two, "added-dvs"), Some("1"));
        assert_eq!(get(&two, "added-position-delete-files"), Some("1"));
        assert_eq!(get(&two, "added-position-deletes"), Some("9"));
        assert_eq!(get(&two, "total-data-files"), Some("1"));
        assert_eq!(get(&two, "total-delete-files"), Some("3"));
        assert_eq!(get(&two, "total-equality-deletes"), Some("3"));
        assert_eq!(get(&two, "total-files-size"), Some("1116"));
    }

    #[test]
    fn an_unknown_or_impossible_total_is_left_out() {
        let mut delta = SummaryDelta::default();
        delta.remove_file(0, &file(FileContent::Data, 50, 500, 2));
        let previous = BTreeMap::from([("total-records".to_owned(), "10".to_owned())]);
        let summary = summary_totals(Some(&previous), &delta);
        assert_eq!(get(&summary, "total-records"), None);
        assert_eq!(get(&summary, "total-data-files"), None);
        assert_eq!(get(&summary, "deleted-records"), Some("50"));
    }
}
