//! Added files as entries of manifests.

use std::collections::BTreeMap;

use stitchwork_core::{Column, ColumnStats, DataFile, Error, Result, Scalar};
use stitchwork_iceberg_meta::{FileContent, IceDataFile, IceType, IceValue, TableMeta};

use crate::partitions::{Spec, succ_prefix};
use crate::stats::Columns;
use crate::values;

/// The entry of a file that is added.
pub(super) fn to_entry(
    file: &DataFile,
    spec: &Spec,
    columns: &Columns,
    meta: &TableMeta,
) -> Result<IceDataFile> {
    let Some(rows) = file.rows else {
        return Err(Error::invalid_input("a file needs the number of its rows to be added")
            .with_context("file", &file.location));
    };
    // The specification allows ORC and Avro as well, but with field ids, which no format of ours but Parquet writes.
    if !file.format.eq_ignore_ascii_case("parquet") {
        return Err(Error::unsupported("only Parquet files are added to an Iceberg table yet; the format would allow Avro and ORC as well")
            .with_context("file", &file.location)
            .with_context("format", &file.format));
    }
    let offsets: Vec<i64> = file.split_offsets.iter().filter_map(|at| i64::try_from(*at).ok()).collect();
    let mut entry = IceDataFile {
        content: FileContent::Data,
        path: file.location.clone(),
        format: file.format.to_ascii_uppercase(),
        partition: spec.values(&file.partition).map_err(|e| e.with_context("file", &file.location))?,
        record_count: rows,
        file_size: file.size,
        split_offsets: Some(offsets).filter(|offsets| !offsets.is_empty()),
        ..IceDataFile::default()
    };
    for (column, stats) in file.stats.iter().flat_map(|stats| &stats.columns) {
        let Some((id, ty)) = columns.by_column.get(column) else { continue };
        match Metrics::of(meta, column) {
            Metrics::None => {}
            Metrics::Counts => add_counts(&mut entry, *id, stats, rows),
            Metrics::Bounds(length) => {
                add_counts(&mut entry, *id, stats, rows);
                let bounds = [
                    (&stats.min, false, &mut entry.lower_bounds),
                    (&stats.max, true, &mut entry.upper_bounds),
                ];
                for (bound, upper, into) in bounds {
                    if let Some(bytes) = bound.as_ref().and_then(|b| bound_bytes(b, ty, length, upper)) {
                        into.insert(*id, bytes);
                    }
                }
            }
        }
    }
    Ok(entry)
}

fn add_counts(entry: &mut IceDataFile, id: i32, stats: &ColumnStats, rows: u64) {
    // A column outside of lists has a value, or a null, in each row.
    entry.value_counts.insert(id, stats.values.unwrap_or(rows));
    let counts = [
        (stats.nulls, &mut entry.null_value_counts),
        (stats.nans, &mut entry.nan_value_counts),
        (stats.bytes, &mut entry.column_sizes),
    ];
    for (count, into) in counts {
        if let Some(count) = count {
            into.insert(id, count);
        }
    }
}

/// A bound in Iceberg's single-value form, texts and bytes cut to a length. No bound is given rather than a wrong
/// one.
fn bound_bytes(bound: &Scalar, ty: &IceType, length: Option<usize>, upper: bool) -> Option<Vec<u8>> {
    let value = values::from_scalar(bound, ty).ok()??;
    let value = match (value, length) {
        (value, _) if value.is_nan() => return None,
        (IceValue::String(text), Some(length)) => IceValue::String(cut_text(text, length, upper)?),
        (IceValue::Binary(bytes), Some(length)) => IceValue::Binary(cut_bytes(bytes, length, upper)?),
        (value, _) => value,
    };
    Some(value.to_bytes())
}

fn cut_text(text: String, length: usize, upper: bool) -> Option<String> {
    match text.char_indices().nth(length) {
        None => Some(text),
        Some((end, _)) if upper => succ_prefix(text.get(..end)?),
        Some((end, _)) => text.get(..end).map(str::to_owned),
    }
}

fn cut_bytes(mut bytes: Vec<u8>, length: usize, upper: bool) -> Option<Vec<u8>> {
    if bytes.len() <= length {
        return Some(bytes);
    }
    bytes.truncate(length);
    if !upper {
        return Some(bytes);
    }
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

/// How much is kept of a column (property `write.metadata.metrics.default` and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metrics {
    None,
    Counts,
    /// Counts and bounds, cut to a length.
    Bounds(Option<usize>),
}

impl Metrics {
    fn of(meta: &TableMeta, column: &Column) -> Self {
        Self::find(meta.properties(), &column.path.join("."))
    }

    fn find(properties: &BTreeMap<String, String>, column: &str) -> Self {
        let own = properties.get(&format!("write.metadata.metrics.column.{column}"));
        let mode = own.or_else(|| properties.get("write.metadata.metrics.default"));
        mode.and_then(|mode| Self::parse(mode)).unwrap_or(Self::Bounds(Some(16)))
    }

    fn parse(mode: &str) -> Option<Self> {
        match mode.to_ascii_lowercase().as_str() {
            "none" => Some(Self::None),
            "counts" => Some(Self::Counts),
            "full" => Some(Self::Bounds(None)),
            other => {
                let length = other.strip_prefix("truncate(")?.strip_suffix(')')?.trim().parse().ok()?;
                (length > 0).then_some(Self::Bounds(Some(length)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bounds_are_cut_to_the_safe_side() {
        let bytes = |text: &str, upper| bound_bytes(&Scalar::from(text), &IceType::String, Some(3), upper);
        assert_eq!(bytes("abc", true).unwrap(), b"abc");
        assert_eq!(bytes("abcd", false).unwrap(), b"abc");
        assert_eq!(bytes("abcd", true).unwrap(), b"abd");
        assert_eq!(bytes("\u{10FFFF}\u{10FFFF}\u{10FFFF}x", true), None);
        assert_eq!(cut_bytes(vec![1, 255, 255], 2, true), Some(vec![2]));
        assert_eq!(bound_bytes(&Scalar::from(f64::NAN), &IceType::Double, None, true), None);
    }

    #[test]
    fn the_mode_of_a_column_goes_before_the_default() {
        let properties = BTreeMap::from([
            ("write.metadata.metrics.default".to_owned(), "counts".to_owned()),
            ("write.metadata.metrics.column.a.b".to_owned(), "truncate(4)".to_owned()),
            ("write.metadata.metrics.column.c".to_owned(), "FULL".to_owned()),
        ]);
        assert_eq!(Metrics::find(&properties, "x"), Metrics::Counts);
        assert_eq!(Metrics::find(&properties, "a.b"), Metrics::Bounds(Some(4)));
        assert_eq!(Metrics::find(&properties, "c"), Metrics::Bounds(None));
        assert_eq!(Metrics::find(&BTreeMap::new(), "x"), Metrics::Bounds(Some(16)));
    }
}
