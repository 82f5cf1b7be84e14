//! Many writers on one table: no append fails, none is lost or doubled.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;

use stitchwork::core::{CreateArgs, ScanArgs, collect};
use stitchwork::tables::{AppendArgs, Table};
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::{animals, stream, texts};

/// The ids in a table, each of which must be there once.
async fn ids(table: &Table) -> Vec<i64> {
    let rows = texts(
        &collect(table.scan(ScanArgs::default().with_projection(vec![0])).await.unwrap()).await.unwrap(),
    )
    .unwrap();
    rows.iter().map(|row| row.trim_start_matches("id=").parse().unwrap()).collect()
}

fn assert_exactly(found: &[i64], expected: i64, what: &str) {
    let different: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(found.len(), different.len(), "{what}: an append is doubled");
    assert_eq!(different, (0..expected).collect(), "{what}: an append is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_of_32_tasks_all_land() {
    for (log, catalog) in [("delta", "none"), ("delta", "sqlite"), ("iceberg", "none"), ("iceberg", "sqlite")]
    {
        let place = Arc::new(Place::new(log, catalog, "file").await.unwrap());
        let table = place.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
        let mut tasks = Vec::new();
        for task in 0..32_i64 {
            // Half of the tasks share one handle, half have one of their own.
            let (place, shared) = (place.clone(), table.clone());
            tasks.push(tokio::spawn(async move {
                let table = if task % 2 == 0 { shared } else { place.open("t").await.unwrap() };
                for turn in 0..4 {
                    table
                        .append(stream(animals(task * 4 + turn, &[Some("x")])), AppendArgs::default())
                        .await
                        .unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_exactly(&ids(&place.open("t").await.unwrap()).await, 32 * 4, &place.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_of_4_processes_all_land() {
    for (log, catalog) in [("delta", "none"), ("delta", "sqlite"), ("iceberg", "none"), ("iceberg", "sqlite")]
    {
        let place = Place::new(log, catalog, "file").await.unwrap();
        place.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
        let children: Vec<_> = (0..4_i64)
            .map(|process| {
                Command::new(env!("CARGO_BIN_EXE_appender"))
                    .args([
                        log,
                        place.catalog_url.as_str(),
                        place.location.as_str(),
                        &(process * 32).to_string(),
                    ])
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_exactly(&ids(&place.open("t").await.unwrap()).await, 4 * 32, &place.to_string());
    }
}
