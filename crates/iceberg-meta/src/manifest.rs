//! Manifests: the lists of data and delete files.

mod layout;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use crate::error::{MetaError, Result};
use crate::value::IceValue;

pub use parse::{ParsedManifest, parse_manifest};
pub use write::{ManifestWrite, WrittenManifest, write_manifest};

/// The sequence number of a manifest that no manifest list holds yet: the list gives it the snapshot's.
pub const UNASSIGNED_SEQUENCE_NUMBER: i64 = -1;

/// What a manifest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ManifestContent {
    /// Data files.
    #[default]
    Data,
    /// Delete files and deletion vectors.
    Deletes,
}

impl ManifestContent {
    /// The number in manifest lists.
    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Data => 0,
            Self::Deletes => 1,
        }
    }

    /// The word in manifests.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Deletes => "deletes",
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileContent {
    /// Rows.
    #[default]
    Data,
    /// Positions of deleted rows, in a file or as a deletion vector.
    PositionDeletes,
    /// Keys of deleted rows.
    EqualityDeletes,
}

/// What a commit did with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryStatus {
    /// It was there before.
    Existing,
    /// It was added.
    Added,
    /// It was removed; the entry tells so and has no other effect.
    Deleted,
}

/// One data file, delete file or deletion vector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceDataFile {
    /// What the file holds.
    pub content: FileContent,
    /// The full location.
    pub path: String,
    /// The format: `PARQUET`, `ORC`, `AVRO` or `PUFFIN`.
    pub format: String,
    /// The partition: one value per field of the manifest's spec.
    pub partition: Vec<Option<IceValue>>,
    /// The number of rows, or of positions in a deletion vector.
    pub record_count: u64,
    /// The size of the whole file in bytes.
    pub file_size: u64,
    /// Bytes on disk by column id.
    pub column_sizes: BTreeMap<i32, u64>,
    /// Values by column id, nulls and not-a-numbers included.
    pub value_counts: BTreeMap<i32, u64>,
    /// Nulls by column id.
    pub null_value_counts: BTreeMap<i32, u64>,
    /// Not-a-numbers by column id.
    pub nan_value_counts: BTreeMap<i32, u64>,
    /// Lower bounds by column id, in single-value form; see [`IceValue::from_bytes`].
    pub lower_bounds: BTreeMap<i32, Vec<u8>>,
    /// Upper bounds by column id, in single-value form.
    pub upper_bounds: BTreeMap<i32, Vec<u8>>,
    /// Metadata of the encryption key.
    pub key_metadata: Option<Vec<u8>>,
    /// Where the file may be split, ascending.
    pub split_offsets: Option<Vec<i64>>,
    /// The key columns of an equality delete file.
    pub equality_ids: Option<Vec<i32>>,
    /// The sort order of the file.
    pub sort_order_id: Option<i32>,
    /// The row id of the first row (format version 3).
    pub first_row_id: Option<i64>,
    /// The one data file that all position deletes refer to.
    pub referenced_data_file: Option<String>,
    /// Where the deletion vector begins in the Puffin file.
    pub content_offset: Option<i64>,
    /// The length of the deletion vector in the Puffin file.
    pub content_size_in_bytes: Option<i64>,
}

impl IceDataFile {
    /// Whether this is a deletion vector.
    pub fn is_deletion_vector(&self) -> bool {
        self.content == FileContent::PositionDeletes && self.format.eq_ignore_ascii_case("puffin")
    }
}

/// One line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceManifestEntry {
    /// What the commit did.
    pub status: EntryStatus,
    /// The snapshot that added or, for a deleted entry, removed the file. Inherited from the manifest if none.
    pub snapshot_id: Option<i64>,
    /// The sequence number that deletes are compared with. Inherited by added entries if none.
    pub sequence_number: Option<i64>,
    /// The sequence number of the commit that added the file. Inherited by added entries if none.
    pub file_sequence_number: Option<i64>,
    /// The file.
    pub file: IceDataFile,
}

impl IceManifestEntry {
    /// An added file, which inherits all numbers.
    pub fn added(file: IceDataFile) -> Self {
        Self {
            status: EntryStatus::Added,
            snapshot_id: None,
            sequence_number: None,
            file_sequence_number: None,
            file,
        }
    }

    /// Whether readers see the file.
    pub fn is_live(&self) -> bool {
        self.status != EntryStatus::Deleted
    }

    /// The entry of a file that a rewritten manifest carries over.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if a number that may no longer be inherited is missing (parse the manifest with its
    /// [`ManifestInfo`]), or if the entry is deleted: such entries are not carried over.
    pub fn into_existing(mut self) -> Result<Self> {
        self.check_live()?;
        self.check_numbers()?;
        self.status = EntryStatus::Existing;
        Ok(self)
    }

    /// The entry of a file that this snapshot removes.
    ///
    /// # Errors
    /// As [`IceManifestEntry::into_existing`].
    pub fn into_deleted(mut self, snapshot_id: i64) -> Result<Self> {
        self.check_live()?;
        self.check_numbers()?;
        self.status = EntryStatus::Deleted;
        self.snapshot_id = Some(snapshot_id);
        Ok(self)
    }

    fn check_live(&self) -> Result<()> {
        if self.is_live() {
            return Ok(());
        }
        Err(MetaError::invalid(format!("the entry of {:?} is deleted already; drop it", self.file.path)))
    }

    fn check_numbers(&self) -> Result<()> {
        let missing = [
            ("snapshot id", self.snapshot_id.is_none()),
            ("sequence number", self.sequence_number.is_none()),
            ("file sequence number", self.file_sequence_number.is_none()),
        ];
        match missing.iter().find(|(_, missing)| *missing) {
            Some((what, _)) => Err(MetaError::invalid(format!(
                "the entry of {:?} has no {what} and is not newly added",
                self.file.path
            ))),
            None => Ok(()),
        }
    }
}

/// One line of a manifest list: a manifest and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestInfo {
    /// The location of the manifest.
    pub path: String,
    /// Its length in bytes.
    pub length: i64,
    /// The partition spec of its files.
    pub spec_id: i32,
    /// What it lists.
    pub content: ManifestContent,
    /// The sequence number of the commit that added it, or [`UNASSIGNED_SEQUENCE_NUMBER`].
    pub sequence_number: i64,
    /// The lowest sequence number of its live files, or [`UNASSIGNED_SEQUENCE_NUMBER`].
    pub min_sequence_number: i64,
    /// The snapshot that added it.
    pub added_snapshot_id: i64,
    /// How many entries are added.
    pub added_files_count: Option<u32>,
    /// How many entries are existing.
    pub existing_files_count: Option<u32>,
    /// How many entries are deleted.
    pub deleted_files_count: Option<u32>,
    /// How many rows the added files have.
    pub added_rows_count: Option<u64>,
    /// How many rows the existing files have.
    pub existing_rows_count: Option<u64>,
    /// How many rows the deleted files have.
    pub deleted_rows_count: Option<u64>,
    /// What the partitions of its files have in common, one per partition field.
    pub partitions: Option<Vec<PartitionSummary>>,
    /// Metadata of the encryption key.
    pub key_metadata: Option<Vec<u8>>,
    /// The row id from which its files without an own one count (format version 3).
    pub first_row_id: Option<u64>,
}

impl ManifestInfo {
    /// Fills in counts that the manifest list of an old table lacks and later format versions require.
    pub fn fill_counts(&mut self, manifest: &ParsedManifest) {
        let entries = |status| manifest.entries.iter().filter(move |e| e.status == status);
        let files = |status| u32::try_from(entries(status).count()).ok();
        let rows = |status| entries(status).try_fold(0u64, |sum, e| sum.checked_add(e.file.record_count));
        use EntryStatus::{Added, Deleted, Existing};
        self.added_files_count = self.added_files_count.or_else(|| files(Added));
        self.existing_files_count = self.existing_files_count.or_else(|| files(Existing));
        self.deleted_files_count = self.deleted_files_count.or_else(|| files(Deleted));
        self.added_rows_count = self.added_rows_count.or_else(|| rows(Added));
        self.existing_rows_count = self.existing_rows_count.or_else(|| rows(Existing));
        self.deleted_rows_count = self.deleted_rows_count.or_else(|| rows(Deleted));
    }
}

/// The range of one partition field in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartitionSummary {
    /// Whether a value is null.
    pub contains_null: bool,
    /// Whether a value is not a number; unknown if none.
    pub contains_nan: Option<bool>,
    /// The lowest value in single-value form; none if all are null or not a number.
    pub lower_bound: Option<Vec<u8>>,
    /// The highest value.
    pub upper_bound: Option<Vec<u8>>,
}
