//! A 128-bit hash that is the same in every version and on every machine, since it is kept in cursors.
//!
//! It is FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>) of a canonical form. Rows are told apart by it, not
//! protected: 128 bits make an accidental collision among the rows of one cursor value next to impossible.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The hash under way.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(u128);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(OFFSET)
    }

    /// Adds bytes and their length, so that the bounds between two additions count.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.raw(&(bytes.len() as u64).to_le_bytes());
        self.raw(bytes);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    }

    /// Adds a JSON value whatever the order of its keys and the form of its text.
    pub(crate) fn add_json(&mut self, value: &Value) {
        match value {
            Value::Null => self.raw(b"n"),
            Value::Bool(true) => self.raw(b"t"),
            Value::Bool(false) => self.raw(b"f"),
            Value::Number(number) => {
                self.raw(b"#");
                self.add(number.to_string().as_bytes());
            }
            Value::String(text) => {
                self.raw(b"\"");
                self.add(text.as_bytes());
            }
            Value::Array(items) => {
                self.raw(b"[");
                self.raw(&(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| self.add_json(item));
            }
            Value::Object(map) => {
                self.raw(b"{");
                self.raw(&(map.len() as u64).to_le_bytes());
                let mut keys: Vec<_> = map.iter().collect();
                keys.sort_by_key(|(key, _)| *key);
                for (key, value) in keys {
                    self.add(key.as_bytes());
                    self.add_json(value);
                }
            }
        }
    }

    pub(crate) fn finish(&self) -> u128 {
        self.0
    }
}

/// The hash as it stands in a cursor: 22 characters.
pub(crate) fn to_text(hash: u128) -> String {
    URL_SAFE_NO_PAD.encode(hash.to_be_bytes())
}

/// The hash of such a text.
pub(crate) fn from_text(text: &str) -> Option<u128> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash(value: &Value) -> u128 {
        let mut hasher = Hasher::new();
        hasher.add_json(value);
        hasher.finish()
    }

    #[test]
    fn the_raw_hash_is_fnv_1a() {
        let mut hasher = Hasher::new();
        hasher.raw(b"foobar");
        assert_eq!(hasher.finish(), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn equal_values_have_one_hash_and_others_another() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": "\u0041"}"#).unwrap();
        let same: Value = serde_json::from_str(r#"{"b":"A","a":1}"#).unwrap();
        assert_eq!(hash(&one), hash(&same));
        let others =
            [json!([]), json!([[]]), json!({}), json!(""), json!("1"), json!(1), json!(null), json!([null])];
        for (place, other) in others.iter().enumerate() {
            for later in &others[place + 1..] {
                assert_ne!(hash(other), hash(later), "{other} {later}");
            }
        }
        // Kept in cursors: it must never change.
        assert_eq!(to_text(hash(&one)), to_text(hash(&same)));
        assert_eq!(from_text(&to_text(hash(&one))), Some(hash(&one)));
        assert_eq!(from_text("x"), None);
    }
}
