//! Iceberg's values and arrow's.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use arrow_schema::DataType;
use stitchwork_core::{Error, Result, Scalar};
use stitchwork_iceberg_meta::{IceType, IceValue};

use crate::types::type_to_arrow;

/// A value of a column of type `ty` in arrow's terms.
pub(crate) fn to_scalar(value: Option<&IceValue>, ty: &IceType) -> Result<Scalar> {
    let data_type = type_to_arrow(ty)?;
    let Some(value) = value else { return Ok(Scalar::null(&data_type)) };
    let array: ArrayRef = match (value, &data_type) {
        (IceValue::Boolean(v), _) => Arc::new(BooleanArray::from(vec![*v])),
        (IceValue::Int(v), _) => Arc::new(Int32Array::from(vec![*v])),
        (IceValue::Long(v), _) => Arc::new(Int64Array::from(vec![*v])),
        (IceValue::Float(v), _) => Arc::new(Float32Array::from(vec![*v])),
        (IceValue::Double(v), _) => Arc::new(Float64Array::from(vec![*v])),
        (IceValue::Decimal { unscaled, .. }, DataType::Decimal128(precision, scale)) => {
            Arc::new(Decimal128Array::from(vec![*unscaled]).with_precision_and_scale(*precision, *scale)?)
        }
        (IceValue::Date(v), _) => Arc::new(Date32Array::from(vec![*v])),
        (IceValue::Time(v), _) => Arc::new(Time64MicrosecondArray::from(vec![*v])),
        (IceValue::Timestamp(v), DataType::Timestamp(_, zone)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*v]).with_timezone_opt(zone.clone()))
        }
        (IceValue::TimestampNs(v), DataType::Timestamp(_, zone)) => {
            Arc::new(TimestampNanosecondArray::from(vec![*v]).with_timezone_opt(zone.clone()))
        }
        (IceValue::String(v), _) => Arc::new(StringArray::from(vec![v.as_str()])),
        (IceValue::Uuid(v), _) => Arc::new(FixedSizeBinaryArray::try_from_iter(std::iter::once(v))?),
        (IceValue::Fixed(v), _) => Arc::new(FixedSizeBinaryArray::try_from_iter(std::iter::once(v))?),
        (IceValue::Binary(v), _) => Arc::new(BinaryArray::from(vec![v.as_slice()])),
        _ => {
            return Err(Error::invalid_data("a value of the metadata does not have the type of its column")
                .with_context("type", ty));
        }
    };
    // A date or an int that stands for a column that was widened since.
    Scalar::try_new(array)?.cast(&data_type)
}

/// A value in Iceberg's terms; null is none.
pub(crate) fn from_scalar(scalar: &Scalar, ty: &IceType) -> Result<Option<IceValue>> {
    let scalar = scalar.cast(&type_to_arrow(ty)?)?;
    if scalar.is_null() {
        return Ok(None);
    }
    let array = scalar.array();
    Ok(Some(match ty {
        IceType::Boolean => IceValue::Boolean(array.as_boolean().value(0)),
        IceType::Int => IceValue::Int(array.as_primitive::<Int32Type>().value(0)),
        IceType::Long => IceValue::Long(array.as_primitive::<Int64Type>().value(0)),
        IceType::Float => IceValue::Float(array.as_primitive::<Float32Type>().value(0)),
        IceType::Double => IceValue::Double(array.as_primitive::<Float64Type>().value(0)),
        IceType::Decimal { scale, .. } => {
            IceValue::Decimal { unscaled: array.as_primitive::<Decimal128Type>().value(0), scale: *scale }
        }
        IceType::Date => IceValue::Date(array.as_primitive::<Date32Type>().value(0)),
        IceType::Time => IceValue::Time(array.as_primitive::<Time64MicrosecondType>().value(0)),
        IceType::Timestamp | IceType::Timestamptz => {
            IceValue::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(0))
        }
        IceType::TimestampNs | IceType::TimestamptzNs => {
            IceValue::TimestampNs(array.as_primitive::<TimestampNanosecondType>().value(0))
        }
        IceType::String => IceValue::String(array.as_string::<i32>().value(0).to_owned()),
        IceType::Uuid => {
            let bytes = array.as_fixed_size_binary().value(0);
            IceValue::Uuid(bytes.try_into().map_err(|_| Error::invalid_input("a UUID has 16 bytes"))?)
        }
        IceType::Fixed(_) => IceValue::Fixed(array.as_fixed_size_binary().value(0).to_vec()),
        IceType::Binary => IceValue::Binary(array.as_binary::<i32>().value(0).to_vec()),
        nested => {
            return Err(
                Error::invalid_input("a nested type has no single value").with_context("type", nested)
            );
        }
    }))
}

/// A bound from a manifest; none where its bytes are no value of the type, since a bound is never needed.
pub(crate) fn bound(bytes: &[u8], ty: &IceType) -> Option<Scalar> {
    let value = IceValue::from_bytes(ty, bytes).ok()?;
    to_scalar(Some(&value), ty).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_through_arrow() {
        let cases = [
            (IceType::Boolean, IceValue::Boolean(true)),
            (IceType::Int, IceValue::Int(-3)),
            (IceType::Long, IceValue::Long(1 << 40)),
            (IceType::Double, IceValue::Double(0.5)),
            (IceType::Decimal { precision: 9, scale: 2 }, IceValue::Decimal { unscaled: -5050, scale: 2 }),
            (IceType::Date, IceValue::Date(19_000)),
            (IceType::Time, IceValue::Time(1)),
            (IceType::Timestamp, IceValue::Timestamp(1_700_000_000_000_000)),
            (IceType::Timestamptz, IceValue::Timestamp(-1)),
            (IceType::TimestamptzNs, IceValue::TimestampNs(7)),
            (IceType::String, IceValue::String("é".to_owned())),
            (IceType::Uuid, IceValue::Uuid([7; 16])),
            (IceType::Fixed(3), IceValue::Fixed(vec![1, 2, 3])),
            (IceType::Binary, IceValue::Binary(vec![0, 255])),
        ];
        for (ty, value) in cases {
            let scalar = to_scalar(Some(&value), &ty).unwrap();
            assert_eq!(scalar.data_type(), &type_to_arrow(&ty).unwrap());
            assert_eq!(from_scalar(&scalar, &ty).unwrap(), Some(value));
            assert_eq!(from_scalar(&to_scalar(None, &ty).unwrap(), &ty).unwrap(), None);
        }
    }

    #[test]
    fn a_bound_of_a_narrower_type_is_widened_and_a_broken_one_is_none() {
        assert_eq!(bound(&5_i32.to_le_bytes(), &IceType::Long), Some(Scalar::from(5_i64)));
        assert_eq!(bound(&[1, 2, 3], &IceType::Long), None);
    }
}
