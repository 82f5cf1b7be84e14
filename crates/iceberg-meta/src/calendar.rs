//! Days, times and timestamps as text, in the proleptic Gregorian calendar and UTC, for every possible value.

const MICROS_PER_DAY: i64 = 86_400_000_000;
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
const MICROS_PER_HOUR: i64 = 3_600_000_000;
const NANOS_PER_HOUR: i64 = 3_600_000_000_000;

/// The year, month and day of a day since 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last one; 400 years have 146,097 days.
pub(crate) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Both values are below 32 by construction.
    (year, month as u32, day as u32)
}

/// The day since 1970-01-01 of a date, or none if the calendar has no such date.
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = if month > 2 { i64::from(month) - 3 } else { i64::from(month) + 9 };
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The day of a timestamp in microseconds.
pub(crate) fn day_of_micros(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_DAY)
}

/// The day of a timestamp in nanoseconds.
pub(crate) fn day_of_nanos(nanos: i64) -> i64 {
    nanos.div_euclid(NANOS_PER_DAY)
}

/// The hour since 1970-01-01T00 of a timestamp in microseconds.
pub(crate) fn hour_of_micros(micros: i64) -> i64 {
    micros.div_euclid(MICROS_PER_HOUR)
}

/// The hour since 1970-01-01T00 of a timestamp in nanoseconds.
pub(crate) fn hour_of_nanos(nanos: i64) -> i64 {
    nanos.div_euclid(NANOS_PER_HOUR)
}

/// A year as at least four digits.
pub(crate) fn format_year(year: i64) -> String {
    if year < 0 { format!("-{:04}", -year) } else { format!("{year:04}") }
}

/// A day as `2024-01-31`.
pub(crate) fn format_date(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{}-{month:02}-{day:02}", format_year(year))
}

/// A time of day as `22:31:08.123456`; the fraction is left out when it is zero.
pub(crate) fn format_time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        text.push_str(&format!(".{fraction:06}"));
    }
    text
}

/// A timestamp in microseconds as `2017-11-16T22:31:08.123456`.
pub(crate) fn format_micros(micros: i64) -> String {
    let time = format_time(micros.rem_euclid(MICROS_PER_DAY));
    format!("{}T{time}", format_date(day_of_micros(micros)))
}

/// A timestamp in nanoseconds as `2017-11-16T22:31:08.123456789`.
pub(crate) fn format_nanos(nanos: i64) -> String {
    let of_day = nanos.rem_euclid(NANOS_PER_DAY);
    let (seconds, fraction) = (of_day / 1_000_000_000, of_day % 1_000_000_000);
    let mut text = format!("{}T{}", format_date(day_of_nanos(nanos)), format_time(seconds * 1_000_000));
    if fraction != 0 {
        text.push_str(&format!(".{fraction:09}"));
    }
    text
}

/// Reads `2024-01-31`.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = digits.split('-');
    let year: i64 = number(parts.next()?, 4..=9)?;
    let month = number(parts.next()?, 2..=2)?;
    let day = number(parts.next()?, 2..=2)?;
    if parts.next().is_some() {
        return None;
    }
    days_from_civil(if negative { -year } else { year }, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    if !length.contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads a time of day as nanoseconds; the seconds and up to nine digits of their fraction are optional.
fn parse_time_nanos(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let second = parts.next().map_or(Some(0), |s| number(s, 2..=2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = if fraction.is_empty() { 0 } else { number(&format!("{fraction:0<9}"), 9..=9)? };
    Some((hour * 3_600 + minute * 60 + second) * 1_000_000_000 + nanos)
}

/// Reads a time of day as microseconds.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    parse_time_nanos(text).map(|nanos| nanos / 1_000)
}

/// Reads a timestamp as its day and the nanoseconds within the day; a zone, if any, must be UTC.
fn parse_timestamp(text: &str) -> Option<(i64, i64)> {
    let text = text.strip_suffix("+00:00").or_else(|| text.strip_suffix('Z')).unwrap_or(text);
    let (date, time) = text.split_once('T')?;
    Some((parse_date(date)?, parse_time_nanos(time)?))
}

/// Reads a timestamp as microseconds.
pub(crate) fn parse_micros(text: &str) -> Option<i64> {
    let (days, nanos) = parse_timestamp(text)?;
    i64::try_from(i128::from(days) * i128::from(MICROS_PER_DAY) + i128::from(nanos / 1_000)).ok()
}

/// Reads a timestamp as nanoseconds.
pub(crate) fn parse_nanos(text: &str) -> Option<i64> {
    let (days, nanos) = parse_timestamp(text)?;
    i64::try_from(i128::from(days) * i128::from(NANOS_PER_DAY) + i128::from(nanos)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_round_trip_over_leap_years_and_before_the_epoch() {
        assert_eq!(format_date(0), "1970-01-01");
        assert_eq!(format_date(-1), "1969-12-31");
        assert_eq!(parse_date("2017-11-16"), Some(17_486));
        for days in (-800_000..800_000).step_by(13) {
            assert_eq!(parse_date(&format_date(days)), Some(days));
        }
        assert_eq!(parse_date("2000-02-29"), Some(11_016));
        assert_eq!(parse_date("1900-02-29"), None);
        assert_eq!(parse_date("2024-1-01"), None);
    }

    #[test]
    fn timestamps_round_trip_at_their_extremes() {
        for micros in [0, -1, 1, i64::MIN, i64::MAX, 1_510_871_468_123_456] {
            assert_eq!(parse_micros(&format_micros(micros)), Some(micros), "{}", format_micros(micros));
            assert_eq!(parse_nanos(&format_nanos(micros)), Some(micros), "{}", format_nanos(micros));
        }
        assert_eq!(format_micros(1_510_871_468_123_456), "2017-11-16T22:31:08.123456");
        assert_eq!(format_nanos(1_510_871_468_000_001_001), "2017-11-16T22:31:08.000001001");
        assert_eq!(parse_micros("2017-11-16T22:31:08.123456+00:00"), Some(1_510_871_468_123_456));
        assert_eq!(parse_micros("2017-11-16T22:31:08.123456+02:00"), None);
        assert_eq!(parse_time("22:31"), Some(81_060_000_000));
    }
}
