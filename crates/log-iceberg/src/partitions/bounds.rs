//! The values that a column can have in a partition (Iceberg spec, "Partition Transforms").

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, TimeUnit};
use chrono::NaiveDate;
use stitchwork_core::Scalar;
use stitchwork_iceberg_meta::{IceTransform, IceType, IceValue};

use crate::types::type_to_arrow;
use crate::values;

/// A value that none of the column's is below, and one that none is above, where the partition values lie between
/// `low` and `high`.
pub(crate) fn bounds_of(
    transform: &IceTransform,
    source: &IceType,
    low: &IceValue,
    high: &IceValue,
) -> (Option<Scalar>, Option<Scalar>) {
    match transform {
        IceTransform::Identity => {
            (values::to_scalar(Some(low), source).ok(), values::to_scalar(Some(high), source).ok())
        }
        IceTransform::Truncate(width) => truncated(*width, source, low, high),
        IceTransform::Year | IceTransform::Month | IceTransform::Day | IceTransform::Hour => {
            // The first moment of the unit, and the last one before the next unit.
            (moment(transform, source, low, 0), moment(transform, source, high, 1))
        }
        _ => (None, None),
    }
}

/// The first instant of a unit of time, or with `after` = 1 the last instant before the unit that follows.
fn moment(transform: &IceTransform, source: &IceType, value: &IceValue, after: i64) -> Option<Scalar> {
    let unit = match value {
        IceValue::Int(v) | IceValue::Date(v) => i64::from(*v).checked_add(after)?,
        _ => return None,
    };
    let days = |year: i64, month: u32| -> Option<i64> {
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
        Some(date.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1)?).num_days())
    };
    let hours = match transform {
        IceTransform::Year => days(1970_i64.checked_add(unit)?, 1)?.checked_mul(24)?,
        IceTransform::Month => {
            let (year, month) = (1970_i64.checked_add(unit.div_euclid(12))?, unit.rem_euclid(12) + 1);
            days(year, u32::try_from(month).ok()?)?.checked_mul(24)?
        }
        IceTransform::Day => unit.checked_mul(24)?,
        _ => unit,
    };
    let data_type = type_to_arrow(source).ok()?;
    let per_hour = match &data_type {
        DataType::Date32 => {
            let day = Int64Array::from(vec![hours.div_euclid(24) - after]);
            let day = Scalar::try_new(Arc::new(day) as ArrayRef).ok()?.cast(&DataType::Int32).ok()?;
            return day.cast(&data_type).ok();
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => 3_600_000_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 3_600_000_000_000,
        _ => return None,
    };
    Scalar::from(hours.checked_mul(per_hour)? - after).cast(&data_type).ok()
}

fn truncated(
    width: u32,
    source: &IceType,
    low: &IceValue,
    high: &IceValue,
) -> (Option<Scalar>, Option<Scalar>) {
    let width_long = i64::from(width);
    let highest = match high {
        IceValue::Int(v) => v.checked_add_unsigned(width.saturating_sub(1)).map(IceValue::Int),
        IceValue::Long(v) => v.checked_add(width_long - 1).map(IceValue::Long),
        IceValue::Decimal { unscaled, scale } => unscaled
            .checked_add(i128::from(width_long) - 1)
            .map(|unscaled| IceValue::Decimal { unscaled, scale: *scale }),
        // Shorter than the width, it is the value itself; else anything that starts with it.
        IceValue::String(v) if v.chars().count() < width as usize => Some(high.clone()),
        IceValue::String(v) => succ_prefix(v).map(IceValue::String),
        IceValue::Binary(v) if v.len() < width as usize => Some(high.clone()),
        _ => None,
    };
    let scalar = |value: &IceValue| values::to_scalar(Some(value), source).ok();
    (scalar(low), highest.as_ref().and_then(scalar))
}

/// The smallest text of at most the same length that is above everything that starts with `prefix`.
pub(crate) fn succ_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The surrogates are no characters; the one after U+D7FF is U+E000.
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(u32::from(other).saturating_add(1)),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(transform: &str, source: &IceType, value: IceValue, low: &str, high: &str) {
        let (min, max) = bounds_of(&IceTransform::parse(transform), source, &value, &value);
        assert_eq!(min.unwrap().to_string(), low);
        assert_eq!(max.unwrap().to_string(), high);
    }

    #[test]
    fn a_partition_value_bounds_its_column() {
        let ts = IceType::Timestamp;
        check("day", &ts, IceValue::Date(19_782), "2024-02-29T00:00:00", "2024-02-29T23:59:59.999999");
        check("month", &ts, IceValue::Int(-1), "1969-12-01T00:00:00", "1969-12-31T23:59:59.999999");
        check("year", &ts, IceValue::Int(54), "2024-01-01T00:00:00", "2024-12-31T23:59:59.999999");
        check("hour", &ts, IceValue::Int(1), "1970-01-01T01:00:00", "1970-01-01T01:59:59.999999");
        check("month", &IceType::Date, IceValue::Int(649), "2024-02-01", "2024-02-29");
        check("day", &IceType::Date, IceValue::Date(19_782), "2024-02-29", "2024-02-29");
        check("truncate[10]", &IceType::Int, IceValue::Int(-10), "-10", "-1");
        check("truncate[2]", &IceType::String, IceValue::String("ab".into()), "ab", "ac");
        check("truncate[3]", &IceType::String, IceValue::String("ab".into()), "ab", "ab");
    }

    #[test]
    fn the_values_of_every_partition_lie_within_its_bounds() {
        let transforms = ["year", "month", "day", "hour"].map(IceTransform::parse);
        for micros in [-1, 0, 1, 951_782_400_000_000, -86_400_000_000, 4_102_444_799_999_999] {
            let value = IceValue::Timestamp(micros);
            let scalar = values::to_scalar(Some(&value), &IceType::Timestamp).unwrap();
            for transform in &transforms {
                let partition = transform.apply(Some(&value)).unwrap().unwrap();
                let (low, high) = bounds_of(transform, &IceType::Timestamp, &partition, &partition);
                assert_ne!(low.unwrap().compare(&scalar), Some(std::cmp::Ordering::Greater));
                assert_ne!(high.unwrap().compare(&scalar), Some(std::cmp::Ordering::Less));
            }
        }
    }

    #[test]
    fn the_next_prefix_is_above_all_that_starts_with_it() {
        assert_eq!(succ_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(succ_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(succ_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(succ_prefix("\u{10FFFF}"), None);
    }
}
