//! A table as it was: append, delete, and read what was there before.

#![expect(clippy::print_stdout, reason = "an example prints what it has found")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use stitchwork::core::{
    At, BatchStreamAdapter, CreateArgs, HistoryArgs, Relation, ScanArgs, col, count_rows,
};
use stitchwork::tables::{AppendArgs, DeleteArgs, Table, TableConfig, TableRef};

#[tokio::main]
async fn main() -> stitchwork::Result<()> {
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _),
        ("name", Arc::new(StringArray::from(vec!["ant", "bee", "cat"])) as _),
    ])?;
    let log = std::env::args().nth(1).unwrap_or_else(|| "delta".to_owned());
    let registry = stitchwork::registry()?;
    let place = TableRef::at(log, "memory:animals");
    let table =
        Table::create(&registry, &place, CreateArgs::new(rows.schema()), TableConfig::default()).await?;

    let stream = BatchStreamAdapter::from_batches(rows.schema(), vec![rows]);
    let before = table.append(stream, AppendArgs::default()).await?.snapshot.version();
    table.delete(DeleteArgs { predicate: Some(col("name").eq("bee")), tag: None }).await?;

    let now = count_rows(table.scan(ScanArgs::default()).await?).await?;
    let then =
        count_rows(table.relation(At::Version(before)).await?.scan(ScanArgs::default()).await?).await?;
    println!("rows now: {now}, rows before the delete: {then}");

    let history: Vec<_> = table.history(HistoryArgs::default()).try_collect().await?;
    for version in history {
        println!("{:>20}  {}", version.id, version.operation);
    }
    Ok(())
}
