//! The shapes of values, and the check that bytes have them.
//!
//! A block says how many rows it has, and arrays how many items. The check walks over the values once before anything
//! is built of them, so that no number is believed before it is known to be right.

mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::cursor::Cursor;
use crate::error::broken;
use crate::logical::{is_duration, is_logical, is_wide_decimal, unwrapped};
use crate::names::full_name;
use walk::Walk;

/// How deep types may lie in each other.
const DEEPEST: usize = 64;
/// How many types a schema may have, each counted as often as it is used.
const MOST_TYPES: u64 = 100_000;

/// How the values of a type are encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// No bytes.
    Null,
    Int,
    Long,
    /// So many bytes.
    Fixed(usize),
    /// Months, days and milliseconds of 32 bits without a sign.
    Duration,
    /// A length and so many bytes.
    Bytes,
    /// The place of one of so many symbols.
    Enum(usize),
    Array(Arc<Self>),
    /// A text and a value.
    Map(Arc<Self>),
    Union(Vec<Arc<Self>>),
    /// Fields by their names.
    Record(Vec<(String, Arc<Self>)>),
    /// A decimal of more digits than Arrow has, encoded as its bytes are.
    Wide(Arc<Self>),
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
            Value::Array(branches) if branches.is_empty() => {
                return Err(broken("a union of the schema has no branch"));
            }
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.shape(branch, namespace, depth + 1));
                let (shapes, types, depth) = all(branches)?;
                if shapes.iter().any(|branch| matches!(**branch, Shape::Union(_))) {
                    return Err(broken(
                        "a union of the schema has another one as its branch, which Avro forbids",
                    ));
                }
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
            "null" => Shape::Null,
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
        let Some(kind) = kind.as_str() else {
            return match json {
                // What it says of a type that has no name is said of the inner one.
                Value::Object(outer) if is_logical(json) => {
                    self.shape(&unwrapped(outer.clone()), namespace, depth + 1)
                }
                _ => self.shape(kind, namespace, depth + 1),
            };
        };
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
                        let fixed = Shape::Fixed(size.ok_or_else(|| lacks("size"))?);
                        let shape = match json {
                            json if is_duration(json) => Shape::Duration,
                            json if is_wide_decimal(json) => Shape::Wide(Arc::new(fixed)),
                            _ => fixed,
                        };
                        (Arc::new(shape), 1, 1)
                    }
                    _ => {
                        let inner = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
                        let fields = list("fields")?;
                        let shapes = fields.iter().map(|field| {
                            let data_type = field.get("type").ok_or_else(|| lacks("type"))?;
                            self.shape(data_type, inner, depth + 1)
                        });
                        let (shapes, types, below) = all(shapes)?;
                        let name = |field: &Value| Some(field.get("name")?.as_str()?.to_owned());
                        let names = fields.iter().map(|field| name(field).unwrap_or_default());
                        (Arc::new(Shape::Record(names.zip(shapes).collect())), types, below)
                    }
                };
                self.named.insert(full, Some(found.clone()));
                Ok(found)
            }
            "bytes" if is_wide_decimal(json) => Ok((Arc::new(Shape::Wide(Arc::new(Shape::Bytes))), 1, 1)),
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
            Self::Null => true,
            Self::Fixed(size) => *size == 0,
            Self::Record(fields) => fields.iter().all(|(_, field)| field.is_empty()),
            Self::Wide(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// The shape of rows of which only the columns at some places are wanted: the values of others are only passed over.
    pub(crate) fn only(&self, places: &[usize]) -> Self {
        let Self::Record(fields) = self else { return self.passed() };
        let fields = fields.iter().enumerate().map(|(place, (name, field))| match places.contains(&place) {
            true => (name.clone(), field.clone()),
            false => (name.clone(), Arc::new(field.passed())),
        });
        Self::Record(fields.collect())
    }

    /// Refuses columns at some places that Arrow has no type for, or the decoder no values.
    pub(crate) fn require_readable(&self, places: &[usize]) -> Result<()> {
        let Self::Record(fields) = self else { return Ok(()) };
        let wanted = fields.iter().enumerate().filter(|(place, _)| places.contains(place));
        match wanted.into_iter().find_map(|(_, (name, field))| Some((name, field.unreadable()?))) {
            None => Ok(()),
            Some((name, (why, below))) => {
                let path: Vec<_> = std::iter::once(name.as_str()).chain(below).collect();
                Err(Error::unsupported(why).with_context("column", path.join(".")))
            }
        }
    }

    /// Why the values inside cannot be read, and the way to them.
    fn unreadable(&self) -> Option<(&'static str, Vec<&str>)> {
        match self {
            Self::Fixed(0) => Some(("a `fixed` of no bytes is not read: leave the column out", vec![])),
            Self::Record(fields) if fields.is_empty() => {
                Some(("a record without fields is only read as the row itself: leave the column out", vec![]))
            }
            Self::Record(fields) => {
                fields.iter().find_map(|(name, field)| Some(below(name, field.unreadable()?)))
            }
            Self::Wide(_) => Some((
                "a decimal of more than 76 digits is not read, since Arrow has none: leave the column out",
                vec![],
            )),
            Self::Array(item) => Some(below("element", item.unreadable()?)),
            Self::Map(value) => Some(below("value", value.unreadable()?)),
            Self::Union(branches) => branches.iter().find_map(|branch| branch.unreadable()),
            _ => None,
        }
    }

    /// The same bytes, whose values nobody looks at.
    fn passed(&self) -> Self {
        let pass = |shape: &Arc<Self>| Arc::new(shape.passed());
        match self {
            Self::Duration => Self::Fixed(12),
            Self::Array(item) => Self::Array(pass(item)),
            Self::Map(value) => Self::Map(pass(value)),
            Self::Union(branches) => Self::Union(branches.iter().map(pass).collect()),
            Self::Record(fields) => {
                Self::Record(fields.iter().map(|(name, field)| (name.clone(), pass(field))).collect())
            }
            Self::Wide(bytes) => bytes.passed(),
            Self::Null => Self::Fixed(0),
            Self::Int => Self::Int,
            Self::Long => Self::Long,
            Self::Fixed(size) => Self::Fixed(*size),
            Self::Bytes => Self::Bytes,
            Self::Enum(symbols) => Self::Enum(*symbols),
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
        for row in 0..count {
            walk.row(self).map_err(|wrong| {
                let error = wrong.why.with_context("row_in_block", row);
                match wrong.path.is_empty() {
                    true => error,
                    false => error.with_context("column", wrong.path.join(".")),
                }
            })?;
        }
        match walk.cursor.0.len() {
            0 => Ok(()),
            left => Err(broken("a block has more bytes than its rows").with_context("bytes", left)),
        }
    }
}

/// Why something cannot be read, and the way to it from inside of a named part.
fn below<'a>(name: &'a str, (why, mut path): (&'static str, Vec<&'a str>)) -> (&'static str, Vec<&'a str>) {
    path.insert(0, name);
    (why, path)
}

#[cfg(test)]
mod tests;
