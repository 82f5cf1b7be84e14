//! Whether a cast has kept every value.

use std::sync::Arc;

use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, can_cast_types, cast, cast_with_options};
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait};
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use stitchwork_core::Result;

use crate::error::FromDataFusion;
use crate::hidden::mend;
use crate::moments::instant;

/// The first row whose value has become another one by a cast.
///
/// Floating-point numbers are as near as their type can be, which is what they are for, but whole numbers become
/// them exactly or not at all.
///
/// # Errors
/// `InvalidData` when an array is broken.
pub(super) fn first_lost(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    use DataType as T;
    match (from.data_type(), to.data_type()) {
        (own, target) if own == target => Ok(None),
        (T::Null, _) => Ok(None),
        (T::Dictionary(_, value), _) => first_lost(&cast(from, value)?, to),
        (_, T::Dictionary(_, value)) => first_lost(from, &cast(to, value)?),
        (T::Struct(_), T::Struct(_)) => in_structs(from, to),
        (T::List(_), T::List(_)) => in_lists(from.as_list::<i32>(), to.as_list::<i32>()),
        (T::LargeList(_), T::LargeList(_)) => in_lists(from.as_list::<i64>(), to.as_list::<i64>()),
        (T::FixedSizeList(..), T::FixedSizeList(..)) => {
            let (from, to) = (from.as_fixed_size_list(), to.as_fixed_size_list());
            each(from, |row| first_lost(&from.value(row), &to.value(row)))
        }
        (T::Map(..), T::Map(..)) => {
            let (from, to) = (from.as_map(), to.as_map());
            each(from, |row| {
                first_lost(&(Arc::new(from.value(row)) as ArrayRef), &(Arc::new(to.value(row)) as ArrayRef))
            })
        }
        (_, target) if is_text(target) => Ok(None),
        (own, target) if is_text(own) => of_texts(from, to, target),
        // A time has no day to give back.
        (T::Timestamp(..), T::Time32(_) | T::Time64(_)) => each(from, |_| Ok(Some(0))),
        (own, target) if target.is_floating() && !own.is_integer() => infinite(from, to),
        (own, _) if own.is_floating() => {
            let back = cast(&safely(to, own)?, &T::Float64)?;
            let from = cast(from, &T::Float64)?;
            let (from, back) = (from.as_primitive::<Float64Type>(), back.as_primitive::<Float64Type>());
            // Zero has two signs, of which no other type knows.
            each(from, |row| Ok((back.is_null(row) || from.value(row) != back.value(row)).then_some(0)))
        }
        (own, target) if can_cast_types(target, own) && !own.is_nested() => differs(from, &safely(to, own)?),
        _ => Ok(None),
    }
}

const fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
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

fn in_lists<O: OffsetSizeTrait>(
    from: &GenericListArray<O>,
    to: &GenericListArray<O>,
) -> Result<Option<usize>> {
    if from.values().data_type() == to.values().data_type() {
        return Ok(None);
    }
    each(from, |row| first_lost(&from.value(row), &to.value(row)))
}

/// Fields have the same name, or else the same place.
fn in_structs(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    let shown = mend(from)?;
    let (from, to) = (shown.as_ref().unwrap_or(from).as_struct(), to.as_struct());
    let by_name = to.fields().iter().any(|field| from.column_by_name(field.name()).is_some());
    let mut first: Option<usize> = None;
    for (place, (field, to)) in to.fields().iter().zip(to.columns()).enumerate() {
        let from = if by_name { from.column_by_name(field.name()) } else { from.columns().get(place) };
        let Some(from) = from else { continue };
        first = match (first, first_lost(from, to)?) {
            (Some(row), Some(other)) => Some(row.min(other)),
            (row, other) => row.or(other),
        };
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
        _ => Ok(None),
    }
}

/// What is above all numbers of a type, and would be called infinite.
fn infinite(from: &ArrayRef, to: &ArrayRef) -> Result<Option<usize>> {
    let (from, to) = (cast(from, &DataType::Float64)?, cast(to, &DataType::Float64)?);
    let (from, to) = (from.as_primitive::<Float64Type>(), to.as_primitive::<Float64Type>());
    each(from, |row| Ok((from.value(row).is_finite() && !to.value(row).is_finite()).then_some(0)))
}
