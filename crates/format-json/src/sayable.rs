//! Days and times that have no text, since their year or hour is none: the encoder would write its own error as the
//! value of a column.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch, make_array};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Error, Result};

/// How much of a value is told.
const TOLD_CHARS: usize = 200;
const DAY_SECONDS: i64 = 86_400;
/// The years that are looked at no further, in days: 262,000 before 1970 and after.
const MOST_DAYS: i64 = 262_000 * 365;

/// Refuses a value without a text; `first` is the row that the batch begins at.
///
/// # Errors
/// `InvalidInput`, with column, row and value.
pub(crate) fn check(batch: &RecordBatch, first: u64) -> Result<()> {
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        if !may_be_unsayable(column) {
            continue;
        }
        let options = FormatOptions::new().with_display_error(false);
        let shown = ArrayFormatter::try_new(column.as_ref(), &options)?;
        for (row, place) in (0..column.len()).zip(first..) {
            if shown.value(row).try_to_string().is_ok() {
                continue;
            }
            let number = cast(&column.slice(row, 1), &DataType::Int64);
            let value = match number.ok().as_ref().and_then(|number| number.as_primitive_opt::<Int64Type>()) {
                Some(number) => number.value(0).to_string(),
                // What lies inside of a list or a struct is told among the rest of it.
                None => {
                    ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new())?.value(row).to_string()
                }
            };
            let value: String = value.chars().take(TOLD_CHARS).collect();
            return Err(Error::invalid_input(
                "JSON has no text for a day or time that is outside of the years, or of the day; write its number, by a \
                 cast to an integer",
            )
            .with_context("column", field.name())
            .with_context("row", place)
            .with_context("value", value)
            .with_context("type", field.data_type()));
        }
    }
    Ok(())
}

/// Whether there is a value, maybe one that is hidden by a null above it, whose text should be tried.
fn may_be_unsayable(array: &dyn Array) -> bool {
    let per_second = |unit: TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    // Nanoseconds reach no further than 64 bits.
    let years = |unit| (MOST_DAYS * DAY_SECONDS).saturating_mul(per_second(unit));
    let day = |unit| DAY_SECONDS * per_second(unit) - 1;
    match array.data_type() {
        DataType::Date32 => outside::<Date32Type>(array, -MOST_DAYS, MOST_DAYS),
        DataType::Date64 => {
            let most = years(TimeUnit::Millisecond);
            outside::<Date64Type>(array, -most, most)
        }
        DataType::Timestamp(unit, _) => {
            let most = years(*unit);
            match unit {
                TimeUnit::Second => outside::<TimestampSecondType>(array, -most, most),
                TimeUnit::Millisecond => outside::<TimestampMillisecondType>(array, -most, most),
                TimeUnit::Microsecond => outside::<TimestampMicrosecondType>(array, -most, most),
                TimeUnit::Nanosecond => outside::<TimestampNanosecondType>(array, -most, most),
            }
        }
        DataType::Time32(unit) => match unit {
            TimeUnit::Second => outside::<Time32SecondType>(array, 0, day(*unit)),
            _ => outside::<Time32MillisecondType>(array, 0, day(TimeUnit::Millisecond)),
        },
        DataType::Time64(unit) => match unit {
            TimeUnit::Microsecond => outside::<Time64MicrosecondType>(array, 0, day(*unit)),
            _ => outside::<Time64NanosecondType>(array, 0, day(TimeUnit::Nanosecond)),
        },
        DataType::Dictionary(..) => may_be_unsayable(array.as_any_dictionary().values()),
        data_type if data_type.is_nested() || matches!(data_type, DataType::RunEndEncoded(..)) => {
            let data = array.to_data();
            data.child_data().iter().any(|child| may_be_unsayable(&make_array(child.clone())))
        }
        _ => false,
    }
}

fn outside<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array, least: i64, most: i64) -> bool {
    let values = array.as_primitive_opt::<T>();
    values.is_some_and(|values| {
        values.iter().flatten().any(|value| {
            let value: i64 = value.into();
            value < least || value > most
        })
    })
}
