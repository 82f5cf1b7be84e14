//! A single value of any type.

use std::cmp::Ordering;
use std::fmt;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray, new_null_array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use std::sync::Arc;

use crate::{Error, Result};

/// A value: an arrow array of one row, so that there is one comparison and one cast for every type.
#[derive(Clone)]
pub struct Scalar {
    array: ArrayRef,
}

impl Scalar {
    /// The value in an array of exactly one row.
    ///
    /// # Errors
    /// `InvalidInput` when the array has not one row.
    pub fn try_new(array: ArrayRef) -> Result<Self> {
        if array.len() == 1 {
            Ok(Self { array })
        } else {
            Err(Error::invalid_input("a scalar is an array of one row").with_context("rows", array.len()))
        }
    }

    /// The value in row `row` of an array.
    ///
    /// # Errors
    /// `InvalidInput` when the array has no such row.
    pub fn from_array(array: &dyn Array, row: usize) -> Result<Self> {
        if row >= array.len() {
            return Err(Error::invalid_input("the array has no such row").with_context("row", row));
        }
        Ok(Self { array: array.slice(row, 1) })
    }

    /// The null of a type.
    #[must_use]
    pub fn null(data_type: &DataType) -> Self {
        Self { array: new_null_array(data_type, 1) }
    }

    /// Reads the text of a value, in arrow's spelling (ISO 8601 for dates and times).
    ///
    /// # Errors
    /// `InvalidData` when the text is no value of the type.
    pub fn parse(text: &str, data_type: &DataType) -> Result<Self> {
        Self::from(text).cast(data_type).map_err(|e| {
            Error::invalid_data("the text is no value of the type")
                .with_context("text", text)
                .with_context("type", data_type)
                .with_source(e)
        })
    }

    /// The type of the value.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        self.array.data_type()
    }

    /// Whether the value is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        // Not `is_null(0)`: an array of type Null has no validity of its own.
        self.array.logical_nulls().is_some_and(|nulls| nulls.is_null(0))
    }

    /// The array of one row.
    #[must_use]
    pub fn array(&self) -> &ArrayRef {
        &self.array
    }

    /// The value in another type.
    ///
    /// # Errors
    /// `InvalidInput` when the type cannot hold the value; nothing is rounded to null.
    pub fn cast(&self, to: &DataType) -> Result<Self> {
        if self.data_type() == to {
            return Ok(self.clone());
        }
        let options = CastOptions { safe: false, format_options: FormatOptions::default() };
        match cast_with_options(&self.array, to, &options) {
            Ok(array) => Ok(Self { array }),
            Err(e) => Err(Error::invalid_input("the value does not fit the type")
                .with_context("value", self)
                .with_context("from", self.data_type())
                .with_context("to", to)
                .with_source(e)),
        }
    }

    /// The order of two values. `None` where one is null, or the types have no common order.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.is_null() || other.is_null() {
            return None;
        }
        if self.data_type() != other.data_type() {
            return self.compare_across_types(other);
        }
        let compare =
            arrow_ord::ord::make_comparator(&self.array, &other.array, arrow_schema::SortOptions::default());
        compare.ok().map(|compare| compare(0, 0))
    }

    /// Casts one way only if the value survives the way back, so that no order comes from a rounded value.
    fn compare_across_types(&self, other: &Self) -> Option<Ordering> {
        if let Ok(there) = other.cast(self.data_type())
            && there.cast(other.data_type()).is_ok_and(|back| back == *other)
        {
            return self.compare(&there);
        }
        let here = self.cast(other.data_type()).ok()?;
        here.cast(self.data_type()).is_ok_and(|back| back == *self).then(|| here.compare(other)).flatten()
    }
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
scalar_from!(i32 => Int32Array, i64 => Int64Array, f64 => Float64Array, bool => BooleanArray, &str => StringArray, String => StringArray);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_across_types_without_rounding() {
        assert_eq!(Scalar::from(1_i32).compare(&Scalar::from(2_i64)), Some(Ordering::Less));
        assert_eq!(Scalar::from(i64::MAX).compare(&Scalar::from(1_i32)), Some(Ordering::Greater));
        assert_eq!(Scalar::from(1_i64).compare(&Scalar::from(1.5)), Some(Ordering::Less));
        assert_eq!(Scalar::from(1_i64).compare(&Scalar::null(&DataType::Int64)), None);
    }

    #[test]
    fn parses_dates_and_refuses_what_does_not_fit() {
        let date = Scalar::parse("2024-02-29", &DataType::Date32).unwrap();
        assert_eq!(date.to_string(), "2024-02-29");
        assert!(Scalar::parse("2023-02-29", &DataType::Date32).is_err());
        assert!(Scalar::from(300_i64).cast(&DataType::Int8).is_err());
        assert!(Scalar::null(&DataType::Null).is_null());
    }
}
