//! Paths into JSON: `items`, `a.b`, `$`, `$.a["b.c"]`.

use stitchwork_core::{Error, Result};

use crate::json::DEEPEST;

/// The keys from the root to a value; none for the root itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<String>);

impl JsonPath {
    /// Reads a path: keys joined by dots, `$` for the root, `["…"]` around a key with dots in it.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fail = || {
            Error::invalid_config(
                "a path is `$`, or keys like `a.b`, with `[\"…\"]` around keys that have dots in them",
            )
            .with_context("path", text)
        };
        if text == "$" {
            return Ok(Self(vec![]));
        }
        let mut rest = text.strip_prefix("$.").or_else(|| text.strip_prefix('$')).unwrap_or(text);
        let mut keys = vec![];
        loop {
            let key = if let Some(quoted) = rest.strip_prefix("[\"") {
                let (key, after) = quoted.split_once("\"]").ok_or_else(fail)?;
                rest = after;
                key
            } else {
                let (key, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
                rest = after;
                key
            };
            if key.is_empty() || key.contains(['*', '"', ']']) {
                return Err(fail());
            }
            keys.push(key.to_owned());
            if keys.len() > DEEPEST {
                return Err(Error::invalid_config("a path has more keys than pages are looked into")
                    .with_context("path", text)
                    .with_context("most", DEEPEST));
            }
            rest = match rest.strip_prefix('.') {
                Some(after) => after,
                None if rest.is_empty() => return Ok(Self(keys)),
                None if rest.starts_with("[\"") => rest,
                None => return Err(fail()),
            };
        }
    }

    /// The path to one key.
    pub(crate) fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    pub(crate) fn keys(&self) -> &[String] {
        &self.0
    }

    /// Puts a value there, making the objects on the way.
    pub(crate) fn set(&self, root: &mut serde_json::Value, value: serde_json::Value) {
        let mut place = root;
        for key in &self.0 {
            if !place.is_object() {
                *place = serde_json::Value::Object(serde_json::Map::new());
            }
            let serde_json::Value::Object(map) = place else { return };
            place = map.entry(key.clone()).or_insert(serde_json::Value::Null);
        }
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let keys = |text: &str| JsonPath::parse(text).map(|path| path.0).ok();
        let some = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert_eq!(keys("$"), some(&[]));
        assert_eq!(keys("items"), some(&["items"]));
        assert_eq!(keys("$.a.b"), some(&["a", "b"]));
        assert_eq!(keys("a[\"b.c\"].d"), some(&["a", "b.c", "d"]));
        assert_eq!(keys("[\"@x\"]"), some(&["@x"]));
        assert!(keys(&["a"; 32].join(".")).is_some() && keys(&["a"; 33].join(".")).is_none());
        for bad in ["", "a..b", "a.", ".a", "a[0]", "a[*]", "*", "a[\"b"] {
            assert_eq!(keys(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_value_is_put_into_a_body() {
        let mut body = serde_json::json!({"q": 1, "page": 7});
        JsonPath::parse("page.cursor").unwrap().set(&mut body, "x".into());
        assert_eq!(body, serde_json::json!({"q": 1, "page": {"cursor": "x"}}));
    }
}
