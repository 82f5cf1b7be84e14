//! Bounds and null counts of the columns, counted while writing and kept in the footer.
//!
//! Arrow has no statistics of its own. Ours stand under a key of the footer's metadata, where other readers pass
//! them over.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_arith::aggregate;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, RecordBatch, StringArray, downcast_primitive_array,
};
use arrow_schema::{DataType, SchemaRef};
use serde::{Deserialize, Serialize};
use stitchwork_core::{Column, ColumnStats, FileStats, Result, Scalar};

/// The key of the footer's metadata.
pub(crate) const KEY: &str = "stitchwork.statistics";
/// The length in bytes above which texts and bytes are no bounds.
const LONGEST: usize = 64;

/// One column as it stands in the footer.
#[derive(Serialize, Deserialize)]
struct Kept {
    path: Vec<String>,
    min: Option<String>,
    max: Option<String>,
    nulls: u64,
    nans: Option<u64>,
    values: u64,
}

/// What is known of the columns so far.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    columns: BTreeMap<Vec<String>, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    min: Option<Scalar>,
    max: Option<Scalar>,
    /// Whether some values have no bound, being too long.
    unbounded: bool,
    nulls: u64,
    nans: Option<u64>,
    values: u64,
}

impl Collector {
    /// Looks at the columns that are no lists, maps or unions, and at the fields of structs.
    pub(crate) fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            self.column(&mut vec![field.name().clone()], column)?;
        }
        Ok(())
    }

    fn column(&mut self, path: &mut Vec<String>, column: &ArrayRef) -> Result<()> {
        if let Some(structs) = column.as_struct_opt() {
            // A field is null where its struct is.
            let flat = match structs.nulls() {
                None => structs.columns().to_vec(),
                Some(_) => (0..structs.num_columns())
                    .map(|place| below(structs, place))
                    .collect::<Result<Vec<_>>>()?,
            };
            for (name, column) in structs.column_names().into_iter().zip(flat) {
                path.push(name.to_owned());
                self.column(path, &column)?;
                path.pop();
            }
            return Ok(());
        }
        let Some(found) = Bounds::of(column) else { return Ok(()) };
        let seen = self.columns.entry(path.clone()).or_default();
        seen.nulls += column.null_count() as u64;
        seen.values += column.len() as u64;
        if let Some(nans) = found.nans {
            *seen.nans.get_or_insert(0) += nans;
        }
        seen.unbounded |= found.unbounded;
        if let Some((min, max)) = found.range {
            seen.min = Some(pick(seen.min.take(), Scalar::try_new(min)?, Ordering::Less));
            seen.max = Some(pick(seen.max.take(), Scalar::try_new(max)?, Ordering::Greater));
        }
        Ok(())
    }

    /// The statistics, as text for the footer.
    pub(crate) fn finish(self) -> Option<String> {
        let kept = self.columns.into_iter().map(|(path, seen)| {
            // What its text does not give back as it was is no bound.
            let text = |bound: Option<Scalar>| {
                let bound = bound.filter(|_| !seen.unbounded)?;
                let text = bound.to_string();
                Scalar::parse(&text, bound.data_type()).is_ok_and(|same| same == bound).then_some(text)
            };
            let (min, max) = (text(seen.min), text(seen.max));
            Kept { path, min, max, nulls: seen.nulls, nans: seen.nans, values: seen.values }
        });
        serde_json::to_string(&kept.collect::<Vec<_>>()).ok()
    }
}

fn below(structs: &arrow_array::StructArray, place: usize) -> Result<ArrayRef> {
    let column = structs.column(place);
    let nulls = arrow_buffer::NullBuffer::union(structs.nulls(), column.nulls());
    let data = column.to_data().into_builder().nulls(nulls).build();
    // What cannot be null, as unions, is left as it is.
    Ok(data.map_or_else(|_| column.clone(), arrow_array::make_array))
}

fn pick(have: Option<Scalar>, new: Scalar, wanted: Ordering) -> Scalar {
    match have {
        Some(have) if new.compare(&have) != Some(wanted) => have,
        _ => new,
    }
}

/// The bounds of one array.
#[derive(Default)]
struct Bounds {
    range: Option<(ArrayRef, ArrayRef)>,
    unbounded: bool,
    nans: Option<u64>,
}

impl Bounds {
    /// `None` for types that have no bounds.
    fn of(array: &ArrayRef) -> Option<Self> {
        let text = |range: Option<(&str, &str)>, make: fn(&str) -> ArrayRef| {
            Self::of_bytes(range.map(|(min, max)| (min, max, min.len().max(max.len()))), make)
        };
        let bytes = |range: Option<(&[u8], &[u8])>, make: fn(&[u8]) -> ArrayRef| {
            Self::of_bytes(range.map(|(min, max)| (min, max, min.len().max(max.len()))), make)
        };
        Some(match array.data_type() {
            DataType::Float16 => Self::of_floats::<Float16Type>(array, |value| value.is_nan()),
            DataType::Float32 => Self::of_floats::<Float32Type>(array, f32::is_nan),
            DataType::Float64 => Self::of_floats::<Float64Type>(array, f64::is_nan),
            // Intervals have no order.
            DataType::Interval(_) => return None,
            DataType::Boolean => {
                let array = array.as_boolean();
                let range = aggregate::min_boolean(array).zip(aggregate::max_boolean(array));
                let one = |value| Arc::new(BooleanArray::from(vec![value])) as ArrayRef;
                Self { range: range.map(|(min, max)| (one(min), one(max))), ..Self::default() }
            }
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                text(aggregate::min_string(array).zip(aggregate::max_string(array)), |value| {
                    Arc::new(StringArray::from(vec![value]))
                })
            }
            DataType::LargeUtf8 => {
                let array = array.as_string::<i64>();
                text(aggregate::min_string(array).zip(aggregate::max_string(array)), |value| {
                    Arc::new(LargeStringArray::from(vec![value]))
                })
            }
            DataType::Utf8View => {
                let array = array.as_string_view();
                text(aggregate::min_string_view(array).zip(aggregate::max_string_view(array)), |value| {
                    Arc::new(arrow_array::StringViewArray::from(vec![value]))
                })
            }
            DataType::Binary => {
                let array = array.as_binary::<i32>();
                bytes(aggregate::min_binary(array).zip(aggregate::max_binary(array)), |value| {
                    Arc::new(BinaryArray::from(vec![value]))
                })
            }
            DataType::LargeBinary => {
                let array = array.as_binary::<i64>();
                bytes(aggregate::min_binary(array).zip(aggregate::max_binary(array)), |value| {
                    Arc::new(LargeBinaryArray::from(vec![value]))
                })
            }
            DataType::BinaryView => {
                let array = array.as_binary_view();
                bytes(aggregate::min_binary_view(array).zip(aggregate::max_binary_view(array)), |value| {
                    Arc::new(arrow_array::BinaryViewArray::from(vec![value]))
                })
            }
            DataType::FixedSizeBinary(_) => {
                let array = array.as_fixed_size_binary();
                let values = || array.iter().flatten();
                bytes(values().min().zip(values().max()), |value| {
                    let one = FixedSizeBinaryArray::try_from_iter(std::iter::once(value));
                    one.map_or_else(|_| arrow_array::new_null_array(&DataType::Null, 1), |one| Arc::new(one))
                })
            }
            data_type if data_type.is_primitive() => {
                let array: &dyn Array = array;
                downcast_primitive_array!(
                    array => Self::of_primitive(array),
                    _ => return None
                )
            }
            _ => return None,
        })
    }

    fn of_bytes<T: ?Sized>(range: Option<(&T, &T, usize)>, make: fn(&T) -> ArrayRef) -> Self {
        let unbounded = range.as_ref().is_some_and(|(.., longest)| *longest > LONGEST);
        let range = range.filter(|_| !unbounded).map(|(min, max, _)| (make(min), make(max)));
        Self { range, unbounded, nans: None }
    }

    fn of_primitive<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> Self
    where
        T::Native: ArrowNativeTypeOp,
    {
        let one = |value| {
            let one = PrimitiveArray::<T>::from_value(value, 1).with_data_type(array.data_type().clone());
            Arc::new(one) as ArrayRef
        };
        let range = aggregate::min(array).zip(aggregate::max(array));
        Self { range: range.map(|(min, max)| (one(min), one(max))), ..Self::default() }
    }

    /// NaN is no bound, and a bound of zero stands for both zeros.
    fn of_floats<T: ArrowPrimitiveType>(array: &ArrayRef, is_nan: fn(T::Native) -> bool) -> Self {
        let array = array.as_primitive::<T>();
        let mut range: Option<(T::Native, T::Native)> = None;
        let mut nans = 0;
        for value in array.iter().flatten() {
            if is_nan(value) {
                nans += 1;
                continue;
            }
            range = Some(range.map_or((value, value), |(min, max)| {
                (if value.is_lt(min) { value } else { min }, if value.is_gt(max) { value } else { max })
            }));
        }
        let zero = T::Native::ZERO;
        let negative = zero.neg_wrapping();
        let is_zero = |value: T::Native| value.is_eq(zero) || value.is_eq(negative);
        let one = |value| Arc::new(PrimitiveArray::<T>::from_value(value, 1)) as ArrayRef;
        let range = range.map(|(min, max)| {
            (one(if is_zero(min) { negative } else { min }), one(if is_zero(max) { zero } else { max }))
        });
        Self { range, unbounded: false, nans: Some(nans) }
    }
}

/// The statistics that a footer has, by our key. What cannot be understood is passed over.
pub(crate) fn kept(text: &str, schema: &SchemaRef, rows: u64) -> FileStats {
    let kept: Vec<Kept> = serde_json::from_str(text).unwrap_or_default();
    let columns = kept.into_iter().filter_map(|kept| {
        let data_type = leaf(schema, &kept.path)?;
        let bound = |text: Option<String>| text.and_then(|text| Scalar::parse(&text, &data_type).ok());
        let (min, max) = (bound(kept.min), bound(kept.max));
        // A zero stands for both zeros, so that it need not be a value.
        let exact = min.is_some() && max.is_some() && !data_type.is_floating();
        let (nulls, values) = (Some(kept.nulls), Some(kept.values));
        let stats = ColumnStats { min, max, exact, nulls, nans: kept.nans, values, bytes: None };
        Some((Column { path: kept.path }, stats))
    });
    FileStats { rows: Some(rows), columns: columns.collect() }
}

/// The type of a field by its path through structs.
fn leaf(schema: &SchemaRef, path: &[String]) -> Option<DataType> {
    let (first, rest) = path.split_first()?;
    let mut data_type = schema.fields().find(first)?.1.data_type().clone();
    for name in rest {
        let DataType::Struct(fields) = &data_type else { return None };
        data_type = fields.find(name)?.1.data_type().clone();
    }
    Some(data_type)
}
