//! What manifests say about columns, and which files a predicate leaves out because of it.

mod prune;

use std::collections::{HashMap, HashSet};

use stitchwork_core::{Column, ColumnStats, FileStats, StatsFor};
use stitchwork_iceberg_meta::IceType;

use crate::manifest::{Bound, Count, Rows};
use crate::values;

pub(crate) use prune::Pruner;

/// The columns of a schema that can have statistics, by column and by id.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) by_id: HashMap<i32, (Column, IceType)>,
    pub(crate) by_column: HashMap<Column, (i32, IceType)>,
}

impl Columns {
    pub(crate) fn new(by_id: HashMap<i32, (Column, IceType)>) -> Self {
        let by_column = by_id.iter().map(|(id, (column, ty))| (column.clone(), (*id, ty.clone()))).collect();
        Self { by_id, by_column }
    }

    /// The primitive columns that somebody asks statistics for: those named, and the leaves of structs named.
    pub(crate) fn wanted(&self, stats: &StatsFor) -> Vec<(Column, i32, IceType)> {
        let named: HashSet<&[String]> = match stats {
            StatsFor::Columns(columns) => columns.iter().map(|column| column.path.as_slice()).collect(),
            StatsFor::Nothing | StatsFor::All => HashSet::new(),
        };
        let wanted = |column: &Column| match stats {
            StatsFor::Nothing => false,
            StatsFor::All => true,
            // The column itself or a struct around it.
            StatsFor::Columns(_) => {
                (1..=column.path.len()).any(|n| column.path.get(..n).is_some_and(|path| named.contains(path)))
            }
        };
        let leaves = self.by_column.iter().filter(|(_, (_, ty))| ty.is_primitive());
        leaves
            .filter(|(column, _)| wanted(column))
            .map(|(column, (id, ty))| (column.clone(), *id, ty.clone()))
            .collect()
    }
}

/// The statistics of one file for some columns.
pub(crate) fn file_stats(rows: &dyn Rows, row: usize, columns: &[(Column, i32, IceType)]) -> FileStats {
    let mut found = FileStats { rows: Some(rows.record_count(row)), ..FileStats::default() };
    for (column, id, ty) in columns {
        let stats = column_stats(rows, row, *id, ty);
        if stats != ColumnStats::default() {
            found.columns.insert(column.clone(), stats);
        }
    }
    found
}

/// The statistics of one file for one column.
fn column_stats(rows: &dyn Rows, row: usize, id: i32, ty: &IceType) -> ColumnStats {
    let bound = |bound| rows.bound(row, bound, id).and_then(|bytes| values::bound(bytes, ty));
    let (min, max) = (bound(Bound::Lower), bound(Bound::Upper));
    let known = min.is_some() || max.is_some();
    ColumnStats {
        min,
        max,
        exact: known && has_exact_bounds(ty),
        nulls: rows.count(row, Count::Nulls, id),
        nans: rows.count(row, Count::Nans, id),
        values: rows.count(row, Count::Values, id),
        bytes: rows.count(row, Count::Bytes, id),
    }
}

/// Whether bounds of the type are values that occur. Texts and bytes are shortened by most writers.
fn has_exact_bounds(ty: &IceType) -> bool {
    !matches!(ty, IceType::String | IceType::Binary | IceType::Fixed(_))
}
