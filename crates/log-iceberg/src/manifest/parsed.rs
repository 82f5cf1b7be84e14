//! The thorough way: a manifest as the metadata crate reads it.

use stitchwork_core::{Error, Result, Scalar};
use stitchwork_iceberg_meta::{EntryStatus, IceManifestEntry, ManifestInfo, parse_manifest};

use super::{Bound, Count, Entry, Inherited, Rows, inherited};
use crate::error;
use crate::partitions::Spec;

pub(super) fn decode(bytes: &[u8], info: &ManifestInfo, spec: &Spec) -> Result<Vec<Box<dyn Rows>>> {
    let manifest = parse_manifest(bytes, Some(info)).map_err(error::meta)?;
    let partitions =
        manifest.entries.iter().map(|e| spec.scalars(&e.file.partition)).collect::<Result<Vec<_>>>()?;
    Ok(vec![Box::new(ParsedRows { inherited: inherited(info), entries: manifest.entries, partitions })])
}

struct ParsedRows {
    inherited: Inherited,
    entries: Vec<IceManifestEntry>,
    partitions: Vec<Vec<Scalar>>,
}

impl ParsedRows {
    fn at(&self, row: usize) -> Option<&IceManifestEntry> {
        self.entries.get(row)
    }
}

impl Rows for ParsedRows {
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn status(&self, row: usize) -> EntryStatus {
        self.at(row).map_or(EntryStatus::Deleted, |entry| entry.status)
    }

    fn path(&self, row: usize) -> &str {
        self.at(row).map_or("", |entry| entry.file.path.as_str())
    }

    fn record_count(&self, row: usize) -> u64 {
        self.at(row).map_or(0, |entry| entry.file.record_count)
    }

    fn partition(&self, row: usize, field: usize) -> Result<Scalar> {
        self.partitions
            .get(row)
            .and_then(|values| values.get(field))
            .cloned()
            .ok_or_else(|| Error::unexpected("the partition has no such field").with_context("field", field))
    }

    fn bound(&self, row: usize, bound: Bound, column: i32) -> Option<&[u8]> {
        let file = &self.at(row)?.file;
        let bounds = match bound {
            Bound::Lower => &file.lower_bounds,
            Bound::Upper => &file.upper_bounds,
        };
        bounds.get(&column).map(Vec::as_slice)
    }

    fn count(&self, row: usize, count: Count, column: i32) -> Option<u64> {
        let file = &self.at(row)?.file;
        let counts = match count {
            Count::Bytes => &file.column_sizes,
            Count::Values => &file.value_counts,
            Count::Nulls => &file.null_value_counts,
            Count::Nans => &file.nan_value_counts,
        };
        counts.get(&column).copied()
    }

    fn entry(&self, row: usize) -> Entry {
        let entry = self.at(row);
        let file = entry.map(|entry| &entry.file);
        Entry {
            snapshot_id: self.inherited.snapshot_id(entry.and_then(|e| e.snapshot_id)),
            sequence_number: self.inherited.sequence_number(entry.and_then(|e| e.sequence_number)),
            content: file.map(|f| f.content).unwrap_or_default(),
            format: file.map(|f| f.format.to_ascii_lowercase()).unwrap_or_default(),
            size: file.map_or(0, |f| f.file_size),
            split_offsets: file.and_then(|f| f.split_offsets.clone()).unwrap_or_default(),
            equality_ids: file.and_then(|f| f.equality_ids.clone()).unwrap_or_default(),
            referenced_data_file: file.and_then(|f| f.referenced_data_file.clone()),
            content_offset: file.and_then(|f| f.content_offset),
            content_size: file.and_then(|f| f.content_size_in_bytes),
        }
    }
}
