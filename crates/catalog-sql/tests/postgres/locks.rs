//! Locks that other programs hold.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, CommitState, ErrorKind, NamespaceChange};
use stitchwork_services::{POSTGRES, in_test};

use super::{entry, open, pointer, pool, swap};

const TOUCH_A: &str = "UPDATE iceberg_tables SET catalog_name = catalog_name WHERE table_name = 'a'";
const TOUCH_B: &str = "UPDATE iceberg_tables SET catalog_name = catalog_name WHERE table_name = 'b'";

#[tokio::test]
async fn a_lock_is_waited_for_and_not_for_ever() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("locks").unwrap();
    let catalog =
        SqlCatalog::open(SqlConfig { lock_timeout_seconds: 1, ..SqlConfig::new(url.clone()) }).await.unwrap();
    let made = catalog.create(entry("a", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let other = catalog.create(entry("other", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();

    let pool = pool(&url).await;
    let mut held = pool.begin().await.unwrap();
    sqlx::query(TOUCH_A).execute(&mut *held).await.unwrap();
    let began = Instant::now();
    let error = catalog.swap(swap(&made, "/w/t/metadata/1.json")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.commit_state()),
        (ErrorKind::Unavailable, Some(CommitState::NotCommitted)),
        "{error:?}"
    );
    assert!(error.is_retryable());
    assert!(began.elapsed() >= Duration::from_millis(900), "it waited");
    // Neither readers nor writers of other tables wait.
    assert_eq!(catalog.load(&made.ident).await.unwrap(), made);
    catalog.swap(swap(&other, "/w/t/metadata/1.json")).await.unwrap();

    // One that waits gets through, and sees what was done meanwhile.
    let patient = open(&url).await;
    let late = swap(&made, "/w/t/metadata/2.json");
    let swapping = tokio::spawn(async move { patient.swap(late).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let moved =
        "UPDATE iceberg_tables SET metadata_location = '/w/t/metadata/foreign.json' WHERE table_name = 'a'";
    sqlx::query(moved).execute(&mut *held).await.unwrap();
    held.commit().await.unwrap();
    let error = swapping.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.context("found")),
        (ErrorKind::Conflict, Some("/w/t/metadata/foreign.json")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_deadlock_with_another_program_is_tried_again() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("locks").unwrap();
    let catalog = open(&url).await;
    let a = catalog.create(entry("a", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let b = catalog.create(entry("b", "iceberg", Some("/w/t/metadata/0.json"))).await.unwrap();
    let pool = pool(&url).await;
    // The other program locks b and then a, and we lock a and then b.
    let mut held = pool.begin().await.unwrap();
    // It waits long before it looks for a deadlock, so that it is we who are chosen.
    sqlx::query("SET LOCAL deadlock_timeout = '60s'").execute(&mut *held).await.unwrap();
    sqlx::query(TOUCH_B).execute(&mut *held).await.unwrap();
    let mut both = swap(&a, "/w/t/metadata/1.json");
    both.extend(swap(&b, "/w/t/metadata/1.json"));
    let ours = catalog.clone();
    let swapping = tokio::spawn(async move { ours.swap(both).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    sqlx::query(TOUCH_A).execute(&mut *held).await.unwrap();
    held.commit().await.unwrap();
    swapping.await.unwrap().unwrap();
    for ident in [a.ident, b.ident] {
        assert_eq!(catalog.load(&ident).await.unwrap().pointer, pointer("/w/t/metadata/1.json"));
    }
    let deadlocks: i64 =
        sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(deadlocks >= 1, "there was none, so this test tests nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_namespace_is_not_brought_back_by_a_property() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let catalog = open(&server.fresh("locks").unwrap()).await;
    let (mut set, mut missed) = (0, 0);
    for round in 0..60 {
        let n = [format!("n{round}")];
        catalog.alter_namespace(&n, NamespaceChange::Create(BTreeMap::new())).await.unwrap();
        let change = NamespaceChange::SetProperties([("k".to_owned(), Some("v".to_owned()))].into());
        let [setting, dropping] = [change, NamespaceChange::Drop].map(|change| {
            let (catalog, n) = (catalog.clone(), n.clone());
            tokio::spawn(async move { catalog.alter_namespace(&n, change).await })
        });
        dropping.await.unwrap().unwrap();
        match setting.await.unwrap() {
            Ok(()) => set += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => missed += 1,
            Err(error) => panic!("{error:?}"),
        }
        let left = catalog.namespaces().await.unwrap();
        assert!(
            left.is_empty(),
            "{left:?} is there again, after {set} changes in time and {missed} too late"
        );
    }
}
