//! Rows: made, read and compared without regard to their order.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use stitchwork::Result;
use stitchwork::core::{BatchStream, BatchStreamAdapter, HistoryArgs, Relation, ScanArgs, collect};
use stitchwork::tables::Table;

/// A batch with the columns `id` and `name`.
///
/// # Panics
/// Never: the columns have one length.
#[must_use]
pub fn animals(from: i64, names: &[Option<&str>]) -> RecordBatch {
    let ids: Vec<i64> = (from..).take(names.len()).collect();
    batch(vec![
        ("id", Arc::new(Int64Array::from(ids))),
        ("name", Arc::new(StringArray::from(names.to_vec()))),
    ])
}

/// A batch of these columns, all nullable.
///
/// # Panics
/// When the columns differ in length.
#[must_use]
#[expect(clippy::expect_used, reason = "tests make their own columns")]
pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

/// A stream of one batch.
#[must_use]
pub fn stream(batch: RecordBatch) -> BatchStream {
    BatchStreamAdapter::from_batches(batch.schema(), vec![batch])
}

/// Every row of batches as text, `column=value|…`, the columns in the order of their names, sorted. What two
/// readers may spell differently without meaning something else is made equal: the names of UTC.
///
/// # Errors
/// When a value cannot be shown.
pub fn texts(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let column = match column.data_type() {
                DataType::Timestamp(_, Some(_)) => {
                    cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?
                }
                _ => column.clone(),
            };
            columns.push((field.name(), column));
        }
        columns.sort_by_key(|(name, _)| *name);
        let formatters = columns
            .iter()
            .map(|(_, column)| ArrayFormatter::try_new(column, &options))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns
                .iter()
                .zip(&formatters)
                .map(|((name, _), f)| format!("{name}={}", f.value(row)))
                .collect();
            rows.push(values.join("|"));
        }
    }
    rows.sort();
    Ok(rows)
}

/// The rows of a table as text, sorted.
///
/// # Errors
/// What reading says.
pub async fn of_table(table: &Table) -> Result<Vec<String>> {
    texts(&collect(table.scan(ScanArgs::default()).await?).await?)
}

/// The rows of a relation as text, sorted.
///
/// # Errors
/// What reading says.
pub async fn of_relation(relation: &dyn Relation, args: ScanArgs) -> Result<Vec<String>> {
    texts(&collect(relation.scan(args).await?).await?)
}

/// The ids in a table, whose first column they are.
///
/// # Errors
/// What reading says.
pub async fn ids(table: &Table) -> Result<Vec<i64>> {
    let batches = collect(table.scan(ScanArgs::default().with_projection(vec![0])).await?).await?;
    Ok(batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect())
}

/// The versions of a table, newest first.
///
/// # Errors
/// What the log says.
pub async fn versions(table: &Table) -> Result<Vec<i64>> {
    table.history(HistoryArgs::default()).map_ok(|version| version.id).try_collect().await
}
