//! From values to the texts that they are written as.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Error, Result};

use crate::values::{civil, nanos_of};

/// Writes the text of the value in a row, which is not null.
pub(crate) type Speller<'a> = Box<dyn Fn(usize, &mut String) + Send + 'a>;

const DAY_SECONDS: i64 = 86_400;

/// The values of a column without a dictionary.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, values) => Ok(cast(array, values)?),
        _ => Ok(array.clone()),
    }
}

/// How the values of a column are spelled.
///
/// # Errors
/// `Unexpected` for a type that CSV cannot hold: such columns are refused before any row is written.
pub(crate) fn speller(array: &ArrayRef) -> Result<Speller<'_>> {
    Ok(match array.data_type() {
        // Nothing but nulls.
        DataType::Null => Box::new(|_, _| {}),
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(|row, text| text.push_str(if values.value(row) { "true" } else { "false" }))
        }
        DataType::Int8 => spelled::<Int8Type>(array, |value, text| shown(text, value)),
        DataType::Int16 => spelled::<Int16Type>(array, |value, text| shown(text, value)),
        DataType::Int32 => spelled::<Int32Type>(array, |value, text| shown(text, value)),
        DataType::Int64 => spelled::<Int64Type>(array, |value, text| shown(text, value)),
        DataType::UInt8 => spelled::<UInt8Type>(array, |value, text| shown(text, value)),
        DataType::UInt16 => spelled::<UInt16Type>(array, |value, text| shown(text, value)),
        DataType::UInt32 => spelled::<UInt32Type>(array, |value, text| shown(text, value)),
        DataType::UInt64 => spelled::<UInt64Type>(array, |value, text| shown(text, value)),
        DataType::Float16 => spelled::<Float16Type>(array, |value, text| number(text, value.to_f32())),
        DataType::Float32 => spelled::<Float32Type>(array, |value, text| number(text, value)),
        DataType::Float64 => spelled::<Float64Type>(array, |value, text| number(text, value)),
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        DataType::Date32 => spelled::<Date32Type>(array, |value, text| date(text, i64::from(value))),
        DataType::Date64 => spelled::<Date64Type>(array, |value, text| match value % (DAY_SECONDS * 1000) {
            0 => date(text, value / (DAY_SECONDS * 1000)),
            _ => moment(text, value, TimeUnit::Millisecond),
        }),
        DataType::Time32(TimeUnit::Second) => {
            spelled::<Time32SecondType>(array, |value, text| clock(text, i64::from(value), TimeUnit::Second))
        }
        DataType::Time32(_) => spelled::<Time32MillisecondType>(array, |value, text| {
            clock(text, i64::from(value), TimeUnit::Millisecond);
        }),
        DataType::Time64(TimeUnit::Nanosecond) => {
            spelled::<Time64NanosecondType>(array, |value, text| clock(text, value, TimeUnit::Nanosecond))
        }
        DataType::Time64(_) => {
            spelled::<Time64MicrosecondType>(array, |value, text| clock(text, value, TimeUnit::Microsecond))
        }
        DataType::Timestamp(unit, zone) => {
            let unit = *unit;
            let end = if zone.is_some() { "Z" } else { "" };
            let spell = move |value: i64, text: &mut String| {
                moment(text, value, unit);
                text.push_str(end);
            };
            match unit {
                TimeUnit::Second => spelled::<TimestampSecondType>(array, spell),
                TimeUnit::Millisecond => spelled::<TimestampMillisecondType>(array, spell),
                TimeUnit::Microsecond => spelled::<TimestampMicrosecondType>(array, spell),
                TimeUnit::Nanosecond => spelled::<TimestampNanosecondType>(array, spell),
            }
        }
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => spelled::<DurationSecondType>(array, |value, text| shown(text, value)),
            TimeUnit::Millisecond => {
                spelled::<DurationMillisecondType>(array, |value, text| shown(text, value))
            }
            TimeUnit::Microsecond => {
                spelled::<DurationMicrosecondType>(array, |value, text| shown(text, value))
            }
            TimeUnit::Nanosecond => {
                spelled::<DurationNanosecondType>(array, |value, text| shown(text, value))
            }
        },
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            Box::new(|row, text| text.push_str(values.value(row)))
        }
        DataType::LargeUtf8 => {
            let values = array.as_string::<i64>();
            Box::new(|row, text| text.push_str(values.value(row)))
        }
        DataType::Utf8View => {
            let values = array.as_string_view();
            Box::new(|row, text| text.push_str(values.value(row)))
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            Box::new(|row, text| hex(text, values.value(row)))
        }
        DataType::LargeBinary => {
            let values = array.as_binary::<i64>();
            Box::new(|row, text| hex(text, values.value(row)))
        }
        DataType::BinaryView => {
            let values = array.as_binary_view();
            Box::new(|row, text| hex(text, values.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let values = array.as_fixed_size_binary();
            Box::new(|row, text| hex(text, values.value(row)))
        }
        other => {
            return Err(Error::unexpected("a column was not refused that CSV cannot hold")
                .with_context("type", other));
        }
    })
}

fn spelled<'a, T: ArrowPrimitiveType>(
    array: &'a ArrayRef,
    spell: impl Fn(T::Native, &mut String) + Send + 'a,
) -> Speller<'a> {
    let values = array.as_primitive::<T>();
    Box::new(move |row, text| spell(values.value(row), text))
}

fn decimals<T: DecimalType + ArrowPrimitiveType>(array: &ArrayRef) -> Speller<'_> {
    let values = array.as_primitive::<T>();
    Box::new(|row, text| text.push_str(&values.value_as_string(row)))
}

/// Writing into memory cannot fail.
fn shown(text: &mut String, value: impl std::fmt::Display) {
    let _ = write!(text, "{value}");
}

/// The shortest digits that are read back as the same value.
fn number(text: &mut String, value: impl std::fmt::Debug) {
    let _ = write!(text, "{value:?}");
}

fn hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

fn date(text: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    let _ = match year {
        0..=9999 => write!(text, "{year:04}-{month:02}-{day:02}"),
        _ => write!(text, "{year:+05}-{month:02}-{day:02}"),
    };
}

/// A time of the day, with as many digits as it needs of three, six and nine.
fn clock(text: &mut String, value: i64, unit: TimeUnit) {
    let nanos = i128::from(value) * nanos_of(unit);
    let seconds = nanos / 1_000_000_000;
    let _ = write!(text, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = nanos % 1_000_000_000;
    let _ = match fraction {
        0 => Ok(()),
        _ if fraction % 1_000_000 == 0 => write!(text, ".{:03}", fraction / 1_000_000),
        _ if fraction % 1000 == 0 => write!(text, ".{:06}", fraction / 1000),
        _ => write!(text, ".{fraction:09}"),
    };
}

/// A point in time without an offset.
pub(crate) fn moment(text: &mut String, value: i64, unit: TimeUnit) {
    let of_day = i64::try_from(1_000_000_000 / nanos_of(unit)).unwrap_or(1) * DAY_SECONDS;
    date(text, value.div_euclid(of_day));
    text.push('T');
    clock(text, value.rem_euclid(of_day), unit);
}
