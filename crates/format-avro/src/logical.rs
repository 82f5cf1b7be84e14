//! Logical types as the specification has them: an invalid one is ignored, and the type below it is used
//! ([specification](https://avro.apache.org/docs/1.12.0/specification/#logical-types)).

use serde_json::{Map, Value};

/// The attribute that names a logical type.
const LOGICAL_TYPE: &str = "logicalType";

/// The digits of Arrow's largest decimal.
const MOST_DIGITS: u64 = 76;

/// Whether a type is a duration, of three unsigned numbers of 32 bits.
pub(crate) fn is_duration(object: &Value) -> bool {
    object.get(LOGICAL_TYPE).is_some_and(|name| name == "duration")
        && object.get("type").is_some_and(|kind| kind == "fixed")
        && size(object.get("size")) == Some(12)
}

/// Whether a type says that it is a logical one.
pub(crate) fn is_logical(object: &Value) -> bool {
    object.get(LOGICAL_TYPE).is_some()
}

/// Whether a type is a valid decimal of more digits than Arrow's decimals have.
pub(crate) fn is_wide_decimal(object: &Value) -> bool {
    object.as_object().is_some_and(is_wide)
}

fn is_wide(object: &Map<String, Value>) -> bool {
    let named = object.get(LOGICAL_TYPE).filter(|name| *name == "decimal");
    let digits = object.get("precision").and_then(Value::as_u64);
    digits > Some(MOST_DIGITS) && named.is_some_and(|name| is_valid(name, object))
}

/// Takes off a type a logical type that is invalid, or one that the decoder cannot even name: columns of such are refused
/// where they are asked for, and others are read.
pub(crate) fn without_invalid(object: &mut Map<String, Value>) {
    if object.get(LOGICAL_TYPE).is_some_and(|name| !is_valid(name, object)) || is_wide(object) {
        object.remove(LOGICAL_TYPE);
    }
}

/// The type within a type (`{"type": {"type": "int"}, "logicalType": "date"}`), which the decoder does not look for. What
/// the outer one says of a type that has no name is said of the inner one.
pub(crate) fn unwrapped(mut outer: Map<String, Value>) -> Value {
    let mut inner = outer.remove("type").unwrap_or_default();
    let primitive = inner.get("type").is_some_and(Value::is_string) && inner.get("name").is_none();
    if let (Value::Object(object), true) = (&mut inner, primitive) {
        for (attribute, value) in outer {
            object.entry(attribute).or_insert(value);
        }
    }
    inner
}

fn is_valid(name: &Value, object: &Map<String, Value>) -> bool {
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let bytes = size(object.get("size"));
    match (name.as_str(), kind) {
        (None, _) => false,
        // The decoder would not take it from the text of the schema.
        (Some(other), _) if !other.is_ascii() || other.contains(['"', '\\']) => false,
        (Some("decimal"), "bytes") => is_decimal(object, None),
        (Some("decimal"), "fixed") => bytes.is_some_and(|bytes| is_decimal(object, Some(bytes))),
        (Some("duration"), "fixed") => bytes == Some(12),
        (Some("uuid"), "fixed") => bytes == Some(16),
        (Some("uuid"), "string") => true,
        (Some("decimal" | "duration" | "uuid"), _) => false,
        // The decoder itself ignores all others on types that they do not fit.
        _ => true,
    }
}

/// Whether there is a precision that the bytes can hold, and no scale beyond it.
fn is_decimal(object: &Map<String, Value>, bytes: Option<u64>) -> bool {
    let scale = object.get("scale").map_or(Some(0), Value::as_u64);
    let (Some(precision), Some(scale)) = (object.get("precision").and_then(Value::as_u64), scale) else {
        return false;
    };
    let most = match bytes {
        Some(0) => 0,
        // The digits of the largest number of so many bits; more bytes hold more digits than any decimal here.
        Some(bytes @ ..=32) => (8 * bytes - 1) * 30_103 / 100_000,
        _ => u64::MAX,
    };
    precision > 0 && precision <= most && scale <= precision
}

fn size(size: Option<&Value>) -> Option<u64> {
    size.and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid(mut object: Value) -> bool {
        let Some(object) = object.as_object_mut() else { return false };
        without_invalid(object);
        object.contains_key(LOGICAL_TYPE)
    }

    #[test]
    fn decimals_need_a_precision_that_fits() {
        let bytes = |attributes: Value| {
            let mut object = json!({"type": "bytes", "logicalType": "decimal"});
            object.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
            valid(object)
        };
        assert!(bytes(json!({"precision": 4, "scale": 2})));
        assert!(bytes(json!({"precision": 4})));
        assert!(bytes(json!({"precision": 4, "scale": 4})));
        for wrong in [
            json!({}),
            json!({"precision": 0}),
            json!({"precision": -4}),
            json!({"precision": "4"}),
            json!({"precision": 4, "scale": -1}),
            json!({"precision": 4, "scale": 5}),
        ] {
            assert!(!bytes(wrong.clone()), "{wrong}");
        }
        // floor(log10(2^(8 n - 1) - 1)), as the specification has it.
        for (size, most) in [(1, 2), (2, 4), (3, 6), (4, 9), (8, 18), (16, 38), (17, 40), (31, 74), (32, 76)]
        {
            let fixed = |precision: u64| {
                valid(
                    json!({"type": "fixed", "name": "f", "size": size, "logicalType": "decimal", "precision": precision}),
                )
            };
            assert!(fixed(most) && !fixed(most + 1), "{size}");
        }
        assert!(!valid(json!({"type": "string", "logicalType": "decimal", "precision": 4})));
    }

    #[test]
    fn durations_and_uuids_need_their_size() {
        for (name, size) in [("duration", 12), ("uuid", 16)] {
            let fixed =
                |size: u64| valid(json!({"type": "fixed", "name": "f", "size": size, "logicalType": name}));
            assert!(fixed(size) && !fixed(size + 1), "{name}");
            assert!(!valid(json!({"type": "bytes", "logicalType": name})), "{name}");
        }
        assert!(valid(json!({"type": "string", "logicalType": "uuid"})));
        assert!(!valid(json!({"type": "int", "logicalType": 7})));
    }
}
