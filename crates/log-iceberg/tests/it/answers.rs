//! Puts whose answer is that of a repetition, or a conflict that is none: what every put-if-absent must survive.

use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{CommitArgs, CommitState, ErrorKind, HistoryArgs, Retry};
use stitchwork_testkit::{Fault, FaultStore, Operation, Rule};

use crate::setup::{Place, adds, all_names, any, create_args, latest};

fn faulty(place: &Place) -> FaultStore {
    let object = place.stores.resolve("memory:/t").unwrap();
    let store = FaultStore::new(object.store);
    place.stores.mount(&object.root, Arc::new(store.clone()));
    store
}

/// A table with one file, while the rule is in force.
async fn under(place: &Place, rule: Rule) -> usize {
    let store = faulty(place);
    store.inject(rule.clone());
    let log = place.create(create_args()).await.unwrap();
    let base = latest(&log).await;
    let committed = log.commit(CommitArgs::new(base, "append", adds([any("a")]))).await.unwrap();
    assert_eq!(committed.lost_races, 0, "{rule:?}");
    let puts = store.count(Operation::Put);
    let fresh = place.open().await.unwrap();
    assert_eq!(all_names(&fresh).await, ["a"], "{rule:?}");
    let history: Vec<_> = fresh.history(HistoryArgs::default()).try_collect().await.unwrap();
    assert_eq!(history.len(), 1, "{rule:?}");
    puts
}

#[tokio::test]
async fn the_answer_of_any_puts_repetition_is_looked_through() {
    for make in [Place::in_folder, Place::in_catalog] {
        let all = under(&make(), Rule::on(&[Operation::Put], Fault::Repeated).times(0)).await;
        assert!(all >= 4, "metadata twice, a manifest and its list");
        for nth in 0..all as u64 {
            under(&make(), Rule::on(&[Operation::Put], Fault::Repeated).after(nth)).await;
        }
        under(&make(), Rule::on(&[Operation::Put], Fault::Repeated).times(u64::MAX)).await;
    }
}

#[tokio::test]
async fn a_conflict_that_is_none_is_tried_again() {
    for version in ["metadata/v1.", "metadata/v2."] {
        for times in [1, 3] {
            let rule = Rule::on(&[Operation::Put], Fault::AlreadyExists).path(version).times(times);
            let puts = under(&Place::in_folder(), rule).await;
            assert!(puts as u64 >= 4 + times, "it was put {puts} times");
        }
    }
}

#[tokio::test]
async fn the_first_file_of_another_is_not_ours() {
    let place = Place::in_folder();
    // Both have seen that there is no table, and one puts its file.
    let store = faulty(&place);
    place.table().await;
    store.inject(Rule::on(&[Operation::List], Fault::NotFound).times(u64::MAX));
    let error = place.create(create_args()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn what_cannot_be_read_back_is_in_doubt() {
    let place = Place::in_folder();
    let store = faulty(&place);
    let log = place.table().await;
    let mut args = CommitArgs::new(latest(&log).await, "append", adds([any("a")]));
    args.retry = Retry { patience: std::time::Duration::from_millis(30) };
    store.inject(Rule::on(&[Operation::Put], Fault::Repeated).path("metadata/v2."));
    store.inject(Rule::on(&[Operation::Get], Fault::Unavailable).path("metadata/v2.").times(u64::MAX));
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown), "{error:?}");
    store.heal();
    assert_eq!(all_names(&place.open().await.unwrap()).await, ["a"]);
}
