//! Partition values of rows, and rows divided by them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::kernels::arity::unary;
use arrow::compute::{DatePart, cast, date_part, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type as I64};
use arrow_array::{
    Array, ArrayRef, BinaryArray, Int32Array, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use stitchwork_core::{Error, PartitionSpec, Result, Scalar, Transform};

use crate::murmur;

/// A transform over a column (Iceberg spec, "Partition Transforms"). Null stays null.
///
/// # Errors
/// `Unsupported` for a transform that does not take the column's type.
pub fn apply_transform(transform: &Transform, array: &ArrayRef) -> Result<ArrayRef> {
    let refuse = || {
        Error::unsupported("the partition transform does not take the column's type")
            .with_context("transform", transform)
            .with_context("type", array.data_type())
    };
    if !transform.accepts(array.data_type()) {
        return Err(refuse());
    }
    match transform {
        Transform::Identity => Ok(array.clone()),
        Transform::Void => Ok(new_null_array(array.data_type(), array.len())),
        Transform::Year => {
            let years = date_part(&utc(array)?, DatePart::Year)?;
            Ok(Arc::new(unary::<Int32Type, _, Int32Type>(years.as_primitive(), |year| year - 1970)))
        }
        Transform::Month => {
            let array = utc(array)?;
            let years = date_part(&array, DatePart::Year)?;
            let months = date_part(&array, DatePart::Month)?;
            let pairs =
                years.as_primitive::<Int32Type>().iter().zip(months.as_primitive::<Int32Type>().iter());
            Ok(Arc::new(pairs.map(|(y, m)| Some((y? - 1970) * 12 + m? - 1)).collect::<Int32Array>()))
        }
        Transform::Day => match array.data_type() {
            DataType::Date32 => Ok(array.clone()),
            _ => {
                let days =
                    unary::<TimestampMicrosecondType, _, Date32Type>(micros(array)?.as_primitive(), |us| {
                        clamp(us.div_euclid(86_400_000_000))
                    });
                Ok(Arc::new(days))
            }
        },
        Transform::Hour => {
            let hours =
                unary::<TimestampMicrosecondType, _, Int32Type>(micros(array)?.as_primitive(), |us| {
                    clamp(us.div_euclid(3_600_000_000))
                });
            Ok(Arc::new(hours))
        }
        Transform::Bucket(n) => bucket(array, *n).ok_or_else(refuse),
        Transform::Truncate(width) => truncate(array, *width).ok_or_else(refuse),
        _ => Err(refuse()),
    }
}

/// An i64 of days or hours as i32; times are bounded by their own range, which fits.
fn clamp(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// Dates as they are, timestamps as micros without their zone, so that their parts are those of UTC.
fn utc(array: &ArrayRef) -> Result<ArrayRef> {
    if array.data_type() == &DataType::Date32 { Ok(array.clone()) } else { micros(array) }
}

/// A timestamp in micros, without a zone: the number stays what it is in UTC.
fn micros(array: &ArrayRef) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, _) = array.data_type() else {
        return Err(Error::unexpected("not a timestamp").with_context("type", array.data_type()));
    };
    let plain = array.to_data().into_builder().data_type(DataType::Timestamp(*unit, None)).build()?;
    let plain = arrow_array::make_array(plain);
    match unit {
        TimeUnit::Microsecond => Ok(plain),
        // Nanoseconds before 1970 round down, as days and hours do.
        _ => {
            let nanos = plain.as_primitive::<arrow::datatypes::TimestampNanosecondType>();
            Ok(Arc::new(unary::<_, _, TimestampMicrosecondType>(nanos, |ns| ns.div_euclid(1000))))
        }
    }
}

fn bucket(array: &ArrayRef, n: u32) -> Option<ArrayRef> {
    let of = |hash: i32| murmur::bucket(hash, n);
    let buckets: Int32Array = match array.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            longs(&cast(array, &DataType::Int64).ok()?)
                .map(|v| Some(of(murmur::hash(&v?.to_le_bytes()))))
                .collect()
        }
        DataType::Date32 => {
            let days = cast(array, &DataType::Int32).and_then(|days| cast(&days, &DataType::Int64)).ok()?;
            longs(&days).map(|v| Some(of(murmur::hash(&v?.to_le_bytes())))).collect()
        }
        DataType::Timestamp(..) => {
            let micros = cast(&micros(array).ok()?, &DataType::Int64).ok()?;
            longs(&micros).map(|v| Some(of(murmur::hash(&v?.to_le_bytes())))).collect()
        }
        DataType::Time64(_) => longs(&cast(array, &DataType::Int64).ok()?)
            .map(|v| Some(of(murmur::hash(&v?.to_le_bytes()))))
            .collect(),
        DataType::Decimal128(..) => array
            .as_primitive::<Decimal128Type>()
            .iter()
            .map(|v| Some(of(murmur::hash(minimal(&v?.to_be_bytes())))))
            .collect(),
        _ => {
            let bytes = bytes(array)?;
            bytes.iter().map(|v| Some(of(murmur::hash(v?)))).collect()
        }
    };
    Some(Arc::new(buckets))
}

fn longs(array: &ArrayRef) -> impl Iterator<Item = Option<i64>> {
    array.as_primitive::<Int64Type>().iter()
}

/// The shortest two's complement of a big-endian number.
fn minimal(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest {
        let redundant = (*first == 0 && *second < 0x80) || (*first == 0xff && *second >= 0x80);
        if !redundant {
            break;
        }
        rest = &rest[1..];
    }
    rest
}

fn bytes(array: &ArrayRef) -> Option<BinaryArray> {
    let binary = match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = cast(array, &DataType::Utf8).ok()?;
            cast(&text, &DataType::Binary).ok()?
        }
        _ => cast(array, &DataType::Binary).ok()?,
    };
    Some(binary.as_binary::<i32>().clone())
}

fn truncate(array: &ArrayRef, width: u32) -> Option<ArrayRef> {
    let result: ArrayRef = match array.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let width = i64::from(width);
            let longs = cast(array, &DataType::Int64).ok()?;
            let cut = unary::<I64, _, I64>(longs.as_primitive(), |v| v.wrapping_sub(v.rem_euclid(width)));
            cast(&(Arc::new(cut) as ArrayRef), array.data_type()).ok()?
        }
        DataType::Decimal128(p, s) => {
            let width = i128::from(width);
            let cut = unary::<Decimal128Type, _, Decimal128Type>(array.as_primitive(), |v| {
                v.wrapping_sub(v.rem_euclid(width))
            });
            Arc::new(cut.with_precision_and_scale(*p, *s).ok()?)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let text = cast(array, &DataType::Utf8).ok()?;
            let width = usize::try_from(width).ok()?;
            let cut: StringArray = text
                .as_string::<i32>()
                .iter()
                .map(|v| v.map(|v| v.char_indices().nth(width).map_or(v, |(end, _)| &v[..end])))
                .collect();
            cast(&(Arc::new(cut) as ArrayRef), array.data_type()).ok()?
        }
        _ => {
            let width = usize::try_from(width).ok()?;
            let cut: BinaryArray =
                bytes(array)?.iter().map(|v| v.map(|v| &v[..v.len().min(width)])).collect();
            Arc::new(cut)
        }
    };
    Some(result)
}

/// The partition values of some rows.
pub(crate) struct Part {
    /// One value per field of the partitioning.
    pub values: Vec<Scalar>,
    /// The rows.
    pub rows: RecordBatch,
}

/// The rows of a batch, divided by their partition.
///
/// # Errors
/// As [`apply_transform`].
pub(crate) fn split(batch: &RecordBatch, spec: &PartitionSpec) -> Result<Vec<(OwnedRow, Part)>> {
    let arrays = spec
        .fields
        .iter()
        .map(|field| {
            let column = field.source.find(batch)?.ok_or_else(|| {
                Error::unexpected("the partitioning names a column that is not there")
                    .with_context("column", &field.source)
            })?;
            apply_transform(&field.transform, &column)
        })
        .collect::<Result<Vec<_>>>()?;
    let converter =
        RowConverter::new(arrays.iter().map(|a| SortField::new(a.data_type().clone())).collect())?;
    let rows = converter.convert_columns(&arrays)?;
    let mut groups: HashMap<OwnedRow, Vec<u32>> = HashMap::new();
    let mut order = Vec::new();
    for (place, row) in (0_u32..).zip(rows.iter()) {
        // Most batches have few partitions, so the lookup by an owned key is rare enough.
        let key = row.owned();
        groups
            .entry(key)
            .or_insert_with_key(|key| {
                order.push(key.clone());
                Vec::new()
            })
            .push(place);
    }
    order
        .into_iter()
        .map(|key| {
            let places = groups.remove(&key).unwrap_or_default();
            let first = places.first().map_or(0, |place| *place as usize);
            let values =
                arrays.iter().map(|array| Scalar::from_array(array, first)).collect::<Result<_>>()?;
            let rows = if places.len() == batch.num_rows() {
                batch.clone()
            } else {
                take_record_batch(batch, &UInt32Array::from(places))?
            };
            Ok((key, Part { values, rows }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::{Date32Array, Decimal128Array, Int64Array, TimestampMicrosecondArray};
    use stitchwork_core::PartitionField;

    use super::*;

    #[track_caller]
    fn check(transform: &Transform, input: impl Array + 'static, expected: &[Option<&str>]) {
        let out = apply_transform(transform, &(Arc::new(input) as ArrayRef)).unwrap();
        let texts: Vec<_> = (0..out.len())
            .map(|row| Scalar::from_array(&out, row).unwrap())
            .map(|v| (!v.is_null()).then(|| v.to_string()))
            .collect();
        assert_eq!(texts.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{transform}");
    }

    #[test]
    fn times_before_and_after_1970() {
        let times = || {
            TimestampMicrosecondArray::from(vec![Some(-1), Some(0), Some(1_510_871_468_000_000), None])
                .with_timezone("UTC")
        };
        check(&Transform::Year, times(), &[Some("-1"), Some("0"), Some("47"), None]);
        check(&Transform::Month, times(), &[Some("-1"), Some("0"), Some("574"), None]);
        check(&Transform::Day, times(), &[Some("1969-12-31"), Some("1970-01-01"), Some("2017-11-16"), None]);
        check(&Transform::Hour, times(), &[Some("-1"), Some("0"), Some("419686"), None]);
        check(&Transform::Month, Date32Array::from(vec![17_486]), &[Some("574")]);
    }

    #[test]
    fn buckets_and_truncation_as_in_the_specification() {
        check(&Transform::Bucket(100), Int64Array::from(vec![Some(34), None]), &[Some("79"), None]);
        check(&Transform::Bucket(100), StringArray::from(vec!["iceberg"]), &[Some("89")]);
        check(&Transform::Truncate(10), Int64Array::from(vec![1, -1]), &[Some("0"), Some("-10")]);
        check(&Transform::Truncate(3), StringArray::from(vec!["iceberg", "ü"]), &[Some("ice"), Some("ü")]);
        let decimals = Decimal128Array::from(vec![1065, -1]).with_precision_and_scale(9, 2).unwrap();
        check(&Transform::Truncate(50), decimals, &[Some("10.50"), Some("-0.50")]);
    }

    #[test]
    fn rows_are_divided_and_none_is_lost() {
        let batch = RecordBatch::try_from_iter(vec![
            ("p", Arc::new(StringArray::from(vec![Some("a"), None, Some("a"), Some("b")])) as ArrayRef),
            ("v", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ])
        .unwrap();
        let spec = PartitionSpec { id: 0, fields: vec![PartitionField::identity("p")] };
        let parts = split(&batch, &spec).unwrap();
        let shape: Vec<_> = parts.iter().map(|(_, p)| (p.values[0].to_string(), p.rows.num_rows())).collect();
        assert_eq!(shape, [("a".to_owned(), 2), ("null".to_owned(), 1), ("b".to_owned(), 1)]);
    }
}
