//! What is known about files, for DataFusion: it leaves out files by it, replaces columns by values, and
//! answers counts and bounds from it. So nothing here may claim more than holds.

use arrow_schema::{DataType, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use stitchwork_core::{Column, ColumnStats};

use super::files::Ready;
use crate::convert::to_scalar_value;

/// The statistics of a file as it lies there, deleted rows included: of its columns, then its constants.
///
/// The number of rows must be the physical one: DataFusion takes a column with as many nulls as rows to be null
/// everywhere.
pub(crate) fn of_file(ready: &Ready, file_schema: &Schema, constants: &[ScalarValue]) -> Statistics {
    let rows = count(ready.rows());
    let stats = ready.data.stats.as_deref();
    let columns = file_schema.fields().iter().map(|field| {
        let known = stats.and_then(|stats| stats.columns.get(&Column::new(field.name())));
        known.map_or_else(ColumnStatistics::new_unknown, |known| of_column(known, field.data_type()))
    });
    let constants = constants.iter().map(|value| of_constant(value, rows));
    Statistics {
        num_rows: rows,
        total_byte_size: Precision::Absent,
        column_statistics: columns.chain(constants).collect(),
    }
}

fn of_column(known: &ColumnStats, data_type: &DataType) -> ColumnStatistics {
    let bound = |value: &Option<stitchwork_core::Scalar>| {
        // NaN is above all numbers to DataFusion; bounds that leave it out do not bound.
        let value = value.as_ref().filter(|value| !value.is_null() && !known.may_hide_nan());
        // A bound in another unit (a timestamp of the log's) must come back unchanged, else it is rounded.
        let value = value.filter(|value| {
            value.data_type() == data_type
                || value
                    .cast(data_type)
                    .and_then(|cast| cast.cast(value.data_type()))
                    .is_ok_and(|back| back == **value)
        });
        match value.and_then(|value| to_scalar_value(value, data_type).ok()) {
            Some(value) if known.exact => Precision::Exact(value),
            Some(value) => Precision::Inexact(value),
            None => Precision::Absent,
        }
    };
    let mut stats = ColumnStatistics::new_unknown();
    stats.null_count = count(known.nulls);
    stats.min_value = bound(&known.min);
    stats.max_value = bound(&known.max);
    stats
}

fn of_constant(value: &ScalarValue, rows: Precision<usize>) -> ColumnStatistics {
    let mut stats = ColumnStatistics::new_unknown();
    if value.is_null() {
        stats.null_count = rows;
    } else {
        stats.null_count = Precision::Exact(0);
        stats.min_value = Precision::Exact(value.clone());
        stats.max_value = Precision::Exact(value.clone());
    }
    stats
}

fn count(value: Option<u64>) -> Precision<usize> {
    value.and_then(|value| usize::try_from(value).ok()).map_or(Precision::Absent, Precision::Exact)
}

/// The statistics of a whole scan, after deletes.
#[derive(Debug)]
pub(crate) struct Live {
    merged: Option<Statistics>,
    rows: Option<u64>,
    deletes: bool,
    inexact: bool,
}

impl Live {
    /// Of no file yet. `inexact`: rows go that no position tells of.
    pub(crate) fn new(inexact: bool) -> Self {
        Self { merged: None, rows: Some(0), deletes: false, inexact }
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, ready: &Ready, stats: &Statistics, schema: &SchemaRef) -> Result<()> {
        let live = ready.live_rows();
        self.deletes |= live.is_none() || live != ready.rows();
        self.rows = self.rows.zip(live).and_then(|(a, b)| a.checked_add(b));
        self.merged = Some(match self.merged.take() {
            Some(merged) => Statistics::try_merge_iter([&merged, stats], schema)?,
            None => stats.clone(),
        });
        Ok(())
    }

    /// The statistics: exact numbers of rows where they are known, and exact bounds where no row was deleted.
    pub(crate) fn finish(self, schema: &Schema) -> Statistics {
        let mut stats = self.merged.unwrap_or_else(|| Statistics::new_unknown(schema));
        if self.deletes || self.inexact {
            stats = stats.to_inexact();
        }
        stats.num_rows = match count(self.rows) {
            rows if self.inexact => rows.to_inexact(),
            rows => rows,
        };
        stats
    }
}
