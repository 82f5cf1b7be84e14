//! Columns and their types as JSON.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use serde_json::{Map, Value, json};
use stitchwork_core::{Error, FIELD_ID, PHYSICAL_NAME, Result};

/// The types that a word says whole.
const WORDS: &[(&str, DataType)] = &[
    ("null", DataType::Null),
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float16", DataType::Float16),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("date32", DataType::Date32),
    ("date64", DataType::Date64),
    ("utf8", DataType::Utf8),
    ("large_utf8", DataType::LargeUtf8),
    ("utf8_view", DataType::Utf8View),
    ("binary", DataType::Binary),
    ("large_binary", DataType::LargeBinary),
    ("binary_view", DataType::BinaryView),
];

const UNITS: &[(&str, TimeUnit)] = &[
    ("s", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
];

fn unit_word(unit: TimeUnit) -> &'static str {
    UNITS.iter().find(|(_, known)| *known == unit).map_or("s", |(word, _)| word)
}

/// Columns as a JSON array.
pub(crate) fn fields_to_json(fields: &Fields) -> Result<Value> {
    Ok(Value::Array(fields.iter().map(|field| field_to_json(field)).collect::<Result<_>>()?))
}

fn field_to_json(field: &Field) -> Result<Value> {
    let data_type = type_to_json(field.data_type()).map_err(|e| e.with_context("column", field.name()))?;
    let mut out = json!({ "name": field.name(), "type": data_type, "nullable": field.is_nullable() });
    // Ids and names in files belong to another table: here columns are found by their names.
    let own = field.metadata().iter().filter(|(key, _)| *key != FIELD_ID && *key != PHYSICAL_NAME);
    let metadata: Map<String, Value> = own.map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect();
    if !metadata.is_empty()
        && let Some(object) = out.as_object_mut()
    {
        object.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Ok(out)
}

fn type_to_json(data_type: &DataType) -> Result<Value> {
    use DataType as T;
    if let Some((word, _)) = WORDS.iter().find(|(_, known)| known == data_type) {
        return Ok(Value::from(*word));
    }
    Ok(match data_type {
        T::Decimal32(precision, scale) => json!({ "decimal32": [precision, scale] }),
        T::Decimal64(precision, scale) => json!({ "decimal64": [precision, scale] }),
        T::Decimal128(precision, scale) => json!({ "decimal128": [precision, scale] }),
        T::Decimal256(precision, scale) => json!({ "decimal256": [precision, scale] }),
        T::Timestamp(unit, zone) => json!({ "timestamp": [unit_word(*unit), zone.as_deref()] }),
        T::Time32(unit) => json!({ "time32": unit_word(*unit) }),
        T::Time64(unit) => json!({ "time64": unit_word(*unit) }),
        T::Duration(unit) => json!({ "duration": unit_word(*unit) }),
        T::FixedSizeBinary(width) => json!({ "fixed_size_binary": width }),
        T::List(element) => json!({ "list": field_to_json(element)? }),
        T::LargeList(element) => json!({ "large_list": field_to_json(element)? }),
        T::FixedSizeList(element, length) => json!({ "fixed_size_list": [field_to_json(element)?, length] }),
        T::Struct(fields) => json!({ "struct": fields_to_json(fields)? }),
        T::Map(entries, sorted) => json!({ "map": [field_to_json(entries)?, sorted] }),
        T::Dictionary(key, value) => json!({ "dictionary": [type_to_json(key)?, type_to_json(value)?] }),
        other => {
            return Err(Error::unsupported("a table of files has no columns of this type")
                .with_context("type", other));
        }
    })
}

fn broken(what: &str, value: &Value) -> Error {
    let shown: String = value.to_string().chars().take(100).collect();
    Error::invalid_data("the schema is broken").with_context("what", what).with_context("found", shown)
}

/// Columns from their JSON.
pub(crate) fn fields_from_json(value: &Value) -> Result<Fields> {
    let fields = value.as_array().ok_or_else(|| broken("no array of columns", value))?;
    let fields = fields.iter().map(field_from_json).collect::<Result<Vec<FieldRef>>>()?;
    for (place, field) in fields.iter().enumerate() {
        if fields.iter().take(place).any(|other| other.name() == field.name()) {
            return Err(broken("two columns have one name", &Value::from(field.name().as_str())));
        }
    }
    Ok(fields.into())
}

fn field_from_json(value: &Value) -> Result<FieldRef> {
    let object = value.as_object().ok_or_else(|| broken("a column is no object", value))?;
    if let Some(key) = object.keys().find(|k| !["name", "type", "nullable", "metadata"].contains(&k.as_str()))
    {
        return Err(broken("a column has an unknown key", &Value::from(key.as_str())));
    }
    let name = object.get("name").and_then(Value::as_str).ok_or_else(|| broken("no name", value))?;
    let nullable =
        object.get("nullable").and_then(Value::as_bool).ok_or_else(|| broken("no nullability", value))?;
    let data_type = type_from_json(object.get("type").unwrap_or(&Value::Null))?;
    let mut field = Field::new(name, data_type, nullable);
    if let Some(metadata) = object.get("metadata") {
        let pairs = metadata.as_object().ok_or_else(|| broken("the metadata is no object", metadata))?;
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let pairs: Option<HashMap<String, String>> = pairs.iter().map(text).collect();
        field.set_metadata(pairs.ok_or_else(|| broken("metadata is no text", metadata))?);
    }
    Ok(Arc::new(field))
}

fn type_from_json(value: &Value) -> Result<DataType> {
    use DataType as T;
    let unknown = || broken("no known type", value);
    if let Some(word) = value.as_str() {
        return WORDS.iter().find(|(known, _)| *known == word).map(|(_, t)| t.clone()).ok_or_else(unknown);
    }
    let mut entries = value.as_object().into_iter().flatten();
    let (Some((kind, inner)), None) = (entries.next(), entries.next()) else { return Err(unknown()) };
    let at = |place: usize| inner.get(place).ok_or_else(unknown);
    let unit = |value: &Value| {
        let word = value.as_str();
        UNITS.iter().find(|(known, _)| Some(*known) == word).map(|(_, unit)| *unit).ok_or_else(unknown)
    };
    let small = |value: &Value| value.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(unknown);
    let decimal = || -> Result<(u8, i8)> {
        let (precision, scale) = (small(at(0)?)?, small(at(1)?)?);
        let pair = u8::try_from(precision).ok().zip(i8::try_from(scale).ok());
        pair.ok_or_else(unknown)
    };
    Ok(match kind.as_str() {
        "decimal32" => decimal().map(|(p, s)| T::Decimal32(p, s))?,
        "decimal64" => decimal().map(|(p, s)| T::Decimal64(p, s))?,
        "decimal128" => decimal().map(|(p, s)| T::Decimal128(p, s))?,
        "decimal256" => decimal().map(|(p, s)| T::Decimal256(p, s))?,
        "timestamp" => {
            let zone = at(1)?;
            let named = zone.as_str().map(Arc::from);
            if named.is_none() && !zone.is_null() {
                return Err(unknown());
            }
            T::Timestamp(unit(at(0)?)?, named)
        }
        "time32" => T::Time32(unit(inner)?),
        "time64" => T::Time64(unit(inner)?),
        "duration" => T::Duration(unit(inner)?),
        "fixed_size_binary" => T::FixedSizeBinary(small(inner)?),
        "list" => T::List(field_from_json(inner)?),
        "large_list" => T::LargeList(field_from_json(inner)?),
        "fixed_size_list" => T::FixedSizeList(field_from_json(at(0)?)?, small(at(1)?)?),
        "struct" => T::Struct(fields_from_json(inner)?),
        "map" => T::Map(field_from_json(at(0)?)?, at(1)?.as_bool().ok_or_else(unknown)?),
        "dictionary" => T::Dictionary(Box::new(type_from_json(at(0)?)?), Box::new(type_from_json(at(1)?)?)),
        _ => return Err(unknown()),
    })
}

/// The type that a word of [`WORDS`] says, for options.
pub(crate) fn type_of_word(word: &str) -> Option<DataType> {
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, data_type)| data_type.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives() {
        use DataType as T;
        let element = |t: T| Arc::new(Field::new("element", t, true));
        let pair = vec![Field::new("key", T::Utf8, false), Field::new("value", T::Int64, true)];
        let mut types: Vec<T> = WORDS.iter().map(|(_, t)| t.clone()).collect();
        types.extend([
            T::Decimal32(5, 2),
            T::Decimal64(12, 3),
            T::Decimal128(38, 10),
            T::Decimal256(76, -2),
            T::Timestamp(TimeUnit::Microsecond, Some("Europe/Zurich".into())),
            T::Timestamp(TimeUnit::Nanosecond, None),
            T::Time32(TimeUnit::Second),
            T::Time64(TimeUnit::Nanosecond),
            T::Duration(TimeUnit::Millisecond),
            T::FixedSizeBinary(16),
            T::List(element(T::Struct(pair.clone().into()))),
            T::LargeList(element(T::Utf8)),
            T::FixedSizeList(element(T::Float32), 3),
            T::Map(Arc::new(Field::new("entries", T::Struct(pair.into()), false)), false),
            T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)),
        ]);
        let named = types.into_iter().enumerate().map(|(n, t)| Field::new(format!("c{n}"), t, n % 2 == 0));
        let mut fields: Vec<Field> = named.collect();
        fields[0].set_metadata(HashMap::from([("a".to_owned(), "ü\"".to_owned())]));
        let fields = Fields::from(fields);
        assert_eq!(fields_from_json(&fields_to_json(&fields).unwrap()).unwrap(), fields);
    }

    #[test]
    fn what_is_broken_or_unknown_is_refused() {
        for text in [
            "{}",
            "[1]",
            r#"[{"name":"a","nullable":true}]"#,
            r#"[{"name":"a","type":"int128","nullable":true}]"#,
            r#"[{"name":"a","type":{"list":3},"nullable":true}]"#,
            r#"[{"name":"a","type":{"decimal128":[400,1]},"nullable":true}]"#,
            r#"[{"name":"a","type":"utf8","nullable":true,"id":1}]"#,
            r#"[{"name":"a","type":"utf8","nullable":true},{"name":"a","type":"utf8","nullable":true}]"#,
        ] {
            assert!(fields_from_json(&serde_json::from_str(text).unwrap()).is_err(), "{text}");
        }
        let interval = Fields::from(vec![Field::new(
            "i",
            DataType::Interval(arrow_schema::IntervalUnit::DayTime),
            true,
        )]);
        assert_eq!(fields_to_json(&interval).unwrap_err().context("column"), Some("i"));
    }
}
