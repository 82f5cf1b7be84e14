//! Many writers at once: tasks, connections and processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;
use std::process::{Child, Command};

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Entry, ErrorKind, Pointer, SwapArgs, TableIdent};

/// Where a process that this test has started finds the database.
const DATABASE: &str = "STITCHWORK_TEST_RACE_DATABASE";
const ROUNDS: u64 = 20;

async fn open(path: &str) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(format!("sqlite:{path}"))).await.unwrap()
}

fn ident() -> TableIdent {
    TableIdent::new("n", "t")
}

fn pointer(count: u64) -> Option<Pointer> {
    Some(Pointer(format!("/w/t/metadata/{count}.json")))
}

fn count(entry: &Entry) -> u64 {
    let text = &entry.pointer.as_ref().unwrap().0;
    text.trim_start_matches("/w/t/metadata/").trim_end_matches(".json").parse().unwrap()
}

async fn create(path: &str) {
    let (location, properties) = ("/w/t".to_owned(), BTreeMap::new());
    let entry = Entry { ident: ident(), log: "iceberg".into(), location, pointer: pointer(0), properties };
    open(path).await.create(entry).await.unwrap();
}

/// Adds to the pointer as often as `rounds`, reading again after each conflict.
async fn add(catalog: &SqlCatalog, rounds: u64) {
    let mut done = 0;
    while done < rounds {
        let entry = catalog.load(&ident()).await.unwrap();
        let new = pointer(count(&entry) + 1);
        match catalog
            .swap(vec![SwapArgs { ident: ident(), expected: entry.pointer, new, updates: None }])
            .await
        {
            Ok(_) => done += 1,
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_swaps_from_one_pointer_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db").display().to_string();
    create(&path).await;
    let mut tasks = vec![];
    for n in 1..=16 {
        // Half of them share a catalog, and half have connections of their own.
        let catalog = open(&path).await;
        for (catalog, n) in [(catalog.clone(), n), (catalog, n + 100)] {
            tasks.push(tokio::spawn(async move {
                let swap = SwapArgs { ident: ident(), expected: pointer(0), new: pointer(n), updates: None };
                catalog.swap(vec![swap]).await
            }));
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
    assert_eq!(open(&path).await.load(&ident()).await.unwrap(), winners[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_swap_of_many_processes_is_lost() {
    if let Ok(path) = std::env::var(DATABASE) {
        add(&open(&path).await, ROUNDS).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db").display().to_string();
    create(&path).await;
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "no_swap_of_many_processes_is_lost"])
            .env(DATABASE, &path)
            .spawn()
            .unwrap()
    };
    let processes: Vec<Child> = (0..4).map(|_| start()).collect();
    let catalog = open(&path).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let catalog = catalog.clone();
            tokio::spawn(async move { add(&catalog, ROUNDS).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!(count(&catalog.load(&ident()).await.unwrap()), 8 * ROUNDS);
}
