//! From arrow's schema to Delta's.

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use serde_json::{Map, Value, json};
use stitchwork_core::{COMMENT, Error, FIELD_ID, INITIAL_DEFAULT, PHYSICAL_NAME, Result};

use super::{DELTA_COMMENT, MAPPING_ID, MAPPING_NAME, json_fields};

/// Gives out ids and names of columns under column mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnIds {
    /// The highest id that was ever given out.
    pub(crate) last: i64,
}

impl ColumnIds {
    fn assign(&mut self, metadata: &mut Map<String, Value>) {
        if !metadata.contains_key(MAPPING_ID) {
            self.last += 1;
            metadata.insert(MAPPING_ID.to_owned(), json!(self.last));
        }
        if !metadata.contains_key(MAPPING_NAME) {
            metadata.insert(MAPPING_NAME.to_owned(), json!(format!("col-{}", uuid::Uuid::new_v4())));
        }
    }
}

/// The JSON of a schema. A field that stands in `old` under the same name keeps what is written about it
/// there; with `ids`, new ones get an id and a name for files.
pub(crate) fn schema_json(
    fields: &Fields,
    old: Option<&Value>,
    ids: Option<&mut ColumnIds>,
) -> Result<Value> {
    struct_json(fields, old, ids, "")
}

fn struct_json(
    fields: &Fields,
    old: Option<&Value>,
    mut ids: Option<&mut ColumnIds>,
    path: &str,
) -> Result<Value> {
    // What a table of others has already may stay.
    if fields.is_empty() && old.is_none() {
        return Err(match path {
            "" => Error::invalid_input("a Delta table needs at least one column"),
            _ => Error::unsupported("a struct needs a field, since Parquet has no groups without any")
                .with_context("column", path),
        });
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut out = Vec::with_capacity(fields.len());
    for field in fields {
        if !seen.insert(field.name().to_lowercase()) {
            return Err(Error::unsupported("Delta has no two columns whose names differ in case only")
                .with_context("column", join(path, field.name())));
        }
        out.push(field_json(field, old, ids.as_deref_mut(), path)?);
    }
    Ok(json!({ "type": "struct", "fields": out }))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn field_json(
    field: &Field,
    old: Option<&Value>,
    mut ids: Option<&mut ColumnIds>,
    path: &str,
) -> Result<Value> {
    let path = join(path, field.name());
    let old = old.and_then(|old| {
        json_fields(old).iter().find(|f| f.get("name").and_then(Value::as_str) == Some(field.name()))
    });
    let mut metadata = match old.and_then(|old| old.get("metadata")) {
        Some(Value::Object(metadata)) => metadata.clone(),
        _ => new_metadata(field, &path)?,
    };
    if let Some(comment) = field.metadata().get(COMMENT) {
        metadata.insert(DELTA_COMMENT.to_owned(), json!(comment));
    }
    if let Some(ids) = ids.as_deref_mut() {
        ids.assign(&mut metadata);
    }
    let data_type = type_json(field.data_type(), old.and_then(|old| old.get("type")), ids, &path)?;
    Ok(json!({
        "name": field.name(),
        "type": data_type,
        "nullable": field.is_nullable(),
        "metadata": metadata,
    }))
}

fn new_metadata(field: &Field, path: &str) -> Result<Map<String, Value>> {
    if field.metadata().contains_key(INITIAL_DEFAULT) {
        return Err(Error::unsupported("Delta has no defaults for rows that are older than a column")
            .with_context("column", path));
    }
    Ok(field
        .metadata()
        .iter()
        // Ids and physical names belong to column mapping; where that is off they would mean nothing. Arrow's
        // extension types are no business of the table.
        .filter(|(key, _)| {
            let key = key.as_str();
            ![FIELD_ID, PHYSICAL_NAME, COMMENT, MAPPING_ID, MAPPING_NAME].contains(&key)
                && !key.starts_with("ARROW:")
        })
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect())
}

fn type_json(
    data_type: &DataType,
    old: Option<&Value>,
    mut ids: Option<&mut ColumnIds>,
    path: &str,
) -> Result<Value> {
    let old_inner = |key: &str| old.and_then(|old| old.get(key));
    Ok(match data_type {
        DataType::Struct(fields) => struct_json(fields, old, ids, path)?,
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => json!({
            "type": "array",
            "elementType": type_json(element.data_type(), old_inner("elementType"), ids, &join(path, "element"))?,
            "containsNull": element.is_nullable(),
        }),
        DataType::Map(entries, _) => {
            let DataType::Struct(pair) = entries.data_type() else {
                return Err(unsupported(data_type, path));
            };
            let [key, value] = pair.as_ref() else { return Err(unsupported(data_type, path)) };
            json!({
                "type": "map",
                "keyType": type_json(
                    key.data_type(), old_inner("keyType"), ids.as_deref_mut(), &join(path, "key"))?,
                "valueType": type_json(value.data_type(), old_inner("valueType"), ids, &join(path, "value"))?,
                "valueContainsNull": value.is_nullable(),
            })
        }
        DataType::Dictionary(_, value) => type_json(value, old, ids, path)?,
        DataType::Date64 => {
            return Err(Error::unsupported(
                "milliseconds that are called a date may lose their time of day: use date32, or a timestamp",
            )
            .with_context("column", path)
            .with_context("type", data_type));
        }
        other => json!(primitive_name(other).ok_or_else(|| unsupported(other, path))?),
    })
}

fn unsupported(data_type: &DataType, path: &str) -> Error {
    Error::unsupported("Delta has no type for the column; cast it before it is written")
        .with_context("column", path)
        .with_context("type", data_type)
}

/// Delta's type that holds every value of an arrow type.
fn primitive_name(data_type: &DataType) -> Option<String> {
    let name = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Int64 | DataType::UInt32 => "long",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int16 | DataType::UInt8 => "short",
        DataType::Int8 => "byte",
        DataType::Float32 | DataType::Float16 => "float",
        DataType::Float64 => "double",
        DataType::Boolean => "boolean",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary"
        }
        DataType::Date32 => "date",
        DataType::Timestamp(TimeUnit::Nanosecond, _) => return None,
        DataType::Timestamp(_, Some(_)) => "timestamp",
        DataType::Timestamp(_, None) => "timestamp_ntz",
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            let fits = u8::try_from(*s).is_ok_and(|scale| scale <= *p);
            return fits.then(|| format!("decimal({p},{s})"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}
