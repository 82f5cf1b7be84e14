//! Manifest lists: the manifests of one snapshot.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::avro::{ContainerWriter, Encoder, Header, Node, RecordView, field, optional_field, read_records};
use crate::error::{MetaError, Result};
use crate::manifest::{ManifestContent, ManifestInfo, PartitionSummary, UNASSIGNED_SEQUENCE_NUMBER};

/// What a manifest list is made of.
#[derive(Debug, Clone)]
pub struct ManifestListWrite {
    /// The format version, 2 or 3.
    pub format_version: u8,
    /// The snapshot.
    pub snapshot_id: i64,
    /// The snapshot that it was made from.
    pub parent_snapshot_id: Option<i64>,
    /// The sequence number of the snapshot.
    pub sequence_number: i64,
    /// The table's next row id (format version 3, where it is required).
    pub first_row_id: Option<u64>,
    /// The new and the carried-over manifests.
    pub manifests: Vec<ManifestInfo>,
}

/// A manifest list to be stored.
#[derive(Debug, Clone)]
pub struct WrittenManifestList {
    /// The bytes of the file.
    pub bytes: Vec<u8>,
    /// The manifests with the sequence numbers and first row ids that were assigned.
    pub manifests: Vec<ManifestInfo>,
    /// The table's next row id after the snapshot (format version 3); the snapshot's row range has as many rows as
    /// it grew by.
    pub next_row_id: Option<u64>,
}

/// Writes a manifest list as an Avro file without compression.
///
/// New manifests get the snapshot's sequence number. In format version 3, data manifests without a first row id get
/// one, also those from before the table was upgraded.
///
/// # Errors
/// [`MetaError::Unsupported`] for format version 1; [`MetaError::Invalid`] names the manifest that lacks counts, or
/// that is unnumbered but not of this snapshot.
pub fn write_manifest_list(args: ManifestListWrite) -> Result<WrittenManifestList> {
    let version = args.format_version;
    if !(2..=3).contains(&version) {
        return Err(MetaError::unsupported(format!(
            "manifest lists of format version {version} are not written; upgrade the table to version 2"
        )));
    }
    if version >= 3 && args.first_row_id.is_none() {
        return Err(MetaError::invalid("a manifest list of format version 3 needs the table's next row id"));
    }
    let optional = |v: Option<String>| v.unwrap_or_else(|| "null".to_owned());
    let mut metadata = vec![
        ("snapshot-id", args.snapshot_id.to_string()),
        ("parent-snapshot-id", optional(args.parent_snapshot_id.map(|v| v.to_string()))),
        ("sequence-number", args.sequence_number.to_string()),
        ("format-version", version.to_string()),
    ];
    if version >= 3 {
        metadata.push(("first-row-id", optional(args.first_row_id.map(|v| v.to_string()))));
    }
    let mut next_row_id = args.first_row_id.filter(|_| version >= 3);
    let mut manifests = args.manifests;
    let mut writer = ContainerWriter::new(&schema(version), &metadata);
    for manifest in &mut manifests {
        assign_sequence_number(manifest, args.snapshot_id, args.sequence_number)?;
        assign_first_row_id(manifest, &mut next_row_id)?;
        let counts = Counts::of(manifest)?;
        writer.record(|out| encode(out, manifest, &counts, version));
    }
    Ok(WrittenManifestList { bytes: writer.finish(), manifests, next_row_id })
}

fn assign_sequence_number(manifest: &mut ManifestInfo, snapshot_id: i64, number: i64) -> Result<()> {
    for slot in [&mut manifest.sequence_number, &mut manifest.min_sequence_number] {
        if *slot == UNASSIGNED_SEQUENCE_NUMBER {
            if manifest.added_snapshot_id != snapshot_id {
                return Err(MetaError::invalid(format!(
                    "manifest {:?} of snapshot {} has no sequence number and is not new",
                    manifest.path, manifest.added_snapshot_id
                )));
            }
            *slot = number;
        }
    }
    Ok(())
}

/// Gives a data manifest the next row ids: as many as it has rows that are not deleted.
fn assign_first_row_id(manifest: &mut ManifestInfo, next: &mut Option<u64>) -> Result<()> {
    let Some(first) = *next else {
        manifest.first_row_id = None;
        return Ok(());
    };
    if manifest.content == ManifestContent::Deletes {
        manifest.first_row_id = None;
    } else if manifest.first_row_id.is_none() {
        let rows = manifest.existing_rows_count.zip(manifest.added_rows_count);
        let end = rows.and_then(|(existing, added)| first.checked_add(existing)?.checked_add(added));
        *next = Some(end.filter(|end| i64::try_from(*end).is_ok()).ok_or_else(|| {
            MetaError::invalid(format!("manifest {:?} has no row counts in range", manifest.path))
        })?);
        manifest.first_row_id = Some(first);
    }
    Ok(())
}

/// The six counts as Avro longs, in the order of the file.
struct Counts([i64; 6]);

impl Counts {
    fn of(manifest: &ManifestInfo) -> Result<Self> {
        let missing = || {
            MetaError::invalid(format!(
                "manifest {:?} has no counts, which format version 2 requires; rewrite it first",
                manifest.path
            ))
        };
        let files = |count: Option<u32>| {
            let count = count.ok_or_else(missing)?;
            i32::try_from(count).map(i64::from).map_err(|_| missing())
        };
        let rows = |count: Option<u64>| count.and_then(|v| i64::try_from(v).ok()).ok_or_else(missing);
        Ok(Self([
            files(manifest.added_files_count)?,
            files(manifest.existing_files_count)?,
            files(manifest.deleted_files_count)?,
            rows(manifest.added_rows_count)?,
            rows(manifest.existing_rows_count)?,
            rows(manifest.deleted_rows_count)?,
        ]))
    }
}

fn schema(version: u8) -> Value {
    let summary = json!({
        "type": "record",
        "name": "r508",
        "fields": [
            field("contains_null", 509, json!("boolean")),
            optional_field("contains_nan", 518, json!("boolean")),
            optional_field("lower_bound", 510, json!("bytes")),
            optional_field("upper_bound", 511, json!("bytes")),
        ],
    });
    let mut fields = vec![
        field("manifest_path", 500, json!("string")),
        field("manifest_length", 501, json!("long")),
        field("partition_spec_id", 502, json!("int")),
        field("content", 517, json!("int")),
        field("sequence_number", 515, json!("long")),
        field("min_sequence_number", 516, json!("long")),
        field("added_snapshot_id", 503, json!("long")),
        field("added_files_count", 504, json!("int")),
        field("existing_files_count", 505, json!("int")),
        field("deleted_files_count", 506, json!("int")),
        field("added_rows_count", 512, json!("long")),
        field("existing_rows_count", 513, json!("long")),
        field("deleted_rows_count", 514, json!("long")),
        optional_field("partitions", 507, json!({"type": "array", "items": summary, "element-id": 508})),
        optional_field("key_metadata", 519, json!("bytes")),
    ];
    if version >= 3 {
        fields.push(optional_field("first_row_id", 520, json!("long")));
    }
    json!({"type": "record", "name": "manifest_file", "fields": fields})
}

fn encode(out: &mut Encoder, manifest: &ManifestInfo, counts: &Counts, version: u8) {
    out.string(&manifest.path);
    out.long(manifest.length);
    out.long(i64::from(manifest.spec_id));
    out.long(manifest.content.code());
    out.long(manifest.sequence_number);
    out.long(manifest.min_sequence_number);
    out.long(manifest.added_snapshot_id);
    counts.0.iter().for_each(|count| out.long(*count));
    out.optional(manifest.partitions.as_ref(), |out, partitions| {
        out.array(partitions.iter(), |out, summary| {
            out.boolean(summary.contains_null);
            out.optional(summary.contains_nan, Encoder::boolean);
            out.optional(summary.lower_bound.as_deref(), Encoder::bytes);
            out.optional(summary.upper_bound.as_deref(), Encoder::bytes);
        });
    });
    out.optional(manifest.key_metadata.as_deref(), Encoder::bytes);
    if version >= 3 {
        // Row ids were checked to be longs when they were assigned or read.
        out.optional(manifest.first_row_id.and_then(|v| i64::try_from(v).ok()), Encoder::long);
    }
}

/// Reads a manifest list of any format version.
///
/// Members that the file lacks get the values that the specification gives them: data as content, 0 as sequence numbers.
/// `table_format_version` decides what counts: version 1 knows neither deletes nor sequence numbers, and only version 3
/// knows row ids.
///
/// # Errors
/// [`MetaError::Invalid`] if the file is no manifest list, [`MetaError::Unsupported`] for a codec that is not handled.
pub fn parse_manifest_list(bytes: &[u8], table_format_version: u8) -> Result<Vec<ManifestInfo>> {
    let header = Header::read(bytes)?;
    let node = Node::from_json(&header.json("avro.schema")?.unwrap_or(Value::Null))?;
    let mut manifests = Vec::new();
    read_records(&header, &node, |record| {
        let mut manifest = info(RecordView::new(&node, &record))?;
        if table_format_version < 2 {
            manifest.content = ManifestContent::Data;
            (manifest.sequence_number, manifest.min_sequence_number) = (0, 0);
        }
        if table_format_version < 3 {
            manifest.first_row_id = None;
        }
        manifests.push(manifest);
        Ok(())
    })?;
    Ok(manifests)
}

fn info(record: RecordView<'_>) -> Result<ManifestInfo> {
    let files = |id, name: &str, old_name: &str| {
        let count = record.long(id, name).or_else(|| record.long(id, old_name));
        count.and_then(|v| u32::try_from(v).ok())
    };
    let rows = |id, name: &str| record.long(id, name).and_then(|v| u64::try_from(v).ok());
    Ok(ManifestInfo {
        path: record.required("manifest_path", record.text(500, "manifest_path"))?.to_owned(),
        length: record.required("manifest_length", record.long(501, "manifest_length"))?,
        spec_id: record.int(502, "partition_spec_id").unwrap_or(0),
        content: match record.long(517, "content") {
            None | Some(0) => ManifestContent::Data,
            Some(1) => ManifestContent::Deletes,
            Some(other) => return Err(MetaError::invalid(format!("the content of a manifest is {other}"))),
        },
        sequence_number: record.long(515, "sequence_number").unwrap_or(0),
        min_sequence_number: record.long(516, "min_sequence_number").unwrap_or(0),
        added_snapshot_id: record.required("added_snapshot_id", record.long(503, "added_snapshot_id"))?,
        added_files_count: files(504, "added_files_count", "added_data_files_count"),
        existing_files_count: files(505, "existing_files_count", "existing_data_files_count"),
        deleted_files_count: files(506, "deleted_files_count", "deleted_data_files_count"),
        added_rows_count: rows(512, "added_rows_count"),
        existing_rows_count: rows(513, "existing_rows_count"),
        deleted_rows_count: rows(514, "deleted_rows_count"),
        partitions: record
            .array_with_node(507, "partitions")
            .map(|(node, items)| items.iter().map(|item| summary(RecordView::new(node, item))).collect()),
        key_metadata: record.bytes(519, "key_metadata").map(<[u8]>::to_vec),
        first_row_id: rows(520, "first_row_id"),
    })
}

fn summary(record: RecordView<'_>) -> PartitionSummary {
    PartitionSummary {
        // Without a statement, a null must be expected.
        contains_null: record.boolean(509, "contains_null").unwrap_or(true),
        contains_nan: record.boolean(518, "contains_nan"),
        lower_bound: record.bytes(510, "lower_bound").map(<[u8]>::to_vec),
        upper_bound: record.bytes(511, "upper_bound").map(<[u8]>::to_vec),
    }
}
