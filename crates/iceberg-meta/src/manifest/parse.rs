//! Reading a manifest.
//!
//! The library decodes the Avro file, but with the schema and the partition spec in the file's header it would fail
//! on a type, a transform or a promoted bound that it does not know, and would take the values of a column whose name
//! Avro does not allow for null. So it is given a header in which every column is bytes and every partition field
//! is an identity of a column of the Avro type; what the values mean is decided here.

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::PrimitiveLiteral;
use iceberg::spec::{DataContentType, DataFile, Datum, Literal, Manifest, ManifestEntry, ManifestStatus};
use serde_json::{Value, json};

use super::{EntryStatus, FileContent, IceDataFile, IceManifestEntry, ManifestContent, ManifestInfo};
use crate::avro::Header;
use crate::error::{MetaError, Result};
use crate::partition::{IceSpec, IceSpecField};
use crate::transform::IceTransform;
use crate::value::{IceValue, from_be_bytes};

/// The path and position columns of position delete files, whose bounds are kept too.
const RESERVED_COLUMNS: [i64; 2] = [2_147_483_546, 2_147_483_545];

/// Where the ids of the made-up source columns of partition values begin; real ids are below.
const SOURCE_IDS: i64 = 2_000_000_000;

/// How many columns may have bounds in a file that does not state its schema.
const FALLBACK_COLUMNS: i64 = 1_000;

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
/// [`IceValue::promote`]. Bounds of columns that the manifest's own schema does not have are dropped.
///
/// # Errors
/// [`MetaError::Invalid`] if the file is no manifest.
pub fn parse_manifest(bytes: &[u8], info: Option<&ManifestInfo>) -> Result<ParsedManifest> {
    let mut header = Header::read(bytes)?;
    let text = |key: &str| header.get(key).and_then(|v| std::str::from_utf8(v).ok());
    let number = |key: &str| match text(key) {
        None => Ok(None),
        Some(v) => {
            v.parse().map(Some).map_err(|_| MetaError::invalid(format!("the manifest's {key} is {v:?}")))
        }
    };
    let member = |key: &str| -> Result<Option<Value>> {
        text(key)
            .map(serde_json::from_str)
            .transpose()
            .map_err(|e| MetaError::from_json(&format!("the manifest's {key}"), &e))
    };
    let mut avro = member("avro.schema")?.ok_or_else(|| MetaError::invalid("the file has no Avro schema"))?;
    let format_version: Option<i32> = number("format-version")?;
    let format_version = match format_version {
        Some(version) => u8::try_from(version)
            .map_err(|_| MetaError::invalid(format!("the manifest's format version is {version}")))?,
        // Some writers leave the header empty; the fields tell the version then.
        None => {
            let file = child(&mut avro, "data_file");
            1 + u8::from(file.and_then(|file| child(file, "content")).is_some())
        }
    };
    let content = match text("content") {
        None => info.map_or(ManifestContent::Data, |i| i.content),
        Some("data") => ManifestContent::Data,
        Some("deletes") => ManifestContent::Deletes,
        Some(other) => return Err(MetaError::invalid(format!("the manifest's content is {other:?}"))),
    };
    let schema = member("schema")?;
    let stated =
        schema.as_ref().and_then(|s| s.get("schema-id")?.as_i64()).and_then(|id| i32::try_from(id).ok());
    let schema_id = number("schema-id")?.or(stated);
    let spec = IceSpec {
        id: number("partition-spec-id")?.unwrap_or_else(|| info.map_or(0, |i| i.spec_id)),
        fields: match member("partition-spec")? {
            Some(fields) => IceSpec::fields_from_json(&fields)?,
            None => spec_from_avro(&mut avro)?,
        },
    };
    let columns = match &schema {
        Some(schema) => column_ids(schema),
        None => (1..=FALLBACK_COLUMNS).chain(RESERVED_COLUMNS).collect(),
    };
    let partition = PartitionLayout::take(&mut avro, &spec.fields)?;
    header.set("avro.schema", avro.to_string().into_bytes());
    header.set("schema", partition.plain_schema(&columns).to_string().into_bytes());
    header.set("schema-id", b"0".to_vec());
    header.set("partition-spec", partition.plain_spec(&spec.fields).to_string().into_bytes());
    header.set("format-version", format_version.to_string().into_bytes());
    let manifest = Manifest::parse_avro(&header.to_file())
        .map_err(|e| MetaError::from_iceberg("reading a manifest", &e))?;

    let mut entries = Vec::with_capacity(manifest.entries().len());
    for entry in manifest.entries() {
        entries.push(entry_from_iceberg(entry, &partition)?);
    }
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

/// All column ids in the JSON of a schema, whatever the types.
fn column_ids(schema: &Value) -> BTreeSet<i64> {
    fn walk(value: &Value, ids: &mut BTreeSet<i64>) {
        match value {
            Value::Object(object) => {
                for key in ["id", "element-id", "key-id", "value-id"] {
                    ids.extend(object.get(key).and_then(Value::as_i64));
                }
                object.values().for_each(|v| walk(v, ids));
            }
            Value::Array(items) => items.iter().for_each(|v| walk(v, ids)),
            _ => {}
        }
    }
    let mut ids = BTreeSet::from(RESERVED_COLUMNS);
    walk(schema, &mut ids);
    ids.retain(|id| *id < SOURCE_IDS || RESERVED_COLUMNS.contains(id));
    ids
}

/// The partition fields of a file that does not state its spec: their transforms stay unknown.
fn spec_from_avro(avro: &mut Value) -> Result<Vec<IceSpecField>> {
    let field = |(index, field): (usize, &Value)| {
        let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
        let id = field.get("field-id").and_then(Value::as_i64).unwrap_or(1_000 + index as i64);
        Ok(IceSpecField {
            source_id: 0,
            field_id: i32::try_from(id)
                .map_err(|_| MetaError::invalid(format!("the partition value {name:?} has the id {id}")))?,
            name: name.to_owned(),
            transform: IceTransform::Unknown("unknown".to_owned()),
        })
    };
    partition_fields(avro)?.iter().enumerate().map(field).collect()
}

/// The fields of the partition record in the Avro schema.
fn partition_fields(avro: &mut Value) -> Result<&mut Vec<Value>> {
    child(avro, "data_file")
        .and_then(|file| child(file, "partition"))
        .and_then(|partition| partition.get_mut("fields"))
        .and_then(Value::as_array_mut)
        .ok_or_else(|| MetaError::invalid("the file has no partition record, so it is no manifest"))
}

/// How the partition values are stored.
struct PartitionLayout {
    fields: Vec<PartitionField>,
}

struct PartitionField {
    avro_name: String,
    plain_type: String,
    meaning: Meaning,
}

/// What a stored partition value is.
enum Meaning {
    Plain,
    Date,
    Time,
    Timestamp,
    TimestampNs,
    Uuid,
    Fixed,
    Decimal(u32),
}

impl PartitionLayout {
    /// Reads the layout from the Avro schema, and takes the logical types out of it.
    fn take(avro: &mut Value, spec: &[IceSpecField]) -> Result<Self> {
        let partition = partition_fields(avro)?;
        let mut fields = Vec::with_capacity(spec.len());
        for (index, spec_field) in spec.iter().enumerate() {
            let id = Value::from(spec_field.field_id);
            let by_id = partition.iter().position(|f| f.get("field-id") == Some(&id));
            let field = partition.get_mut(by_id.unwrap_or(index)).ok_or_else(|| {
                MetaError::invalid(format!("the manifest has no partition value {:?}", spec_field.name))
            })?;
            fields.push(PartitionField::take(field, spec_field)?);
        }
        Ok(Self { fields })
    }

    /// A schema in which columns are bytes and partition sources have the stored types.
    fn plain_schema(&self, columns: &BTreeSet<i64>) -> Value {
        let column = |id: i64, ty: &str| json!({"id": id, "name": format!("column {id}"), "required": false, "type": ty});
        let columns = columns.iter().map(|id| column(*id, "binary"));
        let sources = (SOURCE_IDS..).zip(&self.fields).map(|(id, field)| column(id, &field.plain_type));
        let fields: Vec<Value> = columns.chain(sources).collect();
        json!({"type": "struct", "schema-id": 0, "fields": fields})
    }

    /// A spec of identities of the partition sources.
    fn plain_spec(&self, spec: &[IceSpecField]) -> Value {
        let sources = (SOURCE_IDS..).zip(&self.fields).zip(spec);
        sources
            .map(|((source, field), spec)| {
                json!({
                    "source-id": source,
                    "field-id": spec.field_id,
                    "name": field.avro_name,
                    "transform": "identity",
                })
            })
            .collect()
    }
}

/// The type of the record field with this name, without the union with null.
fn child<'a>(record: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let fields = record.get_mut("fields")?.as_array_mut()?;
    let field = fields.iter_mut().find(|f| f.get("name").and_then(Value::as_str) == Some(name))?;
    not_null(field.get_mut("type")?)
}

fn not_null(ty: &mut Value) -> Option<&mut Value> {
    match ty {
        Value::Array(branches) => branches.iter_mut().find(|b| *b != "null"),
        other => Some(other),
    }
}

impl PartitionField {
    fn take(field: &mut Value, spec: &IceSpecField) -> Result<Self> {
        let unknown = |what: &Value| {
            MetaError::unsupported(format!("the partition value {:?} has the Avro type {what}", spec.name))
        };
        let avro_name = field.get("name").and_then(Value::as_str).unwrap_or(&spec.name).to_owned();
        let ty = field.get_mut("type").and_then(not_null).ok_or_else(|| unknown(&Value::Null))?;
        let logical = ty.get("logicalType").and_then(Value::as_str).map(str::to_owned);
        let scale = ty.get("scale").and_then(Value::as_u64).unwrap_or(0);
        let size = ty.get("size").and_then(Value::as_u64);
        let base =
            ty.as_str().or_else(|| ty.get("type").and_then(Value::as_str)).unwrap_or_default().to_owned();
        if let Some(object) = ty.as_object_mut() {
            object.retain(|key, _| matches!(key.as_str(), "type" | "name" | "namespace" | "size"));
        }
        let plain_type = match base.as_str() {
            "boolean" | "int" | "long" | "float" | "double" | "string" => base.clone(),
            "bytes" => "binary".to_owned(),
            "fixed" => format!("fixed[{}]", size.ok_or_else(|| unknown(ty))?),
            _ => return Err(unknown(ty)),
        };
        let meaning = match (logical.as_deref(), base.as_str()) {
            (Some("date"), _) => Meaning::Date,
            (Some("time-micros"), _) => Meaning::Time,
            (Some("timestamp-micros" | "local-timestamp-micros"), _) => Meaning::Timestamp,
            (Some("timestamp-nanos" | "local-timestamp-nanos"), _) => Meaning::TimestampNs,
            (Some("uuid"), "fixed") => Meaning::Uuid,
            (Some("decimal"), "fixed" | "bytes") => {
                Meaning::Decimal(u32::try_from(scale).map_err(|_| unknown(ty))?)
            }
            (_, "fixed") => Meaning::Fixed,
            // Days are dates by the specification, but some writers store them as plain integers.
            (_, "int") if spec.transform == IceTransform::Day => Meaning::Date,
            _ => Meaning::Plain,
        };
        Ok(Self { avro_name, plain_type, meaning })
    }

    fn value(&self, literal: &Literal) -> Result<IceValue> {
        let wrong = || MetaError::invalid(format!("the partition value {:?} does not fit", self.avro_name));
        let Literal::Primitive(literal) = literal else { return Err(wrong()) };
        Ok(match (literal, &self.meaning) {
            (PrimitiveLiteral::Int(v), Meaning::Date) => IceValue::Date(*v),
            (PrimitiveLiteral::Long(v), Meaning::Time) => IceValue::Time(*v),
            (PrimitiveLiteral::Long(v), Meaning::Timestamp) => IceValue::Timestamp(*v),
            (PrimitiveLiteral::Long(v), Meaning::TimestampNs) => IceValue::TimestampNs(*v),
            (PrimitiveLiteral::Boolean(v), Meaning::Plain) => IceValue::Boolean(*v),
            (PrimitiveLiteral::Int(v), Meaning::Plain) => IceValue::Int(*v),
            (PrimitiveLiteral::Long(v), Meaning::Plain) => IceValue::Long(*v),
            (PrimitiveLiteral::Float(v), Meaning::Plain) => IceValue::Float(v.0),
            (PrimitiveLiteral::Double(v), Meaning::Plain) => IceValue::Double(v.0),
            (PrimitiveLiteral::String(v), Meaning::Plain) => IceValue::String(v.clone()),
            (PrimitiveLiteral::Binary(v), Meaning::Plain) => IceValue::Binary(v.clone()),
            (PrimitiveLiteral::Binary(v), Meaning::Fixed) => IceValue::Fixed(v.clone()),
            (PrimitiveLiteral::Binary(v), Meaning::Uuid) => {
                IceValue::Uuid(v.as_slice().try_into().map_err(|_| wrong())?)
            }
            (PrimitiveLiteral::Binary(v), Meaning::Decimal(scale)) => {
                IceValue::Decimal { unscaled: from_be_bytes(v).ok_or_else(wrong)?, scale: *scale }
            }
            _ => return Err(wrong()),
        })
    }
}

fn entry_from_iceberg(entry: &ManifestEntry, partition: &PartitionLayout) -> Result<IceManifestEntry> {
    Ok(IceManifestEntry {
        status: match entry.status {
            ManifestStatus::Existing => EntryStatus::Existing,
            ManifestStatus::Added => EntryStatus::Added,
            ManifestStatus::Deleted => EntryStatus::Deleted,
        },
        snapshot_id: entry.snapshot_id,
        sequence_number: entry.sequence_number,
        file_sequence_number: entry.file_sequence_number,
        file: file_from_iceberg(&entry.data_file, partition)?,
    })
}

fn file_from_iceberg(file: &DataFile, partition: &PartitionLayout) -> Result<IceDataFile> {
    let values = file.partition().fields().iter().zip(&partition.fields);
    let counts = |map: &HashMap<i32, u64>| map.iter().map(|(id, count)| (*id, *count)).collect();
    let bounds = |map: &HashMap<i32, Datum>| {
        map.iter()
            .map(|(id, datum)| match datum.literal() {
                PrimitiveLiteral::Binary(bytes) => Ok((*id, bytes.clone())),
                other => Err(MetaError::Io(format!("a bound was read as {other:?} instead of bytes"))),
            })
            .collect::<Result<_>>()
    };
    Ok(IceDataFile {
        content: match file.content_type() {
            DataContentType::Data => FileContent::Data,
            DataContentType::PositionDeletes => FileContent::PositionDeletes,
            DataContentType::EqualityDeletes => FileContent::EqualityDeletes,
        },
        path: file.file_path().to_owned(),
        format: file.file_format().to_string().to_ascii_uppercase(),
        partition: values
            .map(|(value, field)| value.as_ref().map(|v| field.value(v)).transpose())
            .collect::<Result<_>>()?,
        record_count: file.record_count(),
        file_size: file.file_size_in_bytes(),
        column_sizes: counts(file.column_sizes()),
        value_counts: counts(file.value_counts()),
        null_value_counts: counts(file.null_value_counts()),
        nan_value_counts: counts(file.nan_value_counts()),
        lower_bounds: bounds(file.lower_bounds())?,
        upper_bounds: bounds(file.upper_bounds())?,
        key_metadata: file.key_metadata().map(<[u8]>::to_vec),
        split_offsets: file.split_offsets().map(<[i64]>::to_vec),
        equality_ids: file.equality_ids(),
        sort_order_id: file.sort_order_id(),
        first_row_id: file.first_row_id(),
        referenced_data_file: file.referenced_data_file(),
        content_offset: file.content_offset(),
        content_size_in_bytes: file.content_size_in_bytes(),
    })
}
