//! Rows: made, read and compared without regard to their order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use stitchwork::Result;
use stitchwork::core::{BatchStream, BatchStreamAdapter, Relation, ScanArgs, collect};
use stitchwork::tables::Table;

/// A batch with the columns `id` and `name`.
///
/// # Panics
/// Never: the columns have one length.
#[must_use]
pub fn animals(from: i64, names: &[Option<&str>]) -> RecordBatch {
    let ids: Vec<i64> = (from..).take(names.len()).collect();
    batch(vec![("id", Arc::new(Int64Array::from(ids))), ("name", Arc::new(StringArray::from(names.to_vec())))])
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

/// Every row of batches as text, `column=value|…`, sorted.
///
/// # Errors
/// When a value cannot be shown.
pub fn texts(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in batches {
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = names.iter().zip(&formatters).map(|(name, f)| format!("{name}={}", f.value(row))).collect();
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
