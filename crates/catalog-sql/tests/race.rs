//! Many writers at once: tasks, connections and processes, on each database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;
use std::process::{Child, Command};

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Entry, ErrorKind, Pointer, SwapArgs, TableIdent};
use stitchwork_services::{POSTGRES, in_test};

/// Where a process that this test has started finds the database.
const DATABASE: &str = "STITCHWORK_TEST_RACE_DATABASE";
const ROUNDS: u64 = 20;

async fn open(url: &str) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(url)).await.unwrap()
}

/// A table of Iceberg, whose pointer is in the shared row, and one of another log, whose pointer is beside it.
const LOGS: [&str; 2] = ["iceberg", "delta"];

fn ident(log: &str) -> TableIdent {
    TableIdent::new("n", log)
}

fn pointer(count: u64) -> Option<Pointer> {
    Some(Pointer(format!("/w/t/metadata/{count}.json")))
}

fn swap(log: &str, expected: Option<Pointer>, new: Option<Pointer>) -> SwapArgs {
    SwapArgs { ident: ident(log), expected, new, updates: None }
}

fn count(entry: &Entry) -> u64 {
    let Some(pointer) = &entry.pointer else { return 0 };
    pointer.0.trim_start_matches("/w/t/metadata/").trim_end_matches(".json").parse().unwrap()
}

/// Neither entry has anything beyond the shared tables, so that the first swaps make the table for that as well.
async fn create(url: &str) {
    for (log, pointer) in LOGS.into_iter().zip([pointer(0), None]) {
        let (location, properties) = ("/w/t".to_owned(), BTreeMap::new());
        let entry = Entry { ident: ident(log), log: log.to_owned(), location, pointer, properties };
        open(url).await.create(entry).await.unwrap();
    }
}

/// Adds to the pointer as often as `rounds`, reading again after each conflict.
async fn add(catalog: &SqlCatalog, log: &str, rounds: u64) {
    let mut done = 0;
    while done < rounds {
        let entry = catalog.load(&ident(log)).await.unwrap();
        let new = pointer(count(&entry) + 1);
        match catalog.swap(vec![swap(log, entry.pointer, new)]).await {
            Ok(_) => done += 1,
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Many swaps from one pointer, of which one wins.
async fn one_wins(url: &str) {
    create(url).await;
    for log in LOGS {
        let first = open(url).await.load(&ident(log)).await.unwrap().pointer;
        let mut tasks = vec![];
        for n in 1..=16 {
            // Half of them share a catalog, and half have connections of their own.
            let catalog = open(url).await;
            for (catalog, n) in [(catalog.clone(), n), (catalog, n + 100)] {
                let swap = swap(log, first.clone(), pointer(n));
                tasks.push(tokio::spawn(async move { catalog.swap(vec![swap]).await }));
            }
        }
        let mut winners = vec![];
        for task in tasks {
            match task.await.unwrap() {
                Ok(entries) => winners.extend(entries),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
            }
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(open(url).await.load(&ident(log)).await.unwrap(), winners[0]);
    }
}

/// A counter in each pointer, to which processes and tasks add; `test` is the one that the processes run.
async fn none_is_lost(url: &str, test: &str) {
    create(url).await;
    let start = || {
        let program = std::env::current_exe().unwrap();
        Command::new(program).args(["--exact", test]).env(DATABASE, url).spawn().unwrap()
    };
    let processes: Vec<Child> = (0..3).map(|_| start()).collect();
    let catalog = open(url).await;
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let catalog = catalog.clone();
            tokio::spawn(async move { add_to_both(&catalog).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    for log in LOGS {
        assert_eq!(count(&catalog.load(&ident(log)).await.unwrap()), 6 * ROUNDS, "{log}");
    }
}

async fn add_to_both(catalog: &SqlCatalog) {
    for log in LOGS {
        add(catalog, log, ROUNDS).await;
    }
}

/// Swaps of two tables, half of them in one order and half in the other: they wait, but not for each other.
async fn orders_do_not_matter(url: &str) {
    create(url).await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let url = url.to_owned();
            tokio::spawn(async move {
                let catalog = open(&url).await;
                let mut logs = LOGS;
                if n % 2 == 0 {
                    logs.reverse();
                }
                let mut done = 0;
                while done < 5 {
                    let mut swaps = vec![];
                    for log in logs {
                        let entry = catalog.load(&ident(log)).await.unwrap();
                        swaps.push(swap(log, entry.pointer.clone(), pointer(count(&entry) + 1)));
                    }
                    match catalog.swap(swaps).await {
                        Ok(entries) => {
                            assert_eq!(entries.iter().map(|e| e.log.as_str()).collect::<Vec<_>>(), logs);
                            done += 1;
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for log in LOGS {
        assert_eq!(count(&open(url).await.load(&ident(log)).await.unwrap()), 40);
    }
}

fn file(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}/catalog.db", folder.path().display())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_swaps_from_one_pointer_one_wins_in_sqlite() {
    one_wins(&file(&tempfile::tempdir().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_swaps_from_one_pointer_one_wins_in_postgres() {
    let Some(server) = in_test(&POSTGRES) else { return };
    one_wins(&server.fresh("race").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_swap_of_many_processes_is_lost_in_sqlite() {
    if let Ok(url) = std::env::var(DATABASE) {
        return add_to_both(&open(&url).await).await;
    }
    let folder = tempfile::tempdir().unwrap();
    none_is_lost(&file(&folder), "no_swap_of_many_processes_is_lost_in_sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_swap_of_many_processes_is_lost_in_postgres() {
    if let Ok(url) = std::env::var(DATABASE) {
        return add_to_both(&open(&url).await).await;
    }
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("race").unwrap();
    none_is_lost(&url, "no_swap_of_many_processes_is_lost_in_postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_of_two_tables_come_in_any_order_in_sqlite() {
    orders_do_not_matter(&file(&tempfile::tempdir().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_of_two_tables_come_in_any_order_in_postgres() {
    let Some(server) = in_test(&POSTGRES) else { return };
    orders_do_not_matter(&server.fresh("race").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_database_is_opened_by_many_at_once() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("race").unwrap();
    let opening = |n: usize| {
        let config = SqlConfig::new(url.clone()).with_schema("made by one");
        tokio::spawn(async move {
            let catalog = SqlCatalog::open(config).await.unwrap();
            // All of them make the same namespace, and the table of what entries have beyond the shared ones.
            let (ident, location) = (TableIdent::new("n", format!("t{n}")), "/w/t".to_owned());
            let properties = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
            let entry = Entry { ident, log: "delta".to_owned(), location, pointer: None, properties };
            catalog.create(entry).await.unwrap();
        })
    };
    let tasks: Vec<_> = (0..12).map(opening).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let catalog = SqlCatalog::open(SqlConfig::new(url).with_schema("made by one")).await.unwrap();
    assert_eq!(catalog.namespaces().await.unwrap(), [["n"]]);
}
