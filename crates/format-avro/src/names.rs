//! The names of types, spelled so that arrow-avro finds them.
//!
//! A definition may say its namespace in its name (`"name": "n.F"`), which arrow-avro keeps as a name with a dot, under which it
//! finds no reference: it looks for `F` in `n`. Here each definition has a simple name, and its namespace where that is not the one
//! around it, and each reference is a simple name in the namespace around it, or else a full one.

use std::collections::HashSet;

use serde_json::{Map, Value};
use stitchwork_core::Result;

use crate::error::broken;

/// A schema with its names spelled so that arrow-avro finds them.
pub(crate) fn spelled(schema: &str) -> Result<String> {
    let mut json: Value =
        serde_json::from_str(schema).map_err(|e| broken("the schema is no JSON").with_source(e))?;
    Names::default().spell(&mut json, "");
    Ok(json.to_string())
}

/// The full names of the types so far.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn spell(&mut self, json: &mut Value, namespace: &str) {
        match json {
            Value::String(name) => self.refer(name, namespace),
            Value::Array(branches) => branches.iter_mut().for_each(|branch| self.spell(branch, namespace)),
            Value::Object(object) => {
                let within = match object.get("type").and_then(Value::as_str) {
                    Some("array") => "items",
                    Some("map") => "values",
                    Some("record" | "error" | "enum" | "fixed") => {
                        return self.define(object, namespace);
                    }
                    _ => "type",
                };
                if let Some(inner) = object.get_mut(within) {
                    self.spell(inner, namespace);
                }
            }
            _ => {}
        }
    }

    fn refer(&self, name: &mut String, namespace: &str) {
        let full = full_name(name, namespace);
        let full = if self.0.contains(&full) { &full } else { &*name };
        if self.0.contains(full) {
            *name = relative(full, namespace);
        }
    }

    fn define(&mut self, object: &mut Map<String, Value>, around: &str) {
        let Some(name) = object.get("name").and_then(Value::as_str) else { return };
        let full = full_name(name, object.get("namespace").and_then(Value::as_str).unwrap_or(around));
        let (namespace, simple) = split(&full);
        object.insert("name".to_owned(), simple.into());
        object.remove("namespace");
        if namespace != around {
            object.insert("namespace".to_owned(), namespace.into());
        }
        for alias in object.get_mut("aliases").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::String(alias) = alias {
                // An alias is in the namespace of its type, unless it says another.
                let full = full_name(alias, namespace);
                if split(&full).0 == namespace {
                    split(&full).1.clone_into(alias);
                }
            }
        }
        self.0.insert(full.clone());
        for field in object.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(data_type) = field.get_mut("type") {
                self.spell(data_type, namespace);
            }
        }
    }
}

/// A full name as it is said within a namespace. One of no namespace begins with a dot elsewhere.
fn relative(full: &str, namespace: &str) -> String {
    let (own, simple) = split(full);
    match own {
        own if own == namespace => simple.to_owned(),
        "" => format!(".{simple}"),
        _ => full.to_owned(),
    }
}

fn split(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

/// The full name of a type that is named within a namespace.
pub(crate) fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_simple_and_references_find_them() {
        for (schema, expected) in [
            (
                r#"{"type":"record","name":"n.r","fields":[{"name":"p","type":{"type":"fixed","name":"F","size":2}},
                   {"name":"q","type":"n.F"},{"name":"s","type":["null",{"type":"F"}]}]}"#,
                r#"{"type":"record","name":"r","namespace":"n","fields":[{"name":"p","type":{"type":"fixed","name":"F","size":2}},
                   {"name":"q","type":"F"},{"name":"s","type":["null",{"type":"F"}]}]}"#,
            ),
            (
                r#"{"type":"record","name":"r","fields":[{"name":"p","type":{"type":"enum","name":"m.E","aliases":["m.O","k.P"],
                   "symbols":["m.E"]}},{"name":"q","type":{"type":"array","items":"m.E"}}]}"#,
                r#"{"type":"record","name":"r","fields":[{"name":"p","type":{"type":"enum","name":"E","namespace":"m",
                   "aliases":["O","k.P"],"symbols":["m.E"]}},{"name":"q","type":{"type":"array","items":"m.E"}}]}"#,
            ),
            (
                r#"{"type":"record","name":"r","namespace":"n","fields":[{"name":"p","type":{"type":"fixed","name":"F","size":1,
                   "namespace":""}},{"name":"q","type":{"type":"map","values":"F"}},{"name":"n.x","type":"unknown"}]}"#,
                r#"{"type":"record","name":"r","namespace":"n","fields":[{"name":"p","type":{"type":"fixed","name":"F","size":1,
                   "namespace":""}},{"name":"q","type":{"type":"map","values":".F"}},{"name":"n.x","type":"unknown"}]}"#,
            ),
        ] {
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(json(&spelled(schema).unwrap()), json(expected));
        }
    }
}
