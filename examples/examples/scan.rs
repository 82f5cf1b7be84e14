//! Reads a table by its location: `scan delta /data/push_event [LIMIT]`, or a small one of its own.

#![expect(clippy::print_stdout, reason = "an example prints what it has found")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use stitchwork::core::{At, BatchStreamAdapter, CreateArgs, Relation, ScanArgs};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork::{Error, Result, absolute, registry};

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (table, limit) = match args.as_slice() {
        [] => (own_table().await?, 5),
        [log, location] => (open(log, location).await?, 5),
        [log, location, limit] => {
            let limit = limit.parse::<usize>().map_err(|e| {
                Error::invalid_input("the limit is no number").with_context("limit", limit).with_source(e)
            })?;
            (open(log, location).await?, limit)
        }
        _ => return Err(Error::invalid_input("usage: scan [delta|iceberg|files LOCATION [LIMIT]]")),
    };
    let newest = table.relation(At::Latest).await?;
    println!("version {} has {} columns", newest.snapshot().version(), newest.schema().fields().len());

    // Only the first three columns of a few rows are read.
    let columns = (0..newest.schema().fields().len().min(3)).collect();
    let mut rows = newest.scan(ScanArgs::default().with_projection(columns).with_limit(limit)).await?;
    while let Some(batch) = rows.try_next().await? {
        println!("{}", arrow::util::pretty::pretty_format_batches(&[batch])?);
    }
    Ok(())
}

async fn open(log: &str, location: &str) -> Result<Table> {
    Table::open(&registry()?, &TableRef::at(log, absolute(location)?), TableConfig::default()).await
}

/// A table in memory, so that the example can be run without any other.
async fn own_table() -> Result<Table> {
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _),
        ("name", Arc::new(StringArray::from(vec!["ant", "bee", "cat"])) as _),
    ])?;
    let (place, create) = (TableRef::at("delta", "memory:animals"), CreateArgs::new(rows.schema()));
    let table = Table::create(&registry()?, &place, create, TableConfig::default()).await?;
    table.append(BatchStreamAdapter::from_batches(rows.schema(), vec![rows]), AppendArgs::default()).await?;
    Ok(table)
}
