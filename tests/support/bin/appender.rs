//! Appends to a table from 8 tasks, 4 rows each: one of several processes of a test.
//!
//! `appender LOG CATALOG_URL LOCATION FIRST_ID [OPTION=VALUE]…`, with options for a location `s3://…`
//!
//! It says `ready` when every task has opened the table, and begins when it reads a line. For each append it says
//! which version it made and how many races it lost.
#![allow(clippy::print_stdout, reason = "what this process has done is told to the test on its output")]

use stitchwork::core::{OpenUrl, TableIdent, join};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork_tests::buckets::registry;
use stitchwork_tests::rows::{animals, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [log, catalog, location, first, options @ ..] = args.as_slice() else {
        return Err("LOG CATALOG_URL LOCATION FIRST_ID [OPTION=VALUE]…".into());
    };
    let options = options.iter().filter_map(|option| option.split_once('='));
    let first: i64 = first.parse()?;
    let registry = registry(options.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())?;
    let mut reference = TableRef::at(log, join(location, "t"));
    if !catalog.is_empty() {
        reference =
            reference.named(registry.catalog(OpenUrl::new(catalog)).await?, TableIdent::new("ns", "t"));
    }
    let mut tables = Vec::new();
    for _ in 0..8 {
        tables.push(Table::open(&registry, &reference, TableConfig::default()).await?);
    }
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let mut tasks = Vec::new();
    for (task, table) in (0..).zip(tables) {
        tasks.push(tokio::spawn(async move {
            let mut done = Vec::new();
            for turn in 0..4 {
                let row = stream(animals(first + task * 4 + turn, &[Some("x")]));
                let summary = table.append(row, AppendArgs::default()).await?;
                done.push((summary.snapshot.version(), summary.lost_races));
            }
            Ok::<_, stitchwork::Error>(done)
        }));
    }
    for task in tasks {
        for (version, lost_races) in task.await?? {
            println!("{version} {lost_races}");
        }
    }
    Ok(())
}
