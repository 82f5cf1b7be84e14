//! Delta's JSON schema and arrow's (Delta protocol, "Schema Serialization Format").

mod write;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use serde_json::{Map, Value};
use stitchwork_core::{COMMENT, Error, FIELD_ID, PHYSICAL_NAME, Result};

pub(crate) use write::{ColumnIds, schema_json};

/// The key of a field's id under column mapping.
pub(crate) const MAPPING_ID: &str = "delta.columnMapping.id";
/// The key of a field's name in files under column mapping.
pub(crate) const MAPPING_NAME: &str = "delta.columnMapping.physicalName";
/// The key of a field's comment.
const DELTA_COMMENT: &str = "comment";

/// The type of points in time.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// The arrow schema of a schema in Delta's JSON.
pub(crate) fn arrow_schema(json: &Value) -> Result<Schema> {
    Ok(Schema::new(fields(json, "")?))
}

/// The fields of a struct type.
pub(crate) fn json_fields(json: &Value) -> &[Value] {
    json.get("fields").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields(json: &Value, parent: &str) -> Result<Fields> {
    if json.get("fields").is_none_or(|fields| !fields.is_array()) {
        return Err(
            Error::invalid_data("a struct of the schema has no fields").with_context("column", parent)
        );
    }
    json_fields(json).iter().map(|field| arrow_field(field, parent)).collect()
}

fn arrow_field(json: &Value, parent: &str) -> Result<FieldRef> {
    let name = json
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::invalid_data("a field of the schema has no name").with_context("in", parent))?;
    let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    let data_type = arrow_type(json.get("type").unwrap_or(&Value::Null), &path)?;
    let nullable = json.get("nullable").and_then(Value::as_bool).unwrap_or(true);
    let metadata = json.get("metadata").and_then(Value::as_object).map(arrow_metadata).unwrap_or_default();
    Ok(Arc::new(Field::new(name, data_type, nullable).with_metadata(metadata)))
}

fn arrow_metadata(json: &Map<String, Value>) -> HashMap<String, String> {
    json.iter()
        .map(|(key, value)| {
            let key = match key.as_str() {
                MAPPING_ID => FIELD_ID,
                MAPPING_NAME => PHYSICAL_NAME,
                DELTA_COMMENT => COMMENT,
                other => other,
            };
            (key.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect()
}

/// The field of a list's elements.
fn element(data_type: DataType, nullable: bool) -> FieldRef {
    Arc::new(Field::new("element", data_type, nullable))
}

/// The map type of the names that Parquet prescribes.
fn map_type(key: DataType, value: DataType, value_nullable: bool) -> DataType {
    let entries = DataType::Struct(Fields::from(vec![
        Field::new("key", key, false),
        Field::new("value", value, value_nullable),
    ]));
    DataType::Map(Arc::new(Field::new("key_value", entries, false)), false)
}

/// The type of partition values, tags and properties in checkpoints.
pub(crate) fn string_map() -> DataType {
    map_type(DataType::Utf8, DataType::Utf8, true)
}

fn arrow_type(json: &Value, path: &str) -> Result<DataType> {
    let flag = |key: &str| json.get(key).and_then(Value::as_bool).unwrap_or(true);
    let inner = |key: &str| arrow_type(json.get(key).unwrap_or(&Value::Null), path);
    if let Some(name) = json.as_str() {
        return primitive(name).ok_or_else(|| {
            Error::unsupported("the table has a column of a type that we do not read")
                .with_context("column", path)
                .with_context("type", name)
        });
    }
    match json.get("type").and_then(Value::as_str) {
        Some("struct") => Ok(DataType::Struct(fields(json, path)?)),
        Some("array") => Ok(DataType::List(element(inner("elementType")?, flag("containsNull")))),
        Some("map") => Ok(map_type(inner("keyType")?, inner("valueType")?, flag("valueContainsNull"))),
        _ => Err(Error::invalid_data("a field of the schema has no type")
            .with_context("column", path)
            .with_context("type", json)),
    }
}

fn primitive(name: &str) -> Option<DataType> {
    Some(match name {
        "string" => DataType::Utf8,
        "long" => DataType::Int64,
        "integer" => DataType::Int32,
        "short" => DataType::Int16,
        "byte" => DataType::Int8,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" => timestamp(),
        "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "decimal" => DataType::Decimal128(10, 0),
        _ => {
            let (precision, scale) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
            let fits = (1..=38).contains(&precision) && u8::try_from(scale).is_ok_and(|s| s <= precision);
            fits.then_some(DataType::Decimal128(precision, scale))?
        }
    })
}

/// Calls `visit` with the metadata of every field of the schema, at every depth.
pub(crate) fn visit_metadata(json: &Value, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    match json {
        Value::Object(object) => {
            if let (Some(Value::String(name)), Some(Value::Object(metadata))) =
                (object.get("name"), object.get("metadata"))
            {
                visit(name, metadata);
            }
            for key in ["type", "fields", "elementType", "keyType", "valueType"] {
                if let Some(inner) = object.get(key) {
                    visit_metadata(inner, visit);
                }
            }
        }
        Value::Array(fields) => fields.iter().for_each(|field| visit_metadata(field, visit)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
