//! Which files a predicate leaves out, from the tail and from a checkpoint alike.

use std::sync::Arc;

use stitchwork_core::{At, Changes, Column, FileFilter, Log, Predicate, Snapshot, StatsFor, Stores, col};

use crate::helpers::{commit, create, file, list, names, open};

async fn table(stores: &Stores, interval: &str) -> Arc<dyn Log> {
    let log = create("memory:t", stores, &[("delta.checkpointInterval", interval)]).await;
    for (n, partition) in [Some("a"), Some("b"), None, Some("a")].into_iter().enumerate() {
        let added = vec![file(log.as_ref(), &format!("f{n}"), partition, n as i64 * 10)];
        commit(&log, "append", Changes { added, ..Changes::default() }).await;
    }
    log
}

async fn picked(snapshot: &Arc<dyn Snapshot>, predicate: Predicate) -> String {
    names(snapshot, FileFilter { predicate: Some(predicate), ..FileFilter::default() }).await.join(" ")
}

#[tokio::test]
async fn predicates_leave_out_what_cannot_match() {
    // Only the tail, a checkpoint with a tail, and a checkpoint alone.
    for interval in ["100", "3", "1"] {
        let stores = Stores::new();
        table(&stores, interval).await;
        let log = open("memory:t", &stores).await.unwrap();
        let snapshot = log.snapshot(At::Latest).await.unwrap();
        assert_eq!(picked(&snapshot, col("p").eq("a")).await, "f0 f3");
        assert_eq!(picked(&snapshot, col("p").eq("a").negate()).await, "f1");
        assert_eq!(picked(&snapshot, col("p").is_null()).await, "f2");
        assert_eq!(picked(&snapshot, col("p").is_not_null()).await, "f0 f1 f3");
        assert_eq!(picked(&snapshot, col("x").eq(15_i64)).await, "f1");
        assert_eq!(picked(&snapshot, col("x").gt_eq(19_i64)).await, "f1 f2 f3");
        assert_eq!(picked(&snapshot, col("x").lt(0_i64)).await, "");
        assert_eq!(picked(&snapshot, col("x").is_null()).await, "");
        assert_eq!(picked(&snapshot, col("name").is_null()).await, "f0 f1 f2 f3");
        assert_eq!(picked(&snapshot, col("name").lt("n00010")).await, "f0");
        let both = col("p").eq("a").and(col("x").gt(20_i64));
        assert_eq!(picked(&snapshot, both).await, "f3");
        let either = col("p").eq("b").or(col("x").lt(5_i64));
        assert_eq!(picked(&snapshot, either).await, "f0 f1");
    }
}

#[tokio::test]
async fn statistics_come_for_the_columns_asked_for() {
    for interval in ["100", "1"] {
        let stores = Stores::new();
        let log = table(&stores, interval).await;
        let snapshot = log.snapshot(At::Latest).await.unwrap();
        let with = |stats: StatsFor| FileFilter { predicate: None, stats };
        let plain = list(&snapshot, FileFilter::default()).await;
        assert!(plain.iter().all(|f| f.stats.is_none() && f.rows == Some(10) && f.size == 1000));
        let x = list(&snapshot, with(StatsFor::Columns(vec![Column::new("x")]))).await;
        let file = x.iter().find(|f| f.location.ends_with("f1")).unwrap();
        let stats = file.stats.as_ref().unwrap();
        assert_eq!(stats.columns.len(), 1);
        let x = stats.columns.get(&Column::new("x")).unwrap();
        assert_eq!((x.min.clone(), x.max.clone()), (Some(10_i64.into()), Some(19_i64.into())));
        assert!(x.exact && x.nulls == Some(0));
        let all = list(&snapshot, with(StatsFor::All)).await;
        let name = all[0].stats.as_ref().unwrap().columns.get(&Column::new("name")).cloned().unwrap();
        assert!(!name.exact, "the upper bound was shortened");
        assert!(name.max.unwrap().to_string() > "z".repeat(50));
        assert_eq!(name.nulls, Some(1));
    }
}
