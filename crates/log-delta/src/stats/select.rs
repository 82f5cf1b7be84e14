//! Parsing only some keys of the JSON of statistics, which on wide tables is mostly about columns that nobody
//! asked for.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The keys to keep, at each depth; without any, all of what is below is kept.
#[derive(Debug, Default, Clone)]
pub(super) struct Keys(BTreeMap<String, Self>);

impl Keys {
    /// Keeps what is found on this way down.
    pub(super) fn insert<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        let mut keys = self;
        for key in path {
            keys = keys.0.entry(key.to_owned()).or_default();
        }
    }

    /// The wanted part of a JSON text; `None` for a text that is no JSON.
    pub(super) fn parse(&self, text: &str) -> Option<Value> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Picked(self).deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(value)
    }
}

/// A value of which only some keys are kept.
struct Picked<'k>(&'k Keys);

impl<'de> DeserializeSeed<'de> for Picked<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0.0.is_empty() {
            Value::deserialize(deserializer)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Picked<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(found) = map.next_key_seed(Key(self.0))? {
            match found {
                Some((name, keys)) => {
                    out.insert(name.clone(), map.next_value_seed(Picked(keys))?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(out))
    }
}

/// Looks a key up without making a string of it.
struct Key<'k>(&'k Keys);

impl<'de, 'k> DeserializeSeed<'de> for Key<'k> {
    type Value = Option<(&'k String, &'k Keys)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'k> Visitor<'_> for Key<'k> {
    type Value = Option<(&'k String, &'k Keys)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.get_key_value(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_wanted_keys_are_kept() {
        let mut keys = Keys::default();
        keys.insert(["numRecords"]);
        keys.insert(["minValues", "s", "x"]);
        keys.insert(["nullCount", "a"]);
        let text = r#"{"numRecords":3,"other":[{"x":1}],"minValues":{"s":{"x":"\u00fc","y":2},"z":1},"nullCount":null}"#;
        assert_eq!(
            keys.parse(text),
            Some(json!({"numRecords": 3, "minValues": {"s": {"x": "ü"}}, "nullCount": null}))
        );
        for broken in ["", "{", "[]", "{\"numRecords\":1} x", "{\"minValues\":3}"] {
            assert_eq!(keys.parse(broken), None, "{broken}");
        }
        assert_eq!(Keys::default().parse("[1]"), Some(json!([1])));
    }
}
