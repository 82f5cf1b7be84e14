//! Puts to a store that loses answers, refuses, or falls silent.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutResult,
};
use stitchwork_core::Stores;
use stitchwork_testkit::{Fault, FaultStore, Operation, Rule};

use super::*;
use crate::numbered::tests::{Note, folder, write};

async fn put_within(commits: &Commits, patience: Duration) -> Result<Put<Note>> {
    commits.put(7, &PutPayload::from("id ours"), "ours", &Patience::new(patience)).await
}

async fn put(commits: &Commits) -> Result<Put<Note>> {
    put_within(commits, Duration::from_secs(60)).await
}

async fn put_in_a_hurry(commits: &Commits) -> Result<Put<Note>> {
    put_within(commits, Duration::from_millis(20)).await
}

/// A fault of the next puts.
fn puts(fault: Fault) -> Rule {
    Rule::on(&[Operation::Put], fault)
}

/// Gets that never succeed.
fn no_gets(fault: Fault) -> Rule {
    Rule::on(&[Operation::Get], fault).times(u64::MAX)
}

#[tokio::test]
async fn what_is_put_first_wins() {
    let (commits, store) = folder();
    assert!(matches!(put(&commits).await.unwrap(), Put::Won));
    assert_eq!(store.requests().len(), 1, "a put that is answered needs no reading");
    let (commits, _) = folder();
    write(&commits, 7, "id theirs").await;
    let Put::Lost(winner) = put(&commits).await.unwrap() else { panic!("the version was taken") };
    assert_eq!((winner.version, winner.id()), (7, Some("theirs")));
}

#[tokio::test]
async fn ours_is_found_behind_a_lost_answer() {
    for fault in [Fault::LostAnswer, Fault::Repeated] {
        let (commits, store) = folder();
        store.inject(puts(fault));
        assert!(matches!(put(&commits).await.unwrap(), Put::Won), "{fault:?}");
        assert_eq!(store.faults(), 1);
        assert_eq!(store.count(Operation::Put), 1, "{fault:?}: it landed, so that it is not put again");
    }
}

#[tokio::test]
async fn what_did_not_land_is_put_again() {
    for fault in [Fault::Unavailable, Fault::AlreadyExists, Fault::Precondition] {
        let (commits, store) = folder();
        store.inject(puts(fault).times(3));
        assert!(matches!(put(&commits).await.unwrap(), Put::Won), "{fault:?}");
        assert_eq!(store.count(Operation::Put), 4, "{fault:?}");
        assert_eq!(commits.read::<Note>(7).await.unwrap().unwrap().id(), Some("ours"));
    }
}

#[tokio::test]
async fn another_commit_behind_a_lost_answer_wins() {
    let (commits, store) = folder();
    write(&commits, 7, "id theirs").await;
    store.inject(puts(Fault::Unavailable));
    assert!(matches!(put(&commits).await.unwrap(), Put::Lost(winner) if winner.id() == Some("theirs")));
}

#[tokio::test]
async fn a_refusal_is_final_and_nothing_is_committed() {
    for (fault, kind) in
        [(Fault::PermissionDenied, ErrorKind::PermissionDenied), (Fault::NotFound, ErrorKind::NotFound)]
    {
        let (commits, store) = folder();
        store.inject(puts(fault));
        let error = put(&commits).await.unwrap_err();
        assert_eq!((error.kind(), error.commit_state()), (kind, Some(CommitState::NotCommitted)));
        assert_eq!(error.context("location"), Some("store://test/log/00000000000000000007.json"));
        assert_eq!(store.requests().len(), 1);
    }
}

/// No folder can be made in the one of the processes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_made_is_no_lost_answer() {
    let commits = Commits::new(Stores::new().resolve("file:///proc/stitchwork/log").unwrap());
    let begun = Instant::now();
    let error = put(&commits).await.unwrap_err();
    assert_eq!((error.kind(), error.commit_state()), (ErrorKind::NotFound, Some(CommitState::NotCommitted)));
    assert!(error.context("reason").is_some(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "it was tried again and again");
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_leaves_doubt() {
    let (commits, store) = folder();
    store.inject(puts(Fault::Unavailable));
    store.inject(puts(Fault::PermissionDenied).times(u64::MAX));
    let error = put_in_a_hurry(&commits).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
}

#[tokio::test]
async fn a_silent_store_leaves_doubt_when_patience_ends() {
    let (commits, store) = folder();
    store.inject(puts(Fault::Unavailable).times(u64::MAX));
    let error = put_in_a_hurry(&commits).await.unwrap_err();
    assert_eq!((error.commit_state(), error.context("version")), (Some(CommitState::Unknown), Some("7")));
    assert!(store.count(Operation::Put) > 1, "it has been tried again");
    // What landed and cannot be read back may be ours.
    for fault in [Fault::LostAnswer, Fault::Repeated] {
        let (commits, store) = folder();
        store.inject(puts(fault));
        store.inject(no_gets(Fault::Unavailable));
        let error = put_in_a_hurry(&commits).await.unwrap_err();
        assert_eq!(error.commit_state(), Some(CommitState::Unknown), "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_contradicts_itself_has_committed_nothing() {
    let (commits, store) = folder();
    store.inject(puts(Fault::AlreadyExists).times(u64::MAX));
    let error = put_in_a_hurry(&commits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
}

#[tokio::test]
async fn what_cannot_be_understood_is_ours_only_in_doubt() {
    let (commits, store) = folder();
    write(&commits, 7, "torn").await;
    let error = put(&commits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
    store.inject(puts(Fault::Unavailable));
    let error = put(&commits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
}

/// A store that has no reading.
#[derive(Debug)]
struct Unreadable(FaultStore);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unreadable")
    }
}

#[async_trait]
impl ObjectStore for Unreadable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> object_store::Result<GetResult> {
        Err(StoreError::NotSupported { source: "there is no reading here".into() })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// A store that refuses to read says nothing about the commit, as opposed to a commit that is not understood.
#[tokio::test]
async fn a_store_that_refuses_to_read_leaves_doubt() {
    let store = FaultStore::new(Arc::new(InMemory::new()));
    let stores = Stores::new();
    stores.mount("store://test", Arc::new(Unreadable(store.clone())));
    let commits = Commits::new(stores.resolve("store://test/log").unwrap());
    // It landed, and the store below was refused by its own first put.
    store.inject(puts(Fault::Repeated));
    let error = put_in_a_hurry(&commits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
}
