//! What a JSON number is, without loss.

/// The number types that columns have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// Written without fraction and exponent, within 64 bits.
    Int(i64),
    /// Written without fraction and exponent, at most 38 digits.
    Big(i128),
    /// Written with fraction or exponent, and the nearest double prints as the same decimal number.
    Float(f64),
    /// None of them holds it exactly.
    Raw,
}

/// Integers up to this magnitude are exact as doubles.
pub(crate) const EXACT_AS_FLOAT: u64 = 1 << 53;

/// Reads a number that the parser has accepted.
pub(crate) fn read(text: &str) -> Number {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return read_float(text);
    }
    if let Ok(value) = text.parse::<i64>() {
        // The integers have no negative zero, the doubles do.
        return if value == 0 && text.starts_with('-') { Number::Float(-0.0) } else { Number::Int(value) };
    }
    if text.trim_start_matches('-').len() <= 38
        && let Ok(value) = text.parse::<i128>()
    {
        return Number::Big(value);
    }
    Number::Raw
}

fn read_float(text: &str) -> Number {
    let Ok(value) = text.parse::<f64>() else { return Number::Raw };
    if !value.is_finite() {
        return Number::Raw;
    }
    // Fifteen significant digits survive any double of the normal range; the rare longer ones are compared.
    let exact = match significant_digits(text) {
        0 => true,
        1..=15 if value.is_normal() => true,
        _ => decimal(text) == decimal(&format!("{value:e}")),
    };
    if exact { Number::Float(value) } else { Number::Raw }
}

fn mantissa(text: &str) -> &str {
    text.split(['e', 'E']).next().unwrap_or(text)
}

fn significant_digits(text: &str) -> usize {
    let mut digits = 0;
    let mut zeros = 0;
    for byte in mantissa(text).bytes() {
        match byte {
            b'0' if digits == 0 => {}
            b'0' => zeros += 1,
            b'1'..=b'9' => {
                digits += zeros + 1;
                zeros = 0;
            }
            _ => {}
        }
    }
    digits
}

/// The significant digits and the power of ten of the first one; two texts of one number agree in it.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let exponent = match text.split_once(['e', 'E']) {
        Some((_, exponent)) => exponent.parse::<i64>().ok()?,
        None => 0,
    };
    let (whole, fraction) = mantissa(text).split_once('.').unwrap_or((mantissa(text), ""));
    let whole_digits = whole.trim_start_matches('-');
    let digits = format!("{whole_digits}{fraction}");
    let leading = digits.len() - digits.trim_start_matches('0').len();
    let power = i64::try_from(whole_digits.len()).ok()? - i64::try_from(leading).ok()?;
    let power = power.checked_add(exponent)?;
    Some((text.starts_with('-'), digits.trim_matches('0').to_owned(), power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(read("0"), Number::Int(0));
        assert_eq!(read("-9223372036854775808"), Number::Int(i64::MIN));
        assert_eq!(read("9223372036854775808"), Number::Big(1 << 63));
        assert_eq!(read(&"9".repeat(38)), Number::Big(10_i128.pow(38) - 1));
        assert_eq!(read(&"9".repeat(39)), Number::Raw);
        assert!(matches!(read("-0"), Number::Float(value) if value.is_sign_negative()));
    }

    #[test]
    fn floats_that_print_as_they_were_written() {
        for text in ["0.1", "1.0", "1e2", "1.7976931348623157e308", "5e-324", "0.30000000000000004", "0e9999"]
        {
            assert_eq!(read(text), Number::Float(text.parse().unwrap()), "{text}");
        }
        assert_eq!(read("0.1000000000000000000000"), Number::Float(0.1));
        assert_eq!(read("123456789012345680000.0"), Number::Float(123_456_789_012_345_680_000.0));
    }

    #[test]
    fn floats_that_would_change() {
        for text in [
            "0.10000000000000001",
            "1e400",
            "1e-400",
            "3e-324",
            "1.00000000000000000001",
            "9007199254740993.0",
        ] {
            assert_eq!(read(text), Number::Raw, "{text}");
        }
    }
}
