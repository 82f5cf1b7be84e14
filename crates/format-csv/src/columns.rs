//! From the texts of fields to columns of a type.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, GenericStringBuilder, PrimitiveBuilder,
};
use arrow_array::timezone::Tz;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, NullArray, OffsetSizeTrait};
use arrow_cast::parse::{Parser, string_to_datetime};
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Error, Result};

use crate::dialect::Dialect;
use crate::infer::is_null;
use crate::rows::Rows;
use crate::spell;
use crate::values::{NANOS, bare, boolean, date, decimal, float, hex, in_unit, moment, time, whole};

/// The longest text of a value that stands in an error.
const TOLD_CHARS: usize = 60;
/// The milliseconds of a day.
const DAY_MILLIS: i64 = 86_400_000;

/// The type that values of a type are read as; the type itself, or one that is cast to it. `None` where CSV cannot
/// hold it.
pub(crate) fn read_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, values) => read_type(values),
        DataType::Utf8View => Some(DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary => Some(DataType::Binary),
        DataType::Struct(_)
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(..)
        | DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::Interval(_) => None,
        other => Some(other.clone()),
    }
}

/// How one column of the object is read.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its place in the object.
    pub(crate) place: usize,
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    /// Whether nulls are errors.
    pub(crate) not_null: bool,
    /// Whether the type was inferred.
    pub(crate) inferred: bool,
}

impl Column {
    /// The values of some rows.
    pub(crate) fn decode(&self, rows: &Rows, dialect: &Dialect) -> Result<ArrayRef> {
        let values = Values { column: self, rows, dialect };
        match &self.data_type {
            DataType::Null => values.nulls(),
            DataType::Boolean => values.booleans(),
            DataType::Int8 => values.primitive::<Int8Type>(whole),
            DataType::Int16 => values.primitive::<Int16Type>(whole),
            DataType::Int32 => values.primitive::<Int32Type>(whole),
            DataType::Int64 => values.primitive::<Int64Type>(whole),
            DataType::UInt8 => values.primitive::<UInt8Type>(whole),
            DataType::UInt16 => values.primitive::<UInt16Type>(whole),
            DataType::UInt32 => values.primitive::<UInt32Type>(whole),
            DataType::UInt64 => values.primitive::<UInt64Type>(whole),
            DataType::Float16 => values.primitive::<Float16Type>(|text| {
                float(text, |value: &f32| value.is_infinite())?;
                let value = Float16Type::parse(bare(text))?;
                let overflow = value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
                (!overflow).then_some(value)
            }),
            DataType::Float32 => values.primitive::<Float32Type>(|t| float(t, |v: &f32| v.is_infinite())),
            DataType::Float64 => values.primitive::<Float64Type>(|t| float(t, |v: &f64| v.is_infinite())),
            DataType::Decimal32(precision, scale) => {
                values.primitive::<Decimal32Type>(|text| decimal(text, *precision, *scale)?.parse().ok())
            }
            DataType::Decimal64(precision, scale) => {
                values.primitive::<Decimal64Type>(|text| decimal(text, *precision, *scale)?.parse().ok())
            }
            DataType::Decimal128(precision, scale) => {
                values.primitive::<Decimal128Type>(|text| decimal(text, *precision, *scale)?.parse().ok())
            }
            DataType::Decimal256(precision, scale) => {
                values.primitive::<Decimal256Type>(|text| decimal(text, *precision, *scale)?.parse().ok())
            }
            DataType::Date32 => values.primitive::<Date32Type>(|text| i32::try_from(date(text)?).ok()),
            DataType::Date64 => values.primitive::<Date64Type>(|text| match date(text) {
                Some(days) => days.checked_mul(DAY_MILLIS),
                None => in_unit(moment(text).filter(|found| !found.zoned)?.nanos, TimeUnit::Millisecond),
            }),
            DataType::Time32(TimeUnit::Second) => values.primitive::<Time32SecondType>(|text| {
                i32::try_from(in_unit(time(text)?, TimeUnit::Second)?).ok()
            }),
            DataType::Time32(_) => values.primitive::<Time32MillisecondType>(|text| {
                i32::try_from(in_unit(time(text)?, TimeUnit::Millisecond)?).ok()
            }),
            DataType::Time64(TimeUnit::Nanosecond) => {
                values.primitive::<Time64NanosecondType>(|text| in_unit(time(text)?, TimeUnit::Nanosecond))
            }
            DataType::Time64(_) => {
                values.primitive::<Time64MicrosecondType>(|text| in_unit(time(text)?, TimeUnit::Microsecond))
            }
            DataType::Timestamp(unit, zone) => values.timestamps(*unit, zone.as_deref()),
            DataType::Duration(TimeUnit::Second) => values.primitive::<DurationSecondType>(whole),
            DataType::Duration(TimeUnit::Millisecond) => values.primitive::<DurationMillisecondType>(whole),
            DataType::Duration(TimeUnit::Microsecond) => values.primitive::<DurationMicrosecondType>(whole),
            DataType::Duration(TimeUnit::Nanosecond) => values.primitive::<DurationNanosecondType>(whole),
            DataType::Utf8 => values.texts::<i32>(),
            DataType::LargeUtf8 => values.texts::<i64>(),
            DataType::Binary => values.bytes(),
            DataType::FixedSizeBinary(size) => values.fixed_bytes(*size),
            _ => Err(unsupported(&self.name, &self.data_type)),
        }
    }
}

/// The error of a column that CSV cannot hold.
pub(crate) fn unsupported(name: &str, data_type: &DataType) -> Error {
    Error::unsupported("CSV cannot hold the type of a column")
        .with_context("column", name)
        .with_context("type", data_type)
}

/// The texts of a column in some rows.
struct Values<'a> {
    column: &'a Column,
    rows: &'a Rows,
    dialect: &'a Dialect,
}

impl<'a> Values<'a> {
    /// The texts with the places of their rows; `None` for nulls.
    fn iter(&self) -> impl Iterator<Item = Result<(usize, Option<&'a str>)>> {
        (0..self.rows.len()).map(|row| {
            let (kind, text) = self.rows.field(row, self.column.place);
            if !is_null(self.dialect, kind, text) {
                return Ok((row, Some(text)));
            }
            if self.column.not_null {
                return Err(self.at(row, Error::invalid_data("a column that must not be null has a null")));
            }
            Ok((row, None))
        })
    }

    fn primitive<T: ArrowPrimitiveType>(
        &self,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(self.rows.len())
            .with_data_type(self.column.data_type.clone());
        for value in self.iter() {
            let (row, text) = value?;
            match text {
                Some(text) => builder.append_value(parse(text).ok_or_else(|| self.misfit(row, text))?),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    fn timestamps(&self, unit: TimeUnit, zone: Option<&str>) -> Result<ArrayRef> {
        let zone = match zone {
            Some(zone) => Some(zone.parse::<Tz>().map_err(|e| {
                Error::unsupported("the zone of a column is unknown")
                    .with_context("column", &self.column.name)
                    .with_context("zone", zone)
                    .with_source(e)
            })?),
            None => None,
        };
        let parse = |text: &str| {
            let found = moment(text)?;
            let nanos = match (&zone, found.zoned) {
                (Some(_), true) | (None, false) => found.nanos,
                // A text without an offset is of the column's zone.
                (Some(zone), false) => {
                    let seconds = i64::try_from(found.nanos.div_euclid(NANOS)).ok()?;
                    let mut local = String::new();
                    spell::moment(&mut local, seconds, TimeUnit::Second);
                    let instant = string_to_datetime(zone, &local).ok()?.timestamp();
                    i128::from(instant) * NANOS + found.nanos.rem_euclid(NANOS)
                }
                // The offset would be lost.
                (None, true) => return None,
            };
            in_unit(nanos, unit)
        };
        match unit {
            TimeUnit::Second => self.primitive::<TimestampSecondType>(parse),
            TimeUnit::Millisecond => self.primitive::<TimestampMillisecondType>(parse),
            TimeUnit::Microsecond => self.primitive::<TimestampMicrosecondType>(parse),
            TimeUnit::Nanosecond => self.primitive::<TimestampNanosecondType>(parse),
        }
    }

    fn nulls(&self) -> Result<ArrayRef> {
        for value in self.iter() {
            if let (row, Some(text)) = value? {
                return Err(self.misfit(row, text));
            }
        }
        Ok(Arc::new(NullArray::new(self.rows.len())))
    }

    fn booleans(&self) -> Result<ArrayRef> {
        let mut builder = BooleanBuilder::with_capacity(self.rows.len());
        for value in self.iter() {
            let (row, text) = value?;
            let parse = |text| boolean(text).ok_or_else(|| self.misfit(row, text));
            builder.append_option(text.map(parse).transpose()?);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn texts<O: OffsetSizeTrait>(&self) -> Result<ArrayRef> {
        let mut builder = GenericStringBuilder::<O>::new();
        for value in self.iter() {
            builder.append_option(value?.1);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn bytes(&self) -> Result<ArrayRef> {
        let mut builder = BinaryBuilder::new();
        for value in self.iter() {
            let (row, text) = value?;
            let parse = |text| hex(text).ok_or_else(|| self.misfit(row, text));
            builder.append_option(text.map(parse).transpose()?);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn fixed_bytes(&self, size: i32) -> Result<ArrayRef> {
        let mut builder = FixedSizeBinaryBuilder::with_capacity(self.rows.len(), size);
        for value in self.iter() {
            let (row, text) = value?;
            match text {
                Some(text) => {
                    let bytes = hex(text).filter(|bytes| i32::try_from(bytes.len()) == Ok(size));
                    builder.append_value(bytes.ok_or_else(|| self.misfit(row, text))?)?;
                }
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    fn misfit(&self, row: usize, text: &str) -> Error {
        let why = if self.column.inferred {
            "a value does not fit the type that was inferred from the values before it: read the object with a schema, or infer \
             from more rows (`infer_rows`, `infer_bytes`)"
        } else {
            "a value does not fit the type of its column"
        };
        let told: String = text.chars().take(TOLD_CHARS).collect();
        let error = Error::invalid_data(why).with_context("value", told);
        self.at(row, error).with_context("type", &self.column.data_type)
    }

    fn at(&self, row: usize, error: Error) -> Error {
        error
            .with_context("column", &self.column.name)
            .with_context("row", self.rows.number(row))
            .with_context("line", self.rows.line(row))
    }
}
