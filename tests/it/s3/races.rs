//! Many writers on one table on S3: no append fails, none is lost or doubled.

use stitchwork::core::CreateArgs;
use stitchwork::tables::AppendArgs;
use stitchwork_services::{MINIO, Service, VERSITYGW};
use stitchwork_tests::rows::{animals, stream, versions};

use super::bucket::Bucket;
use super::proxy::{Fault, Proxy};
use crate::concurrency::{Appender, expect_each_once};

const PROCESSES: i64 = 3;
/// What each of them appends, from 8 tasks.
const ROWS: i64 = 32;
/// The logs and catalogs that race: those that put under conditions, and one whose commits are swaps of the catalog.
const TABLES: [(&str, &str); 4] =
    [("delta", "none"), ("iceberg", "none"), ("iceberg", "sqlite"), ("files", "none")];

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_on_versitygw() {
    processes_race(&VERSITYGW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_race_on_minio() {
    processes_race(&MINIO).await;
}

async fn processes_race(service: &'static Service) {
    for (log, catalog) in TABLES {
        let Some(bucket) = Bucket::new(service, log, catalog).await else { return };
        let table = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
        let before = versions(&table).await.unwrap().len();
        let writers = Appender::start(&bucket, &bucket.options, (0..PROCESSES).map(|n| n * ROWS));
        let made = writers.into_iter().flat_map(|writer| writer.finish(&bucket));
        let lost_races: u32 = made.map(|(_, lost)| lost).sum();
        expect_all(&bucket, PROCESSES * ROWS, before).await;
        assert!(lost_races > 0, "{bucket}: the writers never met");
    }
}

/// Every append is there once, and has made one version.
async fn expect_all(bucket: &Bucket, appends: i64, before: usize) {
    let table = bucket.open("t").await;
    expect_each_once(bucket, &table, appends).await;
    let made = versions(&table).await.unwrap().len() - before;
    assert_eq!(made, usize::try_from(appends).unwrap(), "{bucket}: a version that nobody made");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_conflicts_that_are_none_lose_nothing() {
    for fault in [Fault::LostAnswer, Fault::Conflict] {
        for (log, catalog) in TABLES {
            let Some(mut bucket) = Bucket::new(&VERSITYGW, log, catalog).await else { return };
            let proxy = Proxy::start(bucket.port(), fault, 5).await;
            bucket.reach(&proxy.url());
            let table = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
            let before = versions(&table).await.unwrap().len();
            let mut tasks = Vec::new();
            for task in 0..4_i64 {
                let table = bucket.open("t").await;
                tasks.push(tokio::spawn(async move {
                    for turn in 0..5 {
                        let row = stream(animals(task * 5 + turn, &[Some("x")]));
                        table.append(row, AppendArgs::default()).await.unwrap();
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            expect_all(&bucket, 20, before).await;
            // The catalog's table puts nothing under a condition.
            let expected = if bucket.catalog_url.is_empty() { 5 } else { 0 };
            assert!(proxy.hits() >= expected, "{bucket}: {fault:?} came {} times", proxy.hits());
        }
    }
}
