//! Deleting rows without rewriting their file.

use std::collections::BTreeMap;
use std::sync::Arc;

use stitchwork_core::{
    Changes, CommitArgs, Deleted, ErrorKind, FileFilter, Log, RoaringTreemap, WriteDeletesArgs,
};

use crate::setup::{Place, adds, append, create_args, file, files, latest, removes};

async fn table(version: &str) -> (Place, Arc<dyn Log>) {
    let place = Place::in_catalog();
    let mut create = create_args();
    create.properties = BTreeMap::from([("format-version".to_owned(), version.to_owned())]);
    let log = place.create(create).await.unwrap();
    append(&log, "a").await;
    let base = latest(&log).await;
    log.commit(CommitArgs::new(base, "append", adds([file("b", 0, 9, 7, 2)]))).await.unwrap();
    (place, log)
}

async fn delete(log: &Arc<dyn Log>, name: &str, positions: &[u64]) {
    let base = latest(log).await;
    let file =
        files(&base, FileFilter::default()).await.into_iter().find(|f| f.location.contains(name)).unwrap();
    let positions = RoaringTreemap::from_iter(positions);
    let written = log.write_deletes(WriteDeletesArgs { file: file.clone(), positions }).await.unwrap();
    let changes = Changes { deletes: vec![(file, written)], ..Changes::default() };
    log.commit(CommitArgs::new(base, "delete", changes)).await.unwrap();
}

async fn deleted(log: &Arc<dyn Log>) -> Vec<(Deleted, Vec<u64>)> {
    let snapshot = latest(log).await;
    let mut found = Vec::new();
    for file in files(&snapshot, FileFilter::default()).await {
        let deletes = snapshot.deletes(&file).await.unwrap();
        assert!(deletes.equality.is_empty());
        found.push((file.deleted, deletes.positions.map(|p| p.iter().collect()).unwrap_or_default()));
    }
    found
}

#[tokio::test]
async fn deleted_positions_come_back() {
    for version in ["2", "3"] {
        let (place, log) = table(version).await;
        delete(&log, "/a.", &[0, 3]).await;
        let some = |n| if version == "3" { Deleted::Exactly(n) } else { Deleted::Unknown };
        let log = place.open().await.unwrap();
        assert_eq!(deleted(&log).await, [(some(2), vec![0, 3]), (Deleted::Nothing, vec![])]);
        // The deletes that come later take the place of those before.
        delete(&log, "/a.", &[0, 3, 9]).await;
        delete(&log, "/b.", &[5]).await;
        assert_eq!(deleted(&log).await, [(some(3), vec![0, 3, 9]), (some(1), vec![5])]);
        let history: Vec<stitchwork_core::Version> =
            futures::TryStreamExt::try_collect(log.history(Default::default())).await.unwrap();
        assert_eq!(history[0].summary["total-position-deletes"], "4");
        assert_eq!(history[0].operation, "delete");
        // A file that goes takes its deletes with it.
        let base = latest(&log).await;
        let a = files(&base, FileFilter::default()).await.remove(0);
        log.commit(CommitArgs::new(base, "delete", removes([a]))).await.unwrap();
        assert_eq!(deleted(&log).await, [(some(1), vec![5])]);
        let history: Vec<stitchwork_core::Version> =
            futures::TryStreamExt::try_collect(log.history(Default::default())).await.unwrap();
        assert_eq!(history[0].summary["total-position-deletes"], "1");
    }
}

#[tokio::test]
async fn deletes_conflict_with_other_changes_of_their_file_only() {
    for version in ["2", "3"] {
        let (_, log) = table(version).await;
        let base = latest(&log).await;
        let all = files(&base, FileFilter::default()).await;
        let positions = RoaringTreemap::from_iter([1_u64]);
        let write = |file: &stitchwork_core::DataFile| {
            log.write_deletes(WriteDeletesArgs { file: file.clone(), positions: positions.clone() })
        };
        let changes = |file: &stitchwork_core::DataFile, written| Changes {
            deletes: vec![(file.clone(), written)],
            ..Changes::default()
        };
        let (first, second, other) =
            (write(&all[0]).await.unwrap(), write(&all[0]).await.unwrap(), write(&all[1]).await.unwrap());
        log.commit(CommitArgs::new(base.clone(), "delete", changes(&all[0], first))).await.unwrap();
        let again = CommitArgs::new(base.clone(), "delete", changes(&all[0], second));
        assert_eq!(log.commit(again).await.unwrap_err().kind(), ErrorKind::Conflict);
        let gone = CommitArgs::new(base.clone(), "delete", removes([all[0].clone()]));
        assert_eq!(log.commit(gone).await.unwrap_err().kind(), ErrorKind::Conflict);
        log.commit(CommitArgs::new(base, "delete", changes(&all[1], other))).await.unwrap();
        assert_eq!(deleted(&log).await.len(), 2);
    }
}

#[tokio::test]
async fn positions_outside_of_the_file_are_refused() {
    let (_, log) = table("2").await;
    let file = files(&latest(&log).await, FileFilter::default()).await.remove(0);
    for positions in [RoaringTreemap::new(), RoaringTreemap::from_iter([10_u64])] {
        let error = log.write_deletes(WriteDeletesArgs { file: file.clone(), positions }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
