//! Reading a manifest.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EntryStatus, FileContent, IceDataFile, IceManifestEntry, ManifestContent, ManifestInfo};
use crate::avro::{Avro, Header, Node, RecordView, read_records};
use crate::error::{MetaError, Result};
use crate::partition::{IceSpec, IceSpecField};
use crate::transform::IceTransform;
use crate::value::{IceValue, from_be_bytes};

/// A manifest as it is stored, with the numbers inherited from its manifest list if that was given.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedManifest {
    /// The format version that it was written for.
    pub format_version: u8,
    /// What it lists.
    pub content: ManifestContent,
    /// The schema that was current when it was written, if the file says so.
    pub schema_id: Option<i32>,
    /// The partition spec of all its files, as the file states it.
    pub spec: IceSpec,
    /// The entries, in their order, deleted ones included.
    pub entries: Vec<IceManifestEntry>,
}

/// Reads a whole manifest of any format version.
///
/// With `info`, the manifest's line in the manifest list, the snapshot id, the sequence numbers and the first row ids
/// are inherited as the specification says ("Sequence Number Inheritance", "First Row ID Inheritance"). Partition
/// values have the type that was stored, which may be narrower than the column's type today: see
/// [`IceValue::promote`]. Bounds are bytes as stored, whatever their columns became.
///
/// # Errors
/// [`MetaError::Invalid`] if the file is no manifest, [`MetaError::Unsupported`] for a codec or partition type that is
/// not handled.
pub fn parse_manifest(bytes: &[u8], info: Option<&ManifestInfo>) -> Result<ParsedManifest> {
    let header = Header::read(bytes)?;
    let node = Node::from_json(&header.json("avro.schema")?.unwrap_or(Value::Null))?;
    let file_fields = field(&node, 2, "data_file").map_or(&[][..], Node::fields);
    let partition_node =
        file_fields.iter().find(|f| f.id == Some(102) || f.name == "partition").map(|f| &f.node);
    let partition_node = partition_node
        .ok_or_else(|| MetaError::invalid("the file has no partitions, so it is no manifest"))?;

    let format_version = match header.number("format-version")? {
        Some(version) => u8::try_from(version)
            .map_err(|_| MetaError::invalid(format!("the manifest's format version is {version}")))?,
        // Some writers leave the header empty; version 1 has no content field.
        None => 1 + u8::from(file_fields.iter().any(|f| f.name == "content")),
    };
    let content = match header.text("content") {
        None => info.map_or(ManifestContent::Data, |i| i.content),
        Some("data") => ManifestContent::Data,
        Some("deletes") => ManifestContent::Deletes,
        Some(other) => return Err(MetaError::invalid(format!("the manifest's content is {other:?}"))),
    };
    let stated = header.json("schema")?.and_then(|s| s.get("schema-id")?.as_i64());
    let schema_id = header.number("schema-id")?.or(stated).and_then(|id| i32::try_from(id).ok());
    let spec_id = header.number("partition-spec-id")?.and_then(|id| i32::try_from(id).ok());
    let spec = IceSpec {
        id: spec_id.unwrap_or_else(|| info.map_or(0, |i| i.spec_id)),
        fields: match header.json("partition-spec")? {
            Some(fields) => IceSpec::fields_from_json(&fields)?,
            None => unknown_spec(partition_node)?,
        },
    };
    let types = header.json("avro.schema")?.unwrap_or(Value::Null);
    let meanings = Meanings::read(&types, &spec.fields);

    let mut entries = Vec::new();
    read_records(&header, &node, |record| {
        entries.push(entry(RecordView::new(&node, &record), &spec.fields, &meanings)?);
        Ok(())
    })?;
    if let Some(info) = info {
        inherit(&mut entries, info)?;
    }
    Ok(ParsedManifest { format_version, content, schema_id, spec, entries })
}

/// Fills in what the entries leave to the manifest list.
fn inherit(entries: &mut [IceManifestEntry], info: &ManifestInfo) -> Result<()> {
    let mut next_row_id = info.first_row_id.filter(|_| info.content == ManifestContent::Data);
    for entry in entries {
        entry.snapshot_id = entry.snapshot_id.or(Some(info.added_snapshot_id));
        // Files from before format version 2 have the number 0, whatever their status.
        if entry.status == EntryStatus::Added || info.sequence_number == 0 {
            let number = Some(info.sequence_number);
            entry.sequence_number = entry.sequence_number.or(number);
            entry.file_sequence_number = entry.file_sequence_number.or(number);
        }
        if let (Some(next), None, true) = (next_row_id, entry.file.first_row_id, entry.is_live()) {
            let overflow = || MetaError::invalid("the manifest's row ids are out of range");
            entry.file.first_row_id = Some(i64::try_from(next).map_err(|_| overflow())?);
            next_row_id = Some(next.checked_add(entry.file.record_count).ok_or_else(overflow)?);
        }
    }
    Ok(())
}

fn field<'a>(node: &'a Node, id: i64, name: &str) -> Option<&'a Node> {
    node.fields().iter().find(|f| f.id == Some(id) || f.name == name).map(|f| &f.node)
}

/// The partition fields of a file that does not state its spec: their transforms stay unknown.
fn unknown_spec(partition: &Node) -> Result<Vec<IceSpecField>> {
    let fields = partition.fields().iter().zip(1_000..);
    fields
        .map(|(field, default_id)| {
            let id = field.id.unwrap_or(default_id);
            Ok(IceSpecField {
                source_id: 0,
                field_id: i32::try_from(id).map_err(|_| {
                    MetaError::invalid(format!("the partition value {:?} has the id {id}", field.name))
                })?,
                name: field.name.clone(),
                transform: IceTransform::Unknown("unknown".to_owned()),
            })
        })
        .collect()
}

/// What a stored partition value is, beyond its Avro type.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Plain,
    Int,
    Date,
    Time,
    Timestamp,
    TimestampNs,
    Text,
    Uuid,
    Fixed,
    Decimal(u32),
}

/// The meaning of each partition value, in the order of the spec, and its name in the file.
struct Meanings(Vec<(String, Meaning)>);

impl Meanings {
    /// Reads the logical types of the partition record.
    fn read(avro: &Value, spec: &[IceSpecField]) -> Self {
        let partition = child(avro, 2, "data_file").and_then(|file| child(file, 102, "partition"));
        let fields = partition.and_then(|p| p.get("fields")?.as_array()).map_or(&[][..], Vec::as_slice);
        let meaning = |(index, spec): (usize, &IceSpecField)| {
            let id = Value::from(spec.field_id);
            let field = fields.iter().find(|f| f.get("field-id") == Some(&id)).or_else(|| fields.get(index));
            let name = field.and_then(|f| f.get("name")?.as_str()).unwrap_or(&spec.name);
            let ty = field.and_then(|f| f.get("type")).map(not_null);
            (name.to_owned(), ty.map_or(Meaning::Plain, |ty| Meaning::of(ty, spec)))
        };
        Self(spec.iter().enumerate().map(meaning).collect())
    }
}

/// The type of the record field with this id or name, without the union with null.
fn child<'a>(record: &'a Value, id: i64, name: &str) -> Option<&'a Value> {
    let matches = |field: &&Value| field["field-id"] == id || field["name"] == name;
    record.get("fields")?.as_array()?.iter().find(matches)?.get("type").map(not_null)
}

fn not_null(ty: &Value) -> &Value {
    match ty.as_array() {
        Some(branches) => branches.iter().find(|b| *b != "null").unwrap_or(ty),
        None => ty,
    }
}

impl Meaning {
    fn of(ty: &Value, spec: &IceSpecField) -> Self {
        let base = ty.as_str().or_else(|| ty.get("type")?.as_str()).unwrap_or_default();
        let scale = ty.get("scale").and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        match (ty.get("logicalType").and_then(Value::as_str), base) {
            (Some("date"), "int") => Self::Date,
            (Some("time-micros"), "long") => Self::Time,
            (Some("timestamp-micros" | "local-timestamp-micros"), "long") => Self::Timestamp,
            (Some("timestamp-nanos" | "local-timestamp-nanos"), "long") => Self::TimestampNs,
            (Some("uuid"), "fixed") => Self::Uuid,
            (Some("decimal"), "fixed" | "bytes") => Self::Decimal(scale),
            (_, "fixed") => Self::Fixed,
            (_, "string") => Self::Text,
            // Days are dates by the specification, but some writers store them as plain integers.
            (_, "int") if spec.transform == IceTransform::Day => Self::Date,
            (_, "int") => Self::Int,
            _ => Self::Plain,
        }
    }

    /// The partition value; none if the stored value does not fit.
    fn value(self, stored: &Avro) -> Option<IceValue> {
        Some(match (stored, self) {
            (Avro::Boolean(v), Self::Plain) => IceValue::Boolean(*v),
            (Avro::Float(v), Self::Plain) => IceValue::Float(*v),
            (Avro::Double(v), Self::Plain) => IceValue::Double(*v),
            (Avro::Long(v), Self::Plain) => IceValue::Long(*v),
            (Avro::Long(v), Self::Int) => IceValue::Int(i32::try_from(*v).ok()?),
            (Avro::Long(v), Self::Date) => IceValue::Date(i32::try_from(*v).ok()?),
            (Avro::Long(v), Self::Time) => IceValue::Time(*v),
            (Avro::Long(v), Self::Timestamp) => IceValue::Timestamp(*v),
            (Avro::Long(v), Self::TimestampNs) => IceValue::TimestampNs(*v),
            (Avro::Bytes(v), Self::Text) => IceValue::String(String::from_utf8(v.clone()).ok()?),
            (Avro::Bytes(v), Self::Plain) => IceValue::Binary(v.clone()),
            (Avro::Bytes(v), Self::Fixed) => IceValue::Fixed(v.clone()),
            (Avro::Bytes(v), Self::Uuid) => IceValue::Uuid(v.as_slice().try_into().ok()?),
            (Avro::Bytes(v), Self::Decimal(scale)) => {
                IceValue::Decimal { unscaled: from_be_bytes(v)?, scale }
            }
            _ => return None,
        })
    }
}

fn entry(record: RecordView<'_>, spec: &[IceSpecField], meanings: &Meanings) -> Result<IceManifestEntry> {
    let status = match record.required("status", record.long(0, "status"))? {
        0 => EntryStatus::Existing,
        1 => EntryStatus::Added,
        2 => EntryStatus::Deleted,
        other => return Err(MetaError::invalid(format!("the status of a manifest entry is {other}"))),
    };
    Ok(IceManifestEntry {
        status,
        snapshot_id: record.long(1, "snapshot_id"),
        sequence_number: record.long(3, "sequence_number"),
        file_sequence_number: record.long(4, "file_sequence_number"),
        file: file(record.record(2, "data_file"), spec, meanings)?,
    })
}

fn file(record: RecordView<'_>, spec: &[IceSpecField], meanings: &Meanings) -> Result<IceDataFile> {
    let content = match record.long(134, "content") {
        None | Some(0) => FileContent::Data,
        Some(1) => FileContent::PositionDeletes,
        Some(2) => FileContent::EqualityDeletes,
        Some(other) => return Err(MetaError::invalid(format!("the content of a file is {other}"))),
    };
    let path = record.required("file_path", record.text(100, "file_path"))?;
    let count = |id, name| {
        let count = record.long(id, name).and_then(|v| u64::try_from(v).ok());
        record.required(name, count)
    };
    let stored = record.record(102, "partition");
    let partition = spec.iter().zip(&meanings.0).map(|(field, (name, meaning))| {
        match stored.get(field.field_id.into(), name) {
            Avro::Null => Ok(None),
            value => meaning.value(value).map(Some).ok_or_else(|| {
                MetaError::unsupported(format!(
                    "the partition value {:?} of {path:?} does not fit",
                    field.name
                ))
            }),
        }
    });
    Ok(IceDataFile {
        content,
        path: path.to_owned(),
        format: record.required("file_format", record.text(101, "file_format"))?.to_ascii_uppercase(),
        partition: partition.collect::<Result<_>>()?,
        record_count: count(103, "record_count")?,
        file_size: count(104, "file_size_in_bytes")?,
        column_sizes: counts(record.array(108, "column_sizes")),
        value_counts: counts(record.array(109, "value_counts")),
        null_value_counts: counts(record.array(110, "null_value_counts")),
        nan_value_counts: counts(record.array(137, "nan_value_counts")),
        lower_bounds: bounds(record.array(125, "lower_bounds")),
        upper_bounds: bounds(record.array(128, "upper_bounds")),
        key_metadata: record.bytes(131, "key_metadata").map(<[u8]>::to_vec),
        split_offsets: record.array(132, "split_offsets").map(|v| v.iter().filter_map(long).collect()),
        equality_ids: record.array(135, "equality_ids").map(|ids| equality_ids(ids, path)).transpose()?,
        sort_order_id: record.int(140, "sort_order_id"),
        first_row_id: record.long(142, "first_row_id"),
        referenced_data_file: record.text(143, "referenced_data_file").map(str::to_owned),
        content_offset: record.long(144, "content_offset"),
        content_size_in_bytes: record.long(145, "content_size_in_bytes"),
    })
}

/// Ids that say which rows are deleted: one that is none cannot be left out.
fn equality_ids(ids: &[Avro], path: &str) -> Result<Vec<i32>> {
    let wrong = || MetaError::invalid(format!("the equality_ids of {path:?} are no field ids"));
    ids.iter().map(|id| int(id).ok_or_else(wrong)).collect()
}

fn long(value: &Avro) -> Option<i64> {
    match value {
        Avro::Long(v) => Some(*v),
        _ => None,
    }
}

fn int(value: &Avro) -> Option<i32> {
    long(value).and_then(|v| i32::try_from(v).ok())
}

/// A map by column id is stored as an array of records of a key and a value.
fn pair(item: &Avro) -> Option<(i32, &Avro)> {
    match item {
        Avro::Record(members) => match members.as_slice() {
            [key, value] => Some((int(key)?, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Counts by column id; a negative count says nothing and is left out.
fn counts(items: Option<&[Avro]>) -> BTreeMap<i32, u64> {
    let pairs = items.into_iter().flatten().filter_map(pair);
    pairs.filter_map(|(id, count)| Some((id, u64::try_from(long(count)?).ok()?))).collect()
}

fn bounds(items: Option<&[Avro]>) -> BTreeMap<i32, Vec<u8>> {
    let pairs = items.into_iter().flatten().filter_map(pair);
    let bytes = |(id, bound): (i32, &Avro)| match bound {
        Avro::Bytes(bytes) => Some((id, bytes.clone())),
        _ => None,
    };
    pairs.filter_map(bytes).collect()
}
