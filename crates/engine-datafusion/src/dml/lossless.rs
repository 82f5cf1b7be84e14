//! Whether a cast has kept every value.

use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, LargeListArray, StructArray};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use stitchwork_core::{Error, Result};

use super::pairs::{element, plain};
use crate::error::FromDataFusion;
use crate::hidden::mend;
use crate::moments::instant;

/// The first row whose value has become another one by a cast between types that are not [refused](super::pairs::refused).
///
/// Floating-point numbers are as near as their type can be, which is what they are for, but whole numbers become
/// them exactly or not at all.
///
/// # Errors
/// `InvalidData` when an array is broken; `Unexpected` for types that nothing is known of.
pub(super) fn first_lost(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    use DataType as T;
    let (own, target) = (plain(from.data_type()), plain(to.data_type()));
    if own != from.data_type() {
        return first_lost(&cast(from, own)?, to);
    }
    if target != to.data_type() {
        return first_lost(from, &cast(to, target)?);
    }
    if own == target || own.is_null() {
        return Ok(None);
    }
    let values = match (own, target) {
        (T::Struct(_), T::Struct(_)) => in_structs(from, to),
        (T::Map(..), T::Map(..)) => {
            let (from, to) = (from.as_map(), to.as_map());
            each(from, |row| in_entries(&from.value(row), &to.value(row)))
        }
        (_, target) if target.is_string() => Ok(None),
        (own, target) if own.is_string() => of_texts(from, to, target),
        (own, target) if target.is_floating() && own.is_decimal() => {
            of_written_numbers(&cast(from, &T::Utf8)?, to)
        }
        (own, target) if target.is_floating() && !own.is_integer() => infinite(from, to),
        (own, _) if own.is_floating() => {
            let back = cast(&safely(to, own)?, &T::Float64)?;
            let from = cast(from, &T::Float64)?;
            let (from, back) = (from.as_primitive::<Float64Type>(), back.as_primitive::<Float64Type>());
            // Zero has two signs, of which no other type knows.
            each(from, |row| Ok((back.is_null(row) || from.value(row) != back.value(row)).then_some(0)))
        }
        // All of these fit, and there is no way back.
        (T::Interval(_), T::Interval(IntervalUnit::MonthDayNano)) => Ok(None),
        (own, target) => match (element(own), element(target)) {
            (Some(own), Some(target)) => {
                let (own, target) = (T::LargeList(own.clone()), T::LargeList(target.clone()));
                in_lists(cast(from, &own)?.as_list(), cast(to, &target)?.as_list())
            }
            _ if can_cast_types(target, own) && !own.is_nested() && !target.is_nested() => {
                differs(from, &safely(to, own)?)
            }
            _ => Err(Error::unexpected("a cast was made of which nobody knows whether it keeps values")
                .with_context("from", own)
                .with_context("type", target)),
        },
    }?;
    Ok([vanished(from, to), values].into_iter().flatten().min())
}

/// The first row that has a value, and none after the cast.
fn vanished(from: &ArrayRef, to: &ArrayRef) -> Option<usize> {
    let gone = to.logical_nulls()?;
    let own = from.logical_nulls();
    (0..to.len()).find(|row| gone.is_null(*row) && own.as_ref().is_none_or(|own| own.is_valid(*row)))
}

/// A value that cannot be cast becomes a null.
fn safely(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(array, data_type, &CastOptions { safe: true, ..CastOptions::default() })?)
}

fn differs(from: &ArrayRef, back: &ArrayRef) -> Result<Option<usize>> {
    let differs = distinct(from, back)?;
    Ok(differs.values().set_indices().next())
}

/// The first row with a value for which `lost` finds anything.
fn each(array: &dyn Array, lost: impl Fn(usize) -> Result<Option<usize>>) -> Result<Option<usize>> {
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        if lost(row)?.is_some() {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn in_lists(from: &LargeListArray, to: &LargeListArray) -> Result<Option<usize>> {
    each(from, |row| {
        let (from, to) = (from.value(row), to.value(row));
        if from.len() == to.len() { first_lost(&from, &to) } else { Ok(Some(0)) }
    })
}

/// The keys and the values of a map have the names that its writer likes.
fn in_entries(from: &StructArray, to: &StructArray) -> Result<Option<usize>> {
    if from.len() != to.len() {
        return Ok(Some(0));
    }
    for (from, to) in from.columns().iter().zip(to.columns()) {
        if let Some(row) = first_lost(from, to)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Fields go by their names.
fn in_structs(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    let shown = mend(from)?;
    let (from, to) = (shown.as_ref().unwrap_or(from).as_struct(), to.as_struct());
    let mut first: Option<usize> = None;
    for (field, from) in from.fields().iter().zip(from.columns()) {
        let Some(to) = to.column_by_name(field.name()) else {
            return Err(Error::unexpected("a cast has left a field of a struct out")
                .with_context("field", field.name()));
        };
        first = [first, first_lost(from, to)?].into_iter().flatten().min();
    }
    Ok(first)
}

/// Texts are numbers with digits, and moments with parts of a second, that the parser cuts.
fn of_texts(from: &ArrayRef, to: &ArrayRef, target: &DataType) -> Result<Option<usize>> {
    match target {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let zone = match target {
                DataType::Timestamp(_, zone) => zone.as_deref(),
                _ => None,
            };
            each(from, |row| {
                let said = instant(&ScalarValue::try_from_array(from, row).ours()?, zone);
                let kept = instant(&ScalarValue::try_from_array(to, row).ours()?, None);
                Ok((said.is_some() && said != kept).then_some(0))
            })
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let finest = DataType::Time64(TimeUnit::Nanosecond);
            differs(&safely(from, &finest)?, &safely(to, &finest)?)
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            // As many places before the point as the column has, and all others behind it.
            let whole = i16::from(*precision) - i16::from(*scale);
            let behind = i8::try_from(76 - whole.clamp(0, 76)).unwrap_or_default();
            let widest = DataType::Decimal256(76, behind.max(*scale));
            differs(&safely(from, &widest)?, &safely(to, &widest)?)
        }
        target if target.is_floating() => of_written_numbers(&cast(from, &DataType::Utf8)?, to),
        // What is no whole number, truth value or row of bytes does not parse.
        _ => Ok(None),
    }
}

/// Texts of numbers, or numbers with digits behind a point: they become the nearest number, but whole ones exactly.
fn of_written_numbers(texts: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    let (texts, to) = (texts.as_string::<i32>(), cast(to, &DataType::Float64)?);
    let to = to.as_primitive::<Float64Type>();
    each(texts, |row| Ok((to.is_null(row) || !is_written(texts.value(row), to.value(row))).then_some(0)))
}

/// Whether this is what a text says, or the nearest number to a fraction that it says.
fn is_written(text: &str, number: f64) -> bool {
    let text = text.trim().trim_start_matches(['+', '-']);
    if number.is_infinite() {
        return text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("inf"));
    }
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if number.is_nan() || !digits(whole) || behind.bytes().any(|byte| byte != b'0') {
        return true;
    }
    // All digits of a whole number are written out, however many it has.
    let written = whole.trim_start_matches('0');
    let kept = format!("{:.0}", number.abs());
    kept.trim_start_matches('0') == written
}

/// What is above all numbers of a type, and would be called infinite.
fn infinite(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    let (from, to) = (cast(from, &DataType::Float64)?, cast(to, &DataType::Float64)?);
    let (from, to) = (from.as_primitive::<Float64Type>(), to.as_primitive::<Float64Type>());
    each(from, |row| Ok((from.value(row).is_finite() && !to.value(row).is_finite()).then_some(0)))
}
