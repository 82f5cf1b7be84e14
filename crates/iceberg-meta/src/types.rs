//! Types and fields of a schema, in the JSON form of the specification (Appendix C).

use std::fmt;

use serde_json::{Map, Value, json};

use crate::error::{MetaError, Result};

/// A type of the Iceberg specification ("Schemas and Data Types").
#[derive(Debug, Clone, PartialEq)]
pub enum IceType {
    /// True or false.
    Boolean,
    /// A 32-bit signed integer.
    Int,
    /// A 64-bit signed integer.
    Long,
    /// A 32-bit IEEE 754 number.
    Float,
    /// A 64-bit IEEE 754 number.
    Double,
    /// A fixed-point decimal of at most 38 digits.
    Decimal {
        /// The number of digits.
        precision: u32,
        /// The number of digits behind the point.
        scale: u32,
    },
    /// A calendar date.
    Date,
    /// A time of day in microseconds.
    Time,
    /// A timestamp in microseconds without a zone.
    Timestamp,
    /// A timestamp in microseconds in UTC.
    Timestamptz,
    /// A timestamp in nanoseconds without a zone (format version 3).
    TimestampNs,
    /// A timestamp in nanoseconds in UTC (format version 3).
    TimestamptzNs,
    /// UTF-8 text.
    String,
    /// A universally unique identifier.
    Uuid,
    /// Bytes of a fixed length.
    Fixed(u64),
    /// Bytes of any length.
    Binary,
    /// A tuple of named fields.
    Struct(Vec<IceField>),
    /// A list of elements.
    List {
        /// The element, a field named `element`.
        element: Box<IceField>,
    },
    /// A map of keys to values.
    Map {
        /// The key, a required field named `key`.
        key: Box<IceField>,
        /// The value, a field named `value`.
        value: Box<IceField>,
    },
}

impl IceType {
    /// Whether this type has no child fields.
    pub fn is_primitive(&self) -> bool {
        !matches!(self, Self::Struct(_) | Self::List { .. } | Self::Map { .. })
    }

    /// The child fields: of a struct all, of a list the element, of a map the key and the value.
    pub fn children(&self) -> Vec<&IceField> {
        match self {
            Self::Struct(fields) => fields.iter().collect(),
            Self::List { element } => vec![element],
            Self::Map { key, value } => vec![key, value],
            _ => Vec::new(),
        }
    }

    /// The first format version that has this type; child fields do not count.
    pub fn min_format_version(&self) -> u8 {
        match self {
            Self::TimestampNs | Self::TimestamptzNs => 3,
            _ => 1,
        }
    }

    /// Reads the specification's spelling of a primitive type, such as `long` or `decimal(9, 2)`.
    ///
    /// # Errors
    /// [`MetaError::Unsupported`] for a type that this crate does not handle, such as `variant`, and
    /// [`MetaError::Invalid`] for wrong parameters.
    pub fn parse_primitive(text: &str) -> Result<Self> {
        let wrong = || MetaError::invalid(format!("type {text:?} has wrong parameters"));
        Ok(match text {
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Timestamptz,
            "timestamp_ns" => Self::TimestampNs,
            "timestamptz_ns" => Self::TimestamptzNs,
            "string" => Self::String,
            "uuid" => Self::Uuid,
            "binary" => Self::Binary,
            other => {
                if let Some(inner) = other.strip_prefix("decimal(").and_then(|s| s.strip_suffix(')')) {
                    let (precision, scale) = inner.split_once(',').ok_or_else(wrong)?;
                    let precision = precision.trim().parse().map_err(|_| wrong())?;
                    let scale = scale.trim().parse().map_err(|_| wrong())?;
                    if precision == 0 || precision > 38 || scale > precision {
                        return Err(wrong());
                    }
                    Self::Decimal { precision, scale }
                } else if let Some(inner) = other.strip_prefix("fixed[").and_then(|s| s.strip_suffix(']')) {
                    Self::Fixed(inner.trim().parse().map_err(|_| wrong())?)
                } else {
                    return Err(MetaError::unsupported(format!("type {other:?} is not supported")));
                }
            }
        })
    }

    /// Reads a type from its JSON form.
    ///
    /// # Errors
    /// As [`IceType::parse_primitive`]; the message names the field `path`.
    pub(crate) fn from_json(value: &Value, path: &str) -> Result<Self> {
        match value {
            Value::String(text) => Self::parse_primitive(text).map_err(|e| match e {
                MetaError::Unsupported(m) => MetaError::Unsupported(format!("field {path:?}: {m}")),
                other => MetaError::Invalid(format!("field {path:?}: {other}")),
            }),
            Value::Object(object) => Self::nested_from_json(object, path),
            other => {
                Err(MetaError::invalid(format!("field {path:?}: type {other} is neither text nor object")))
            }
        }
    }

    fn nested_from_json(object: &Map<String, Value>, path: &str) -> Result<Self> {
        let member = |key: &str| {
            object
                .get(key)
                .ok_or_else(|| MetaError::invalid(format!("field {path:?}: its type lacks {key:?}")))
        };
        let id = |key: &str| -> Result<i32> {
            member(key)?
                .as_i64()
                .and_then(|v| i32::try_from(v).ok())
                .ok_or_else(|| MetaError::invalid(format!("field {path:?}: {key:?} is not an id")))
        };
        let flag = |key: &str| -> Result<bool> {
            member(key)?
                .as_bool()
                .ok_or_else(|| MetaError::invalid(format!("field {path:?}: {key:?} is not a boolean")))
        };
        let child = |name: &str, required: bool| -> Result<Box<IceField>> {
            let ty = Self::from_json(member(name)?, &format!("{path}.{name}"))?;
            Ok(Box::new(IceField::new(id(&format!("{name}-id"))?, name, ty, required)))
        };
        match member("type")?.as_str() {
            Some("struct") => Ok(Self::Struct(fields_from_json(member("fields")?, path)?)),
            Some("list") => Ok(Self::List { element: child("element", flag("element-required")?)? }),
            Some("map") => {
                Ok(Self::Map { key: child("key", true)?, value: child("value", flag("value-required")?)? })
            }
            other => Err(MetaError::unsupported(format!(
                "field {path:?}: nested type {} is not supported",
                other.unwrap_or("without a name")
            ))),
        }
    }

    /// The JSON form of this type.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Struct(fields) => json!({"type": "struct", "fields": fields_to_json(fields)}),
            Self::List { element } => json!({
                "type": "list",
                "element-id": element.id,
                "element": element.ty.to_json(),
                "element-required": element.required,
            }),
            Self::Map { key, value } => json!({
                "type": "map",
                "key-id": key.id,
                "key": key.ty.to_json(),
                "value-id": value.id,
                "value": value.ty.to_json(),
                "value-required": value.required,
            }),
            primitive => Value::String(primitive.to_string()),
        }
    }
}

impl fmt::Display for IceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("long"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Timestamptz => f.write_str("timestamptz"),
            Self::TimestampNs => f.write_str("timestamp_ns"),
            Self::TimestamptzNs => f.write_str("timestamptz_ns"),
            Self::String => f.write_str("string"),
            Self::Uuid => f.write_str("uuid"),
            Self::Fixed(length) => write!(f, "fixed[{length}]"),
            Self::Binary => f.write_str("binary"),
            Self::Struct(_) => f.write_str("struct"),
            Self::List { .. } => f.write_str("list"),
            Self::Map { .. } => f.write_str("map"),
        }
    }
}

/// A field of a schema or of a nested type.
#[derive(Debug, Clone, PartialEq)]
pub struct IceField {
    /// The id, unique in the table's schema and never re-used.
    pub id: i32,
    /// The name, unique among its siblings.
    pub name: String,
    /// Whether nulls are refused.
    pub required: bool,
    /// The type.
    pub ty: IceType,
    /// A comment.
    pub doc: Option<String>,
    /// The value of rows written before the field was added (format version 3), in JSON single-value form.
    pub initial_default: Option<Value>,
    /// The value of rows whose writer gives none (format version 3), in JSON single-value form.
    pub write_default: Option<Value>,
}

impl IceField {
    /// A field without comment and defaults.
    pub fn new(id: i32, name: impl Into<String>, ty: IceType, required: bool) -> Self {
        Self { id, name: name.into(), required, ty, doc: None, initial_default: None, write_default: None }
    }

    /// A field that refuses nulls.
    pub fn required(id: i32, name: impl Into<String>, ty: IceType) -> Self {
        Self::new(id, name, ty, true)
    }

    /// A field that may be null.
    pub fn optional(id: i32, name: impl Into<String>, ty: IceType) -> Self {
        Self::new(id, name, ty, false)
    }

    fn from_json(value: &Value, parent: &str) -> Result<Self> {
        let wrong = |what: &str| MetaError::invalid(format!("a field in {parent:?} {what}"));
        let object = value.as_object().ok_or_else(|| wrong("is not an object"))?;
        let name = object.get("name").and_then(Value::as_str).ok_or_else(|| wrong("has no name"))?;
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        let id = object
            .get("id")
            .and_then(Value::as_i64)
            .and_then(|v| i32::try_from(v).ok())
            .ok_or_else(|| MetaError::invalid(format!("field {path:?} has no valid id")))?;
        let required = object.get("required").and_then(Value::as_bool).ok_or_else(|| {
            MetaError::invalid(format!("field {path:?} does not say whether it is required"))
        })?;
        let ty = object
            .get("type")
            .ok_or_else(|| MetaError::invalid(format!("field {path:?} has no type")))
            .and_then(|ty| IceType::from_json(ty, &path))?;
        let default = |key: &str| object.get(key).filter(|v| !v.is_null()).cloned();
        Ok(Self {
            id,
            name: name.to_owned(),
            required,
            ty,
            doc: object.get("doc").and_then(Value::as_str).map(str::to_owned),
            initial_default: default("initial-default"),
            write_default: default("write-default"),
        })
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("id".into(), self.id.into());
        object.insert("name".into(), self.name.clone().into());
        object.insert("required".into(), self.required.into());
        object.insert("type".into(), self.ty.to_json());
        if let Some(doc) = &self.doc {
            object.insert("doc".into(), doc.clone().into());
        }
        if let Some(value) = &self.initial_default {
            object.insert("initial-default".into(), value.clone());
        }
        if let Some(value) = &self.write_default {
            object.insert("write-default".into(), value.clone());
        }
        Value::Object(object)
    }
}

/// Reads the `fields` member of a struct.
pub(crate) fn fields_from_json(value: &Value, path: &str) -> Result<Vec<IceField>> {
    value
        .as_array()
        .ok_or_else(|| MetaError::invalid(format!("the fields of {path:?} are not an array")))?
        .iter()
        .map(|field| IceField::from_json(field, path))
        .collect()
}

/// Writes the `fields` member of a struct.
pub(crate) fn fields_to_json(fields: &[IceField]) -> Value {
    Value::Array(fields.iter().map(IceField::to_json).collect())
}
