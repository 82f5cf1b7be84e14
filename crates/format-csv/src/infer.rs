//! The types of columns, found by looking at some of their values.

use arrow_schema::{DataType, TimeUnit};

use crate::dialect::Dialect;
use crate::rows::{Kind, Rows};
use crate::values::{bare, date, moment};

/// The type of each column, such that each of its values is kept whole, or is a decimal fraction and becomes the nearest double.
pub(crate) fn infer(rows: &Rows, dialect: &Dialect) -> Vec<DataType> {
    let column = |column| {
        let mut seen = Seen::default();
        for row in 0..rows.len() {
            let (kind, text) = rows.field(row, column);
            if !is_null(dialect, kind, text) {
                seen.look_at(text);
                if !seen.undecided() {
                    break;
                }
            }
        }
        seen.data_type()
    };
    (0..rows.columns()).map(column).collect()
}

/// Whether a field is null.
pub(crate) fn is_null(dialect: &Dialect, kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Missing => true,
        Kind::Plain => dialect.is_null_text(text),
        Kind::Marked => dialect.quoted_nulls && dialect.is_null_text(text),
    }
}

/// What all values of a column so far may be.
#[derive(Debug)]
struct Seen {
    any: bool,
    boolean: bool,
    whole: bool,
    float: bool,
    /// Whether a value was a number beyond doubt, and not just `nan`, which may be a word.
    number: bool,
    date: bool,
    moment: bool,
    zoned: bool,
    /// Whether moments need nanoseconds, and whether those could count all of them.
    fine: bool,
    near: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            any: false,
            boolean: true,
            whole: true,
            float: true,
            number: false,
            date: true,
            moment: true,
            zoned: true,
            fine: false,
            near: true,
        }
    }
}

impl Seen {
    fn undecided(&self) -> bool {
        self.boolean || self.whole || self.float || self.date || self.moment || self.zoned
    }

    fn look_at(&mut self, text: &str) {
        let text = bare(text);
        self.any = true;
        self.boolean = self.boolean && ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
        self.whole = self.whole && is_whole(text) && text != "-0" && text.parse::<i64>().is_ok();
        // Spelled as pyarrow and DuckDB do.
        let word = text == "nan";
        self.float = self.float && (word || is_float(text));
        self.number |= !word;
        self.date = self.date && date(text).is_some();
        if self.moment || self.zoned {
            let found = moment(text);
            self.moment = self.moment && found.is_some_and(|found| !found.zoned);
            self.zoned = self.zoned && found.is_some_and(|found| found.zoned);
            if let Some(found) = found {
                self.fine |= found.nanos % 1000 != 0;
                self.near &= i64::try_from(found.nanos).is_ok();
            }
        }
    }

    fn data_type(&self) -> DataType {
        let in_time = !self.fine || self.near;
        let unit = if self.fine { TimeUnit::Nanosecond } else { TimeUnit::Microsecond };
        match self {
            Self { any: false, .. } => DataType::Null,
            Self { boolean: true, .. } => DataType::Boolean,
            Self { whole: true, .. } => DataType::Int64,
            Self { float: true, number: true, .. } => DataType::Float64,
            Self { date: true, .. } => DataType::Date32,
            Self { moment: true, .. } if in_time => DataType::Timestamp(unit, None),
            Self { zoned: true, .. } if in_time => DataType::Timestamp(unit, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }
}

/// Whether the text is a whole number as it is usually spelled: a leading zero or a plus would be lost.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0'))
}

/// Whether the text is a number that a double holds as well as its spelling lets expect.
fn is_float(text: &str) -> bool {
    if matches!(text, "NaN" | "inf" | "-inf" | "Infinity" | "-Infinity") {
        return true;
    }
    if is_whole(text) {
        // Above 2^53 neighbours become one.
        return text.parse::<i64>().is_ok_and(|value| value.unsigned_abs() <= 1 << 53);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_whole(before) && digits(after) && digits(exponent) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> String {
        let mut seen = Seen::default();
        texts.iter().for_each(|text| seen.look_at(text));
        seen.data_type().to_string()
    }

    #[test]
    fn types_widen_until_they_hold_every_value() {
        for (texts, expected) in [
            (&["1", " -5 "][..], "Int64"),
            (&["1", "2.5"], "Float64"),
            (&["1e5", "NaN", "-inf"], "Float64"),
            (&["nan", "0.5"], "Float64"),
            (&["3", "nan"], "Float64"),
            (&["-0", "1"], "Float64"),
            (&["123456789012345678.5", "1.5"], "Float64"),
            (&["1", "x"], "Utf8"),
            (&["true", "FALSE"], "Boolean"),
            (&["true", "1"], "Utf8"),
            (&["2024-02-29"], "Date32"),
            (&["2024-02-29", "2024-02-29 12:00:00.5"], "Timestamp(µs)"),
            (&["2024-02-29T12:00:00.123456789"], "Timestamp(ns)"),
            (&["2024-02-29T12:00:00Z", "2024-02-29 12:00+02"], "Timestamp(µs, \"UTC\")"),
            (&["2024-02-29T12:00:00Z", "2024-02-29T12:00:00"], "Utf8"),
            (&["0001-02-28T12:00:00.123456789"], "Utf8"),
            (&[], "Null"),
            (&[""], "Utf8"),
        ] {
            assert_eq!(of(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn what_a_number_would_lose_stays_text() {
        for texts in [
            &["007"][..],
            &["+5"],
            &["9223372036854775808"],
            &["9007199254740993", "0.5"],
            &["1e999"],
            &["00.5"],
            &["nan"],
            &["nan", "nan"],
            &["nan", "9007199254740993"],
            &["nan", "Nan"],
            &["1."],
            &["2023-02-29"],
        ] {
            assert_eq!(of(texts), "Utf8", "{texts:?}");
        }
    }
}
