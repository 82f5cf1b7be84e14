//! The statistics of row groups and files, in arrow's types.
//!
//! How bounds are to be read is told by the `Statistics` and `ColumnOrder` structures of the format's
//! `parquet.thrift`: which fields count for which column order, that NaN is never a bound, that a zero bound
//! may stand for the other zero.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{ColumnOrder, SortOrder, Type as PhysicalType};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use stitchwork_core::{Column, ColumnStats, FileStats, FileSummary, Scalar};

use crate::columns::Leaf;
use crate::error::guard;
use crate::file::group_start;

/// A value that none is below, and one that none is above.
pub(crate) type Bounds = (Option<Scalar>, Option<Scalar>);

/// What a file holds, by its footer.
pub(crate) fn summarize(
    metadata: &ParquetMetaData,
    leaves: &[Leaf],
    nans: &BTreeMap<usize, u64>,
    bytes: u64,
) -> FileSummary {
    let groups = metadata.row_groups();
    let rows = groups.iter().map(|group| group.num_rows().unsigned_abs()).sum();
    let columns = leaves.iter().enumerate().map(|(place, leaf)| {
        let mut stats = file_stats(metadata, place, leaf);
        stats.nans = nans.get(&place).copied();
        (Column { path: leaf.path.clone() }, stats)
    });
    FileSummary {
        rows,
        bytes,
        stats: FileStats { rows: Some(rows), columns: columns.collect() },
        split_offsets: groups.iter().map(group_start).collect(),
    }
}

fn file_stats(metadata: &ParquetMetaData, place: usize, leaf: &Leaf) -> ColumnStats {
    let mut whole = ColumnStats {
        exact: true,
        nulls: Some(0),
        values: Some(0),
        bytes: Some(0),
        ..ColumnStats::default()
    };
    let (mut min_known, mut max_known) = (true, true);
    for group in metadata.row_groups() {
        let part = group_stats(metadata, group, place, leaf);
        let add = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
        whole.nulls = add(whole.nulls, part.nulls);
        whole.values = add(whole.values, part.values);
        whole.bytes = add(whole.bytes, part.bytes);
        if part.nulls.is_some() && part.nulls == part.values {
            continue;
        }
        whole.exact &= part.exact;
        min_known &= part.min.is_some();
        max_known &= part.max.is_some();
        whole.min = pick(whole.min.take(), part.min, Ordering::Less);
        whole.max = pick(whole.max.take(), part.max, Ordering::Greater);
    }
    whole.min = whole.min.filter(|_| min_known);
    whole.max = whole.max.filter(|_| max_known);
    whole.exact &= whole.min.is_some() && whole.max.is_some();
    whole
}

/// The one of two values that lies to the side `wanted`.
fn pick(a: Option<Scalar>, b: Option<Scalar>, wanted: Ordering) -> Option<Scalar> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.compare(&a) == Some(wanted) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// The statistics of a leaf in a row group. NaNs are only known of the whole file.
pub(crate) fn group_stats(
    metadata: &ParquetMetaData,
    group: &RowGroupMetaData,
    place: usize,
    leaf: &Leaf,
) -> ColumnStats {
    let chunk = group.column(place);
    let mut stats = ColumnStats {
        values: u64::try_from(chunk.num_values()).ok(),
        bytes: u64::try_from(chunk.compressed_size()).ok(),
        ..ColumnStats::default()
    };
    if chunk.column_descr().max_def_level() == 0 {
        stats.nulls = Some(0);
    }
    let Some(statistics) = chunk.statistics() else { return stats };
    if let Some(nulls) = statistics.null_count_opt() {
        // More nulls than values is no count but a broken footer.
        stats.nulls = stats.values.filter(|values| nulls <= *values).map(|_| nulls);
    }
    if !order_is_known(metadata, place, statistics.is_min_max_deprecated()) {
        return stats;
    }
    let converter =
        StatisticsConverter::from_column_index(place, &leaf.field, metadata.file_metadata().schema_descr());
    let Ok(converter) = converter else { return stats };
    let one = |array: parquet::errors::Result<ArrayRef>| {
        array.ok().and_then(|array| Scalar::from_array(&array, 0).ok())
    };
    let min = one(guard(|| converter.row_group_mins([group])));
    let max = one(guard(|| converter.row_group_maxes([group])));
    let (min, max) = normalize(min, max);
    // Only texts and bytes are ever shortened, and few writers say that they have not done so.
    let fixed = !matches!(chunk.column_type(), PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY);
    let flagged = statistics.min_is_exact() && statistics.max_is_exact();
    stats.exact = (fixed || flagged)
        && [&min, &max].into_iter().all(|bound| bound.as_ref().is_some_and(|bound| !is_zero(bound)));
    (stats.min, stats.max) = (min, max);
    stats
}

/// Whether the order that the writer used for the bounds of a column is the one of its values.
pub(crate) fn order_is_known(metadata: &ParquetMetaData, place: usize, deprecated: bool) -> bool {
    let file = metadata.file_metadata();
    let column = file.schema_descr().column(place);
    if column.physical_type() == PhysicalType::INT96 {
        return false;
    }
    let order = match file.column_orders().map(|orders| orders.get(place)) {
        Some(Some(ColumnOrder::UNKNOWN) | None) => return false,
        Some(Some(ColumnOrder::TYPE_DEFINED_ORDER(order))) if !deprecated => *order,
        // The old bounds were always compared as signed: right for signed numbers, and for nothing else.
        _ => {
            let by_type = ColumnOrder::sort_order_for_type(
                column.logical_type_ref(),
                column.converted_type(),
                column.physical_type(),
            );
            let bytes = matches!(
                column.physical_type(),
                PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY
            );
            return by_type == SortOrder::SIGNED && !bytes;
        }
    };
    order != SortOrder::UNDEFINED
}

/// Bounds of floats without NaN, and wide enough for both zeros. A null bound is none.
pub(crate) fn normalize(min: Option<Scalar>, max: Option<Scalar>) -> Bounds {
    let known = |bound: Option<Scalar>| bound.filter(|bound| !bound.is_null());
    let (min, max) = (known(min), known(max));
    let nan = |bound: &Option<Scalar>| bound.as_ref().and_then(float).is_some_and(f64::is_nan);
    if nan(&min) || nan(&max) {
        return (None, None);
    }
    let widen = |bound: Option<Scalar>, zero: f64| match bound {
        Some(bound) if is_zero(&bound) => Scalar::from(zero).cast(bound.data_type()).ok(),
        bound => bound,
    };
    (widen(min, -0.0), widen(max, 0.0))
}

fn is_zero(bound: &Scalar) -> bool {
    float(bound).is_some_and(|value| value == 0.0)
}

/// The value of a float.
fn float(value: &Scalar) -> Option<f64> {
    if !value.data_type().is_floating() {
        return None;
    }
    let value = value.cast(&DataType::Float64).ok()?;
    let array = value.array().as_primitive_opt::<Float64Type>()?;
    Some(array.value(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_no_bound_and_zero_stands_for_both() {
        assert_eq!(normalize(Some(f64::NAN.into()), Some(1.0.into())), (None, None));
        assert_eq!(normalize(Some(Scalar::null(&DataType::Int32)), Some(1_i32.into())).0, None);
        let (min, max) = normalize(Some(0.0.into()), Some((-0.0).into()));
        assert_eq!(min.as_ref().and_then(float).map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(max.as_ref().and_then(float).map(f64::to_bits), Some(0.0_f64.to_bits()));
    }
}
