//! What a scalar means, by the core schema of YAML 1.2.

use serde_json::{Number, Value};

/// A scalar as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Without quotes, so that it may be something else than a text.
    pub(crate) plain: bool,
}

/// What a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

impl Kind {
    /// In words, as it is found.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Integer | Self::Float => "a number",
            Self::Text => "a text",
        }
    }
}

impl Scalar {
    pub(crate) fn kind(&self) -> Kind {
        if !self.plain {
            return Kind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
            text if integer(text).is_some() => Kind::Integer,
            text if is_float(text) => Kind::Float,
            _ => Kind::Text,
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.text.eq_ignore_ascii_case("true"))
    }

    /// A whole number.
    pub(crate) fn integer(&self) -> Option<i128> {
        if self.plain { integer(&self.text) } else { None }
    }

    /// Any number that JSON can hold.
    pub(crate) fn number(&self) -> Option<Number> {
        match (self.kind(), self.integer()) {
            (Kind::Integer, Some(number)) => {
                let whole =
                    u64::try_from(number).map(Number::from).or(i64::try_from(number).map(Number::from));
                whole.ok().or_else(|| Number::from_f64(number as f64))
            }
            (Kind::Float, _) => self.text.parse().ok().and_then(Number::from_f64),
            _ => None,
        }
    }

    /// As JSON has it. What JSON cannot hold (`.inf`) is a text.
    pub(crate) fn value(&self) -> Value {
        let text = || Value::String(self.text.clone());
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => self.bool().map_or_else(text, Value::Bool),
            Kind::Integer | Kind::Float => self.number().map_or_else(text, Value::Number),
            Kind::Text => text(),
        }
    }
}

/// `[-+]?[0-9]+`, `0x…` and `0o…`.
fn integer(text: &str) -> Option<i128> {
    let radix = |digits: &str, radix| {
        // A sign is no digit, though the parser of numbers would take it.
        digits.chars().all(|c| c.is_digit(radix)).then(|| i128::from_str_radix(digits, radix).ok()).flatten()
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    text.parse().ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, or a whole number too long for [`integer`].
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()),
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    mantissa && exponent.is_none_or(|exponent| digits(exponent) && !exponent.is_empty())
}
