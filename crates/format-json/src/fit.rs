//! Whether a value fits the type of its column exactly. The decoder would cut it to the type without a word.

use arrow_schema::{DataType, TimeUnit};

/// The most digits of any number: those of a decimal of 256 bits, and some.
const MOST_DIGITS: i64 = 100;

const FRACTION: &str = "the number has a fraction that the type of its column has not";
const RANGE: &str = "the number is out of the range of its column's type";
const FINER: &str = "the time is finer than the type of its column";

/// What a type takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Whatever there is: nobody looks at it.
    Any,
    /// Whatever there is, as long as a schema can be inferred from it.
    Inferred,
    Text,
    Boolean,
    /// Texts of hexadecimal digits.
    Bytes,
    Integer {
        least: i128,
        most: i128,
    },
    Float {
        bits: u8,
    },
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    /// A point or time of day in a unit: this many digits of a second.
    Moment {
        digits: usize,
        bits: u8,
        /// Whether it is a time of day.
        time: bool,
    },
    Struct,
    List,
    Map,
}

/// How a value fits.
pub(crate) type Fit = Result<Option<String>, &'static str>;

impl Kind {
    pub(crate) fn of(data_type: &DataType) -> Self {
        let digits = |unit: &TimeUnit| match unit {
            TimeUnit::Second => 0,
            TimeUnit::Millisecond => 3,
            TimeUnit::Microsecond => 6,
            TimeUnit::Nanosecond => 9,
        };
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 => integer(i8::MIN, i8::MAX),
            DataType::Int16 => integer(i16::MIN, i16::MAX),
            DataType::Int32 => integer(i32::MIN, i32::MAX),
            DataType::Int64 | DataType::Duration(_) => integer(i64::MIN, i64::MAX),
            DataType::UInt8 => integer(u8::MIN, u8::MAX),
            DataType::UInt16 => integer(u16::MIN, u16::MAX),
            DataType::UInt32 => integer(u32::MIN, u32::MAX),
            DataType::UInt64 => integer(u64::MIN, u64::MAX),
            DataType::Float16 => Self::Float { bits: 16 },
            DataType::Float32 => Self::Float { bits: 32 },
            DataType::Float64 => Self::Float { bits: 64 },
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => {
                Self::Decimal { precision: *precision, scale: *scale }
            }
            DataType::Date32 => Self::Date,
            DataType::Date64 => Self::Moment { digits: 3, bits: 64, time: false },
            DataType::Timestamp(unit, _) => Self::Moment { digits: digits(unit), bits: 64, time: false },
            DataType::Time32(unit) => Self::Moment { digits: digits(unit), bits: 32, time: true },
            DataType::Time64(unit) => Self::Moment { digits: digits(unit), bits: 64, time: true },
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytes,
            DataType::Struct(_) => Self::Struct,
            DataType::Map(..) => Self::Map,
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::ListView(_)
            | DataType::LargeListView(_)
            | DataType::FixedSizeList(..) => Self::List,
            DataType::RunEndEncoded(_, values) => Self::of(values.data_type()),
            _ => Self::Any,
        }
    }

    pub(crate) fn takes_objects(self) -> bool {
        matches!(self, Self::Any | Self::Inferred | Self::Struct | Self::Map)
    }

    pub(crate) fn takes_lists(self) -> bool {
        matches!(self, Self::Any | Self::Inferred | Self::List)
    }

    /// Whether texts are taken unseen.
    pub(crate) fn takes_texts(self) -> bool {
        matches!(self, Self::Any | Self::Inferred | Self::Text | Self::Bytes)
    }

    /// Whether NaN and the infinities are taken where they are no texts.
    pub(crate) fn takes_words(self) -> bool {
        matches!(self, Self::Any | Self::Inferred | Self::Text | Self::Float { .. })
    }

    pub(crate) fn takes_booleans(self) -> bool {
        matches!(self, Self::Any | Self::Inferred | Self::Text | Self::Boolean)
    }

    /// How a number fits: as it stands, or in another spelling, which the decoder reads exactly.
    pub(crate) fn number(self, number: &str) -> Fit {
        match self {
            Self::Any | Self::Text => Ok(None),
            // No number type that is inferred holds it, so that it is a text, in its own spelling.
            Self::Inferred if is_beyond_64_bits(number) && rounds(number) => {
                Ok(Some(format!("\"{number}\"")))
            }
            Self::Inferred => float(64, number),
            Self::Float { bits } => float(bits, number),
            Self::Integer { least, most } => whole(number, least, most),
            Self::Date | Self::Moment { bits: 32, .. } => whole(number, i32::MIN.into(), i32::MAX.into()),
            Self::Moment { .. } => whole(number, i64::MIN.into(), i64::MAX.into()),
            Self::Decimal { precision, scale } => {
                let spelled = decimal(number, precision, scale)?;
                Ok(needs_spelling(number, scale).then_some(spelled))
            }
            Self::Boolean | Self::Bytes | Self::Struct | Self::List | Self::Map => {
                Err("a number stands where the type of its column takes none")
            }
        }
    }

    /// How a text fits.
    pub(crate) fn text(self, text: &str) -> Fit {
        match self {
            Self::Any | Self::Inferred | Self::Text | Self::Bytes => Ok(None),
            Self::Float { .. } if matches!(text, "NaN" | "Infinity" | "-Infinity") => Ok(None),
            Self::Decimal { precision, scale } => {
                let number = text.trim_ascii();
                let number = number.strip_prefix('+').unwrap_or(number);
                if !is_decimal(number) {
                    return Err("the text is no decimal number");
                }
                decimal(number, precision, scale).map(Some)
            }
            Self::Date => match text.trim_ascii().split_once(['T', 't', ' ']) {
                Some((_, time)) if !time.bytes().all(|b| matches!(b, b'0' | b':' | b'.' | b'Z' | b'z')) => {
                    Err("the text has a time of day, which the type of its column has not")
                }
                Some((date, _)) => Ok(Some(serde_json::Value::from(date).to_string())),
                None => Ok(None),
            },
            Self::Moment { time: true, .. } if !text.contains(':') => Err("the text is no time of day"),
            Self::Moment { digits, .. } => {
                let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
                let beyond = fraction.bytes().take_while(u8::is_ascii_digit).skip(digits);
                if beyond.into_iter().any(|digit| digit != b'0') { Err(FINER) } else { Ok(None) }
            }
            _ => Err("a text stands where the type of its column takes none"),
        }
    }
}

/// Whether a double loses digits of an integer: gives it back as another one.
pub(crate) fn rounds(number: &str) -> bool {
    number.len() > 15 && is_integer(number) && number.parse::<f64>().is_ok_and(|v| v.to_string() != number)
}

fn is_integer(number: &str) -> bool {
    number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit())
}

fn is_beyond_64_bits(number: &str) -> bool {
    number.len() > 18
        && is_integer(number)
        && number.parse::<i64>().is_err()
        && number.parse::<u64>().is_err()
}

fn integer(least: impl Into<i128>, most: impl Into<i128>) -> Kind {
    Kind::Integer { least: least.into(), most: most.into() }
}

fn float(bits: u8, number: &str) -> Fit {
    // So few digits are in the range of even the smallest type.
    if number.len() < 5 && !number.contains(['e', 'E']) {
        return Ok(None);
    }
    let largest = match bits {
        // What lies beyond is rounded to infinity.
        16 => number.parse::<f64>().is_ok_and(|value| value.abs() < 65_520.0),
        32 => number.parse::<f32>().is_ok_and(f32::is_finite),
        _ => number.parse::<f64>().is_ok_and(f64::is_finite),
    };
    if largest { Ok(None) } else { Err(RANGE) }
}

fn whole(number: &str, least: i128, most: i128) -> Fit {
    if number.bytes().all(|byte| byte.is_ascii_digit()) {
        // So few digits are not looked at.
        let few = match most {
            0..0x100 => 2,
            0x100..0x1_0000 => 4,
            0x1_0000..0x1_0000_0000 => 9,
            _ => 18,
        };
        if number.len() <= few {
            return Ok(None);
        }
    }
    let digits = scaled(number, 0)?;
    let value: i128 = digits.parse().map_err(|_| RANGE)?;
    if value < least || value > most {
        return Err(RANGE);
    }
    Ok((digits != number).then_some(digits))
}

/// Whether the decoder could read a decimal in this spelling in another way.
fn needs_spelling(number: &str, scale: i8) -> bool {
    let fraction = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    scale <= 0 || number.contains(['e', 'E']) || fraction > usize::from(scale.unsigned_abs())
}

/// A decimal in digits and a point.
fn decimal(number: &str, precision: u8, scale: i8) -> Result<String, &'static str> {
    let scaled = scaled(number, scale.into())?;
    let (sign, digits) = match scaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", scaled.as_str()),
    };
    if digits.len() > usize::from(precision) {
        return Err(RANGE);
    }
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        // The decoder takes such a number for one of whole units.
        return Ok(format!(
            "{sign}{digits}{}",
            if digits == "0" { String::new() } else { "0".repeat(places) }
        ));
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (units, fraction) = digits.split_at(digits.len() - places);
    Ok(format!("{sign}{units}.{fraction}"))
}

/// The digits of a number times ten to the power of `scale`, which must be whole.
fn scaled(number: &str, scale: i64) -> Result<String, &'static str> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{units}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok("0".to_owned());
    }
    let kept = digits.trim_end_matches('0');
    // An exponent of more digits than a number has room for is as good as the largest one.
    let far = if exponent.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
    let exponent = exponent.parse::<i64>().map_or(far, |found| found.clamp(i64::MIN / 4, i64::MAX / 4));
    let zeros = exponent + scale + (digits.len() as i64 - kept.len() as i64) - fraction.len() as i64;
    if zeros < 0 {
        return Err(FRACTION);
    }
    if zeros + kept.len() as i64 > MOST_DIGITS {
        return Err(RANGE);
    }
    let sign = if negative { "-" } else { "" };
    Ok(format!("{sign}{kept}{}", "0".repeat(usize::try_from(zeros).unwrap_or_default())))
}

/// Whether a text is a decimal number, in the JSON's spelling or one with fewer or more zeros.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let some = units.len() + fraction.len() > 0 && !exponent.is_empty();
    some && digits(units) && digits(fraction) && digits(exponent)
}

/// Whether bytes are a number as JSON has it.
pub(crate) fn is_number(number: &str) -> bool {
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let (units, fraction) = match mantissa.split_once('.') {
        Some((units, fraction)) => (units, Some(fraction)),
        None => (mantissa, None),
    };
    let zeros = units.len() > 1 && units.starts_with('0');
    !units.is_empty() && !zeros && fraction != Some("") && is_decimal(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(data_type: &DataType, number: &str) -> String {
        assert!(is_number(number), "{number}");
        let fit = Kind::of(data_type).number(number);
        fit.map_or_else(|_| "refused".to_owned(), |spelled| spelled.unwrap_or_else(|| number.to_owned()))
    }

    #[test]
    fn numbers_fit_exactly_or_not_at_all() {
        for (data_type, given, expected) in [
            (DataType::Int64, "2.0", "2"),
            (DataType::Int64, "1e3", "1000"),
            (DataType::Int64, "1500e-2", "15"),
            (DataType::Int64, "-0", "0"),
            (DataType::Int64, "0.0e99999999999999999999", "0"),
            (DataType::Int64, "9007199254740993.0", "9007199254740993"),
            (DataType::Int64, "-9223372036854775808", "-9223372036854775808"),
            (DataType::Int64, "9223372036854775808", "refused"),
            (DataType::Int64, "1e99999999999999999999", "refused"),
            (DataType::Int64, "1e-99999999999999999999", "refused"),
            (DataType::Int64, "-0.9", "refused"),
            (DataType::Int64, "2.5", "refused"),
            (DataType::Int8, "99", "99"),
            (DataType::Int8, "128", "refused"),
            (DataType::Int16, "32768", "refused"),
            (DataType::Int32, "2147483648", "refused"),
            (DataType::UInt8, "-1", "refused"),
            (DataType::UInt64, "18446744073709551615", "18446744073709551615"),
            (DataType::Date32, "1.5", "refused"),
            (DataType::Time32(TimeUnit::Second), "2147483648", "refused"),
            (DataType::Decimal128(5, 2), "1.999", "refused"),
            (DataType::Decimal128(5, 2), "1.50", "1.50"),
            (DataType::Decimal128(5, 2), "1.500", "1.50"),
            (DataType::Decimal128(5, 2), "-5e-2", "-0.05"),
            (DataType::Decimal128(5, 2), "1e3", "refused"),
            (DataType::Decimal128(5, 2), "999.99", "999.99"),
            (DataType::Decimal128(5, 0), "12.0", "12"),
            (DataType::Decimal128(5, -2), "1200", "1200"),
            (DataType::Decimal128(5, -2), "1210", "refused"),
            (DataType::Float64, "1e400", "refused"),
            (DataType::Float64, "0.1", "0.1"),
            (DataType::Float32, "1e39", "refused"),
            (DataType::Float16, "65519", "65519"),
            (DataType::Float16, "65520", "refused"),
            (DataType::Boolean, "1", "refused"),
            (DataType::Utf8, "1.50", "1.50"),
        ] {
            assert_eq!(number(&data_type, given), expected, "{given} as {data_type}");
        }
    }

    #[test]
    fn texts_fit_exactly_or_not_at_all() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (data_type, text, fits) in [
            (&DataType::Date32, "2024-01-01", true),
            (&DataType::Date32, "2024-01-01T00:00:00Z", true),
            (&DataType::Date32, "2024-01-01T12:34:56", false),
            (&micros, "2024-01-01T00:00:00.123456000Z", true),
            (&micros, "2024-01-01T00:00:00.1234561", false),
            (&DataType::Date64, "2024-01-01T00:00:00.1234", false),
            (&DataType::Time32(TimeUnit::Second), "12:34:56.5", false),
            (&DataType::Time32(TimeUnit::Second), "12", false),
            (&DataType::Int64, "5", false),
            (&DataType::Float64, "5", false),
            (&DataType::Float64, "-Infinity", true),
            (&DataType::Decimal128(5, 2), "12.50", true),
            (&DataType::Decimal128(5, 2), "+12.5", true),
            (&DataType::Decimal128(5, 2), "12.505", false),
            (&DataType::Decimal128(5, 2), "x", false),
            (&DataType::Decimal128(5, 2), ".", false),
        ] {
            assert_eq!(Kind::of(data_type).text(text).is_ok(), fits, "{text} as {data_type}");
        }
    }

    #[test]
    fn only_numbers_of_json_are_numbers() {
        for number in ["0", "-0", "10", "1.5", "-1.5e+3", "1E-2"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", "-", "01", "1.", ".5", "1e", "1e+", "+1", "--1", "1.2.3", "1e5e5", "1-2"] {
            assert!(!is_number(other), "{other}");
        }
    }
}
