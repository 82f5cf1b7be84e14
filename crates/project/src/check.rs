//! A tree checked against the schema of the structs: everything that is wrong with it, and what is left for serde.

mod keyword;
mod object;
mod scalar;
mod suggest;
mod variant;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::tree::{Content, Node};
use crate::{Diagnostics, Known, Place, Reference};
pub(crate) use keyword::{Keyword, has_slashes};
pub use suggest::nearest;
pub(crate) use suggest::{quoted, suggestion};

/// Checks one tree.
pub(crate) struct Checker<'a> {
    schema: &'a Value,
    root: &'a Node,
    known: &'a Known,
    diagnostics: &'a mut Diagnostics,
    /// Where each value is, by the keys that lead to it.
    pub(crate) places: BTreeMap<String, Place>,
    pub(crate) references: Vec<Reference>,
}

/// A value on its way through the schema.
#[derive(Clone)]
pub(crate) struct At<'a> {
    /// The keys that lead to it, joined by dots.
    path: String,
    /// Where its key is, or itself where it has none.
    place: Place,
    /// What our own keywords ask of it.
    keywords: Vec<Keyword<'a>>,
}

impl At<'_> {
    fn child(&self, key: &str, place: Place) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, place, keywords: vec![] }
    }

    /// ` for "key"`, or nothing for an item of a list.
    fn name(&self) -> String {
        let key = self.path.rsplit('.').next().unwrap_or_default();
        let is_item = key.is_empty() || key.bytes().all(|byte| byte.is_ascii_digit());
        if is_item { String::new() } else { format!(" for {}", quoted(key)) }
    }
}

impl<'a> Checker<'a> {
    pub(crate) fn new(
        schema: &'a Value,
        root: &'a Node,
        known: &'a Known,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self { schema, root, known, diagnostics, places: BTreeMap::new(), references: vec![] }
    }

    /// The whole tree as serde takes it; `None` when something is wrong with it.
    pub(crate) fn run(&mut self) -> Option<Value> {
        let at = At { path: String::new(), place: self.root.place, keywords: vec![] };
        self.value(self.root, self.schema, at)
    }

    fn fail<T>(&mut self, place: Place, message: impl Into<String>) -> Option<T> {
        self.diagnostics.add(place, message);
        None
    }

    /// A value against a schema.
    fn value(&mut self, node: &Node, schema: &'a Value, mut at: At<'a>) -> Option<Value> {
        self.places.entry(at.path.clone()).or_insert(at.place);
        let Some(fields) = schema.as_object() else {
            // `true` takes anything.
            return self.free(node);
        };
        at.keywords.extend(keyword::of(fields));
        if let Some(target) = self.target(schema) {
            return self.value(node, target, at);
        }
        if let Some(variants) = fields.get("anyOf").and_then(Value::as_array) {
            return self.any_of(node, variants, at);
        }
        if let Some(variants) = fields.get("oneOf").and_then(Value::as_array) {
            return self.one_of(node, variants, at);
        }
        let types = types(fields);
        if node.is_null() && types.contains(&"null") {
            return Some(Value::Null);
        }
        match &node.content {
            Content::Map(entries) if types.contains(&"object") => self.object(node, entries, fields, at),
            Content::List(items) if types.contains(&"array") => self.list(items, fields, &at),
            Content::Scalar(scalar) if !types.is_empty() || fields.contains_key("enum") => {
                let value = self.scalar(node, scalar, fields, &types, &at);
                // All of them are asked, so that each says what it has to say.
                value.filter(|_| self.keywords(node, &at))
            }
            _ if types.is_empty() => self.free(node),
            _ => {
                let like = fields.get("examples").and_then(|examples| examples.get(0));
                let like = like.map_or(String::new(), |like| format!("; write it like {like}"));
                let message =
                    format!("expected {}{}, found {}{like}", expected(&types), at.name(), node.found());
                self.fail(node.place, message)
            }
        }
    }

    fn list(
        &mut self,
        items: &[Node],
        fields: &'a serde_json::Map<String, Value>,
        at: &At<'a>,
    ) -> Option<Value> {
        let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if (items.len() as u64) < least {
            return self.fail(at.place, format!("expected at least {least} item{}", at.name()));
        }
        let schema = fields.get("items").unwrap_or(&Value::Bool(true));
        let mut values = Some(vec![]);
        for (index, item) in items.iter().enumerate() {
            let at = At { keywords: at.keywords.clone(), ..at.child(&index.to_string(), item.place) };
            match (self.value(item, schema, at), &mut values) {
                (Some(value), Some(values)) => values.push(value),
                _ => values = None,
            }
        }
        values.map(Value::Array)
    }

    /// Any JSON.
    fn free(&mut self, node: &Node) -> Option<Value> {
        match &node.content {
            Content::Scalar(scalar) => {
                if !self.is_without_references(node, &scalar.text) {
                    return None;
                }
                Some(scalar.value())
            }
            Content::List(items) => {
                // Each is looked at, whatever is wrong with those before it.
                let values: Vec<Option<Value>> = items.iter().map(|item| self.free(item)).collect();
                values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Content::Map(entries) => {
                let pairs: Vec<_> =
                    entries.iter().map(|entry| Some((entry.key.clone(), self.free(&entry.node)?))).collect();
                pairs.into_iter().collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
            }
        }
    }

    /// What `$ref` names.
    fn target(&self, schema: &'a Value) -> Option<&'a Value> {
        let name = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
        self.schema.get("$defs")?.get(name)
    }

    /// A schema without its `$ref`.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        self.target(schema).map_or(schema, |target| self.resolved(target))
    }
}

/// The types that a schema names.
fn types(fields: &serde_json::Map<String, Value>) -> Vec<&str> {
    match fields.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

/// Types in words.
fn expected(types: &[&str]) -> String {
    let word = |name: &&str| match *name {
        "string" => Some("a text"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("true or false"),
        "array" => Some("a list"),
        "object" => Some("a mapping"),
        _ => None,
    };
    // A text takes numbers and truth values as they are written, which is no news.
    let is_any = types.first() == Some(&"string") && types.contains(&"boolean");
    let types = if is_any { types.get(..1).unwrap_or(types) } else { types };
    types.iter().filter_map(word).collect::<Vec<_>>().join(" or ")
}
