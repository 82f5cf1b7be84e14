//! What texts mean as values. `None` is always: no value of this kind, or one that would not be kept whole.

use std::str::FromStr;

use arrow_schema::TimeUnit;

/// Nanoseconds of a day.
const DAY: i128 = 86_400 * NANOS;
/// Nanoseconds of a second.
pub(crate) const NANOS: i128 = 1_000_000_000;

/// The text of a value that is no text: the space around it means nothing.
pub(crate) fn bare(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A whole number.
pub(crate) fn whole<T: FromStr>(text: &str) -> Option<T> {
    bare(text).parse().ok()
}

/// A floating-point number. One that is too large is refused, not infinite.
pub(crate) fn float<T: FromStr>(text: &str, is_infinite: fn(&T) -> bool) -> Option<T> {
    let text = bare(text);
    let value: T = text.parse().ok()?;
    let overflow = is_infinite(&value) && text.bytes().any(|byte| byte.is_ascii_digit());
    (!overflow).then_some(value)
}

/// `true` and `false`, `t` and `f`, `1` and `0`, in any case of letters.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = bare(text);
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "t", "1"]) {
        return Some(true);
    }
    is(["false", "f", "0"]).then_some(false)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((digit(high)? << 4) | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// The digits of a decimal of this precision and scale, as a whole number with a sign. Digits that the scale has no
/// room for must be zeros.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<String> {
    let text = bare(text);
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{before}{after}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0').len();
    digits.drain(..digits.len() - significant);
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let zeros = i64::from(exponent) - i64::try_from(after.len()).ok()? + i64::from(scale);
    if zeros >= 0 {
        let length = i64::try_from(digits.len()).ok()?.checked_add(zeros)?;
        if length > i64::from(precision) {
            return None;
        }
        digits.extend((0..zeros).map(|_| '0'));
    } else {
        for _ in zeros..0 {
            if digits.pop()? != '0' {
                return None;
            }
        }
    }
    let fits = !digits.is_empty() && digits.len() <= usize::from(precision);
    fits.then(|| if negative { format!("-{digits}") } else { digits })
}

/// Days since 1970-01-01 of `2024-02-29`, or of a year outside of 0000 to 9999 with its sign
/// ([ISO 8601](https://www.iso.org/iso-8601-date-and-time-format.html)).
pub(crate) fn date(text: &str) -> Option<i64> {
    let text = bare(text);
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, text.get(1..)?),
        b'+' => (1, text.get(1..)?),
        _ if text.len() == 10 => (1, text),
        _ => return None,
    };
    let (year, rest) = rest.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    if !(4..=12).contains(&year.len()) || month.len() != 2 || day.len() != 2 {
        return None;
    }
    days(sign * number(year)?, number(month)?, number(day)?)
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month < 3 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Year, month and day of days since 1970-01-01: the way back of [`date`].
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month < 3), month, day)
}

/// Nanoseconds since midnight of `23:59`, `23:59:59` or `23:59:59.123456789`.
pub(crate) fn time(text: &str) -> Option<i128> {
    let text = bare(text);
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let mut part = |below: i64| {
        let digits = parts.next()?;
        let value = number(digits).filter(|_| digits.len() == 2)?;
        (value < below).then_some(value)
    };
    let (hour, minute) = (part(24)?, part(60)?);
    let second = match clock.len() {
        5 if fraction == "0" && !text.contains('.') => 0,
        8 => part(60)?,
        _ => return None,
    };
    if parts.next().is_some() || fraction.is_empty() {
        return None;
    }
    number(fraction.get(..9).unwrap_or(fraction))?;
    if fraction.bytes().skip(9).any(|byte| byte != b'0') {
        return None;
    }
    let nanos = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction));
    Some(i128::from((hour * 60 + minute) * 60 + second) * NANOS + i128::from(number(&nanos)?))
}

/// A point in time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Nanoseconds since 1970-01-01 00:00:00, of UTC if the text has an offset.
    pub(crate) nanos: i128,
    /// Whether the text has an offset.
    pub(crate) zoned: bool,
}

/// A point in time: a date, and after `T` or a space a time with an offset or none (`Z`, `+02`, `+0200`, `+02:00`).
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let text = bare(text);
    let Some(split) = text.find(['T', 't', ' ']) else {
        return Some(Moment { nanos: i128::from(date(text)?) * DAY, zoned: false });
    };
    let day = i128::from(date(text.get(..split)?)?) * DAY;
    let clock = text.get(split + 1..)?;
    let end = clock.find(|c: char| !matches!(c, '0'..='9' | ':' | '.')).unwrap_or(clock.len());
    let offset = bare(clock.get(end..)?);
    let nanos = day + time(clock.get(..end)?)?;
    if offset.is_empty() {
        return Some(Moment { nanos, zoned: false });
    }
    Some(Moment { nanos: nanos - i128::from(seconds(offset)?) * NANOS, zoned: true })
}

/// The seconds that an offset is east of UTC.
fn seconds(offset: &str) -> Option<i64> {
    if matches!(offset, "Z" | "z" | "UTC") {
        return Some(0);
    }
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = offset.get(1..)?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}

/// How many nanoseconds a unit has.
pub(crate) fn nanos_of(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => NANOS,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Nanoseconds in a unit, if they are a whole number of it that fits.
pub(crate) fn in_unit(nanos: i128, unit: TimeUnit) -> Option<i64> {
    let size = nanos_of(unit);
    (nanos % size == 0).then(|| i64::try_from(nanos / size).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("1969-12-31", Some(-1)),
            ("0000-03-01", Some(-719_468)),
            ("+10000-01-01", Some(2_932_897)),
            ("-0001-12-31", Some(-719_529)),
            ("1900-02-29", None),
            ("2024-1-01", None),
            ("2024-13-01", None),
            ("2024-00-10", None),
            ("20240101", None),
            ("12024-01-01", None),
            ("2024-01-0x", None),
            ("ä024-01-01", None),
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
        for days in (-1_000_000..4_000_000).step_by(97) {
            let (year, month, day) = civil(days);
            assert_eq!(super::days(year, month, day), Some(days));
        }
    }

    #[test]
    fn times_and_moments_keep_every_digit() {
        assert_eq!(time("23:59:59.123456789"), Some(86_399_123_456_789));
        assert_eq!(time("00:01"), Some(60_000_000_000));
        assert_eq!(time("00:00:01.1000000000"), Some(1_100_000_000));
        for bad in [
            "24:00:00",
            "1:00:00",
            "00:00:60",
            "00:00:01.0000000001",
            "00:00:00.",
            "00:00.5",
            "12",
            "",
            "1é:00",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
        let moment = |text| moment(text).map(|moment| (moment.nanos, moment.zoned));
        assert_eq!(moment("1970-01-02"), Some((DAY, false)));
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some((0, true)));
        assert_eq!(moment("1970-01-01 02:00:00.5+02:00"), Some((NANOS / 2, true)));
        assert_eq!(moment("1969-12-31 22:30:00 -0130"), Some((0, true)));
        for bad in
            ["1970-01-01T", "1970-01-01T00:00:00+", "1970-01-01T00:00:00 CET", "T", "", "1970-01-01 00:00+25"]
        {
            assert_eq!(moment(bad), None, "{bad}");
        }
        assert_eq!(in_unit(NANOS / 2, TimeUnit::Second), None);
        assert_eq!(in_unit(NANOS * 2, TimeUnit::Second), Some(2));
    }

    #[test]
    fn numbers_are_kept_whole_or_refused() {
        for (text, expected) in [
            ("12.50", Some("1250")),
            ("-0.5", Some("-50")),
            ("1e3", Some("100000")),
            ("1.2500", Some("125")),
            ("1.255", None),
            ("123456.00", Some("12345600")),
            ("1234567", None),
            ("1e999999999", None),
            ("1e-999999999", None),
            ("0e999999999", Some("0")),
            (".5", Some("50")),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("--1", None),
        ] {
            assert_eq!(decimal(text, 8, 2).as_deref(), expected, "{text}");
        }
        assert_eq!(decimal("12300", 3, -2).as_deref(), Some("123"));
        assert_eq!(decimal("12340", 3, -2), None);
        assert_eq!(float("1e999", |v: &f64| v.is_infinite()), None);
        assert_eq!(float("-inf", |v: &f64| v.is_infinite()), Some(f64::NEG_INFINITY));
        assert_eq!(hex("00fF"), Some(vec![0, 255]));
        assert_eq!((hex("0"), hex("0g"), hex("ä0")), (None, None, None));
    }
}
