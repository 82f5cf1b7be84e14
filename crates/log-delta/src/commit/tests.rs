//! Commits against a store that loses answers, and against other writers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload, PutResult};
use stitchwork_core::{
    At, Changes, CommitArgs, CommitState, CommitTag, CreateArgs, DataFile, ErrorKind, FileFilter, Formats,
    Log, LogArgs, LogFactory, PartitionField, Reads, Result, Retry, Scalar, Snapshot, Stores, col,
};
use stitchwork_testkit::{Fault, FaultStore, Operation, Puts, Rule};

use crate::DeltaLogFactory;

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("day", DataType::Int64, true),
        Field::new("x", DataType::Int64, true),
    ]))
}

const LOCATION: &str = "store://test/t";

async fn create(stores: &Stores) -> Arc<dyn Log> {
    let mut create = CreateArgs::new(schema());
    create.partitioning = vec![PartitionField::identity("day")];
    let args = LogArgs::new(LOCATION, stores.clone(), Formats::default());
    DeltaLogFactory.create(args, create).await.unwrap()
}

async fn open(stores: &Stores) -> Arc<dyn Log> {
    DeltaLogFactory.open(LogArgs::new(LOCATION, stores.clone(), Formats::default())).await.unwrap()
}

fn file(name: &str, day: i64) -> DataFile {
    DataFile {
        location: format!("{LOCATION}/{name}"),
        format: "parquet".to_owned(),
        size: 10,
        rows: Some(3),
        partition: vec![Scalar::from(day)],
        ..DataFile::default()
    }
}

fn adding(base: &Arc<dyn Snapshot>, name: &str, day: i64) -> CommitArgs {
    let changes = Changes { added: vec![file(name, day)], ..Changes::default() };
    CommitArgs::new(base.clone(), "append", changes)
}

fn tagged(mut args: CommitArgs, id: i64) -> CommitArgs {
    let payload = Some(serde_json::json!({ "cursor": id }));
    args.tag = Some(CommitTag { application: "app".to_owned(), id, payload });
    args
}

async fn files(snapshot: &Arc<dyn Snapshot>) -> Vec<DataFile> {
    let chunks: Vec<_> = snapshot.files(FileFilter::default()).try_collect().await.unwrap();
    let mut files: Vec<DataFile> = chunks.into_iter().flatten().collect();
    files.sort_by(|a, b| a.location.cmp(&b.location));
    files
}

async fn names(log: &Arc<dyn Log>) -> Vec<String> {
    let snapshot = log.snapshot(At::Latest).await.unwrap();
    files(&snapshot).await.into_iter().map(|f| f.location.replace("store://test/t/", "")).collect()
}

fn faulty() -> (Stores, FaultStore) {
    let stores = Stores::new();
    let store = FaultStore::new(Arc::new(InMemory::new()));
    stores.mount("store://test", Arc::new(store.clone()));
    (stores, store)
}

/// What happens to the next commits.
fn commits(fault: Fault) -> Rule {
    Rule::on(&[Operation::Put], fault).path("_delta_log/0")
}

#[tokio::test]
async fn a_lost_answer_is_found_and_nothing_lands_twice() {
    for fault in [Fault::LostAnswer, Fault::Unavailable, Fault::Repeated] {
        let (stores, store) = faulty();
        let log = create(&stores).await;
        let base = log.snapshot(At::Latest).await.unwrap();
        store.inject(commits(fault));
        let committed = log.commit(tagged(adding(&base, "a", 1), 1)).await.unwrap();
        assert_eq!((committed.snapshot.version(), committed.lost_races), (1, 0), "{fault:?}");
        assert_eq!(store.faults(), 1, "the fault was there");
        let fresh = open(&stores).await;
        assert_eq!(fresh.snapshot(At::Latest).await.unwrap().version(), 1);
        assert_eq!(names(&fresh).await, ["a"]);
    }
}

#[tokio::test]
async fn a_store_that_stays_silent_leaves_the_commit_in_doubt() {
    let (stores, store) = faulty();
    let log = create(&stores).await;
    let base = log.snapshot(At::Latest).await.unwrap();
    store.inject(commits(Fault::Unavailable).times(u64::MAX));
    let mut args = adding(&base, "a", 1);
    args.retry = Retry { patience: Duration::from_millis(20) };
    let error = log.commit(args.clone()).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
    assert!(!error.is_retryable());
    store.heal();
    store.inject(commits(Fault::PermissionDenied));
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_writers_lose_nothing() {
    thirty_two_writers(faulty().0).await;
    // The same on a disk.
    let folder = tempfile::tempdir().unwrap();
    let local = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let stores = Stores::new();
    stores.mount("store://test", Arc::new(local));
    thirty_two_writers(stores).await;
}

async fn thirty_two_writers(stores: Stores) {
    create(&stores).await;
    let tasks = (0..32).map(|task| {
        let stores = stores.clone();
        tokio::spawn(async move {
            let log = open(&stores).await;
            let base = log.snapshot(At::Latest).await.unwrap();
            for n in 0..4 {
                // Always from the stale base.
                log.commit(adding(&base, &format!("{task:02}-{n}"), task)).await.unwrap();
            }
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
    let log = open(&stores).await;
    let mut expected: Vec<String> =
        (0..32).flat_map(|task| (0..4).map(move |n| format!("{task:02}-{n}"))).collect();
    expected.sort();
    assert_eq!(names(&log).await, expected);
    assert_eq!(log.snapshot(At::Latest).await.unwrap().version(), 128);
}

/// Two logs of one table, so that the second one must find out what the first has done.
async fn two() -> (Arc<dyn Log>, Arc<dyn Log>, Arc<dyn Snapshot>) {
    let (stores, _) = faulty();
    let first = create(&stores).await;
    let base = first.snapshot(At::Latest).await.unwrap();
    first.commit(adding(&base, "a", 1)).await.unwrap();
    let base = first.commit(adding(&base, "b", 2)).await.unwrap().snapshot;
    let second = open(&stores).await;
    let other = second.snapshot(At::Latest).await.unwrap();
    assert_eq!(other.version(), base.version());
    (first, second, other)
}

async fn removing(base: &Arc<dyn Snapshot>, name: &str) -> CommitArgs {
    let removed = files(base).await.into_iter().filter(|f| f.location.ends_with(name)).collect();
    CommitArgs::new(base.clone(), "delete", Changes { removed, ..Changes::default() })
}

async fn conflicts(log: &Arc<dyn Log>, args: CommitArgs) -> bool {
    let before = log.snapshot(At::Latest).await.unwrap().version();
    match log.commit(args).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
            assert_eq!(log.snapshot(At::Latest).await.unwrap().version(), before);
            true
        }
    }
}

#[tokio::test]
async fn what_conflicts_with_a_removal() {
    let (first, second, base) = two().await;
    first.commit(removing(&base, "a").await).await.unwrap();
    assert!(conflicts(&second, removing(&base, "a").await).await, "the same file twice");
    assert!(!conflicts(&second, removing(&base, "b").await).await, "another file");
    assert_eq!(names(&first).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_conflicts_with_reading() {
    let reading = |base: &Arc<dyn Snapshot>, name: &str, reads: Reads| {
        let mut args = adding(base, name, 9);
        args.reads = reads;
        args
    };
    let day = |day: i64| Reads::Rows(col("day").eq(day));
    let (first, second, base) = two().await;
    first.commit(adding(&base, "c", 3)).await.unwrap();
    assert!(conflicts(&second, reading(&base, "d", day(3))).await, "rows that came");
    assert!(conflicts(&second, reading(&base, "d", Reads::Everything)).await);
    assert!(!conflicts(&second, reading(&base, "e", day(4))).await, "other rows");
    assert!(!conflicts(&second, reading(&base, "f", Reads::Nothing)).await, "a blind append");
    let base = second.snapshot(At::Latest).await.unwrap();
    first.snapshot(At::Latest).await.unwrap();
    first.commit(removing(&base, "a").await).await.unwrap();
    assert!(conflicts(&second, reading(&base, "g", day(1))).await, "rows that went");
    assert!(!conflicts(&second, reading(&base, "h", day(2))).await);
}

#[tokio::test]
async fn metadata_changes_once_and_appends_go_on() {
    let (first, second, base) = two().await;
    let property = |value: &str| {
        let properties = BTreeMap::from([("k".to_owned(), Some(value.to_owned()))]);
        CommitArgs::new(base.clone(), "set", Changes { properties, ..Changes::default() })
    };
    first.commit(property("1")).await.unwrap();
    assert!(conflicts(&second, property("2")).await);
    assert!(!conflicts(&second, adding(&base, "c", 1)).await);
    let wider = Schema::new(
        schema()
            .fields()
            .iter()
            .cloned()
            .chain([Arc::new(Field::new("y", DataType::Utf8, true))])
            .collect::<Vec<_>>(),
    );
    let latest = first.snapshot(At::Latest).await.unwrap();
    let changes = Changes { schema: Some(Arc::new(wider)), ..Changes::default() };
    let wide = first.commit(CommitArgs::new(latest, "add column", changes)).await.unwrap().snapshot;
    assert_eq!(wide.schema().fields().len(), 3);
    assert_eq!(wide.properties().get("k").map(String::as_str), Some("1"));
    assert!(!conflicts(&second, adding(&base, "d", 1)).await, "files of the old schema still fit");
}

#[tokio::test]
async fn tags_are_found_and_never_taken_twice() -> Result<()> {
    let (first, second, base) = two().await;
    first.commit(tagged(adding(&base, "c", 1), 7)).await?;
    for id in [7, 6] {
        let error = second.commit(tagged(adding(&base, "d", 1), id)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
    }
    let committed = second.commit(tagged(adding(&base, "d", 1), 8)).await?;
    let tag = committed.snapshot.tag("app").await?.unwrap();
    assert_eq!((tag.id, tag.payload), (8, Some(serde_json::json!({ "cursor": 8 }))));
    assert_eq!(committed.snapshot.tag("other").await?, None);
    let mut bare = tagged(adding(&base, "e", 1), 9);
    bare.tag.as_mut().unwrap().payload = None;
    assert_eq!(second.commit(bare).await?.snapshot.tag("app").await?.unwrap().payload, None);
    assert_eq!(names(&first).await, ["a", "b", "c", "d", "e"]);
    Ok(())
}

#[tokio::test]
async fn a_kept_state_that_fell_behind_a_checkpoint_still_sees_conflicts() {
    let (first, second, base) = two().await;
    let properties = BTreeMap::from([("delta.checkpointInterval".to_owned(), Some("2".to_owned()))]);
    first
        .commit(CommitArgs::new(base.clone(), "set", Changes { properties, ..Changes::default() }))
        .await
        .unwrap();
    first.commit(removing(&base, "a").await).await.unwrap();
    let mut latest = first.snapshot(At::Latest).await.unwrap();
    for n in 0..4 {
        latest = first.commit(adding(&latest, &format!("c{n}"), 1)).await.unwrap().snapshot;
    }
    assert!(conflicts(&first, removing(&base, "a").await).await, "the tail has been cut since");
    assert!(conflicts(&second, removing(&base, "a").await).await);
}

#[tokio::test]
async fn a_commit_costs_two_requests_however_long_the_log() {
    let (stores, store) = faulty();
    let log = create(&stores).await;
    let mut base = log.snapshot(At::Latest).await.unwrap();
    let requests = || (store.count(Operation::List), store.count(Operation::Get));
    let written = || (store.count(Operation::Put), store.count(Operation::Head));
    let (before, base_written) = (requests(), written());
    for n in 0..99 {
        base = log.commit(adding(&base, &format!("{n}"), 1)).await.unwrap().snapshot;
    }
    assert_eq!(requests(), before, "no listing and no reading");
    // Checkpoints and the hints at them are written as well, every tenth time.
    let puts = written().0 - base_written.0;
    assert!((99..140).contains(&puts), "{puts} objects were written");
    assert_eq!(written().1, base_written.1 + 99, "the time of each is asked for once");
    log.snapshot(At::Latest).await.unwrap();
    assert_eq!(requests(), (before.0, before.1 + 1), "looking for news is one request");
}

#[tokio::test]
async fn files_must_fit_the_table() {
    let (_, second, base) = two().await;
    let refused = async |change: fn(&mut DataFile)| {
        let mut args = adding(&base, "new", 1);
        args.changes.added.iter_mut().for_each(change);
        let error = second.commit(args).await.unwrap_err();
        assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
        error.kind()
    };
    assert_eq!(refused(|file| file.partition.clear()).await, ErrorKind::InvalidInput);
    assert_eq!(refused(|file| file.partition = vec![Scalar::from("x")]).await, ErrorKind::InvalidInput);
    assert_eq!(refused(|file| file.format = "json".to_owned()).await, ErrorKind::Unsupported);
    let mut twice = removing(&base, "a").await;
    twice.changes.removed.extend(twice.changes.removed.clone());
    assert_eq!(second.commit(twice).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_removal_that_is_tried_again_finds_itself() {
    let (first, second, base) = two().await;
    let args = tagged(removing(&base, "a").await, 1);
    first.commit(args.clone()).await.unwrap();
    for log in [&first, &second] {
        let error = log.commit(args.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "not a conflict: {error}");
    }
}

/// Has the object long before it says so.
#[derive(Debug)]
struct Late;

#[async_trait]
impl Puts for Late {
    async fn put(
        &self,
        inner: &dyn ObjectStore,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let put = inner.put_opts(path, payload, options).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        put
    }
}

#[tokio::test]
async fn a_commit_has_the_time_that_the_store_gave_it() {
    let stores = Stores::new();
    let store = FaultStore::new(Arc::new(InMemory::new())).with_puts(Arc::new(Late));
    stores.mount("store://test", Arc::new(store));
    let log = create(&stores).await;
    let created = log.snapshot(At::Latest).await.unwrap();
    let committed = log.commit(adding(&created, "a", 1)).await.unwrap().snapshot;
    let other = open(&stores).await;
    for told in [created, committed] {
        let opened = other.snapshot(At::Version(told.version())).await.unwrap();
        assert_eq!(opened.timestamp_ms(), told.timestamp_ms(), "version {}", told.version());
        let then = other.snapshot(At::Timestamp(told.timestamp_ms())).await.unwrap();
        assert_eq!(then.version(), told.version());
    }
}
