//! Every request that changes the store fails, or loses its answer, in turn.

use stitchwork_core::{At, CommitState, Result, col};
use stitchwork_table::{DeleteArgs, OperationSummary, Table};
use stitchwork_testkit::{Fault, Operation, Rule};

use crate::rig::{Rig, append, ids, rig, rows};

#[derive(Debug, Clone, Copy)]
enum Step {
    Append,
    Delete,
    /// With a checkpoint after the commit.
    Checkpoint,
    Adopt,
}

async fn prepare(step: Step) -> (Rig, Table) {
    let rig = rig();
    let interval = if matches!(step, Step::Checkpoint) { "2" } else { "50" };
    let table = rig.create(&[("files.checkpoint_interval", interval)]).await;
    append(&table, &rows(&[1, 2], Some("a")), None).await.unwrap();
    if matches!(step, Step::Adopt) {
        // What is left is a folder as anybody may have written it.
        for path in rig.objects().await.into_iter().filter(|path| path.contains("_stitchwork")) {
            let path = object_store::path::Path::from(path);
            object_store::ObjectStoreExt::delete(&rig.store as &dyn object_store::ObjectStore, &path)
                .await
                .unwrap();
        }
    }
    let table = rig.open().await.unwrap();
    (rig, table)
}

async fn run(step: Step, table: &Table) -> Result<OperationSummary> {
    match step {
        Step::Append | Step::Checkpoint | Step::Adopt => append(table, &rows(&[3], Some("b")), Some(1)).await,
        Step::Delete => table.delete(DeleteArgs { predicate: Some(col("id").eq(2_i64)), tag: None }).await,
    }
}

#[tokio::test]
async fn what_fails_leaves_nothing_and_what_landed_says_so() {
    for step in [Step::Append, Step::Delete, Step::Checkpoint, Step::Adopt] {
        for fault in [Fault::Unavailable, Fault::LostAnswer, Fault::PermissionDenied, Fault::AlreadyExists] {
            let mut nth = 0;
            loop {
                let (rig, table) = prepare(step).await;
                rig.store.forget();
                rig.store.inject(Rule::on(&Operation::WRITES, fault).after(nth));
                let result = run(step, &table).await;
                rig.store.heal();
                let writes =
                    rig.store.requests().iter().filter(|r| Operation::WRITES.contains(&r.operation)).count();
                let hit = writes as u64 > nth;
                let what = format!("{step:?} with {fault:?} at write {nth}: {result:?}");
                let (before, after) = match step {
                    Step::Delete => (vec![1, 2], vec![1]),
                    _ => (vec![1, 2], vec![1, 2, 3]),
                };
                let fresh = rig.open().await.unwrap();
                match &result {
                    Ok(_) => assert_eq!(ids(&fresh, At::Latest).await, after, "{what}"),
                    Err(error) => {
                        assert_ne!(error.commit_state(), Some(CommitState::Committed), "{what}");
                        assert_eq!(ids(&fresh, At::Latest).await, before, "{what}");
                        // Nothing stands in the way of the next try.
                        run(step, &fresh).await.unwrap_or_else(|e| panic!("{what}: again {e:?}"));
                        assert_eq!(ids(&fresh, At::Latest).await, after, "{what}");
                    }
                }
                // The log that saw the fault goes on as well.
                append(&table, &rows(&[9], Some("b")), None).await.unwrap();
                assert!(ids(&rig.open().await.unwrap(), At::Latest).await.ends_with(&[9]), "{what}");
                if !hit {
                    assert!(nth > 0);
                    break;
                }
                nth += 1;
            }
        }
    }
}

#[tokio::test]
async fn after_a_crash_at_any_request_the_table_is_whole() {
    for step in [Step::Append, Step::Delete, Step::Checkpoint, Step::Adopt] {
        for requests in 0.. {
            let (rig, table) = prepare(step).await;
            rig.store.forget();
            rig.store.crash_after(requests);
            // The commit would wait for the store for a minute; here its process dies.
            let patience = std::time::Duration::from_millis(20);
            let result = tokio::time::timeout(patience, run(step, &table)).await;
            let crashed = rig.store.requests().len() as u64 > requests;
            rig.store.heal();
            let fresh = rig.open().await.unwrap();
            let (before, after) = match step {
                Step::Delete => (vec![1, 2], vec![1]),
                _ => (vec![1, 2], vec![1, 2, 3]),
            };
            let found = ids(&fresh, At::Latest).await;
            assert!(found == before || found == after, "{step:?} after {requests}: {found:?}");
            if !crashed {
                assert!(result.is_ok_and(|result| result.is_ok()) && found == after && requests > 1);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_stays_silent_leaves_the_commit_in_doubt() {
    let rig = rig();
    let table = rig.create(&[]).await;
    let base = table.snapshot().await.unwrap();
    let mut args = stitchwork_core::CommitArgs::new(base, "append", Default::default());
    args.retry = stitchwork_core::Retry { patience: std::time::Duration::from_millis(20) };
    rig.store.inject(Rule::on(&[Operation::Put], Fault::Unavailable).times(u64::MAX));
    let error = table.log().commit(args.clone()).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
    assert!(!error.is_retryable());
    rig.store.heal();
    // It cannot be told whether the version is ours while it cannot be read.
    rig.store.inject(Rule::on(&[Operation::Put], Fault::LostAnswer).times(u64::MAX));
    rig.store.inject(Rule::on(&[Operation::Get], Fault::Unavailable).times(u64::MAX));
    let error = table.log().commit(args.clone()).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
    rig.store.heal();
    rig.store.inject(Rule::on(&[Operation::Put], Fault::PermissionDenied));
    let error = table.log().commit(args).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
}
