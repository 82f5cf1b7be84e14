//! Many writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::local::LocalFileSystem;
use stitchwork_core::{At, col};
use stitchwork_table::{DeleteArgs, Table, TableConfig, TableRef};
use stitchwork_testkit::Operation;

use crate::rig::{LOCATION, append, create_args, history, ids, registry, rig, rows};

const WRITERS: i64 = 32;
const COMMITS: i64 = 4;

async fn thirty_two(registry: stitchwork_core::Registry) {
    let reference = TableRef::at("files", LOCATION);
    let create = create_args(&[("files.checkpoint_interval", "20")]);
    Table::create(&registry, &reference, create, TableConfig::default()).await.unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let tasks = (0..WRITERS).map(|writer| {
        let (registry, reference, lost) = (registry.clone(), reference.clone(), lost.clone());
        tokio::spawn(async move {
            // Each with a log of its own, as another process has it.
            let table = Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
            for commit in 0..COMMITS {
                let done = append(&table, &rows(&[writer * 100 + commit], Some("a")), None).await.unwrap();
                lost.fetch_add(done.lost_races as usize, Ordering::Relaxed);
            }
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
    let table = Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
    let want: Vec<i64> = (0..WRITERS).flat_map(|w| (0..COMMITS).map(move |c| w * 100 + c)).collect();
    assert_eq!(ids(&table, At::Latest).await, want);
    assert_eq!(table.snapshot().await.unwrap().version(), WRITERS * COMMITS);
    assert_eq!(history(&table).await.len() as i64, WRITERS * COMMITS + 1);
    assert!(lost.load(Ordering::Relaxed) > 0, "there was no race");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_writers_lose_nothing_in_memory() {
    thirty_two(rig().registry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_writers_lose_nothing_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry();
    let local = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    registry.stores().mount("memory://", Arc::new(local));
    thirty_two(registry).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deletes_and_appends_race_and_all_are_done() {
    let rig = rig();
    let table = rig.create(&[]).await;
    append(&table, &rows(&(0..64).collect::<Vec<_>>(), Some("a")), None).await.unwrap();
    let tasks = (0..8_i64).map(|n| {
        let registry = rig.registry.clone();
        tokio::spawn(async move {
            let config = TableConfig { conflict_retries: 1000, ..TableConfig::default() };
            let table = Table::open(&registry, &TableRef::at("files", LOCATION), config).await.unwrap();
            append(&table, &rows(&[1000 + n], Some("b")), None).await.unwrap();
            let predicate = Some(col("id").is_in([n * 8, n * 8 + 1]));
            let done = table.delete(DeleteArgs { predicate, tag: None }).await.unwrap();
            assert_eq!(done.rows_removed, 2);
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
    let mut want: Vec<i64> = (0..64).filter(|id| id % 8 > 1).collect();
    want.extend(1000..1008);
    assert_eq!(ids(&table, At::Latest).await, want);
}

#[tokio::test]
async fn a_commit_costs_one_request_however_long_the_log() {
    let rig = rig();
    let table = rig.create(&[("files.checkpoint_interval", "1000")]).await;
    for n in 0..30 {
        append(&table, &rows(&[n], Some("a")), None).await.unwrap();
        let base = table.snapshot().await.unwrap();
        rig.store.forget();
        table
            .log()
            .commit(stitchwork_core::CommitArgs::new(base, "touch", Default::default()))
            .await
            .unwrap();
        let requests = rig.store.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert_eq!(requests[0].operation, Operation::Put);
    }
}
