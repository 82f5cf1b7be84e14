//! Leaving out files by partition and statistics, and making the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use stitchwork_commits::Pruner;
use stitchwork_core::{
    Column, ColumnStats, DataFile, Error, FileFilter, FileStats, Predicate, Result, Scalar, StatsFor,
};

use crate::lines::{Add, ColumnLine};
use crate::root::Root;
use crate::table::TableMeta;
use crate::values;

/// Leaves out files, and makes the others.
#[derive(Debug)]
pub(crate) struct Sieve {
    root: Arc<Root>,
    table: Arc<TableMeta>,
    /// Whose statistics the caller wants.
    stats: StatsFor,
    /// The columns whose statistics the predicate needs; `None` without a predicate.
    filtered: Option<Vec<Column>>,
    /// Knows a partition by the texts of its values.
    pruner: Pruner<Vec<Option<String>>>,
}

impl Sieve {
    pub(crate) fn new(root: Arc<Root>, table: Arc<TableMeta>, filter: FileFilter) -> Self {
        let filtered = filter.predicate.as_ref().map(Predicate::columns);
        let pruner = Pruner::new(filter.predicate, table.line.partitioning.clone());
        Self { root, table, stats: filter.stats, filtered, pruner }
    }

    /// The file of a line, unless it is left out.
    pub(crate) fn sift(&mut self, add: &Arc<Add>) -> Result<Option<DataFile>> {
        let located = |e: Error| e.with_context("file", &add.path);
        let partition =
            self.pruner.partition(add.partition.as_slice(), || partition_values(&self.table, add));
        let Some(partition) = partition.map_err(located)? else { return Ok(None) };
        if let Some(filtered) = &self.filtered {
            let stats = file_stats(&self.table, add, |column| filtered.contains(column)).map_err(located)?;
            if !self.pruner.may_pass(&partition, Some(&stats)) {
                return Ok(None);
            }
        }
        let stats = match &self.stats {
            StatsFor::Nothing => None,
            StatsFor::All => Some(file_stats(&self.table, add, |_| true)),
            StatsFor::Columns(asked) => {
                // A column of structs stands for its leaves.
                let wanted = |column: &Column| asked.iter().any(|a| column.path.starts_with(&a.path));
                Some(file_stats(&self.table, add, wanted))
            }
        };
        Ok(Some(DataFile {
            location: self.root.locate(&add.path),
            format: add.format.clone(),
            size: add.size,
            rows: add.rows,
            spec: 0,
            partition: partition.as_ref().clone(),
            stats: stats.transpose().map_err(located)?.filter(|s| !s.columns.is_empty()).map(Arc::new),
            split_offsets: add.splits.clone(),
            modified_ms: add.modified,
            native: Some(add.clone()),
            ..DataFile::default()
        }))
    }
}

/// The partition values of a file.
fn partition_values(table: &TableMeta, add: &Add) -> Result<Vec<Scalar>> {
    if add.partition.len() != table.partition_types.len() {
        return Err(Error::invalid_data("a file has another number of partition values than the table"));
    }
    let value = |(text, data_type): (&Option<String>, _)| match text {
        Some(text) => values::parse(text, data_type),
        None => Ok(Scalar::null(data_type)),
    };
    add.partition.iter().zip(&table.partition_types).map(value).collect()
}

/// The statistics of some columns of a file.
fn file_stats(table: &TableMeta, add: &Add, wanted: impl Fn(&Column) -> bool) -> Result<FileStats> {
    let mut columns = BTreeMap::new();
    for line in &add.stats {
        let column = Column { path: line.column.clone() };
        let Some(data_type) = table.leaves.get(&column).filter(|_| wanted(&column)) else { continue };
        let bound = |text: &Option<String>| text.as_ref().map(|t| values::parse(t, data_type)).transpose();
        let (min, max) = (bound(&line.min), bound(&line.max));
        let named = |e: Error| e.with_context("column", &column);
        let stats = ColumnStats {
            min: min.map_err(named)?,
            max: max.map_err(named)?,
            exact: line.exact,
            nulls: line.nulls,
            nans: line.nans,
            values: line.values,
            bytes: line.bytes,
        };
        columns.insert(column, stats);
    }
    Ok(FileStats { rows: add.rows, columns })
}

/// The line of a new file.
pub(crate) fn add_line(table: &TableMeta, file: &DataFile, path: String, now: i64) -> Result<Add> {
    if file.partition.len() != table.partition_types.len() {
        return Err(Error::invalid_input(
            "a file has another number of partition values than the table has columns for",
        )
        .with_context("file", &file.location)
        .with_context("values", file.partition.len())
        .with_context("columns", table.partition_types.len()));
    }
    let names = &table.line.partitioning;
    let text = |((value, data_type), name): ((&Scalar, _), &String)| {
        if value.is_null() {
            return Ok(None);
        }
        let text = value.cast(data_type).map(|value| values::text(&value))?;
        let refuse = || Error::unsupported("the partition value has no text").with_context("value", value);
        text.map(Some).ok_or_else(|| refuse().with_context("column", name))
    };
    let partition = file.partition.iter().zip(&table.partition_types).zip(names).map(text);
    let partition = partition.collect::<Result<_>>().map_err(|e| e.with_context("file", &file.location))?;
    let columns = file.stats.iter().flat_map(|stats| &stats.columns);
    let stats = columns.filter_map(|(column, stats)| {
        let data_type = table.leaves.get(column)?;
        let bound =
            |value: &Option<Scalar>, upper| values::bound_text(&value.as_ref()?.cast(data_type).ok()?, upper);
        let (min, max) = (bound(&stats.min, false), bound(&stats.max, true));
        let whole = [&min, &max].iter().all(|bound| bound.as_ref().is_none_or(|(_, whole)| *whole));
        Some(ColumnLine {
            column: column.path.clone(),
            exact: stats.exact && whole && min.is_some() && max.is_some(),
            min: min.map(|(text, _)| text),
            max: max.map(|(text, _)| text),
            nulls: stats.nulls,
            nans: stats.nans,
            values: stats.values,
            bytes: stats.bytes,
        })
    });
    Ok(Add {
        path,
        format: file.format.to_ascii_lowercase(),
        size: file.size,
        rows: file.rows.or_else(|| file.stats.as_ref()?.rows),
        modified: Some(file.modified_ms.unwrap_or(now)),
        partition,
        splits: file.split_offsets.clone(),
        stats: stats.collect(),
    })
}
