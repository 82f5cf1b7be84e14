//! The schema of a profile: that of the whole, with nothing required.

use serde_json::{Map, Value, json};

use super::{PROFILES, definitions};

/// What the names of definitions for profiles end with.
const SUFFIX: &str = "InProfile";
/// What the names of definitions stand behind.
const DEFINITIONS: &str = "#/$defs/";
/// The keys of the top level that a profile cannot have.
pub(crate) const OUTSIDE: [&str; 3] = ["profile", PROFILES, "version"];

/// Says of what a profile consists.
pub(super) fn add(schema: &mut Value) {
    let mut whole = partial(schema);
    if let Value::Object(fields) = &mut whole {
        for key in ["$schema", "$defs", "title"] {
            fields.remove(key);
        }
        if let Some(Value::Object(properties)) = fields.get_mut("properties") {
            properties.retain(|key, _| !OUTSIDE.contains(&key.as_str()));
        }
        fields.insert("description".to_owned(), "What differs where this profile is used.".into());
    }
    let Some(definitions) = definitions(schema) else { return };
    // Only what a profile reaches: most of what is in lists, and texts and names, are as they were.
    let mut wanted = names(&whole);
    while let Some(name) = wanted.pop() {
        let Some(value) =
            definitions.get(&name).filter(|_| !definitions.contains_key(&format!("{name}{SUFFIX}")))
        else {
            continue;
        };
        let partial = partial(value);
        wanted.extend(names(&partial));
        definitions.insert(format!("{name}{SUFFIX}"), partial);
    }
    definitions.insert("Profile".to_owned(), whole);
    schema["properties"][PROFILES]["additionalProperties"] =
        json!({ "anyOf": [{ "$ref": "#/$defs/Profile" }, { "type": "null" }] });
}

/// The definitions whose partial ones a schema refers to.
fn names(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => fields.values().flat_map(names).collect(),
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::String(text) => {
            let name = text.strip_prefix(DEFINITIONS).and_then(|name| name.strip_suffix(SUFFIX));
            name.map(str::to_owned).into_iter().collect()
        }
        _ => vec![],
    }
}

/// A schema with nothing required, in which null takes a key away.
fn partial(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => Value::Object(partial_fields(fields)),
        Value::Array(items) => items.iter().map(partial).collect(),
        Value::String(text) if text.starts_with(DEFINITIONS) => format!("{text}{SUFFIX}").into(),
        other => other.clone(),
    }
}

fn partial_fields(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut partials = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "required" => {}
            // Without its type, a value may be of several of them.
            "oneOf" => {
                partials.insert("anyOf".to_owned(), partial(value));
            }
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                let nullable = properties.map(|(name, value)| {
                    (name.clone(), json!({ "anyOf": [partial(value), { "type": "null" }] }))
                });
                partials.insert(key.clone(), Value::Object(nullable.collect()));
            }
            // Lists are replaced whole, so that their items are complete.
            "items" | "default" | "description" | "enum" | "const" => {
                partials.insert(key.clone(), value.clone());
            }
            "additionalProperties" if value.is_object() => {
                partials.insert(key.clone(), json!({ "anyOf": [partial(value), { "type": "null" }] }));
            }
            _ => {
                partials.insert(key.clone(), partial(value));
            }
        }
    }
    partials
}
