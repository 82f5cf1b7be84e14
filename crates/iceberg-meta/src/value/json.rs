//! The JSON form of single values (specification, Appendix D), used by column defaults.

use serde_json::{Number, Value};

use super::IceValue;
use crate::calendar;
use crate::error::{MetaError, Result};
use crate::types::IceType;

impl IceValue {
    /// Reads the JSON single-value form of a primitive value; JSON null is none.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the value does not fit the type, [`MetaError::Unsupported`] for a nested type.
    pub fn from_json(ty: &IceType, value: &Value) -> Result<Option<Self>> {
        if value.is_null() {
            return Ok(None);
        }
        let wrong = || MetaError::invalid(format!("the JSON value {value} is no {ty}"));
        let text = || value.as_str().ok_or_else(wrong);
        let parsed = match ty {
            IceType::Boolean => value.as_bool().map(Self::Boolean),
            IceType::Int => value.as_i64().and_then(|v| i32::try_from(v).ok()).map(Self::Int),
            IceType::Long => value.as_i64().map(Self::Long),
            // JSON numbers are wider than a float, so the nearest float is what the writer had.
            IceType::Float => value.as_f64().map(|v| Self::Float(v as f32)),
            IceType::Double => value.as_f64().map(Self::Double),
            IceType::Decimal { precision, scale } => parse_decimal(text()?, *scale)
                .filter(|v| v.unsigned_abs() < 10u128.pow((*precision).min(38)))
                .map(|unscaled| Self::Decimal { unscaled, scale: *scale }),
            IceType::Date => {
                calendar::parse_date(text()?).and_then(|v| i32::try_from(v).ok()).map(Self::Date)
            }
            IceType::Time => calendar::parse_time(text()?).map(Self::Time),
            IceType::Timestamp | IceType::Timestamptz => calendar::parse_micros(text()?).map(Self::Timestamp),
            IceType::TimestampNs | IceType::TimestamptzNs => {
                calendar::parse_nanos(text()?).map(Self::TimestampNs)
            }
            IceType::String => Some(Self::String(text()?.to_owned())),
            IceType::Uuid => uuid::Uuid::parse_str(text()?).ok().map(|v| Self::Uuid(v.into_bytes())),
            IceType::Fixed(length) => {
                parse_hex(text()?).filter(|v| v.len() as u64 == *length).map(Self::Fixed)
            }
            IceType::Binary => parse_hex(text()?).map(Self::Binary),
            nested => {
                return Err(MetaError::unsupported(format!("a {nested} has no primitive JSON value")));
            }
        };
        parsed.map(Some).ok_or_else(wrong)
    }

    /// The JSON single-value form of this value as a value of type `ty`.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the value does not fit the type or JSON has no form for it (not a number).
    pub fn to_json(&self, ty: &IceType) -> Result<Value> {
        if !self.fits(ty) {
            return Err(MetaError::invalid(format!("a {} value is no {ty}", self.kind())));
        }
        let zoned = matches!(ty, IceType::Timestamptz | IceType::TimestamptzNs);
        let zone = if zoned { "+00:00" } else { "" };
        let number = |v: f64| {
            Number::from_f64(v)
                .map(Value::Number)
                .ok_or_else(|| MetaError::invalid(format!("{v} has no JSON form")))
        };
        Ok(match self {
            Self::Boolean(v) => Value::Bool(*v),
            Self::Int(v) => Value::from(*v),
            Self::Long(v) => Value::from(*v),
            Self::Float(v) => number(f64::from(*v))?,
            Self::Double(v) => number(*v)?,
            Self::Decimal { unscaled, scale } => Value::from(format_decimal(*unscaled, *scale)),
            Self::Date(v) => Value::from(calendar::format_date(i64::from(*v))),
            Self::Time(v) => Value::from(calendar::format_time(*v)),
            Self::Timestamp(v) => Value::from(format!("{}{zone}", calendar::format_micros(*v))),
            Self::TimestampNs(v) => Value::from(format!("{}{zone}", calendar::format_nanos(*v))),
            Self::String(v) => Value::from(v.clone()),
            Self::Uuid(v) => Value::from(uuid::Uuid::from_bytes(*v).to_string()),
            Self::Fixed(v) | Self::Binary(v) => Value::from(format_hex(v)),
        })
    }
}

/// A decimal in plain notation.
pub(crate) fn format_decimal(unscaled: i128, scale: u32) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let scale = scale as usize;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Reads a decimal in plain notation with at most `scale` digits behind the point.
fn parse_decimal(text: &str, scale: u32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = scale as usize;
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits || fraction.len() > scale {
        return None;
    }
    let unscaled: i128 = format!("{whole}{fraction:0<scale$}").parse().ok()?;
    Some(if negative { -unscaled } else { unscaled })
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2))?;
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        if let [high, low] = pair {
            bytes.push((high << 4) | low);
        }
    }
    Some(bytes)
}

fn format_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
