//! What the check of a file relies on.

use std::collections::BTreeSet;

use super::*;

/// The keywords that the check of a file looks at, and those that mean nothing to it.
const LOOKED_AT: [&str; 17] = [
    "$ref",
    "anyOf",
    "oneOf",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "minLength",
    "minimum",
    "maximum",
    "format",
    "patternProperties",
    "examples",
];
const WORDS: [&str; 5] = ["$schema", "$defs", "title", "description", "default"];

fn keywords(schema: &Value, found: &mut BTreeSet<String>) {
    let Some(fields) = schema.as_object() else { return };
    for (key, value) in fields {
        found.insert(key.clone());
        match key.as_str() {
            "properties" | "$defs" | "patternProperties" => {
                value.as_object().unwrap().values().for_each(|inner| keywords(inner, found));
            }
            "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(|inner| keywords(inner, found)),
            "items" | "additionalProperties" => keywords(value, found),
            _ => {}
        }
    }
}

#[test]
fn no_keyword_is_passed_over() {
    let mut found = BTreeSet::new();
    keywords(&keyed(), &mut found);
    let ours: Vec<&str> = found.iter().filter_map(|key| key.strip_prefix(OURS)).collect();
    assert_eq!(ours, ["check", "keys", "location", "name", "ref", "scheme", "text"]);
    found.retain(|key| {
        !key.starts_with(OURS) && !LOOKED_AT.contains(&key.as_str()) && !WORDS.contains(&key.as_str())
    });
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn every_mapping_of_a_struct_is_closed_and_every_key_is_explained() {
    fn walk(path: &str, schema: &Value, found: &mut Vec<String>) {
        let Some(fields) = schema.as_object() else { return };
        if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
            if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
                found.push(format!("{path} is open"));
            }
            for (name, property) in properties {
                if property.get("description").is_none() && property.get("const").is_none() {
                    found.push(format!("{path}.{name} is not explained"));
                }
                walk(&format!("{path}.{name}"), property, found);
            }
        }
        for (name, inner) in fields.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            walk(name, inner, found);
        }
        let variants = ["anyOf", "oneOf"].iter().filter_map(|key| fields.get(*key)?.as_array()).flatten();
        let inside = ["items", "additionalProperties"].iter().filter_map(|key| fields.get(*key));
        variants.chain(inside).for_each(|inner| walk(path, inner, found));
    }
    let mut found = vec![];
    walk("", &keyed(), &mut found);
    assert_eq!(found, [""; 0]);
}

#[test]
fn our_keywords_are_not_for_others() {
    assert!(!schema().to_string().contains(OURS));
    assert!(keyed().to_string().contains(OURS));
}
