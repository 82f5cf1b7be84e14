//! A single value of any type.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    UInt64Array, new_null_array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ord::ord::make_comparator;
use arrow_schema::{ArrowError, DataType, SortOptions};
use arrow_select::take::take;

use crate::{Error, Result};

/// A value: an arrow array of one row, so that there is one comparison and one cast for every type.
#[derive(Clone)]
pub struct Scalar {
    array: ArrayRef,
}

impl Scalar {
    /// The value in an array of exactly one row.
    /// # Errors
    /// `InvalidInput` when the array has not one row.
    pub fn try_new(array: ArrayRef) -> Result<Self> {
        match array.len() {
            1 => Ok(Self { array }),
            n => Err(Error::invalid_input("a scalar is an array of one row").with_context("rows", n)),
        }
    }

    /// The value in row `row` of an array.
    /// # Errors
    /// `InvalidInput` when the array has no such row.
    pub fn from_array(array: &dyn Array, row: usize) -> Result<Self> {
        if row >= array.len() {
            return Err(Error::invalid_input("the array has no such row").with_context("row", row));
        }
        // A copy, which does not keep the other rows in memory.
        Ok(Self { array: take(array, &UInt64Array::from_value(row as u64, 1), None)? })
    }

    /// The null of a type.
    pub fn null(data_type: &DataType) -> Self {
        Self { array: new_null_array(data_type, 1) }
    }

    /// Reads the text of a value, in arrow's spelling, which `Display` writes: ISO 8601 for dates and times,
    /// hexadecimal digits for bytes.
    /// # Errors
    /// `InvalidData` when the text is no value of the type.
    pub fn parse(text: &str, data_type: &DataType) -> Result<Self> {
        use DataType as T;
        let parsed = match data_type {
            // A cast would take the bytes of the text itself.
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => {
                let bytes = from_hex(text);
                let length = bytes.as_ref().map(|bytes| i32::try_from(bytes.len()).ok());
                let fits = !matches!(data_type, T::FixedSizeBinary(n) if length != Some(Some(*n)));
                let array = bytes.filter(|_| fits).map(|bytes| BinaryArray::from_vec(vec![&bytes]));
                let scalar = array.map(|array| Self { array: Arc::new(array) });
                scalar
                    .ok_or_else(|| Error::invalid_data("bytes are written as pairs of hexadecimal digits"))
                    .and_then(|bytes| bytes.cast(data_type))
            }
            _ => Self::from(text).cast(data_type),
        };
        // A cast takes any number for a time of the day, which has no text then.
        let parsed = parsed.and_then(|value| {
            ArrayFormatter::try_new(&value.array, &FormatOptions::default())?.value(0).try_to_string()?;
            Ok(value)
        });
        parsed.map_err(|e| {
            Error::invalid_data("the text is no value of the type")
                .with_context("text", text)
                .with_context("type", data_type)
                .with_source(e)
        })
    }

    /// The type of the value.
    pub fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    /// Whether the value is null.
    pub fn is_null(&self) -> bool {
        // Not `is_null(0)`: an array of type Null has no validity of its own.
        self.array.logical_nulls().is_some_and(|nulls| nulls.is_null(0))
    }

    /// The array of one row.
    pub fn array(&self) -> &ArrayRef {
        &self.array
    }

    /// The value in another type.
    /// # Errors
    /// `InvalidInput` when the type cannot hold the value; nothing is rounded to null.
    pub fn cast(&self, to: &DataType) -> Result<Self> {
        if self.data_type() == to {
            return Ok(self.clone());
        }
        let array = cast_exactly(&self.array, to).map_err(|e| {
            Error::invalid_input("the value does not fit the type")
                .with_context("value", self)
                .with_context("from", self.data_type())
                .with_context("to", to)
                .with_source(e)
        })?;
        Ok(Self { array })
    }

    /// The value in another type, if it is the same one after the way back; a text counts by its meaning in that
    /// type, not by its spelling (`01` is 1).
    pub(crate) fn same_in(&self, to: &DataType) -> Option<Self> {
        let there = self.cast(to).ok()?;
        let same = if is_text(self.data_type()) && !is_text(to) {
            // A decimal rounds the digits that it has no room for; a wide one tells.
            let wide = DataType::Decimal256(76, 38);
            !to.is_decimal() || self.cast(&wide).ok()? == there.cast(&wide).ok()?
        } else {
            there.cast(self.data_type()).is_ok_and(|back| back == *self)
        };
        same.then_some(there)
    }

    /// Whether the value is a float that is no number.
    pub(crate) fn is_nan(&self) -> bool {
        let float = self.data_type().is_floating().then(|| self.cast(&DataType::Float64).ok()).flatten();
        float.is_some_and(|float| float.array.as_primitive::<Float64Type>().value(0).is_nan())
    }

    /// The order of two values. `None` where one is null, or the types have no common order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.is_null() || other.is_null() {
            return None;
        }
        if self.data_type() != other.data_type() {
            // Only by casts that survive the way back, so that no order comes from a rounded value.
            return match other.same_in(self.data_type()) {
                Some(other) => self.compare(&other),
                None => self.same_in(other.data_type())?.compare(other),
            };
        }
        let (left, right) = (as_keys(&self.array), as_keys(&other.array));
        Some(make_comparator(&left, &right, SortOptions::default()).ok()?(0, 0))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

/// Whether values of the type are texts.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The values as SQL compares keys, for comparing them by their bits or in arrow's order: all zeros are one, and so are all
/// NaNs, whose payloads and signs say nothing. Values inside of structs and lists are left as they are.
pub fn as_keys(array: &ArrayRef) -> ArrayRef {
    let double = |v: f64| if v.is_nan() { f64::NAN } else { v + 0.0 };
    let single = |v: f32| if v.is_nan() { f32::NAN } else { v + 0.0 };
    match array.data_type() {
        DataType::Float64 => Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(double)),
        DataType::Float32 => Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(single)),
        _ => array.clone(),
    }
}

/// A cast that fails where a value does not fit, instead of making it null.
pub(crate) fn cast_exactly(array: &dyn Array, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.array.as_ref() == other.array.as_ref()
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            return f.write_str("null");
        }
        match ArrayFormatter::try_new(&self.array, &FormatOptions::default()) {
            Ok(formatter) => write!(f, "{}", formatter.value(0)),
            Err(_) => write!(f, "<{}>", self.data_type()),
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}::{}", self.data_type())
    }
}

macro_rules! scalar_from {
    ($($native:ty => $array:ty),*) => {$(
        impl From<$native> for Scalar {
            fn from(value: $native) -> Self {
                Self { array: Arc::new(<$array>::from(vec![value])) }
            }
        }
    )*};
}
scalar_from!(i32 => Int32Array, i64 => Int64Array, f64 => Float64Array, bool => BooleanArray);
scalar_from!(&str => StringArray, String => StringArray);
