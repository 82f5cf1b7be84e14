//! Values as text: of partitions and of the bounds of statistics.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_schema::DataType;
use stitchwork_core::{Error, Result, Scalar, text_bound};

/// How many bytes of a text its bounds keep.
const BOUND_BYTES: usize = 64;

/// The text of a value that is not null; `None` where its type has none that is read back as the same value.
pub(crate) fn text(value: &Scalar) -> Option<String> {
    let array = value.array();
    let text = match value.data_type() {
        DataType::Float32 => format!("{:?}", array.as_primitive::<Float32Type>().value(0)),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(0)),
        _ => value.to_string(),
    };
    let back = parse(&text, value.data_type()).ok()?;
    let nan = value.data_type().is_floating() && text == "NaN";
    (back == *value || nan).then_some(text)
}

/// The value of a text.
pub(crate) fn parse(text: &str, data_type: &DataType) -> Result<Scalar> {
    match data_type {
        DataType::Utf8 => Ok(Scalar::from(text)),
        // Rust reads every spelling of infinity and NaN, arrow does not.
        DataType::Float32 | DataType::Float64 => {
            let broken = |e: std::num::ParseFloatError| {
                Error::invalid_data("the text is no number").with_context("text", text).with_source(e)
            };
            if *data_type == DataType::Float32 {
                let number: f32 = text.parse().map_err(broken)?;
                return Scalar::try_new(std::sync::Arc::new(arrow_array::Float32Array::from(vec![number])));
            }
            Ok(Scalar::from(text.parse::<f64>().map_err(broken)?))
        }
        _ => Scalar::parse(text, data_type),
    }
}

/// The text of a bound and whether it is the whole of it; `None` for one that cannot be told.
pub(crate) fn bound_text(value: &Scalar, upper: bool) -> Option<(String, bool)> {
    if value.is_null() {
        return None;
    }
    let whole = text(value)?;
    if whole.len() <= BOUND_BYTES {
        return (whole != "NaN" || !value.data_type().is_floating()).then_some((whole, true));
    }
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Some((text_bound(&whole, whole.floor_char_boundary(BOUND_BYTES), upper)?, false))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Decimal128Array, Float32Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn values_survive_their_text() {
        let decimal = Decimal128Array::from(vec![-5]).with_precision_and_scale(38, 10).unwrap();
        let zoned = TimestampMicrosecondArray::from(vec![-1]).with_timezone("Europe/Zurich");
        for value in [
            Scalar::from("a \"b\" ü"),
            Scalar::from(""),
            Scalar::from(i64::MIN),
            Scalar::from(true),
            Scalar::from(f64::INFINITY),
            Scalar::from(-0.1),
            Scalar::from(1e-300),
            Scalar::try_new(Arc::new(Float32Array::from(vec![0.1]))).unwrap(),
            Scalar::parse("2024-02-29", &DataType::Date32).unwrap(),
            Scalar::try_new(Arc::new(TimestampMicrosecondArray::from(vec![1]))).unwrap(),
            Scalar::try_new(Arc::new(zoned)).unwrap(),
            Scalar::try_new(Arc::new(decimal)).unwrap(),
            Scalar::parse("00ff", &DataType::Binary).unwrap(),
            Scalar::from("x").cast(&DataType::Utf8View).unwrap(),
        ] {
            let text = text(&value).unwrap_or_else(|| panic!("{value:?} has no text"));
            assert_eq!(parse(&text, value.data_type()).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn bounds_never_lie_inside() {
        let long = Scalar::from("x".repeat(100));
        assert_eq!(bound_text(&long, false), Some(("x".repeat(64), false)));
        assert_eq!(bound_text(&long, true), Some((format!("{}y", "x".repeat(63)), false)));
        assert_eq!(bound_text(&Scalar::from("\u{10ffff}".repeat(40)), true), None);
        assert_eq!(bound_text(&Scalar::from(f64::NAN), true), None);
        assert_eq!(bound_text(&Scalar::from("NaN"), true), Some(("NaN".to_owned(), true)));
    }
}
