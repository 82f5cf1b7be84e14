//! Texts, numbers and truth values.

use serde_json::{Map, Value};

use super::{At, Checker, expected};
use crate::Reference;
use crate::text::{KEYWORD, Placed, Template};
use crate::tree::{Kind, Node, Scalar};

impl Checker<'_> {
    pub(super) fn scalar(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        fields: &Map<String, Value>,
        types: &[&str],
        at: &At<'_>,
    ) -> Option<Value> {
        if let Some(names) = fields.get("enum").and_then(Value::as_array) {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            return self.name(node, &names, at);
        }
        if let Some(kind) = fields.get(KEYWORD) {
            return self.text(node, scalar, kind == "secret", at);
        }
        let kind = scalar.kind();
        let fits = |name: &&str| match *name {
            "string" => kind == Kind::Text,
            "boolean" => kind == Kind::Bool,
            "integer" => scalar.integer().is_some(),
            "number" => scalar.number().is_some(),
            _ => false,
        };
        match types.iter().find(|name| fits(name)).copied() {
            Some("string") => self.string(node, scalar, fields, at),
            Some("boolean") => scalar.bool().map(Value::Bool),
            Some(_) => self.number(node, scalar, fields, at),
            None => {
                let hint = hint(scalar, types);
                let message =
                    format!("expected {}{}, found {}{hint}", expected(types), at.name(), node.found());
                self.fail(node.place, message)
            }
        }
    }

    /// A text that means itself.
    fn string(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        fields: &Map<String, Value>,
        at: &At<'_>,
    ) -> Option<Value> {
        let least = fields.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        if (scalar.text.chars().count() as u64) < least {
            return self.fail(node.place, format!("the text{} is empty", at.name()));
        }
        self.is_without_references(node, &scalar.text).then(|| scalar.text.clone().into())
    }

    /// Refuses a reference where none is looked up.
    pub(super) fn is_without_references(&mut self, node: &Node, text: &str) -> bool {
        let has_one = text.contains("${env:") || text.contains("${file:");
        if has_one {
            let message = "no reference is possible here; a profile can say another value";
            self.diagnostics.add(node.place, message);
        }
        !has_one
    }

    /// A text that may have references, as it is written.
    fn text(&mut self, node: &Node, scalar: &Scalar, is_secret: bool, at: &At<'_>) -> Option<Value> {
        if scalar.kind() == Kind::Null {
            return self.fail(node.place, format!("expected a text{}, found nothing", at.name()));
        }
        let template = match Template::parse(&scalar.text) {
            Ok(template) => template,
            Err(message) => return self.fail(node.place, message),
        };
        if is_secret && let Err(message) = template.check_secret() {
            return self.fail(node.place, message);
        }
        let references = template.references().map(|(kind, default)| Reference {
            path: at.path.clone(),
            place: node.place,
            kind: kind.clone(),
            default: default.map(str::to_owned),
        });
        self.references.extend(references);
        let placed = Placed { text: scalar.text.clone(), place: node.place };
        serde_json::to_value(placed).ok()
    }

    fn number(
        &mut self,
        node: &Node,
        scalar: &Scalar,
        fields: &Map<String, Value>,
        at: &At<'_>,
    ) -> Option<Value> {
        let bound = |name| fields.get(name).and_then(Value::as_f64);
        let (width, least) = match fields.get("format").and_then(Value::as_str) {
            Some("uint8") => (Some(i128::from(u8::MAX)), Some(0.0)),
            Some("uint16") => (Some(i128::from(u16::MAX)), Some(0.0)),
            Some("uint32") => (Some(i128::from(u32::MAX)), Some(0.0)),
            // What a file says should mean the same on every machine.
            Some("uint" | "uint64") => (Some(i128::from(u64::MAX)), Some(0.0)),
            _ => (None, None),
        };
        let number = scalar.number()?;
        let size = number.as_f64()?;
        let least = bound("minimum").or(least);
        if let Some(least) = least.filter(|least| size < *least) {
            return self.fail(node.place, format!("expected a number from {least} on{}", at.name()));
        }
        if let Some(most) = bound("maximum").filter(|most| size > *most) {
            return self.fail(node.place, format!("expected a number up to {most}{}", at.name()));
        }
        if let (Some(most), Some(whole)) = (width, scalar.integer())
            && whole > most
        {
            return self.fail(node.place, format!("expected a number up to {most}{}", at.name()));
        }
        Some(Value::Number(number))
    }
}

/// What may have been meant.
fn hint(scalar: &Scalar, types: &[&str]) -> String {
    let text = scalar.text.as_str();
    let meant = match types.first() {
        Some(&"string") if scalar.kind() != Kind::Null => return "; put it into quotes".to_owned(),
        Some(&"boolean") => match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "1" => Some("true".to_owned()),
            "no" | "n" | "off" | "0" => Some("false".to_owned()),
            "true" | "false" => Some(text.to_ascii_lowercase()),
            _ => None,
        },
        Some(&("integer" | "number")) => {
            let plain: String = text.chars().filter(|c| !['_', ',', '\'', ' '].contains(c)).collect();
            plain.parse::<u64>().ok().map(|number| number.to_string())
        }
        _ => None,
    };
    meant.map(|meant| format!(", did you mean {meant}?")).unwrap_or_default()
}
