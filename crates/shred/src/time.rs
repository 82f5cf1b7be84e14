//! Strings that are instants or dates without loss.

/// The microseconds since 1970 of a date-time that RFC 3339 allows, in the one spelling that columns of instants
/// keep: `T` between date and time, at most six digits of fraction, and `Z`. Other offsets, leap seconds and finer
/// fractions would be lost, so they are no instants here.
pub(crate) fn parse_instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes.get(10) != Some(&b'T') || bytes.last() != Some(&b'Z') {
        return None;
    }
    let days = parse_date(text.get(..10)?)?;
    if bytes.get(13) != Some(&b':') || bytes.get(16) != Some(&b':') {
        return None;
    }
    let hours = digits(bytes.get(11..13)?)?;
    let minutes = digits(bytes.get(14..16)?)?;
    let seconds = digits(bytes.get(17..19)?)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let micros = match bytes.get(19..bytes.len() - 1)? {
        [] => 0,
        [b'.', fraction @ ..] if (1..=6).contains(&fraction.len()) => {
            digits(fraction)? * 10_i64.pow(6 - fraction.len() as u32)
        }
        _ => return None,
    };
    Some((((i64::from(days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

/// The days since 1970 of `YYYY-MM-DD`, from the year 1 on.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let year = digits(bytes.get(..4)?)?;
    let month = digits(bytes.get(5..7)?)?;
    let day = digits(bytes.get(8..)?)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || day == 0 || day > last {
        return None;
    }
    // The year begins in March here, so that the leap day is its last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    i32::try_from(days - 719_468).ok()
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        assert_eq!(parse_instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_instant("2024-10-10T20:55:04Z"), Some(1_728_593_704_000_000));
        assert_eq!(parse_instant("1969-12-31T23:59:59.5Z"), Some(-500_000));
        assert_eq!(parse_instant("2024-02-29T00:00:00.000001Z"), Some(1_709_164_800_000_001));
        assert_eq!(parse_instant("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000));
    }

    #[test]
    fn what_would_be_lost_is_no_instant() {
        for text in [
            "2024-10-10T20:55:04+00:00",
            "2024-10-10T20:55:04+02:00",
            "2024-10-10T20:55:04",
            "2024-10-10 20:55:04Z",
            "2024-10-10T20:55:04.1234567Z",
            "2024-10-10T20:55:04.Z",
            "2024-10-10T23:59:60Z",
            "2023-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2024-10-10T20:55Z",
            "2024-10-10",
            "²024-10-10T20:55:04Z",
            "",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("1970-01-01"), Some(0));
        assert_eq!(parse_date("2000-03-01"), Some(11_017));
        assert_eq!(parse_date("1969-12-31"), Some(-1));
        for text in ["2024-13-01", "2024-04-31", "1900-02-29", "24-01-01", "2024-1-001", "2024/01/01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
