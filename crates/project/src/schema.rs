//! The JSON Schema of a project file, made from the structs.

mod overlay;

pub(crate) use overlay::OUTSIDE;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::Config;

/// The key of the profiles, which the structs do not have: a project is what is left when one was chosen.
pub(crate) const PROFILES: &str = "profiles";
/// What keys of the top level begin with that mean nothing, for anchors.
pub(crate) const FREE: &str = "x-";
/// What our own keywords begin with.
const OURS: &str = "x-stitchwork-";

/// The JSON Schema (draft 2020-12) of a project file, for editors: the committed file is this.
#[must_use]
pub fn schema() -> Value {
    let mut schema = keyed();
    overlay::add(&mut schema);
    without_ours(&mut schema);
    schema
}

/// The schema with our own keywords, by which a file is checked. Profiles are in it as any mappings.
pub(crate) fn keyed() -> Value {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Config>().to_value();
    schema["title"] = "Stitchwork project".into();
    schema["patternProperties"] = json!({ format!("^{FREE}"): true });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let profiles = json!({
            "type": "object",
            "description": "Profiles: what differs from the rest of the file where one of them is used.",
            "additionalProperties": { "type": "object" },
        });
        properties.insert(PROFILES.to_owned(), profiles);
    }
    schema
}

/// Takes our own keywords away, which strict validators would refuse.
fn without_ours(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|key, _| !key.starts_with(OURS));
            fields.values_mut().for_each(without_ours);
        }
        Value::Array(items) => items.iter_mut().for_each(without_ours),
        _ => {}
    }
}

/// The definitions of a schema.
fn definitions(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema.get_mut("$defs").and_then(Value::as_object_mut)
}

#[cfg(test)]
mod tests;
