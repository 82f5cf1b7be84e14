//! The shapes of values, and the check that bytes have them.
//!
//! A block says how many rows it has, and arrays how many items. The check walks over the values once before anything
//! is built of them, so that no number is believed before it is known to be right.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::cursor::Cursor;
use crate::error::broken;
use crate::names::full_name;

/// How deep types may lie in each other.
const DEEPEST: usize = 64;
/// How many types a schema may have, each counted as often as it is used.
const MOST_TYPES: u64 = 100_000;
/// How many items without any byte a block may have.
const MOST_EMPTY: u64 = 1 << 20;

/// How the values of a type are encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Int,
    Long,
    /// So many bytes.
    Fixed(usize),
    /// A length and so many bytes.
    Bytes,
    /// The place of one of so many symbols.
    Enum(usize),
    Array(Arc<Self>),
    /// A text and a value.
    Map(Arc<Self>),
    Union(Vec<Arc<Self>>),
    Record(Vec<Arc<Self>>),
}

/// The shape of the rows of a schema.
pub(crate) fn parse(schema: &str) -> Result<Arc<Shape>> {
    let json: Value =
        serde_json::from_str(schema).map_err(|e| broken("the schema is no JSON").with_source(e))?;
    let shape = Parser::default().shape(&json, "", 0)?.0;
    match &*shape {
        Shape::Record(_) => Ok(shape),
        _ => Err(Error::unsupported("the values of the object are no records")
            .with_context("type", json.get("type").unwrap_or(&json))),
    }
}

/// The named types so far; `None` for those that are being parsed.
#[derive(Default)]
struct Parser {
    named: HashMap<String, Option<Sized>>,
}

/// A shape, how many types it has and how deep it is.
type Sized = (Arc<Shape>, u64, usize);

impl Parser {
    fn shape(&mut self, json: &Value, namespace: &str, depth: usize) -> Result<Sized> {
        if depth > DEEPEST {
            return Err(broken("the types of the schema lie too deep in each other"));
        }
        let found = match json {
            Value::String(name) => self.by_name(name, namespace)?,
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.shape(branch, namespace, depth + 1));
                let (shapes, types, depth) = all(branches)?;
                (Arc::new(Shape::Union(shapes)), types, depth)
            }
            Value::Object(_) => self.object(json, namespace, depth)?,
            other => return Err(broken("the schema has a type that is none").with_context("type", other)),
        };
        if found.1 > MOST_TYPES || found.2 > DEEPEST {
            return Err(broken("the types of the schema refer to each other too often")
                .with_context("types", found.1)
                .with_context("depth", found.2));
        }
        Ok(found)
    }

    fn by_name(&self, name: &str, namespace: &str) -> Result<Sized> {
        let shape = match name {
            "null" => Shape::Fixed(0),
            "boolean" => Shape::Fixed(1),
            "int" => Shape::Int,
            "long" => Shape::Long,
            "float" => Shape::Fixed(4),
            "double" => Shape::Fixed(8),
            "bytes" | "string" => Shape::Bytes,
            _ => {
                let full = full_name(name, namespace);
                return match self.named.get(&full).or_else(|| self.named.get(name)) {
                    Some(Some(found)) => Ok(found.clone()),
                    Some(None) => {
                        Err(Error::unsupported("the schema has a recursive type, for which Arrow has none")
                            .with_context("type", full))
                    }
                    None => Err(broken("the schema has an unknown type").with_context("type", full)),
                };
            }
        };
        Ok((Arc::new(shape), 1, 1))
    }

    fn object(&mut self, json: &Value, namespace: &str, depth: usize) -> Result<Sized> {
        let lacks = |what: &'static str| {
            broken("a type of the schema lacks an attribute").with_context("attribute", what)
        };
        let kind = json.get("type").ok_or_else(|| lacks("type"))?;
        let Some(kind) = kind.as_str() else { return self.shape(kind, namespace, depth + 1) };
        let list = |what| json.get(what).and_then(Value::as_array).ok_or_else(|| lacks(what));
        match kind {
            "array" => {
                let items = json.get("items").ok_or_else(|| lacks("items"))?;
                let (items, types, below) = self.shape(items, namespace, depth + 1)?;
                Ok((Arc::new(Shape::Array(items)), types + 1, below + 1))
            }
            "map" => {
                let values = json.get("values").ok_or_else(|| lacks("values"))?;
                let (values, types, below) = self.shape(values, namespace, depth + 1)?;
                Ok((Arc::new(Shape::Map(values)), types + 1, below + 1))
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = json.get("name").and_then(Value::as_str).ok_or_else(|| lacks("name"))?;
                let own = json.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
                let full = full_name(name, own);
                self.named.insert(full.clone(), None);
                let found = match kind {
                    "enum" => (Arc::new(Shape::Enum(list("symbols")?.len())), 1, 1),
                    "fixed" => {
                        let size = json.get("size").and_then(Value::as_u64);
                        // Arrow counts the bytes of such values in 31 bits.
                        let size = size.and_then(|size| i32::try_from(size).ok());
                        let size = size.and_then(|size| usize::try_from(size).ok());
                        (Arc::new(Shape::Fixed(size.ok_or_else(|| lacks("size"))?)), 1, 1)
                    }
                    _ => {
                        let inner = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
                        let fields = list("fields")?.iter().map(|field| {
                            let data_type = field.get("type").ok_or_else(|| lacks("type"))?;
                            self.shape(data_type, inner, depth + 1)
                        });
                        let (shapes, types, below) = all(fields)?;
                        (Arc::new(Shape::Record(shapes)), types, below)
                    }
                };
                self.named.insert(full, Some(found.clone()));
                Ok(found)
            }
            name => self.by_name(name, namespace),
        }
    }
}

fn all(shapes: impl Iterator<Item = Result<Sized>>) -> Result<(Vec<Arc<Shape>>, u64, usize)> {
    let (mut found, mut types, mut depth) = (Vec::new(), 1_u64, 0);
    for shape in shapes {
        let (shape, more, below) = shape?;
        found.push(shape);
        types = types.saturating_add(more);
        depth = depth.max(below);
    }
    Ok((found, types, depth + 1))
}

impl Shape {
    /// Whether values take no bytes at all.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Fixed(size) => *size == 0,
            Self::Record(fields) => fields.iter().all(|field| field.is_empty()),
            _ => false,
        }
    }

    /// Checks that `bytes` are exactly so many values.
    pub(crate) fn check(&self, bytes: &[u8], count: u64) -> Result<()> {
        let mut walk = Walk { cursor: Cursor(bytes), empty: 0 };
        if self.is_empty() {
            return match bytes.is_empty() {
                true => Ok(()),
                false => Err(broken("a block has more bytes than its rows")),
            };
        }
        for _ in 0..count {
            walk.value(self)?;
        }
        match walk.cursor.0.len() {
            0 => Ok(()),
            left => Err(broken("a block has more bytes than its rows").with_context("bytes", left)),
        }
    }
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    /// The items without any byte so far.
    empty: u64,
}

impl Walk<'_> {
    fn value(&mut self, shape: &Shape) -> Result<()> {
        match shape {
            Shape::Int => {
                let value = self.cursor.long()?;
                match i32::try_from(value) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(broken("an int is larger than an int can be").with_context("value", value)),
                }
            }
            Shape::Long => self.cursor.long().map(drop),
            Shape::Fixed(size) => self.cursor.skip(*size),
            Shape::Bytes => {
                let length = self.cursor.length()?;
                self.cursor.skip(length)
            }
            Shape::Enum(symbols) => self.choice(*symbols).map(drop),
            Shape::Union(branches) => {
                let branch = self.choice(branches.len())?;
                branches.get(branch).map_or(Ok(()), |branch| self.value(branch))
            }
            Shape::Record(fields) => fields.iter().try_for_each(|field| self.value(field)),
            Shape::Array(item) => self.items(item, false),
            Shape::Map(value) => self.items(value, true),
        }
    }

    fn choice(&mut self, of: usize) -> Result<usize> {
        let place = self.cursor.long()?;
        usize::try_from(place).ok().filter(|place| *place < of).ok_or_else(|| {
            broken("a value chooses a branch or symbol that the schema does not have")
                .with_context("place", place)
                .with_context("of", of)
        })
    }

    fn items(&mut self, item: &Shape, keys: bool) -> Result<()> {
        loop {
            let count = self.cursor.long()?;
            if count == 0 {
                return Ok(());
            }
            // A negative number is followed by the bytes of the items, which are walked over all the same.
            let size = match count < 0 {
                true => Some(self.cursor.length()?),
                false => None,
            };
            let before = self.cursor.0.len();
            if !keys && item.is_empty() {
                self.empty = self.empty.saturating_add(count.unsigned_abs());
                if self.empty > MOST_EMPTY {
                    return Err(broken("a block has too many items without any byte"));
                }
            } else {
                for _ in 0..count.unsigned_abs() {
                    if keys {
                        self.value(&Shape::Bytes)?;
                    }
                    self.value(item)?;
                }
            }
            if size.is_some_and(|size| size != before - self.cursor.0.len()) {
                return Err(broken("the items of a list or map do not have the bytes that they claim"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
