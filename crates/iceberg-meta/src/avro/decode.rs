//! Reading object container files with the schema that they carry.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use super::inflate::inflate;
use super::{Header, read_bytes, read_long};
use crate::error::{MetaError, Result};

/// A decoded value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Avro {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An int, a long, or the index of an enum.
    Long(i64),
    /// A float.
    Float(f32),
    /// A double.
    Double(f64),
    /// Bytes, text, or a fixed value.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Self>),
    /// A record: its fields in the order of the schema.
    Record(Vec<Self>),
}

/// A type of the file's schema.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Null,
    Boolean,
    Long,
    Float,
    Double,
    Bytes,
    Fixed(usize),
    Union(Vec<Self>),
    Array(Box<Self>),
    Map(Box<Self>),
    Record(Vec<Field>),
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The name.
    pub(crate) name: String,
    /// The Iceberg field id, if the file states it.
    pub(crate) id: Option<i64>,
    /// The type.
    pub(crate) node: Node,
}

/// More types than any manifest has; named types could multiply without end.
const MAX_TYPES: usize = 10_000;

/// The named types that were read so far.
struct Names {
    types: HashMap<String, Node>,
    left: usize,
}

impl Names {
    fn get(&mut self, name: &str) -> Option<Node> {
        let node = self.types.get(name)?;
        self.left = self.left.checked_sub(node.size())?;
        Some(node.clone())
    }
}

impl Node {
    /// Reads a schema.
    pub(crate) fn from_json(json: &Value) -> Result<Self> {
        Self::read(json, &mut Names { types: HashMap::new(), left: MAX_TYPES })
    }

    /// How many types this one is made of.
    fn size(&self) -> usize {
        1 + match self {
            Self::Union(branches) => branches.iter().map(Self::size).sum(),
            Self::Array(child) | Self::Map(child) => child.size(),
            Self::Record(fields) => fields.iter().map(|f| f.node.size()).sum(),
            _ => 0,
        }
    }

    fn read(json: &Value, named: &mut Names) -> Result<Self> {
        let wrong = || MetaError::invalid(format!("the Avro schema has the unknown type {json}"));
        match json {
            Value::String(name) => Ok(match name.as_str() {
                "null" => Self::Null,
                "boolean" => Self::Boolean,
                "int" | "long" => Self::Long,
                "float" => Self::Float,
                "double" => Self::Double,
                "bytes" | "string" => Self::Bytes,
                other => named.get(other).ok_or_else(wrong)?,
            }),
            Value::Array(branches) => {
                let branches: Result<Vec<_>> = branches.iter().map(|b| Self::read(b, named)).collect();
                Ok(Self::Union(branches?))
            }
            Value::Object(object) => {
                let child = |key: &str| object.get(key).ok_or_else(wrong);
                let node = match child("type")?.as_str() {
                    Some("record") => {
                        let fields = child("fields")?.as_array().ok_or_else(wrong)?;
                        let fields: Result<Vec<_>> = fields.iter().map(|f| Field::read(f, named)).collect();
                        Self::Record(fields?)
                    }
                    Some("array") => Self::Array(Box::new(Self::read(child("items")?, named)?)),
                    Some("map") => Self::Map(Box::new(Self::read(child("values")?, named)?)),
                    Some("enum") => Self::Long,
                    Some("fixed") => {
                        let size = child("size")?.as_u64().and_then(|v| usize::try_from(v).ok());
                        Self::Fixed(size.ok_or_else(wrong)?)
                    }
                    _ => Self::read(child("type")?, named)?,
                };
                if let Some(name) = object.get("name").and_then(Value::as_str) {
                    named.types.insert(name.to_owned(), node.clone());
                }
                Ok(node)
            }
            _ => Err(wrong()),
        }
    }

    /// The type without the union with null.
    pub(crate) fn not_null(&self) -> &Self {
        match self {
            Self::Union(branches) => branches.iter().find(|b| !matches!(b, Self::Null)).unwrap_or(self),
            other => other,
        }
    }

    /// The fields if this is a record or the union of null and a record.
    pub(crate) fn fields(&self) -> &[Field] {
        match self.not_null() {
            Self::Record(fields) => fields,
            _ => &[],
        }
    }

    fn decode(&self, input: &mut &[u8]) -> Option<Avro> {
        Some(match self {
            Self::Null => Avro::Null,
            Self::Boolean => Avro::Boolean(take::<1>(input)? != [0]),
            Self::Long => Avro::Long(read_long(input)?),
            Self::Float => Avro::Float(f32::from_le_bytes(take(input)?)),
            Self::Double => Avro::Double(f64::from_le_bytes(take(input)?)),
            Self::Bytes => Avro::Bytes(read_bytes(input)?.to_vec()),
            Self::Fixed(size) => {
                let (bytes, rest) = input.split_at_checked(*size)?;
                *input = rest;
                Avro::Bytes(bytes.to_vec())
            }
            Self::Union(branches) => {
                let index = usize::try_from(read_long(input)?).ok()?;
                branches.get(index)?.decode(input)?
            }
            Self::Array(item) => Avro::Array(blocks(input, |input| item.decode(input))?),
            Self::Map(value) => Avro::Array(blocks(input, |input| {
                let key = Avro::Bytes(read_bytes(input)?.to_vec());
                Some(Avro::Record(vec![key, value.decode(input)?]))
            })?),
            Self::Record(fields) => {
                let values: Option<Vec<_>> = fields.iter().map(|f| f.node.decode(input)).collect();
                Avro::Record(values?)
            }
        })
    }
}

impl Field {
    fn read(json: &Value, named: &mut Names) -> Result<Self> {
        let wrong = || MetaError::invalid(format!("the Avro schema has the broken field {json}"));
        Ok(Self {
            name: json.get("name").and_then(Value::as_str).ok_or_else(wrong)?.to_owned(),
            id: json.get("field-id").and_then(Value::as_i64),
            node: Node::read(json.get("type").ok_or_else(wrong)?, named)?,
        })
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*bytes)
}

/// The items of an array or map, which come in counted blocks.
fn blocks(input: &mut &[u8], mut item: impl FnMut(&mut &[u8]) -> Option<Avro>) -> Option<Vec<Avro>> {
    let mut items = Vec::new();
    loop {
        let count = read_long(input)?;
        if count == 0 {
            return Some(items);
        }
        if count < 0 {
            read_long(input)?;
        }
        // Every item of a manifest takes a byte at least, so a larger count is damage and not worth a loop.
        let count = usize::try_from(count.unsigned_abs()).ok().filter(|count| *count <= input.len())?;
        for _ in 0..count {
            items.push(item(input)?);
        }
    }
}

/// Reads all records of a file and gives each to `record`.
pub(crate) fn read_records(
    header: &Header<'_>,
    node: &Node,
    mut record: impl FnMut(Avro) -> Result<()>,
) -> Result<()> {
    let broken = || MetaError::invalid("the Avro file is damaged");
    let mut input = header.rest;
    let marker: [u8; 16] = take(&mut input).ok_or_else(broken)?;
    while !input.is_empty() {
        let count = read_long(&mut input).ok_or_else(broken)?;
        let packed = read_bytes(&mut input).ok_or_else(broken)?;
        if take(&mut input) != Some(marker) {
            return Err(broken());
        }
        let block = match header.get("avro.codec") {
            None | Some(b"null") => packed.to_vec(),
            Some(b"deflate") => inflate(packed).ok_or_else(broken)?,
            Some(b"zstandard") => zstd::stream::decode_all(packed).map_err(|_| broken())?,
            Some(other) => {
                let codec = String::from_utf8_lossy(other).into_owned();
                return Err(MetaError::unsupported(format!("the Avro codec {codec:?} is not supported")));
            }
        };
        let mut rest = block.as_slice();
        // Every record takes a byte at least, so a larger count is damage and not worth a loop.
        if usize::try_from(count).ok().is_none_or(|count| count > rest.len()) {
            return Err(broken());
        }
        for _ in 0..count {
            record(node.decode(&mut rest).ok_or_else(broken)?)?;
        }
        if !rest.is_empty() {
            return Err(broken());
        }
    }
    Ok(())
}

/// A record with its schema, whose fields are found by Iceberg id, or by name where a writer states no ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordView<'a> {
    fields: &'a [Field],
    values: &'a [Avro],
}

impl<'a> RecordView<'a> {
    /// Views a record; null and other values are records without fields.
    pub(crate) fn new(node: &'a Node, value: &'a Avro) -> Self {
        match value {
            Avro::Record(values) => Self { fields: node.fields(), values },
            _ => Self { fields: &[], values: &[] },
        }
    }

    fn position(&self, id: i64, name: &str) -> Option<usize> {
        let by_id = self.fields.iter().position(|f| f.id == Some(id));
        by_id.or_else(|| self.fields.iter().position(|f| f.id.is_none() && f.name == name))
    }

    /// A field; null if it is missing.
    pub(crate) fn get(&self, id: i64, name: &str) -> &'a Avro {
        self.position(id, name).and_then(|index| self.values.get(index)).unwrap_or(&Avro::Null)
    }

    /// A field that is a record.
    pub(crate) fn record(&self, id: i64, name: &str) -> Self {
        let node = self.position(id, name).and_then(|index| self.fields.get(index)).map(|f| &f.node);
        node.map_or(Self { fields: &[], values: &[] }, |node| Self::new(node, self.get(id, name)))
    }

    /// A number; none if it is null or missing.
    pub(crate) fn long(&self, id: i64, name: &str) -> Option<i64> {
        match self.get(id, name) {
            Avro::Long(v) => Some(*v),
            _ => None,
        }
    }

    /// A 32-bit number.
    pub(crate) fn int(&self, id: i64, name: &str) -> Option<i32> {
        self.long(id, name).and_then(|v| i32::try_from(v).ok())
    }

    /// Bytes.
    pub(crate) fn bytes(&self, id: i64, name: &str) -> Option<&'a [u8]> {
        match self.get(id, name) {
            Avro::Bytes(v) => Some(v),
            _ => None,
        }
    }

    /// Text.
    pub(crate) fn text(&self, id: i64, name: &str) -> Option<&'a str> {
        self.bytes(id, name).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// The items of an array.
    pub(crate) fn array(&self, id: i64, name: &str) -> Option<&'a [Avro]> {
        match self.get(id, name) {
            Avro::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items of an array with their type.
    pub(crate) fn array_with_node(&self, id: i64, name: &str) -> Option<(&'a Node, &'a [Avro])> {
        let field = self.fields.get(self.position(id, name)?)?;
        match field.node.not_null() {
            Node::Array(item) => Some((item, self.array(id, name)?)),
            _ => None,
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&self, id: i64, name: &str) -> Option<bool> {
        match self.get(id, name) {
            Avro::Boolean(v) => Some(*v),
            _ => None,
        }
    }

    /// A required member, or an error that names it.
    pub(crate) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| MetaError::invalid(format!("a record of the Avro file has no valid {name:?}")))
    }
}
