//! Answers that get lost.

use std::sync::Arc;

use stitchwork_core::{At, CommitArgs, CommitState, CommitTag, DataFile, LogArgs, Snapshot};

use super::Subject;
use super::fixture::{Table, append, file_name, fresh_args, list_all};
use crate::failure::ensure;
use crate::{Failure, Fault, FaultStore, FlakyCatalog, Operation, Outcome, Rule};

/// The writes whose answers can get lost. Deletes only clean up.
const WRITES: [Operation; 4] = [Operation::Put, Operation::Complete, Operation::Copy, Operation::Rename];

/// Contract: when the store, or the catalog, did the write but its answer was lost, the commit lands once and
/// says so. Tried with the answer of each write of a commit, one after the other, with none coming back and with
/// that of a repetition, which is refused because of the first; a commit that fails before the step that counts
/// has done nothing and says so.
pub(super) async fn lost_answer_is_found(subject: Subject) -> Outcome {
    for tagged in [false, true] {
        for fault in [Fault::LostAnswer, Fault::Repeated] {
            let mut nth = 0;
            while lose_nth_write(&subject, nth, fault, tagged).await? {
                nth += 1;
            }
            if nth == 0 {
                return Err(Failure::skipped("a commit writes nothing to a store"));
            }
        }
        if subject.factory.capabilities().pointer && subject.args.catalog.is_some() {
            lose_swap(&subject, tagged).await?;
        }
    }
    Ok(())
}

fn commit_args(base: Arc<dyn Snapshot>, file: &DataFile, tagged: bool) -> CommitArgs {
    let tag = CommitTag { application: "app".to_owned(), id: 1, payload: None };
    CommitArgs { tag: tagged.then_some(tag), ..append(base, std::slice::from_ref(file)) }
}

/// A commit in a table of its own whose `nth` write is done without an answer. `false` when it makes fewer.
async fn lose_nth_write(subject: &Subject, nth: u64, fault: Fault, tagged: bool) -> Result<bool, Failure> {
    let args = fresh_args(subject);
    let object = args.stores.resolve(&args.location)?;
    let store = FaultStore::new(object.store.clone());
    args.stores.mount(&object.root, Arc::new(store.clone()));
    let table = Table::create_at(subject.clone(), args).await?;
    let first = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&first)).await?;
    let file = table.file(10, Some("a")).await?;
    let base = table.log.snapshot(At::Latest).await?;
    store.forget();
    store.inject(Rule::on(&WRITES, fault).path(object.path.as_ref()).after(nth));
    let result = table.log.commit(commit_args(base, &file, tagged)).await;
    store.heal();
    table.args.stores.mount(&object.root, object.store.clone());
    let writes =
        store.requests().iter().filter(|r| WRITES.contains(&r.operation)).cloned().collect::<Vec<_>>();
    let lost = writes.get(usize::try_from(nth).unwrap_or(usize::MAX)).cloned();
    let what = format!("with the answer of write {nth} lost ({fault:?}), {lost:?}, tagged {tagged}");
    if fault == Fault::Repeated {
        ensure!(result.is_ok(), "{what}: the commit takes its own write for another's: {:?}", result.err());
    }
    judge(&what, &table, &first, &file, result.map(drop), tagged).await?;
    Ok(lost.is_some())
}

/// A commit whose swap in the catalog is done without an answer.
async fn lose_swap(subject: &Subject, tagged: bool) -> Outcome {
    let args = fresh_args(subject);
    let Some(catalog) = args.catalog.clone() else { return Ok(()) };
    let flaky = Arc::new(FlakyCatalog::new(catalog));
    let args = LogArgs { catalog: Some(flaky.clone()), ..args };
    let table = Table::create_at(subject.clone(), args).await?;
    let first = table.file(0, Some("a")).await?;
    table.append(std::slice::from_ref(&first)).await?;
    let file = table.file(10, Some("a")).await?;
    let base = table.log.snapshot(At::Latest).await?;
    flaky.lose_answers(1);
    let result = table.log.commit(commit_args(base, &file, tagged)).await;
    flaky.lose_answers(0);
    let what = format!("with the answer of the swap lost, tagged {tagged}");
    ensure!(result.is_ok(), "{what}: the commit says {:?}", result.err());
    judge(&what, &table, &first, &file, result.map(drop), tagged).await
}

/// What the commit said must be what a fresh snapshot shows, and trying it again must land it once.
async fn judge(
    what: &str,
    table: &Table,
    first: &DataFile,
    file: &DataFile,
    result: stitchwork_core::Result<()>,
    tagged: bool,
) -> Outcome {
    let live = list_all(table.latest().await?.as_ref()).await?;
    let count = live.iter().filter(|listed| file_name(listed) == file_name(file)).count();
    match &result {
        Ok(()) => {
            ensure!(count == 1, "{what}: the commit says it landed, and its file is live {count} times")
        }
        Err(e) => {
            ensure!(count == 0, "{what}: the commit landed {count} times and says {e:?}");
            ensure!(
                e.commit_state() == Some(CommitState::NotCommitted),
                "{what}: the commit did not land and does not say so: {e:?}"
            );
            let base = table.log.snapshot(At::Latest).await?;
            table.log.commit(commit_args(base, file, tagged)).await?;
        }
    }
    table.expect(what, &[first, file]).await
}
