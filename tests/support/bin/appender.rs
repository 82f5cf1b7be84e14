//! Appends to a table from 8 tasks, 4 rows each: one of several processes of a test.
//!
//! `appender LOG CATALOG_URL LOCATION FIRST_ID`

use std::sync::Arc;

use stitchwork::core::{OpenUrl, TableIdent, join};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork_tests::rows::{animals, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [log, catalog, location, first] = args.as_slice() else {
        return Err("LOG CATALOG_URL LOCATION FIRST_ID".into());
    };
    let first: i64 = first.parse()?;
    let registry = stitchwork::registry()?;
    let mut reference = TableRef::at(log, join(location, "t"));
    if !catalog.is_empty() {
        reference =
            reference.named(registry.catalog(OpenUrl::new(catalog)).await?, TableIdent::new("ns", "t"));
    }
    let (registry, reference) = (Arc::new(registry), Arc::new(reference));
    let mut tasks = Vec::new();
    for task in 0..8 {
        let (registry, reference) = (registry.clone(), reference.clone());
        tasks.push(tokio::spawn(async move {
            let table = Table::open(&registry, &reference, TableConfig::default()).await?;
            for turn in 0..4 {
                table
                    .append(stream(animals(first + task * 4 + turn, &[Some("x")])), AppendArgs::default())
                    .await?;
            }
            Ok::<(), stitchwork::Error>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}
