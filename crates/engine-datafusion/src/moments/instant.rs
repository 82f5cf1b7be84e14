//! Moments that are known while a query is planned, compared with what an expression counts.
//!
//! A column counts whole steps: days, seconds, millionths of a second. A known moment may lie between two of them, or
//! before the first or behind the last that the type can say. The comparison is put in steps of the column, so that no
//! value of the column is ever cast, and means the same as if it were made in an unbounded unit.

use std::str::FromStr;

use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow_array::timezone::Tz;
use arrow_schema::{DataType, TimeUnit};
use chrono::{TimeZone, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};

/// The nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// The nanoseconds of a unit.
pub(super) const fn nanos(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => SECOND,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Whether a zone's clocks show UTC, so that a moment counts the same with it as without any.
pub(super) fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "utc" | "Etc/UTC" | "GMT" | "Z" | "z" | "+00:00" | "-00:00" | "+0000" | "+00")
}

/// The moment that a value says, in nanoseconds since 1970, or how long a span is; `None` for null and what is neither.
/// What has no zone of its own is meant in `zone`, or else in UTC. A month is one of 30 days, as in other databases.
pub(crate) fn instant(value: &ScalarValue, zone: Option<&str>) -> Option<i128> {
    use ScalarValue as V;
    let counted = |count: Option<i64>, unit: TimeUnit| Some(i128::from(count?) * nanos(unit));
    match value {
        V::TimestampSecond(_, None)
        | V::TimestampMillisecond(_, None)
        | V::TimestampMicrosecond(_, None)
        | V::TimestampNanosecond(_, None)
            if zone.is_some_and(|zone| !is_utc(zone)) =>
        {
            let DataType::Timestamp(unit, _) = value.data_type() else { return None };
            let there = value.cast_to(&DataType::Timestamp(unit, zone.map(Into::into))).ok()?;
            instant(&there, None)
        }
        V::TimestampSecond(count, _) => counted(*count, TimeUnit::Second),
        V::TimestampMillisecond(count, _) => counted(*count, TimeUnit::Millisecond),
        V::TimestampMicrosecond(count, _) => counted(*count, TimeUnit::Microsecond),
        V::TimestampNanosecond(count, _) => counted(*count, TimeUnit::Nanosecond),
        V::Date32(count) => Some(days((*count)?.into())),
        V::Date64(count) => counted(*count, TimeUnit::Millisecond),
        V::DurationSecond(count) => counted(*count, TimeUnit::Second),
        V::DurationMillisecond(count) => counted(*count, TimeUnit::Millisecond),
        V::DurationMicrosecond(count) => counted(*count, TimeUnit::Microsecond),
        V::DurationNanosecond(count) => counted(*count, TimeUnit::Nanosecond),
        V::IntervalYearMonth(months) => Some(days(30 * i128::from((*months)?))),
        V::IntervalDayTime(span) => {
            let span = (*span)?;
            Some(days(span.days.into()) + i128::from(span.milliseconds) * nanos(TimeUnit::Millisecond))
        }
        V::IntervalMonthDayNano(span) => {
            let span = (*span)?;
            Some(days(30 * i128::from(span.months) + i128::from(span.days)) + i128::from(span.nanoseconds))
        }
        V::Utf8(text) | V::LargeUtf8(text) | V::Utf8View(text) => {
            let text = text.as_deref()?;
            match zone {
                Some(zone) => parse(text, &Tz::from_str(zone).ok()?),
                None => parse(text, &Utc),
            }
        }
        _ => None,
    }
}

const fn days(count: i128) -> i128 {
    count * 86_400 * SECOND
}

fn parse<Z: TimeZone>(text: &str, zone: &Z) -> Option<i128> {
    let whole = with_seconds(text);
    let moment = string_to_datetime(zone, whole.as_deref().unwrap_or(text)).ok()?;
    Some(i128::from(moment.timestamp()) * SECOND + i128::from(moment.timestamp_subsec_nanos()))
}

/// A moment that is written to the minute, with its seconds, without which Arrow reads none.
pub(super) fn with_seconds(text: &str) -> Option<String> {
    const MINUTE: usize = "2020-01-05 10:00".len();
    let text = text.trim();
    let (minute, rest) = (text.get(..MINUTE)?, text.get(MINUTE..)?);
    let is_whole = minute.bytes().zip("0000-00-00 00:00".bytes()).all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b' ' | b'T' | b't'),
        like => byte == like,
    });
    let ends = !rest.starts_with(|next: char| next == ':' || next.is_ascii_digit());
    (is_whole && ends).then(|| format!("{minute}:00{rest}"))
}

/// What a type counts.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    data_type: DataType,
    /// The nanoseconds of a step.
    length: i128,
    min: i64,
    max: i64,
}

impl Steps {
    /// The steps of a type; `None` for one that counts no time.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        let (length, min, max) = match data_type {
            DataType::Timestamp(unit, _) | DataType::Duration(unit) => (nanos(*unit), i64::MIN, i64::MAX),
            DataType::Date32 => (86_400 * SECOND, i32::MIN.into(), i32::MAX.into()),
            DataType::Date64 => (nanos(TimeUnit::Millisecond), i64::MIN, i64::MAX),
            _ => return None,
        };
        Some(Self { data_type: data_type.clone(), length, min, max })
    }

    /// The value at exactly this moment; `None` where there is none.
    pub(super) fn at(&self, moment: i128) -> Option<ScalarValue> {
        let exact = moment.rem_euclid(self.length) == 0;
        let count = i64::try_from(moment.div_euclid(self.length)).ok()?;
        (exact && (self.min..=self.max).contains(&count)).then(|| self.value(count))
    }

    /// What `x op moment` is, for an `x` of the type.
    pub(crate) fn answer(&self, op: Operator, moment: i128) -> Option<Answer> {
        let floor = moment.div_euclid(self.length);
        let ceil = floor + i128::from(moment.rem_euclid(self.length) != 0);
        let step = match op {
            Operator::Lt | Operator::GtEq => ceil,
            Operator::LtEq | Operator::Gt => floor,
            Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => {
                return Some(match (self.at(moment), op) {
                    (Some(value), op) => Answer::Compare(op, value),
                    (None, Operator::Eq) => self.never(),
                    (None, Operator::NotEq) => self.always(),
                    (None, op) => Answer::Known(op == Operator::IsDistinctFrom),
                });
            }
            _ => return None,
        };
        let below = matches!(op, Operator::Lt | Operator::LtEq);
        Some(match i64::try_from(step) {
            Ok(count) if (self.min..=self.max).contains(&count) => Answer::Compare(op, self.value(count)),
            // Every value is above what lies before the first, and below what lies behind the last.
            _ if below == (step > 0) => self.always(),
            _ => self.never(),
        })
    }

    /// `expr op moment`, for an expression of the type.
    pub(super) fn compare(&self, expr: Expr, op: Operator, moment: i128) -> Option<Expr> {
        Some(match self.answer(op, moment)? {
            Answer::Compare(op, value) => binary_expr(expr, op, lit(value)),
            Answer::Known(known) => lit(known),
        })
    }

    /// True for every value, null for null; still a comparison with a value, which scans understand.
    fn always(&self) -> Answer {
        Answer::Compare(Operator::GtEq, self.value(self.min))
    }

    /// False for every value, null for null.
    pub(super) fn never(&self) -> Answer {
        Answer::Compare(Operator::Lt, self.value(self.min))
    }

    fn value(&self, count: i64) -> ScalarValue {
        let count = Some(count);
        match &self.data_type {
            DataType::Timestamp(TimeUnit::Second, zone) => ScalarValue::TimestampSecond(count, zone.clone()),
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                ScalarValue::TimestampMillisecond(count, zone.clone())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                ScalarValue::TimestampMicrosecond(count, zone.clone())
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                ScalarValue::TimestampNanosecond(count, zone.clone())
            }
            DataType::Duration(TimeUnit::Second) => ScalarValue::DurationSecond(count),
            DataType::Duration(TimeUnit::Millisecond) => ScalarValue::DurationMillisecond(count),
            DataType::Duration(TimeUnit::Microsecond) => ScalarValue::DurationMicrosecond(count),
            DataType::Duration(TimeUnit::Nanosecond) => ScalarValue::DurationNanosecond(count),
            DataType::Date32 => ScalarValue::Date32(count.and_then(|days| i32::try_from(days).ok())),
            _ => ScalarValue::Date64(count),
        }
    }
}

/// A comparison put in steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// With a value of the type.
    Compare(Operator, ScalarValue),
    /// The same for all values and null.
    Known(bool),
}

/// The steps of what is cast to a finer unit, if the cast does nothing else. DataFusion takes such a cast away from
/// a comparison with a literal and cuts the literal, which changes what it means.
pub(crate) fn widened(from: &DataType, to: &DataType) -> Option<Steps> {
    let (DataType::Timestamp(coarse, own), DataType::Timestamp(fine, zone)) = (from, to) else { return None };
    let same_count = own.is_some() || zone.as_deref().is_none_or(is_utc);
    (same_count && nanos(*coarse) > nanos(*fine)).then(|| Steps::of(from)).flatten()
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::col;

    use super::*;

    /// All that a comparison can be with: before the first step, on steps, between them, behind the last.
    #[test]
    fn a_comparison_in_steps_is_the_comparison_itself() {
        let operators = [
            Operator::Lt,
            Operator::LtEq,
            Operator::Gt,
            Operator::GtEq,
            Operator::Eq,
            Operator::NotEq,
            Operator::IsDistinctFrom,
            Operator::IsNotDistinctFrom,
        ];
        for (data_type, length) in [
            (DataType::Timestamp(TimeUnit::Nanosecond, None), 1),
            (DataType::Timestamp(TimeUnit::Microsecond, None), 1_000),
            (DataType::Timestamp(TimeUnit::Second, Some("UTC".into())), SECOND),
            (DataType::Date32, 86_400 * SECOND),
        ] {
            let steps = Steps::of(&data_type).unwrap();
            let (min, max) = (i128::from(steps.min), i128::from(steps.max));
            for count in [min, min + 1, -2, -1, 0, 1, 2, max - 1, max] {
                for moment in [min - 2, min, -2, -1, 0, 1, max, max + 2]
                    .into_iter()
                    .flat_map(|step| [step * length, step * length + length / 2, step * length + 1])
                {
                    for op in operators {
                        let expr = steps.compare(col("t"), op, moment).unwrap();
                        let expected = holds(op, (count * length).cmp(&moment));
                        assert_eq!(value_of(&expr, count), expected, "{count} {op} {moment}: {expr}");
                    }
                }
            }
        }
    }

    fn holds(op: Operator, order: std::cmp::Ordering) -> bool {
        match op {
            Operator::Lt => order.is_lt(),
            Operator::LtEq => order.is_le(),
            Operator::Gt => order.is_gt(),
            Operator::GtEq => order.is_ge(),
            Operator::Eq | Operator::IsNotDistinctFrom => order.is_eq(),
            _ => order.is_ne(),
        }
    }

    /// What a comparison says of a count.
    fn value_of(expr: &Expr, count: i128) -> bool {
        match expr {
            Expr::Literal(ScalarValue::Boolean(Some(said)), _) => *said,
            Expr::BinaryExpr(binary) => {
                let Expr::Literal(value, _) = binary.right.as_ref() else { panic!("{expr}") };
                let value = value.cast_to(&DataType::Int64).or_else(|_| {
                    value.cast_to(&DataType::Int32).and_then(|days| days.cast_to(&DataType::Int64))
                });
                let Ok(ScalarValue::Int64(Some(value))) = value else { panic!("{expr}") };
                holds(binary.op, count.cmp(&i128::from(value)))
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn moments_are_read_from_every_value() {
        let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
        assert_eq!(instant(&text("1970-01-01T00:00:00.000000001"), None), Some(1));
        assert_eq!(instant(&text("0001-01-01"), None), Some(-62_135_596_800 * SECOND));
        assert_eq!(instant(&text("1970-01-01T01:00:00"), Some("+01:00")), Some(0));
        assert_eq!(instant(&text("soon"), None), None);
        assert_eq!(instant(&ScalarValue::Date32(Some(-1)), None), Some(-86_400 * SECOND));
        let noon = ScalarValue::TimestampSecond(Some(3_600), None);
        assert_eq!(instant(&noon, Some("+01:00")), Some(0));
        assert_eq!(instant(&noon, Some("UTC")), Some(3_600 * SECOND));
        assert_eq!(instant(&ScalarValue::TimestampNanosecond(None, None), None), None);
    }
}
