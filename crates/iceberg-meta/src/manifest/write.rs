//! Writing a manifest.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::layout::{encode_partition_value, entry_schema};
use super::{
    EntryStatus, FileContent, IceManifestEntry, ManifestContent, ManifestInfo, PartitionSummary,
    UNASSIGNED_SEQUENCE_NUMBER,
};
use crate::avro::{ContainerWriter, Encoder};
use crate::error::{MetaError, Result};
use crate::partition::IceSpec;
use crate::schema::IceSchema;
use crate::transform::IceTransform;
use crate::types::IceType;
use crate::value::IceValue;

/// What a manifest is made of.
#[derive(Debug, Clone, Copy)]
pub struct ManifestWrite<'a> {
    /// Where the caller will store the manifest; it is only named in [`ManifestInfo`].
    pub path: &'a str,
    /// The format version, 2 or 3.
    pub format_version: u8,
    /// What the manifest lists.
    pub content: ManifestContent,
    /// The snapshot that adds the manifest, and its added entries.
    pub snapshot_id: i64,
    /// The current schema.
    pub schema: &'a IceSchema,
    /// The partition spec of all its files.
    pub spec: &'a IceSpec,
    /// The entries.
    pub entries: &'a [IceManifestEntry],
}

/// A manifest to be stored, and its line in the manifest list.
#[derive(Debug, Clone)]
pub struct WrittenManifest {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// The line of the manifest list, without sequence numbers and first row id, which the list assigns.
    pub info: ManifestInfo,
}

/// Writes a manifest as an Avro file without compression.
///
/// # Errors
/// [`MetaError::Unsupported`] for format version 1 and unknown transforms; [`MetaError::Invalid`] names the file that
/// does not fit: wrong content, partition values, deletion vector or missing numbers.
pub fn write_manifest(args: ManifestWrite<'_>) -> Result<WrittenManifest> {
    if !(2..=3).contains(&args.format_version) {
        return Err(MetaError::unsupported(format!(
            "manifests of format version {} are not written; upgrade the table to version 2",
            args.format_version
        )));
    }
    let unknown = args.spec.fields.iter().find(|f| matches!(f.transform, IceTransform::Unknown(_)));
    if let Some(field) = unknown {
        return Err(MetaError::unsupported(format!(
            "partition field {:?} has the unknown transform {:?}; its table can be read but not written",
            field.name,
            field.transform.to_string()
        )));
    }
    let types = args.spec.partition_types(args.schema)?;
    let fields: Vec<_> = args.spec.fields.iter().zip(types.iter().cloned()).collect();
    let metadata = [
        ("schema", args.schema.to_json().to_string()),
        ("schema-id", args.schema.id.to_string()),
        ("partition-spec", args.spec.fields_to_json().to_string()),
        ("partition-spec-id", args.spec.id.to_string()),
        ("format-version", args.format_version.to_string()),
        ("content", args.content.word().to_owned()),
    ];
    let mut writer = ContainerWriter::new(&entry_schema(args.format_version, &fields), &metadata);
    let mut tally = Tally::new(types.len());
    for entry in args.entries {
        check(&args, &types, entry)?;
        tally.count(entry)?;
        let mut result = Ok(());
        writer.record(|out| result = encode(out, &args, &types, entry));
        result?;
    }
    let bytes = writer.finish();
    let length = i64::try_from(bytes.len()).map_err(|_| MetaError::invalid("the manifest is too long"))?;
    Ok(WrittenManifest { info: tally.into_info(&args, length), bytes })
}

fn check(args: &ManifestWrite<'_>, types: &[IceType], entry: &IceManifestEntry) -> Result<()> {
    let file = &entry.file;
    let wrong = |what: &str| Err(MetaError::invalid(format!("file {:?} {what}", file.path)));
    if (file.content == FileContent::Data) != (args.content == ManifestContent::Data) {
        return wrong("is in the wrong kind of manifest");
    }
    if file.partition.len() != types.len() {
        return wrong("has another number of partition values than the spec has fields");
    }
    if !file.partition.iter().zip(types).all(|(value, ty)| value.as_ref().is_none_or(|v| v.fits(ty))) {
        return wrong("has a partition value of another type than the spec's field");
    }
    if entry.status != EntryStatus::Added {
        entry.check_numbers()?;
    }
    if file.content == FileContent::EqualityDeletes && file.equality_ids.as_ref().is_none_or(Vec::is_empty) {
        return wrong("deletes by equality of no column");
    }
    if file.is_deletion_vector() {
        if args.format_version < 3 {
            return wrong("is a deletion vector, which needs format version 3");
        }
        let located = file.content_offset.is_some() && file.content_size_in_bytes.is_some();
        if !located || file.referenced_data_file.is_none() {
            return wrong("is a deletion vector without its data file, offset or length");
        }
    } else if file.content == FileContent::PositionDeletes
        && args.format_version >= 3
        && entry.status == EntryStatus::Added
    {
        return wrong("is a position delete file, which format version 3 replaces by deletion vectors");
    }
    if let Some(first) = file.first_row_id
        && (first < 0 || args.format_version < 3)
    {
        return wrong("has a first row id, which needs format version 3");
    }
    Ok(())
}

fn encode(
    out: &mut Encoder,
    args: &ManifestWrite<'_>,
    types: &[IceType],
    entry: &IceManifestEntry,
) -> Result<()> {
    let file = &entry.file;
    let added = entry.status == EntryStatus::Added;
    out.long(match entry.status {
        EntryStatus::Existing => 0,
        EntryStatus::Added => 1,
        EntryStatus::Deleted => 2,
    });
    out.optional(entry.snapshot_id.or(added.then_some(args.snapshot_id)), Encoder::long);
    out.optional(entry.sequence_number.filter(|n| *n >= 0), Encoder::long);
    // The file sequence number of an added file is that of its commit, hence always inherited.
    out.optional(entry.file_sequence_number.filter(|_| !added), Encoder::long);
    out.long(match file.content {
        FileContent::Data => 0,
        FileContent::PositionDeletes => 1,
        FileContent::EqualityDeletes => 2,
    });
    out.string(&file.path);
    out.string(&file.format.to_ascii_uppercase());
    for (value, ty) in file.partition.iter().zip(types) {
        let mut result = Ok(());
        out.optional(value.as_ref(), |out, value| result = encode_partition_value(out, value, ty));
        result?;
    }
    out.long(long(file.record_count)?);
    out.long(long(file.file_size)?);
    for counts in [&file.column_sizes, &file.value_counts, &file.null_value_counts, &file.nan_value_counts] {
        let counts = counts.iter().map(|(id, count)| Ok((*id, long(*count)?))).collect::<Result<Vec<_>>>()?;
        out.optional((!counts.is_empty()).then_some(counts), |out, counts| {
            out.array(counts.into_iter(), |out, (id, count)| {
                out.long(i64::from(id));
                out.long(count);
            });
        });
    }
    bounds(out, &file.lower_bounds);
    bounds(out, &file.upper_bounds);
    out.optional(file.key_metadata.as_deref(), Encoder::bytes);
    out.optional(file.split_offsets.as_ref(), |out, offsets| {
        out.array(offsets.iter(), |out, offset| out.long(*offset));
    });
    out.optional(file.equality_ids.as_ref(), |out, ids| {
        out.array(ids.iter(), |out, id| out.long(i64::from(*id)));
    });
    out.optional(file.sort_order_id.map(i64::from), Encoder::long);
    if args.format_version >= 3 {
        out.optional(file.first_row_id, Encoder::long);
    }
    out.optional(file.referenced_data_file.as_deref(), Encoder::string);
    if args.format_version >= 3 {
        out.optional(file.content_offset, Encoder::long);
        out.optional(file.content_size_in_bytes, Encoder::long);
    }
    Ok(())
}

fn bounds(out: &mut Encoder, bounds: &BTreeMap<i32, Vec<u8>>) {
    out.optional((!bounds.is_empty()).then_some(bounds), |out, bounds| {
        out.array(bounds.iter(), |out, (id, bound)| {
            out.long(i64::from(*id));
            out.bytes(bound);
        });
    });
}

fn long(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| MetaError::invalid(format!("the count {value} is out of range")))
}

/// The counts and ranges of a manifest.
#[derive(Debug)]
struct Tally {
    files: [u32; 3],
    rows: [u64; 3],
    min_sequence_number: Option<i64>,
    partitions: Vec<Range>,
}

#[derive(Debug, Default)]
struct Range {
    contains_null: bool,
    contains_nan: bool,
    bounds: Option<(IceValue, IceValue)>,
}

impl Tally {
    fn new(partition_fields: usize) -> Self {
        Self {
            files: [0; 3],
            rows: [0; 3],
            min_sequence_number: None,
            partitions: (0..partition_fields).map(|_| Range::default()).collect(),
        }
    }

    fn count(&mut self, entry: &IceManifestEntry) -> Result<()> {
        let index = entry.status as usize;
        if let (Some(files), Some(rows)) = (self.files.get_mut(index), self.rows.get_mut(index)) {
            let overflow = || MetaError::invalid("the manifest's counts are out of range");
            *files = files.checked_add(1).ok_or_else(overflow)?;
            *rows = rows.checked_add(entry.file.record_count).ok_or_else(overflow)?;
        }
        if let (true, Some(number)) = (entry.is_live(), entry.sequence_number.filter(|n| *n >= 0)) {
            self.min_sequence_number = Some(self.min_sequence_number.map_or(number, |n| n.min(number)));
        }
        self.partitions
            .iter_mut()
            .zip(&entry.file.partition)
            .for_each(|(range, value)| range.add(value.as_ref()));
        Ok(())
    }

    fn into_info(self, args: &ManifestWrite<'_>, length: i64) -> ManifestInfo {
        let [existing_files, added_files, deleted_files] = self.files;
        let [existing_rows, added_rows, deleted_rows] = self.rows;
        ManifestInfo {
            path: args.path.to_owned(),
            length,
            spec_id: args.spec.id,
            content: args.content,
            sequence_number: UNASSIGNED_SEQUENCE_NUMBER,
            min_sequence_number: self.min_sequence_number.unwrap_or(UNASSIGNED_SEQUENCE_NUMBER),
            added_snapshot_id: args.snapshot_id,
            added_files_count: Some(added_files),
            existing_files_count: Some(existing_files),
            deleted_files_count: Some(deleted_files),
            added_rows_count: Some(added_rows),
            existing_rows_count: Some(existing_rows),
            deleted_rows_count: Some(deleted_rows),
            partitions: Some(self.partitions.into_iter().map(Range::into_summary).collect()),
            key_metadata: None,
            first_row_id: None,
        }
    }
}

impl Range {
    fn add(&mut self, value: Option<&IceValue>) {
        match value {
            None => self.contains_null = true,
            Some(value) if value.is_nan() => self.contains_nan = true,
            Some(value) => match &mut self.bounds {
                None => self.bounds = Some((value.clone(), value.clone())),
                Some((low, high)) => {
                    if value.compare(low) == Some(Ordering::Less) {
                        *low = value.clone();
                    }
                    if value.compare(high) == Some(Ordering::Greater) {
                        *high = value.clone();
                    }
                }
            },
        }
    }

    fn into_summary(self) -> PartitionSummary {
        let (lower_bound, upper_bound) =
            self.bounds.map(|(low, high)| (low.to_bytes(), high.to_bytes())).unzip();
        PartitionSummary {
            contains_null: self.contains_null,
            contains_nan: Some(self.contains_nan),
            lower_bound,
            upper_bound,
        }
    }
}
