//! Which manifests and files can hold rows that pass a predicate (Iceberg spec, "Scan Planning").

use std::borrow::Cow;
use std::cmp::Ordering;

use stitchwork_core::{Column, ColumnStats, Comparison, Match, Predicate, Result, Scalar, Statistics};
use stitchwork_iceberg_meta::{IceTransform, IceValue, ManifestInfo, PartitionSummary};

use super::{Columns, column_stats};
use crate::manifest::Rows;
use crate::partitions::{Spec, SpecField, bounds_of};
use crate::values;

/// A predicate over the columns of a snapshot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pruner<'a> {
    pub(crate) predicate: &'a Predicate,
    pub(crate) columns: &'a Columns,
}

impl Pruner<'_> {
    /// Whether files of the manifest can hold rows that pass, as far as the manifest list tells.
    pub(crate) fn keeps_manifest(&self, info: &ManifestInfo, spec: &Spec) -> bool {
        let Some(summaries) = info.partitions.as_ref().filter(|p| p.len() == spec.fields.len()) else {
            return true;
        };
        let excluded = |column: &Column, value: &Scalar| {
            buckets(spec, column, value).any(|(place, bucket)| {
                let summary = summaries.get(place);
                let below = |bytes: &Option<Vec<u8>>, order| {
                    let bound =
                        IceValue::from_bytes(&stitchwork_iceberg_meta::IceType::Int, bytes.as_ref()?).ok()?;
                    Some(IceValue::Int(bucket).compare(&bound)? == order)
                };
                summary.is_some_and(|s| {
                    below(&s.lower_bound, Ordering::Less) == Some(true)
                        || below(&s.upper_bound, Ordering::Greater) == Some(true)
                })
            })
        };
        let statistics = ManifestStats { spec, summaries };
        resolve_buckets(self.predicate, spec, &excluded).prune(&statistics) != Match::None
    }

    /// Whether a file can hold rows that pass, by its partition and by its bounds.
    pub(crate) fn keeps(&self, rows: &dyn Rows, row: usize, spec: &Spec) -> Result<bool> {
        let excluded = |column: &Column, value: &Scalar| {
            buckets(spec, column, value).any(|(place, bucket)| {
                rows.partition(row, place).is_ok_and(|found| found != Scalar::from(bucket))
            })
        };
        let statistics = EntryStats { rows, row, spec, columns: self.columns };
        Ok(resolve_buckets(self.predicate, spec, &excluded).prune(&statistics) != Match::None)
    }
}

/// The buckets in which a column's value lies, by the place of the partition field.
fn buckets<'a>(
    spec: &'a Spec,
    column: &'a Column,
    value: &'a Scalar,
) -> impl Iterator<Item = (usize, i32)> + 'a {
    spec.fields.iter().enumerate().filter_map(move |(place, field)| {
        if field.column.as_ref() != Some(column) || !matches!(field.transform, IceTransform::Bucket(_)) {
            return None;
        }
        // A number with a fraction equals no value of another type, and must not be rounded to one.
        if value.data_type().is_floating() {
            return None;
        }
        let value = values::from_scalar(value, &field.source).ok()??;
        match field.transform.apply(Some(&value)).ok()?? {
            IceValue::Int(bucket) => Some((place, bucket)),
            _ => None,
        }
    })
}

/// The predicate with `false` in place of each equality whose value is in another bucket. Under a `not` this can
/// only let more pass.
fn resolve_buckets<'p>(
    predicate: &'p Predicate,
    spec: &Spec,
    excluded: &dyn Fn(&Column, &Scalar) -> bool,
) -> Cow<'p, Predicate> {
    if !spec.fields.iter().any(|field| matches!(field.transform, IceTransform::Bucket(_))) {
        return Cow::Borrowed(predicate);
    }
    Cow::Owned(replace(predicate, excluded))
}

fn replace(predicate: &Predicate, excluded: &dyn Fn(&Column, &Scalar) -> bool) -> Predicate {
    let each = |parts: &[Predicate]| parts.iter().map(|part| replace(part, excluded)).collect();
    match predicate {
        Predicate::Compare { column, op: Comparison::Eq, value } if excluded(column, value) => {
            Predicate::Or(vec![])
        }
        Predicate::In { column, values } => Predicate::In {
            column: column.clone(),
            values: values.iter().filter(|value| !excluded(column, value)).cloned().collect(),
        },
        Predicate::And(parts) => Predicate::And(each(parts)),
        Predicate::Or(parts) => Predicate::Or(each(parts)),
        Predicate::Not(part) => Predicate::Not(Box::new(replace(part, excluded))),
        other => other.clone(),
    }
}

/// The fields of a spec that say something about a column.
fn fields_of<'a>(spec: &'a Spec, column: &'a Column) -> impl Iterator<Item = (usize, &'a SpecField)> {
    spec.fields.iter().enumerate().filter(move |(_, field)| {
        field.column.as_ref() == Some(column)
            && !matches!(field.transform, IceTransform::Void | IceTransform::Unknown(_))
    })
}

/// Keeps the tighter of two bounds.
fn tighten(mine: &mut Option<Scalar>, other: Option<Scalar>, better: Ordering) {
    let Some(other) = other else { return };
    match mine {
        Some(bound) if other.compare(bound) != Some(better) => {}
        _ => *mine = Some(other),
    }
}

struct EntryStats<'a> {
    rows: &'a dyn Rows,
    row: usize,
    spec: &'a Spec,
    columns: &'a Columns,
}

impl Statistics for EntryStats<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let (id, ty) = self.columns.by_column.get(column)?;
        let mut stats = column_stats(self.rows, self.row, *id, ty);
        for (place, field) in fields_of(self.spec, column) {
            let Ok(value) = self.rows.partition(self.row, place) else { continue };
            match values::from_scalar(&value, &field.result) {
                // The transform of a value is a value, so that a null stands for nulls only.
                Ok(None) => stats.nulls = Some(self.rows.record_count(self.row)),
                Ok(Some(value)) => {
                    stats.nulls = Some(0);
                    let (low, high) = bounds_of(&field.transform, &field.source, &value, &value);
                    tighten(&mut stats.min, low, Ordering::Greater);
                    tighten(&mut stats.max, high, Ordering::Less);
                }
                Err(_) => {}
            }
        }
        Some(stats)
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows.record_count(self.row))
    }
}

/// The partition summaries of a manifest as if it were one row, which is null where all are.
struct ManifestStats<'a> {
    spec: &'a Spec,
    summaries: &'a [PartitionSummary],
}

impl Statistics for ManifestStats<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let mut stats = ColumnStats::default();
        for (place, field) in fields_of(self.spec, column) {
            let summary = self.summaries.get(place)?;
            let bound = |bytes: &Option<Vec<u8>>| IceValue::from_bytes(&field.result, bytes.as_ref()?).ok();
            match (bound(&summary.lower_bound), bound(&summary.upper_bound)) {
                (Some(low), Some(high)) => {
                    let (low, high) = bounds_of(&field.transform, &field.source, &low, &high);
                    tighten(&mut stats.min, low, Ordering::Greater);
                    tighten(&mut stats.max, high, Ordering::Less);
                    if !summary.contains_null {
                        stats.nulls = Some(0);
                    }
                }
                _ if summary.contains_null
                    && summary.lower_bound.is_none()
                    && summary.upper_bound.is_none()
                    && summary.contains_nan == Some(false) =>
                {
                    stats.nulls = Some(1);
                }
                _ => {}
            }
        }
        Some(stats)
    }

    fn rows(&self) -> Option<u64> {
        Some(1)
    }
}

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
