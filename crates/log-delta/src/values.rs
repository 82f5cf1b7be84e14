//! Values as text: partition values and the bounds of statistics.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, Decimal128Array, TimestampMicrosecondArray};
use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;
use serde_json::Value;
use std::sync::Arc;
use stitchwork_core::{Error, Result, Scalar, text_bound};

/// The text of a partition value (Delta protocol, "Partition Value Serialization"). The empty text is null,
/// as the protocol has no other way to write it.
pub(crate) fn partition_text(value: &Scalar) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    let array = value.array();
    let text = match value.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(0);
            let format = if zone.is_some() { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%d %H:%M:%S%.6f" };
            DateTime::from_timestamp_micros(micros)
                .ok_or_else(|| {
                    Error::invalid_input("a timestamp is out of range").with_context("micros", micros)
                })?
                .format(format)
                .to_string()
        }
        DataType::Float32 => array.as_primitive::<Float32Type>().value(0).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(0).to_string(),
        DataType::Binary => String::from_utf8(array.as_binary::<i32>().value(0).to_vec())
            .map_err(|e| Error::unsupported("a binary partition value must be UTF-8").with_source(e))?,
        _ => value.to_string(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The text of a partition value in the name of a directory, where floats have their shortest spelling; `None`
/// for null.
pub(crate) fn directory_text(value: &Scalar) -> Option<String> {
    let text = partition_text(value).ok().flatten()?;
    let array = value.array();
    let scientific = match value.data_type() {
        DataType::Float32 => format!("{:e}", array.as_primitive::<Float32Type>().value(0)),
        DataType::Float64 => format!("{:e}", array.as_primitive::<Float64Type>().value(0)),
        _ => return Some(text),
    };
    Some(if scientific.len() < text.len() { scientific } else { text })
}

/// The value of a partition's text.
pub(crate) fn partition_value(text: Option<&str>, data_type: &DataType) -> Result<Scalar> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Scalar::null(data_type)) };
    let array: ArrayRef = match data_type {
        DataType::Utf8 => return Ok(Scalar::from(text)),
        DataType::Binary => Arc::new(arrow_array::BinaryArray::from_vec(vec![text.as_bytes()])),
        // Rust reads every spelling of infinity and NaN, arrow does not.
        DataType::Float32 | DataType::Float64 => {
            let number: f64 = text.parse().map_err(|e| {
                Error::invalid_data("a partition value is no number")
                    .with_context("value", text)
                    .with_source(e)
            })?;
            return Scalar::from(number).cast(data_type);
        }
        _ => return Scalar::parse(text, data_type),
    };
    Scalar::try_new(array)
}

/// How many characters of a text its bounds keep.
const BOUND_CHARS: usize = 32;

/// Writes a bound as JSON. False, with nothing written, for a value that no JSON can hold or no reader would
/// understand.
pub(crate) fn write_bound(out: &mut String, value: &Scalar, upper: bool) -> bool {
    if value.is_null() {
        return false;
    }
    let array = value.array();
    let text = match value.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(0).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(0).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(0).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(0).to_string(),
        DataType::Float32 => match array.as_primitive::<Float32Type>().value(0) {
            number if number.is_finite() => f64::from(number).to_string(),
            _ => return false,
        },
        DataType::Float64 => match array.as_primitive::<Float64Type>().value(0) {
            number if number.is_finite() => format!("{number:?}"),
            _ => return false,
        },
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(0),
        DataType::Utf8 => match short_text(array.as_string::<i32>().value(0), upper) {
            Some(bound) => Value::String(bound).to_string(),
            None => return false,
        },
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(0);
            match DateTime::from_timestamp(i64::from(days) * 86_400, 0) {
                Some(date) if in_four_digits(&date) => format!("\"{}\"", date.format("%Y-%m-%d")),
                _ => return false,
            }
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(0);
            // Bounds have milliseconds: downwards for the lower one, upwards for the upper one.
            let millis = micros.div_euclid(1000) + i64::from(upper && micros.rem_euclid(1000) != 0);
            match DateTime::from_timestamp_millis(millis) {
                Some(time) if in_four_digits(&time) => {
                    let zone = if zone.is_some() { "Z" } else { "" };
                    format!("\"{}{zone}\"", time.format("%Y-%m-%dT%H:%M:%S%.3f"))
                }
                _ => return false,
            }
        }
        _ => return false,
    };
    out.push_str(&text);
    true
}

fn in_four_digits(time: &DateTime<chrono::Utc>) -> bool {
    use chrono::Datelike;
    (0..=9999).contains(&time.year())
}

/// A text that is not above (or not below) `text` and has at most 32 characters.
fn short_text(text: &str, upper: bool) -> Option<String> {
    let Some((cut, _)) = text.char_indices().nth(BOUND_CHARS) else { return Some(text.to_owned()) };
    text_bound(text, cut, upper)
}

/// A bound as it was read, and whether it is a value that occurs.
pub(crate) fn read_bound(value: &Value, data_type: &DataType, upper: bool) -> Option<(Scalar, bool)> {
    match (data_type, value) {
        (DataType::Decimal128(precision, scale), Value::Number(number)) => {
            decimal_bound(number, *precision, *scale, upper)
        }
        (DataType::Float32 | DataType::Float64, Value::Number(number)) => {
            Some((Scalar::from(number.as_f64()?).cast(data_type).ok()?, true))
        }
        (DataType::Float32 | DataType::Float64, Value::String(_)) => None,
        (_, Value::Number(number)) => Some((Scalar::from(number.as_i64()?).cast(data_type).ok()?, true)),
        (DataType::Utf8, Value::String(text)) => {
            let whole = text.chars().take(BOUND_CHARS).count() < BOUND_CHARS;
            // Some writers cut an upper bound and end it with the highest character; that is a bound too.
            Some((Scalar::from(text.as_str()), whole))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, _), Value::String(text)) => {
            let scalar = Scalar::parse(text, data_type).ok()?;
            if !upper {
                return Some((scalar, false));
            }
            // Others cut microseconds off: the true maximum may be anywhere in the millisecond.
            let micros = scalar.array().as_primitive::<TimestampMicrosecondType>().value(0);
            let array = TimestampMicrosecondArray::from(vec![micros.checked_add(999)?])
                .with_timezone_opt(zone_of(data_type));
            Some((Scalar::try_new(Arc::new(array)).ok()?, false))
        }
        (DataType::Boolean, Value::Bool(value)) => Some((Scalar::from(*value), true)),
        (DataType::Binary, _) => None,
        (_, Value::String(text)) => Some((Scalar::parse(text, data_type).ok()?, true)),
        _ => None,
    }
}

fn zone_of(data_type: &DataType) -> Option<Arc<str>> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    }
}

/// JSON numbers with a fraction arrive as binary floating point. Up to 15 digits that is exact after rounding;
/// beyond, the bound moves outwards by more than the error can be.
fn decimal_bound(
    number: &serde_json::Number,
    precision: u8,
    scale: i8,
    upper: bool,
) -> Option<(Scalar, bool)> {
    let factor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
    let (unscaled, exact) = if let Some(integer) = number.as_i64() {
        (i128::from(integer).checked_mul(factor)?, true)
    } else {
        let scaled = number.as_f64()? * (factor as f64);
        if precision <= 15 {
            (scaled.round() as i128, true)
        } else {
            let slack = scaled.abs() * 1e-15 + 1.0;
            let moved = if upper { (scaled + slack).ceil() } else { (scaled - slack).floor() };
            (moved as i128, false)
        }
    };
    let limit = 10_i128.checked_pow(u32::from(precision))? - 1;
    let array = Decimal128Array::from(vec![unscaled.clamp(-limit, limit)])
        .with_precision_and_scale(precision, scale)
        .ok()?;
    Some((Scalar::try_new(Arc::new(array)).ok()?, exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(value: i64, zone: bool) -> Scalar {
        let zone = zone.then(|| Arc::from("UTC"));
        Scalar::try_new(Arc::new(TimestampMicrosecondArray::from(vec![value]).with_timezone_opt(zone)))
            .unwrap()
    }

    #[test]
    fn partition_values_survive_their_text() {
        let decimal = Decimal128Array::from(vec![-5]).with_precision_and_scale(10, 2).unwrap();
        for value in [
            Scalar::from("a b"),
            Scalar::from(-7_i64),
            Scalar::from(true),
            Scalar::from(f64::INFINITY),
            Scalar::from(1.5e300),
            Scalar::parse("2024-02-29", &DataType::Date32).unwrap(),
            micros(-1, true),
            micros(1_700_000_000_123_456, false),
            Scalar::try_new(Arc::new(decimal)).unwrap(),
            Scalar::null(&DataType::Int32),
        ] {
            let text = partition_text(&value).unwrap();
            assert_eq!(partition_value(text.as_deref(), value.data_type()).unwrap(), value, "{text:?}");
        }
        let spark = partition_value(Some("2020-01-02 03:04:05"), micros(0, true).data_type()).unwrap();
        assert_eq!(spark, micros(1_577_934_245_000_000, true));
    }

    fn bound(value: &Scalar, upper: bool) -> String {
        let mut out = String::new();
        write_bound(&mut out, value, upper);
        out
    }

    #[test]
    fn bounds_never_lie_inside() {
        assert_eq!(bound(&micros(1, true), false), "\"1970-01-01T00:00:00.000Z\"");
        assert_eq!(bound(&micros(1, true), true), "\"1970-01-01T00:00:00.001Z\"");
        assert_eq!(bound(&micros(-1, false), true), "\"1970-01-01T00:00:00.000\"");
        let long = "x".repeat(40);
        assert_eq!(bound(&Scalar::from(long.as_str()), false), format!("\"{}\"", "x".repeat(32)));
        assert_eq!(bound(&Scalar::from(long.as_str()), true), format!("\"{}y\"", "x".repeat(31)));
        assert_eq!(bound(&Scalar::from("\u{10ffff}".repeat(40)), true), "");
        assert_eq!(bound(&Scalar::from(f64::NAN), true), "");
        let big = 99_999_999_999_999_999_999_999_999_999_999_999_999_i128;
        let decimal = Decimal128Array::from(vec![big - 7]).with_precision_and_scale(38, 10).unwrap();
        let decimal = Scalar::try_new(Arc::new(decimal)).unwrap();
        for upper in [false, true] {
            let parsed: Value = serde_json::from_str(&bound(&decimal, upper)).unwrap();
            let (back, exact) = read_bound(&parsed, decimal.data_type(), upper).unwrap();
            let outside = if upper { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
            assert!(!exact && back.compare(&decimal) != Some(outside), "{back}");
        }
    }
}
