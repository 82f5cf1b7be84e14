//! Reads a table by its location: `scan delta /data/push_event`.

#![expect(clippy::print_stdout, reason = "an example prints what it has found")]

use futures::TryStreamExt;
use stitchwork::absolute;
use stitchwork::core::{At, Relation, ScanArgs};
use stitchwork::tables::{Table, TableConfig, TableRef};

#[tokio::main]
async fn main() -> stitchwork::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(log), Some(location)) = (args.next(), args.next()) else {
        return Err(stitchwork::Error::invalid_input("usage: scan delta|iceberg LOCATION [LIMIT]"));
    };
    let limit = args.next().and_then(|limit| limit.parse().ok()).unwrap_or(5);

    let registry = stitchwork::registry()?;
    let table =
        Table::open(&registry, &TableRef::at(log, absolute(&location)?), TableConfig::default()).await?;
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
