//! Many writers, and answers that are lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{
    Catalog, CatalogCapabilities, Changes, CommitArgs, CommitState, CommitTag, Entry, Error, ErrorKind,
    HistoryArgs, Info, ListArgs, NamespaceChange, Result, Retry, SwapArgs, TableIdent,
};

use crate::setup::{Place, adds, all_names, any, append, latest};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_appends_at_once_all_land_once() {
    for place in Place::all() {
        place.table().await;
        let tasks: Vec<_> = (0..32)
            .map(|i| {
                let place = place.clone();
                tokio::spawn(async move {
                    // Each has a handle of its own, as another process would.
                    let log = place.open().await?;
                    let base = log.snapshot(stitchwork_core::At::Latest).await?;
                    let args = CommitArgs::new(base, "append", adds([any(&format!("f{:02}", i))]));
                    log.commit(args).await.map(|committed| committed.lost_races)
                })
            })
            .collect();
        let mut lost = 0;
        for task in tasks {
            lost += task.await.unwrap().unwrap();
        }
        let log = place.open().await.unwrap();
        let expected: Vec<_> = (0..32).map(|i| format!("f{i:02}")).collect();
        assert_eq!(all_names(&log).await, expected);
        let history: Vec<_> =
            futures::TryStreamExt::try_collect(log.history(HistoryArgs::default())).await.unwrap();
        assert_eq!(history.len(), 32, "after {lost} lost races");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_commits_with_one_tag_one_lands() {
    let place = Place::in_catalog();
    place.table().await;
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let place = place.clone();
            tokio::spawn(async move {
                let log = place.open().await?;
                let base = log.snapshot(stitchwork_core::At::Latest).await?;
                let mut args = CommitArgs::new(base, "append", adds([any(&format!("f{i}"))]));
                args.tag = Some(CommitTag { application: "a".to_owned(), id: 1, payload: None });
                log.commit(args).await
            })
        })
        .collect();
    let mut landed = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => landed += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
        }
    }
    assert_eq!(landed, 1);
    assert_eq!(all_names(&place.open().await.unwrap()).await.len(), 1);
}

/// A catalog that does what it is told and then loses the answer, or loses the request, or is away altogether.
#[derive(Debug, Default)]
pub(crate) struct Lossy {
    inner: MemoryCatalog,
    /// Whether it says that it commits on its server.
    on_server: bool,
    lose_answers: AtomicU32,
    pub(crate) lose_requests: AtomicU32,
    away: AtomicU32,
}

impl Lossy {
    /// One that says that it commits on its server.
    pub(crate) fn on_server() -> Self {
        Self { on_server: true, ..Self::default() }
    }
}

fn take(count: &AtomicU32) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Unavailable, "no answer")
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Catalog for Lossy {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities { commits_on_server: self.on_server, ..self.inner.capabilities() }
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        self.inner.list(args)
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        if take(&self.away) { Err(no_answer()) } else { self.inner.load(ident).await }
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        let made = self.inner.create(entry).await?;
        if take(&self.lose_answers) { Err(no_answer()) } else { Ok(made) }
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.inner.remove(ident).await
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.inner.rename(from, to).await
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        let lost = || no_answer().with_commit_state(CommitState::Unknown);
        if take(&self.lose_requests) {
            return Err(lost());
        }
        let swapped = self.inner.swap(swaps).await?;
        if take(&self.lose_answers) { Err(lost()) } else { Ok(swapped) }
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        self.inner.namespaces().await
    }

    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        self.inner.namespace_properties(namespace).await
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        self.inner.alter_namespace(namespace, change).await
    }
}

pub(crate) fn lossy() -> (Arc<Lossy>, Place) {
    let catalog = Arc::new(Lossy::default());
    let place = Place { catalog: Some(catalog.clone()), ..Place::in_catalog() };
    (catalog, place)
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_lands_once() {
    let (catalog, place) = lossy();
    catalog.lose_answers.store(1, Ordering::SeqCst);
    let log = place.table().await;
    for (answers, requests, away) in [(1, 0, 0), (0, 2, 0), (1, 0, 3), (2, 1, 1)] {
        catalog.lose_answers.store(answers, Ordering::SeqCst);
        catalog.lose_requests.store(requests, Ordering::SeqCst);
        let name = format!("f{answers}{requests}{away}");
        let base = latest(&log).await;
        catalog.away.store(away, Ordering::SeqCst);
        let args = CommitArgs::new(base, "append", adds([any(&name)]));
        log.commit(args).await.unwrap();
        catalog.lose_answers.store(0, Ordering::SeqCst);
    }
    // A change of properties alone makes no snapshot by which it could be found.
    catalog.lose_answers.store(1, Ordering::SeqCst);
    let properties = BTreeMap::from([("a".to_owned(), Some("1".to_owned()))]);
    let changes = Changes { properties, ..Changes::default() };
    let made = log.commit(CommitArgs::new(latest(&log).await, "set", changes)).await.unwrap();
    assert_eq!((made.lost_races, made.snapshot.properties()["a"].as_str()), (0, "1"));
    let fresh = place.open().await.unwrap();
    assert_eq!(all_names(&fresh).await, ["f020", "f100", "f103", "f211"]);
    append(&fresh, "g").await;
    let history: Vec<_> =
        futures::TryStreamExt::try_collect(fresh.history(HistoryArgs::default())).await.unwrap();
    assert_eq!(history.len(), 5);
}

#[tokio::test]
async fn patience_ends_with_an_honest_answer() {
    let (catalog, place) = lossy();
    let log = place.table().await;
    let retry = Retry { patience: std::time::Duration::from_millis(50) };
    let base = latest(&log).await;
    catalog.lose_answers.store(1, Ordering::SeqCst);
    catalog.lose_requests.store(1000, Ordering::SeqCst);
    let mut args = CommitArgs::new(base.clone(), "append", adds([any("a")]));
    args.retry = retry;
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::Unknown));
    assert!(!error.is_retryable());
    catalog.lose_requests.store(0, Ordering::SeqCst);
    catalog.lose_answers.store(0, Ordering::SeqCst);
    catalog.away.store(1000, Ordering::SeqCst);
    let mut args = CommitArgs::new(base, "append", adds([any("a")]));
    args.retry = retry;
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
    assert!(error.is_retryable());
    catalog.away.store(0, Ordering::SeqCst);
    append(&log, "b").await;
    assert_eq!(all_names(&log).await, ["b"]);
}
