//! What goes wrong, and where.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange,
    Result, SwapArgs, TableIdent,
};
use stitchwork_testkit::{self as testkit, FaultStore, Rule};

use super::steps::{Step, What, Where};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// It is not done, and said to be forbidden.
    Refused,
    /// It is not done (503).
    Unavailable,
    /// It is done, and its answer is lost.
    LostAnswer,
    /// It is done, its answer is lost, and the next request fails as well: nobody can tell whether it was done.
    Blind,
    /// It is done, its answer is lost, and the client's own repetition is told that it exists already.
    Repeated,
    /// It is not done, and said to exist already or to have lost a race (409).
    Conflict,
    /// The body breaks off.
    Torn,
    /// It takes so long that another run does all of its work meanwhile.
    Slow,
    /// The process dies before it is done.
    Dead,
}

impl Fault {
    /// Every fault.
    pub(crate) const ALL: [Self; 9] = [
        Self::Refused,
        Self::Unavailable,
        Self::LostAnswer,
        Self::Blind,
        Self::Repeated,
        Self::Conflict,
        Self::Torn,
        Self::Slow,
        Self::Dead,
    ];

    /// The rules for a store that meet the fault at its n-th request.
    fn rules(self, n: u64) -> Vec<Rule> {
        let one = |fault| vec![Rule::any(fault).after(n)];
        match self {
            Self::Refused => one(testkit::Fault::PermissionDenied),
            Self::Unavailable => one(testkit::Fault::Unavailable),
            Self::LostAnswer => one(testkit::Fault::LostAnswer),
            // The second rule is asked only where the first one has nothing to say, so it counts the same requests.
            Self::Blind => [testkit::Fault::LostAnswer, testkit::Fault::Unavailable].map(one).concat(),
            Self::Repeated => one(testkit::Fault::Repeated),
            Self::Conflict => one(testkit::Fault::AlreadyExists),
            Self::Torn => one(testkit::Fault::TornBody(1)),
            Self::Slow => one(testkit::Fault::Delay(SLOW)),
            Self::Dead => vec![Rule::any(testkit::Fault::Delay(FOREVER)).after(n).times(u64::MAX)],
        }
    }
}

/// How long a slow request waits, at least: the other run begins before it is over, and nobody looks at the slow one
/// until the other one has ended.
const SLOW: Duration = Duration::from_millis(100);

/// Longer than a test waits.
const FOREVER: Duration = Duration::from_secs(1 << 20);

/// The trouble of one process: its requests are counted, and some of them go wrong.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// What goes wrong where, in the order in which it comes.
    faults: Vec<(Where, Fault)>,
    store: Arc<Mutex<FaultStore>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// A call of the catalog.
#[derive(Debug, Clone, Copy)]
struct Call {
    name: &'static str,
    /// How many requests the store has got before it.
    after: usize,
}

impl Trouble {
    /// None.
    pub(crate) fn none() -> Self {
        let store = Arc::new(Mutex::new(FaultStore::new(Arc::new(InMemory::new()))));
        Self { faults: vec![], store, calls: Arc::default() }
    }

    /// A fault at a request.
    pub(crate) fn at(place: Where, fault: Fault) -> Self {
        Self::none().then(place, fault)
    }

    /// And a fault at a later request.
    pub(crate) fn then(mut self, place: Where, fault: Fault) -> Self {
        self.faults.push((place, fault));
        self
    }

    /// The store, in front of another one.
    pub(crate) fn store(&self, inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        let store = FaultStore::new(inner);
        // The later one is asked first: a rule counts only what the rules before it let through.
        for (place, fault) in self.faults.iter().rev() {
            if let Where::Store(n) = place {
                fault.rules(*n as u64).into_iter().for_each(|rule| store.inject(rule));
            }
        }
        *self.store.lock() = store.clone();
        Arc::new(store)
    }

    /// The catalog, in front of another one.
    pub(crate) fn catalog(&self, inner: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        Arc::new(TroubledCatalog { inner, trouble: self.clone() })
    }

    /// The requests to the store and the calls of the catalog so far, in their order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let (requests, calls) = (self.store.lock().requests(), self.calls.lock().clone());
        let mut calls = calls.into_iter().enumerate().peekable();
        let mut steps = vec![];
        for n in 0..=requests.len() {
            while let Some((at, call)) = calls.next_if(|(_, call)| call.after == n) {
                steps.push(Step { place: Where::Catalog(at), what: What::Call(call.name) });
            }
            if let Some(request) = requests.get(n) {
                steps.push(Step { place: Where::Store(n), what: What::Request(request.clone()) });
            }
        }
        steps
    }

    /// Whether the requests have come that go wrong.
    pub(crate) fn fired(&self) -> bool {
        !self.faults.is_empty() && self.faults.iter().all(|(place, _)| self.has_come(*place))
    }

    /// Whether the request has come of which the process dies.
    pub(crate) fn is_dead(&self) -> bool {
        self.has_met(Fault::Dead)
    }

    fn has_come(&self, place: Where) -> bool {
        match place {
            Where::Nowhere => false,
            Where::Store(n) => self.store.lock().requests().len() > n,
            Where::Catalog(n) => self.calls.lock().len() > n,
        }
    }

    fn has_met(&self, fault: Fault) -> bool {
        self.faults.iter().any(|(place, met)| *met == fault && self.has_come(*place))
    }

    /// Comes back when the process has died of it.
    pub(crate) async fn death(&self) {
        self.met(Fault::Dead).await;
    }

    /// Comes back when a request has come that is slow.
    pub(crate) async fn slowness(&self) {
        self.met(Fault::Slow).await;
    }

    /// Comes back when the request has come that meets this fault.
    async fn met(&self, fault: Fault) {
        while !self.has_met(fault) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Counts a call and says what goes wrong with it.
    fn call(&self, name: &'static str) -> Option<Fault> {
        let mut calls = self.calls.lock();
        let n = calls.len();
        calls.push(Call { name, after: self.store.lock().requests().len() });
        self.faults.iter().rev().find_map(|(place, fault)| match *place {
            Where::Catalog(at) if n == at => Some(*fault),
            Where::Catalog(at) if n > at && *fault == Fault::Dead => Some(Fault::Dead),
            Where::Catalog(at) if n == at + 1 && *fault == Fault::Blind => Some(Fault::Unavailable),
            _ => None,
        })
    }

    async fn meet<T>(&self, name: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.call(name) {
            None => work.await,
            Some(Fault::Repeated) if name == "create" => {
                work.await?;
                Err(Error::new(ErrorKind::AlreadyExists, "it was there when the request was repeated"))
            }
            Some(Fault::Conflict) => {
                let kind = if name == "create" { ErrorKind::AlreadyExists } else { ErrorKind::Conflict };
                Err(Error::new(kind, "somebody else was faster").with_commit_state(CommitState::NotCommitted))
            }
            Some(Fault::Refused) => Err(Error::new(ErrorKind::PermissionDenied, "nobody may do that")
                .with_commit_state(CommitState::NotCommitted)),
            Some(Fault::LostAnswer | Fault::Blind | Fault::Repeated) => {
                work.await?;
                Err(unavailable("the answer was lost").with_commit_state(CommitState::Unknown))
            }
            Some(Fault::Dead) => std::future::pending().await,
            Some(Fault::Slow) => {
                tokio::time::sleep(SLOW).await;
                work.await
            }
            Some(_) => {
                Err(unavailable("the catalog has not been reached")
                    .with_commit_state(CommitState::NotCommitted))
            }
        }
    }
}

fn unavailable(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

/// A catalog whose calls are counted, and one of which goes wrong.
#[derive(Debug)]
struct TroubledCatalog {
    inner: Arc<dyn Catalog>,
    trouble: Trouble,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Catalog for TroubledCatalog {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> CatalogCapabilities {
        self.inner.capabilities()
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        let (trouble, list) = (self.trouble.clone(), self.inner.list(args));
        futures::stream::once(async move { trouble.meet("list", async { Ok(list) }).await })
            .map(|list| list.unwrap_or_else(|e| futures::stream::iter([Err(e)]).boxed()))
            .flatten()
            .boxed()
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        self.trouble.meet("load", self.inner.load(ident)).await
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        self.trouble.meet("create", self.inner.create(entry)).await
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.trouble.meet("remove", self.inner.remove(ident)).await
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.trouble.meet("rename", self.inner.rename(from, to)).await
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        self.trouble.meet("swap", self.inner.swap(swaps)).await
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        self.trouble.meet("namespaces", self.inner.namespaces()).await
    }

    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        self.trouble.meet("namespace_properties", self.inner.namespace_properties(namespace)).await
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        self.trouble.meet("alter_namespace", self.inner.alter_namespace(namespace, change)).await
    }
}
