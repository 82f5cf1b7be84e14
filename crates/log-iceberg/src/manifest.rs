//! Reading manifests: many entries at once, and of each only what is asked for.

mod avro;
mod header;
mod kept;
mod parsed;

use bytes::Bytes;
use stitchwork_core::{Error, Result, Scalar};
use stitchwork_iceberg_meta::{EntryStatus, FileContent, ManifestContent, ManifestInfo};

use crate::part::{Part, PartKind};
use crate::partitions::Spec;
use crate::state::Shared;

pub(crate) use self::kept::{Kept, Manifest};

/// What an encoded byte of a manifest takes in memory, at most: what is reserved while one is decoded.
const EXPANSION: u64 = 4;
/// Smaller manifests are decoded where they are; the way to another thread would take longer.
const WORTH_A_THREAD: i64 = 128 << 10;

/// A count that manifests have per column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Bytes,
    Values,
    Nulls,
    Nans,
}

/// Which of its two bounds a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Lower,
    Upper,
}

/// The entries of a manifest, or of a part of it.
pub(crate) trait Rows: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;
    /// What a commit did with the file.
    fn status(&self, row: usize) -> EntryStatus;
    /// The location of the file.
    fn path(&self, row: usize) -> &str;
    /// The rows of the file.
    fn record_count(&self, row: usize) -> u64;
    /// The partition value of a field.
    fn partition(&self, row: usize, field: usize) -> Result<Scalar>;
    /// The bound of a column, in Iceberg's single-value form.
    fn bound(&self, row: usize, bound: Bound, column: i32) -> Option<&[u8]>;
    /// A count of a column.
    fn count(&self, row: usize, count: Count, column: i32) -> Option<u64>;
    /// Everything else.
    fn entry(&self, row: usize) -> Entry;
}

/// What is kept of an entry for a reader.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The snapshot that did it, the manifest's where the entry has none.
    pub(crate) snapshot_id: i64,
    /// The data sequence number, which deletes are compared with.
    pub(crate) sequence_number: i64,
    pub(crate) content: FileContent,
    pub(crate) format: String,
    pub(crate) size: u64,
    pub(crate) split_offsets: Vec<i64>,
    pub(crate) equality_ids: Vec<i32>,
    pub(crate) referenced_data_file: Option<String>,
    pub(crate) content_offset: Option<i64>,
    pub(crate) content_size: Option<i64>,
}

/// The numbers that an entry inherits from the line of its manifest in the list (Iceberg spec, "Sequence Number
/// Inheritance").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inherited {
    snapshot_id: i64,
    sequence_number: i64,
}

impl Inherited {
    fn snapshot_id(self, own: Option<i64>) -> i64 {
        own.unwrap_or(self.snapshot_id)
    }

    fn sequence_number(self, own: Option<i64>) -> i64 {
        own.unwrap_or(self.sequence_number)
    }
}

/// Whether the manifest holds live files, as far as the list knows.
pub(crate) fn has_live_files(info: &ManifestInfo) -> bool {
    info.added_files_count != Some(0) || info.existing_files_count != Some(0)
}

/// Reads the entries of a manifest, with counts and bounds of columns only if `stats`.
pub(crate) async fn read(shared: &Shared, info: &ManifestInfo, spec: &Spec, stats: bool) -> Result<Manifest> {
    if let Some(rows) = shared.kept.get(info, spec, stats) {
        return Ok(rows);
    }
    let part = Part::new(PartKind::Manifest, &info.path);
    if info.key_metadata.as_ref().is_some_and(|key| !key.is_empty()) {
        return Err(part.fail(Error::unsupported("the manifest is encrypted")));
    }
    // Who lists files may hold the rest of the budget itself, so that waiting for it could be for ever.
    let reserved = shared.budget.try_reserve(kept::decoded_bytes(info));
    let alone = match reserved {
        Some(_) => None,
        None => Some(shared.oversized.lock().await),
    };
    let bytes = part.read(&shared.files).await?;
    let length = bytes.len() as u64;
    let rows = if info.length < WORTH_A_THREAD {
        decode(bytes, info, spec, stats)
    } else {
        let (info, spec) = (info.clone(), spec.clone());
        tokio::task::spawn_blocking(move || decode(bytes, &info, &spec, stats))
            .await
            .map_err(|e| Error::unexpected("a manifest was not decoded to its end").with_source(e))?
    };
    drop((reserved, alone));
    let rows = rows.map_err(|error| {
        // Told only where it cannot be read: the lengths that some writers state are not exact.
        let error = match u64::try_from(info.length) {
            Ok(stated) if length < stated => {
                Error::new(error.kind(), "the manifest is cut off: it is shorter than its list says")
                    .with_context("length", length)
                    .with_context("list", stated)
                    .with_source(error)
            }
            _ => error,
        };
        part.fail(error)
    })?;
    let rows = Manifest::from(rows);
    shared.kept.put(info, spec, stats, &rows);
    Ok(rows)
}

fn decode(bytes: Bytes, info: &ManifestInfo, spec: &Spec, stats: bool) -> Result<Vec<Box<dyn Rows>>> {
    match avro::decode(&bytes, info, spec, stats).and_then(|rows| complete(rows, info)) {
        Ok(rows) => Ok(rows),
        Err(error) => {
            // A manifest that the fast reader does not take: the other one knows more of Avro.
            tracing::debug!(%error, manifest = info.path, "a manifest is read the slow way");
            parsed::decode(&bytes, info, spec).and_then(|rows| complete(rows, info))
        }
    }
}

/// Refuses a manifest that has lost entries: one that is cut off between two blocks looks whole otherwise.
fn complete(rows: Vec<Box<dyn Rows>>, info: &ManifestInfo) -> Result<Vec<Box<dyn Rows>>> {
    let found: usize = rows.iter().map(|rows| rows.len()).sum();
    match entry_count(info) {
        Some(counted) if (found as u64) < counted => {
            Err(Error::invalid_data("the manifest has fewer entries than its list says")
                .with_context("found", found)
                .with_context("list", counted))
        }
        _ => Ok(rows),
    }
}

/// How many entries the manifest has, as far as the list knows.
fn entry_count(info: &ManifestInfo) -> Option<u64> {
    let counts = [info.added_files_count, info.existing_files_count, info.deleted_files_count];
    counts.into_iter().try_fold(0, |sum, count| Some(sum + u64::from(count?)))
}

fn inherited(info: &ManifestInfo) -> Inherited {
    Inherited { snapshot_id: info.added_snapshot_id, sequence_number: info.sequence_number.max(0) }
}

/// What a file holds, in a manifest of this content.
fn content(code: Option<i32>, info: ManifestContent) -> FileContent {
    match (code, info) {
        (Some(1), _) | (None, ManifestContent::Deletes) => FileContent::PositionDeletes,
        (Some(2), _) => FileContent::EqualityDeletes,
        _ => FileContent::Data,
    }
}

#[cfg(test)]
mod tests;
