//! Mappings against the schemas of structs and of maps.

use serde_json::{Map, Value};

use super::suggest::{nearest, suggestion};
use super::{At, Checker, Keyword, quoted};
use crate::schema::FREE;
use crate::tree::{Entry, Node};

impl<'a> Checker<'a> {
    pub(super) fn object(
        &mut self,
        node: &Node,
        entries: &[Entry],
        fields: &'a Map<String, Value>,
        at: At<'a>,
    ) -> Option<Value> {
        let none = Map::new();
        let properties: Option<&'a Map<String, Value>> = fields.get("properties").and_then(Value::as_object);
        let names: Vec<&str> = properties.unwrap_or(&none).keys().map(String::as_str).collect();
        let mut values = Some(Map::new());
        let mut meant = vec![];
        for Entry { key, place, node } in entries {
            let inner = at.child(key, *place);
            let property = properties.and_then(|properties| properties.get(key));
            let value = match (property, fields.get("additionalProperties")) {
                (Some(schema), _) => self.value(node, schema, inner),
                // Keys of the top level that mean nothing hold anchors.
                (None, _) if at.path.is_empty() && key.starts_with(FREE) => continue,
                (None, Some(Value::Bool(false))) => {
                    let near = nearest(key, names.iter().copied());
                    meant.extend(near);
                    let hint = suggestion(key, names.iter().copied());
                    self.fail(*place, format!("unknown key {}{hint}", quoted(key)))
                }
                (None, schema) => {
                    let good = self.key(key, &at.keywords, *place);
                    let value = self.value(node, schema.unwrap_or(&Value::Bool(true)), inner);
                    if good { value } else { None }
                }
            };
            match (value, &mut values) {
                (Some(value), Some(values)) => _ = values.insert(key.clone(), value),
                _ => values = None,
            }
        }
        let required = fields.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            // A misspelt key is one mistake and not two.
            if node.entry(name).is_none() && !meant.contains(&name) {
                values = self.fail(at.place, format!("missing key {}{}", quoted(name), at.inside()));
            }
        }
        values.map(Value::Object)
    }

    /// A key that the user chooses.
    fn key(&mut self, key: &str, keywords: &[Keyword<'_>], place: crate::Place) -> bool {
        if key.trim().is_empty() {
            self.diagnostics.add(place, "a key is empty");
            return false;
        }
        if key.contains("${env:") || key.contains("${file:") {
            self.diagnostics.add(place, "no reference is possible in a key");
            return false;
        }
        let mut good = true;
        for keyword in keywords {
            if let Keyword::Keys(what) = keyword
                && let Err(message) = self.key_is(what, key)
            {
                self.diagnostics.add(place, message);
                good = false;
            }
        }
        good
    }
}

impl At<'_> {
    /// ` in "key"`, or nothing for an item of a list.
    pub(super) fn inside(&self) -> String {
        self.name().replacen(" for ", " in ", 1)
    }
}
