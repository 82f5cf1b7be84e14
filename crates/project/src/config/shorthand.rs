//! Values that may be written in a short form, too.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use stitchwork_core::Result;

use crate::{Resolver, Text};

/// One text or a list of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One.
    One(String),
    /// Any number of them.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn serialize<S: Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        texts.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(match <Self as Deserialize>::deserialize(deserializer)? {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        })
    }
}

/// One text or a list of them, each of which may have references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrManyTexts {
    /// One.
    One(Text),
    /// One or more of them.
    Many(#[schemars(length(min = 1))] Vec<Text>),
}

impl OneOrManyTexts {
    /// The texts.
    #[must_use]
    pub fn texts(&self) -> &[Text] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }

    /// The one text, or the list as one text with commas.
    pub(crate) fn joined(self) -> Result<Text> {
        match self {
            Self::One(text) => Ok(text),
            Self::Many(texts) => Text::joined(&texts),
        }
    }

    /// The texts with their references resolved.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere.
    pub fn resolve(&self, resolver: &Resolver) -> Result<Vec<String>> {
        self.texts().iter().map(|text| Ok(text.resolve(resolver)?.into_exposed())).collect()
    }
}

/// A value that may be written as one of its fields alone.
pub(crate) trait Shorthand {
    /// The key of that field.
    const KEY: &'static str;
}

/// How a value is written that has a shorthand, for serde and for schemas.
pub(crate) struct Short<T>(T);

impl<T: DeserializeOwned + Shorthand> Short<T> {
    pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        Self::deserialize(deserializer).map(|Self(value)| value)
    }

    pub(crate) fn read_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        Ok(Option::<Self>::deserialize(deserializer)?.map(|Self(value)| value))
    }
}

impl<'de, T: DeserializeOwned + Shorthand> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(text) => {
                Value::Object([(T::KEY.to_owned(), Value::String(text))].into_iter().collect())
            }
            value => value,
        };
        T::deserialize(value).map(Self).map_err(de::Error::custom)
    }
}

impl<T: JsonSchema + Shorthand> JsonSchema for Short<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Short", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = T::json_schema(generator);
        let value = full.as_value();
        let field = value.get("properties").and_then(|fields| fields.get(T::KEY));
        let alone = field.cloned().unwrap_or_else(|| {
            let names: Vec<&Value> = bare_variants(value, T::KEY).collect();
            serde_json::json!({ "type": "string", "enum": names })
        });
        let full = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [alone, full] })
    }
}

/// The values of the key that tells variants apart, of those that need no other key.
fn bare_variants<'a>(schema: &'a Value, key: &'a str) -> impl Iterator<Item = &'a Value> {
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let bare = variants.filter(|variant| {
        let required = variant.get("required").and_then(Value::as_array);
        required.is_some_and(|required| required.len() == 1)
    });
    bare.filter_map(move |variant| variant.get("properties")?.get(key)?.get("const"))
}
