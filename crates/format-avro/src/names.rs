//! The names of types, spelled so that arrow-avro finds them.
//!
//! A definition may say its namespace in its name (`"name": "n.F"`), which arrow-avro keeps as a name with a dot, under which it
//! finds no reference: it looks for `F` in `n`. Here each definition has a simple name, and its namespace where that is not the one
//! around it, and each reference is a simple name in the namespace around it, or else a full one.

use std::collections::HashSet;

use serde_json::{Map, Value};
use stitchwork_core::{Error, Result};

use crate::error::broken;
use crate::logical;

/// A schema with its names spelled so that arrow-avro finds them.
pub(crate) fn spelled(schema: &str) -> Result<String> {
    let mut json: Value =
        serde_json::from_str(schema).map_err(|e| broken("the schema is no JSON").with_source(e))?;
    Names::default().spell(&mut json, "")?;
    Ok(json.to_string())
}

/// The full names of the types so far.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn spell(&mut self, json: &mut Value, namespace: &str) -> Result<()> {
        match json {
            Value::String(name) => self.refer(name, namespace),
            Value::Array(branches) => {
                branches.iter_mut().try_for_each(|branch| self.spell(branch, namespace))?;
            }
            Value::Object(object) if object.get("type").is_some_and(|kind| !kind.is_string()) => {
                *json = logical::unwrapped(std::mem::take(object));
                self.spell(json, namespace)?;
            }
            Value::Object(object) => {
                object.retain(|attribute, _| is_plain(attribute));
                logical::without_invalid(object);
                let within = match object.get("type").and_then(Value::as_str) {
                    Some("array") => "items",
                    Some("map") => "values",
                    Some("record" | "error" | "enum" | "fixed") => {
                        return self.define(object, namespace);
                    }
                    _ => "type",
                };
                if let Some(inner) = object.get_mut(within) {
                    self.spell(inner, namespace)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn refer(&self, name: &mut String, namespace: &str) {
        let full = full_name(name, namespace);
        let full = if self.0.contains(&full) { &full } else { &*name };
        if self.0.contains(full) {
            *name = relative(full, namespace);
        }
    }

    fn define(&mut self, object: &mut Map<String, Value>, around: &str) -> Result<()> {
        if object.get("type").is_some_and(|kind| kind == "error") {
            // Errors of protocols are records, which the decoder does not know.
            object.insert("type".to_owned(), "record".into());
        }
        let Some(name) = object.get("name").and_then(Value::as_str) else { return Ok(()) };
        let full = full_name(name, object.get("namespace").and_then(Value::as_str).unwrap_or(around));
        check(&full)?;
        let (namespace, simple) = split(&full);
        object.insert("name".to_owned(), simple.into());
        object.remove("namespace");
        if namespace != around {
            object.insert("namespace".to_owned(), namespace.into());
        }
        let symbols = object.get("symbols").and_then(Value::as_array).into_iter().flatten();
        symbols.filter_map(Value::as_str).try_for_each(check)?;
        for alias in plain_aliases(object) {
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
            if let Value::Object(field) = field {
                field.get("name").and_then(Value::as_str).map_or(Ok(()), check)?;
                plain_aliases(field);
            }
            if let Some(data_type) = field.get_mut("type") {
                self.spell(data_type, namespace)?;
            }
        }
        Ok(())
    }
}

/// The aliases of a type or field that the decoder can read. Whoever has others finds nothing by them.
fn plain_aliases(object: &mut Map<String, Value>) -> &mut [Value] {
    match object.get_mut("aliases").and_then(Value::as_array_mut) {
        Some(aliases) => {
            aliases.retain(|alias| alias.as_str().is_some_and(is_plain));
            aliases
        }
        None => &mut [],
    }
}

/// Refuses a name that the decoder cannot read: it takes names from the text of the schema as they stand there.
fn check(name: &str) -> Result<()> {
    match is_plain(name) {
        true => Ok(()),
        false => Err(Error::unsupported(
            "a name in the schema has a quote, a backslash or a control character, which Avro's names cannot have",
        )
        .with_context("name", name)),
    }
}

/// Whether JSON has no escapes in a text.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '"' | '\\'))
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
