//! The store that fails on demand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult};
use stitchwork_testkit::{Fault, FaultStore, Operation, Puts, Rule};

fn store() -> FaultStore {
    FaultStore::new(Arc::new(InMemory::new()))
}

#[tokio::test]
async fn requests_are_recorded_with_their_paths() {
    let store = store();
    let (a, b) = (Path::from("x/a"), Path::from("x/b"));
    store.put(&a, "12345".into()).await.unwrap();
    store.copy(&a, &b).await.unwrap();
    store.head(&b).await.unwrap();
    assert_eq!(store.get_range(&b, 1..3).await.unwrap(), "23");
    assert_eq!(store.list(Some(&Path::from("x"))).try_collect::<Vec<_>>().await.unwrap().len(), 2);
    store.delete(&b).await.unwrap();
    let mut upload = store.put_multipart(&b).await.unwrap();
    upload.put_part("part".into()).await.unwrap();
    upload.complete().await.unwrap();
    let got: Vec<_> = store.requests().iter().map(|r| (r.operation, r.path.clone())).collect();
    use Operation as O;
    let want = [
        (O::Put, "x/a"),
        (O::Copy, "x/b"),
        (O::Head, "x/b"),
        (O::Get, "x/b"),
        (O::List, "x"),
        (O::Delete, "x/b"),
        (O::PutMultipart, "x/b"),
        (O::PutPart, "x/b"),
        (O::Complete, "x/b"),
    ];
    assert_eq!(got, want.map(|(operation, path)| (operation, path.to_owned())));
    assert_eq!(store.count(O::Get), 1);
    store.forget();
    assert!(store.requests().is_empty());
}

#[tokio::test]
async fn the_nth_matching_request_fails_and_is_not_done() {
    let store = store();
    store.inject(Rule::on(&[Operation::Put], Fault::Unavailable).path("log/").after(1).times(2));
    for (path, fails) in
        [("log/0", false), ("data/0", false), ("log/1", true), ("log/2", true), ("log/3", false)]
    {
        let path = Path::from(path);
        let result = store.put(&path, "x".into()).await;
        assert_eq!(result.is_err(), fails, "{path}");
        assert_eq!(store.head(&path).await.is_err(), fails, "{path}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_request_that_was_done() {
    let store = store();
    store.inject(Rule::any(Fault::LostAnswer));
    let path = Path::from("a");
    assert!(matches!(store.put(&path, "x".into()).await, Err(Error::Generic { .. })));
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    let again = store.put_opts(&path, "y".into(), create).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
}

#[tokio::test]
async fn errors_bodies_and_times_are_as_told() {
    let store = store();
    let path = Path::from("a");
    store.put(&path, "0123456789".into()).await.unwrap();
    store.inject(Rule::any(Fault::Precondition));
    assert!(matches!(store.put(&path, "x".into()).await, Err(Error::Precondition { .. })));
    store.inject(Rule::any(Fault::NotFound));
    assert!(matches!(store.head(&path).await, Err(Error::NotFound { .. })));
    store.inject(Rule::on(&[Operation::Get], Fault::TornBody(4)));
    let torn = store.get(&path).await.unwrap();
    let mut body = torn.into_stream();
    assert_eq!(body.try_next().await.unwrap().unwrap(), "0123");
    assert!(body.try_next().await.is_err());
    store.inject(Rule::any(Fault::Delay(Duration::from_millis(30))));
    let start = Instant::now();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "0123456789");
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn after_a_crash_nothing_works_until_it_is_healed() {
    let store = store();
    let path = Path::from("a");
    store.crash_after(1);
    store.put(&path, "x".into()).await.unwrap();
    for _ in 0..3 {
        assert!(store.put(&path, "y".into()).await.is_err());
        assert!(store.get(&path).await.is_err());
        assert!(store.list(None).try_collect::<Vec<_>>().await.is_err());
        assert!(store.delete(&path).await.is_err());
    }
    store.heal();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "x");
}

#[tokio::test]
async fn what_is_fetched_is_told_and_ranges_are_gets() {
    let store = store();
    let path = Path::from("a");
    store.put(&path, vec![0; 4 << 20].into()).await.unwrap();
    store.head(&path).await.unwrap();
    store.get_range(&path, 1..3).await.unwrap();
    let far = 3 << 20;
    store.get_ranges(&path, &[5..6, 7..9, far..far + 1]).await.unwrap();
    assert_eq!(store.fetched(), [1..3, 5..9, far..far + 1]);
    assert_eq!((store.fetched_bytes(), store.count(Operation::Get)), (7, 3));
    store.forget();
    assert_eq!((store.fetched_bytes(), store.requests()), (0, vec![]));
    store.inject(Rule::on(&[Operation::Get], Fault::Unavailable));
    store.get_ranges(&path, &[0..1, 2..3]).await.unwrap_err();
    assert_eq!(store.fetched(), vec![]);
}

/// Puts nothing, and says that it did.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Puts for Forgetful {
    async fn put(
        &self,
        inner: &dyn ObjectStore,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let put = inner.put_opts(path, payload, options).await?;
        inner.delete(path).await?;
        Ok(put)
    }
}

#[tokio::test]
async fn objects_are_put_as_the_store_does_it_and_rules_still_apply() {
    let store = store().with_puts(Arc::new(Forgetful));
    let path = Path::from("a");
    store.inject(Rule::on(&[Operation::Put], Fault::Unavailable));
    store.put(&path, "x".into()).await.unwrap_err();
    store.put(&path, "x".into()).await.unwrap();
    assert!(matches!(store.get(&path).await, Err(Error::NotFound { .. })));
    assert_eq!(store.count(Operation::Put), 2);
}
