//! Values that can be of several kinds.

use serde_json::Value;

use super::suggest::{list, suggestion};
use super::{At, Checker, expected, quoted, types};
use crate::tree::{Content, Node};

impl<'a> Checker<'a> {
    /// A value of one of several shapes, which differ in what they are: a text, a list, a mapping, nothing.
    pub(super) fn any_of(&mut self, node: &Node, variants: &'a [Value], at: At<'a>) -> Option<Value> {
        let shape = match &node.content {
            Content::Scalar(_) if node.is_null() => "null",
            Content::Scalar(_) => "string",
            Content::List(_) => "array",
            Content::Map(_) => "object",
        };
        let shapes: Vec<(&Value, Vec<&str>)> =
            variants.iter().map(|variant| (variant, self.shapes(variant))).collect();
        let others = shapes.iter().filter(|(_, shapes)| *shapes != ["null"]);
        let mut fitting = shapes.iter().filter(|(_, shapes)| shapes.contains(&shape));
        let chosen = fitting.next().or_else(|| {
            // Where there is one shape beside null, it says best what is wrong.
            let mut others = others.clone();
            others.next().filter(|_| others.next().is_none())
        });
        if let Some((variant, _)) = chosen {
            return self.value(node, variant, at);
        }
        let words: Vec<&str> = others.flat_map(|(_, shapes)| shapes.iter().copied()).collect();
        let words: Vec<String> = words.into_iter().map(|word| expected(&[word])).collect();
        let message = format!("expected {}{}, found {}", words.join(" or "), at.name(), node.found());
        self.fail(node.place, message)
    }

    /// What a value of a schema may look like, scalars being texts.
    fn shapes(&self, schema: &'a Value) -> Vec<&'a str> {
        let schema = self.resolved(schema);
        let nested = |key| schema.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut found: Vec<&str> =
            nested("anyOf").chain(nested("oneOf")).flat_map(|v| self.shapes(v)).collect();
        if let Some(fields) = schema.as_object() {
            found.extend(types(fields).into_iter().map(|name| match name {
                "array" | "object" | "null" => name,
                _ => "string",
            }));
        }
        found.dedup();
        found
    }

    /// One of several names, or one of several mappings that are told apart by a key.
    pub(super) fn one_of(&mut self, node: &Node, variants: &'a [Value], at: At<'a>) -> Option<Value> {
        let Some(tag) = variants.iter().find_map(tag) else {
            let names = variants.iter().flat_map(|variant| {
                let several = variant.get("enum").and_then(Value::as_array).into_iter().flatten();
                several.chain(variant.get("const"))
            });
            let names: Vec<&str> = names.filter_map(Value::as_str).collect();
            return self.name(node, &names, &at);
        };
        let Content::Map(entries) = &node.content else {
            let message = format!("expected a mapping{}, found {}", at.name(), node.found());
            return self.fail(node.place, message);
        };
        let value = |variant: &'a Value| variant.get("properties")?.get(tag)?.get("const")?.as_str();
        let names: Vec<&str> = variants.iter().filter_map(value).collect();
        let known = list(names.iter().copied()).unwrap_or_default();
        let Some(entry) = node.entry(tag) else {
            let message = format!("missing key {}{}, which is one of {known}", quoted(tag), at.inside());
            return self.fail(at.place, message);
        };
        let Some(name) = entry.node.text() else {
            let message =
                format!("expected one of {known} for {}, found {}", quoted(tag), entry.node.found());
            return self.fail(entry.node.place, message);
        };
        let chosen = variants.iter().find(|variant| value(variant) == Some(name));
        let Some(fields) = chosen.and_then(Value::as_object) else {
            let hint = suggestion(name, names);
            return self.fail(entry.node.place, format!("unknown {tag} {}{hint}", quoted(name)));
        };
        self.object(node, entries, fields, at)
    }

    /// One of several names.
    pub(super) fn name(&mut self, node: &Node, names: &[&str], at: &At<'_>) -> Option<Value> {
        let Some(text) = node.scalar().filter(|_| !node.is_null()).map(|scalar| scalar.text.as_str()) else {
            let known = list(names.iter().copied()).unwrap_or_default();
            let message = format!("expected one of {known}{}, found {}", at.name(), node.found());
            return self.fail(node.place, message);
        };
        if names.contains(&text) {
            return Some(text.into());
        }
        let hint = suggestion(text, names.iter().copied());
        self.fail(node.place, format!("unknown value {}{}{hint}", quoted(text), at.name()))
    }
}

/// The key that tells the variants apart.
fn tag(variant: &Value) -> Option<&str> {
    let mut properties = variant.get("properties")?.as_object()?.iter();
    properties.find(|(_, schema)| schema.get("const").is_some()).map(|(name, _)| name.as_str())
}
