//! Puts whose answer is that of a repetition, or a conflict that is none: what every put-if-absent must survive.

use std::sync::Arc;
use std::time::Duration;

use stitchwork_core::{At, Changes, CommitArgs, CommitState, FileFilter, Retry, Stores};
use stitchwork_testkit::{Fault, FaultStore, Operation, Rule};

use crate::helpers::{create, file, file_name, list, open};

const LOCATION: &str = "memory:/t";
const FIRST: &str = "00000000000000000000.json";
const SECOND: &str = "00000000000000000001.json";

fn faulty() -> (Stores, FaultStore) {
    let stores = Stores::new();
    let object = stores.resolve(LOCATION).unwrap();
    let store = FaultStore::new(object.store);
    stores.mount(&object.root, Arc::new(store.clone()));
    (stores, store)
}

/// A table with one file, while the rule is in force.
async fn under(rule: Rule) -> usize {
    let (stores, store) = faulty();
    store.inject(rule.clone());
    let log = create(LOCATION, &stores, &[]).await;
    let base = log.snapshot(At::Latest).await.unwrap();
    let changes = Changes { added: vec![file(log.as_ref(), "a", Some("p"), 0)], ..Changes::default() };
    let committed = log.commit(CommitArgs::new(base, "append", changes)).await.unwrap();
    assert_eq!((committed.snapshot.version(), committed.lost_races), (1, 0), "{rule:?}");
    let puts = store.count(Operation::Put);
    let snapshot = open(LOCATION, &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
    let names: Vec<_> = list(&snapshot, FileFilter::default()).await;
    assert_eq!(names.iter().map(|f| file_name(&f.location)).collect::<Vec<_>>(), ["a"], "{rule:?}");
    assert_eq!(snapshot.version(), 1, "{rule:?}");
    puts
}

#[tokio::test]
async fn the_answer_of_any_puts_repetition_is_looked_through() {
    for path in [FIRST, SECOND, ""] {
        under(Rule::on(&[Operation::Put], Fault::Repeated).path(path).times(u64::MAX)).await;
    }
}

#[tokio::test]
async fn a_conflict_that_is_none_is_tried_again() {
    for path in [FIRST, SECOND] {
        for times in [1, 3] {
            let puts = under(Rule::on(&[Operation::Put], Fault::AlreadyExists).path(path).times(times)).await;
            assert_eq!(puts as u64, 2 + times);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_in_doubt() {
    let (stores, store) = faulty();
    let log = create(LOCATION, &stores, &[]).await;
    let base = log.snapshot(At::Latest).await.unwrap();
    let changes = Changes { added: vec![file(log.as_ref(), "a", Some("p"), 0)], ..Changes::default() };
    let mut args = CommitArgs::new(base, "append", changes);
    args.retry = Retry { patience: Duration::from_millis(20) };
    store.inject(Rule::on(&[Operation::Put], Fault::Repeated));
    store.inject(Rule::on(&[Operation::Get], Fault::Unavailable).path(SECOND).times(u64::MAX));
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown), "{error:?}");
}
