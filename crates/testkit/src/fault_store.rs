//! A store that records its requests and fails on demand.

mod rule;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart,
};
use parking_lot::Mutex;

pub use rule::{Fault, Operation, Request, Rule};

/// A store around another one: every request is recorded, and rules make requests fail before they are done,
/// after they were done, slowly, or halfway. Many ranges of an object are what they are on a store behind a network: one
/// get for those that lie close together.
///
/// Put it under everything with [`stitchwork_core::Stores::mount`]. Clones share the records and the rules.
#[derive(Debug, Clone)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    puts: Option<Arc<dyn Puts>>,
    state: Arc<Mutex<State>>,
}

/// How a store puts objects that does it in a way of its own; see [`FaultStore::with_puts`].
#[async_trait]
pub trait Puts: fmt::Debug + Send + Sync + 'static {
    /// Puts an object into the store below.
    async fn put(
        &self,
        inner: &dyn ObjectStore,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult>;
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<Request>,
    fetched: Vec<Range<u64>>,
    rules: Vec<Rule>,
    faults: usize,
}

impl FaultStore {
    /// Around a store; nothing fails until told.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, puts: None, state: Arc::default() }
    }

    /// The same store, whose objects are put as `puts` does it: for stores that are wrong in more than their answers.
    #[must_use]
    pub fn with_puts(self, puts: Arc<dyn Puts>) -> Self {
        Self { puts: Some(puts), ..self }
    }

    /// Adds a rule. Of many rules that match a request, the first one that is due applies.
    pub fn inject(&self, rule: Rule) {
        self.state.lock().rules.push(rule);
    }

    /// After `requests` more requests everything fails, as if the process had died, until [`Self::heal`].
    pub fn crash_after(&self, requests: u64) {
        self.inject(Rule::any(Fault::Unavailable).after(requests).times(u64::MAX));
    }

    /// Takes away all rules.
    pub fn heal(&self) {
        self.state.lock().rules.clear();
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().requests.clone()
    }

    /// The bytes that each get was answered with, by their places in its object.
    #[must_use]
    pub fn fetched(&self) -> Vec<Range<u64>> {
        self.state.lock().fetched.clone()
    }

    /// How many bytes all gets were answered with.
    #[must_use]
    pub fn fetched_bytes(&self) -> u64 {
        self.state.lock().fetched.iter().map(|range| range.end - range.start).sum()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        let mut state = self.state.lock();
        state.requests.clear();
        state.fetched.clear();
    }

    /// How many requests of this kind there were.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.state.lock().requests.iter().filter(|request| request.operation == operation).count()
    }

    /// How many requests went wrong.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.state.lock().faults
    }

    /// Records a request and says what goes wrong with it.
    fn fault(&self, operation: Operation, path: &str) -> Option<Fault> {
        let request = Request { operation, path: path.to_owned() };
        let mut state = self.state.lock();
        let fault = state.rules.iter_mut().filter_map(|rule| rule.apply(&request)).next();
        state.requests.push(request);
        state.faults += usize::from(fault.is_some());
        fault
    }

    /// Does a request under the rules.
    async fn run<T>(
        &self,
        operation: Operation,
        path: &Path,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        Self::apply(self.fault(operation, path.as_ref()), path, work).await
    }

    async fn apply<T>(fault: Option<Fault>, path: &Path, work: impl Future<Output = Result<T>>) -> Result<T> {
        match fault {
            // Repeating a request without a condition changes nothing.
            None | Some(Fault::TornBody(_) | Fault::Repeated) => work.await,
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                work.await
            }
            Some(Fault::LostAnswer) => {
                work.await?;
                Err(Fault::LostAnswer.error(path.as_ref()))
            }
            Some(fault) => Err(fault.error(path.as_ref())),
        }
    }

    fn list_under_rules(
        &self,
        prefix: Option<&Path>,
        list: impl FnOnce(&dyn ObjectStore) -> BoxStream<'static, Result<ObjectMeta>> + Send + 'static,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, inner) = (prefix.map(ToString::to_string).unwrap_or_default(), self.inner.clone());
        match self.fault(Operation::List, &prefix) {
            None | Some(Fault::Repeated) => list(inner.as_ref()),
            // Some stores look when they are asked for the list, not for its entries.
            Some(Fault::Delay(time)) => {
                let delayed = async move {
                    tokio::time::sleep(time).await;
                    list(inner.as_ref())
                };
                stream::once(delayed).flatten().boxed()
            }
            // Half a list, then the connection breaks.
            Some(Fault::TornBody(entries)) => {
                let entries = usize::try_from(entries).unwrap_or(usize::MAX);
                list(inner.as_ref())
                    .take(entries)
                    .chain(stream::iter([Err(Fault::Unavailable.error(&prefix))]))
                    .boxed()
            }
            Some(fault) => stream::iter([Err(fault.error(&prefix))]).boxed(),
        }
    }
}

impl fmt::Display for FaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let refusal = match options.mode {
            PutMode::Overwrite => None,
            PutMode::Create => Some(Fault::AlreadyExists),
            PutMode::Update(_) => Some(Fault::Precondition),
        };
        let fault = self.fault(Operation::Put, path.as_ref());
        let put = match &self.puts {
            None => self.inner.put_opts(path, payload, options),
            Some(puts) => puts.put(self.inner.as_ref(), path, payload, options),
        };
        let put = Self::apply(fault, path, put).await?;
        match (fault, refusal) {
            (Some(Fault::Repeated), Some(refusal)) => Err(refusal.error(path.as_ref())),
            _ => Ok(put),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let start = self.inner.put_multipart_opts(path, options);
        let inner = self.run(Operation::PutMultipart, path, start).await?;
        Ok(Box::new(FaultUpload { inner, store: self.clone(), path: path.clone() }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head { Operation::Head } else { Operation::Get };
        let fault = self.fault(operation, path.as_ref());
        let got = match fault {
            None | Some(Fault::Repeated) => self.inner.get_opts(path, options).await,
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.inner.get_opts(path, options).await
            }
            Some(Fault::TornBody(bytes)) => Ok(torn(self.inner.get_opts(path, options).await?, bytes)),
            Some(fault) => Err(fault.error(path.as_ref())),
        }?;
        if operation == Operation::Get {
            self.state.lock().fetched.push(got.range.clone());
        }
        Ok(got)
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        paths
            .then(move |path| {
                let store = store.clone();
                async move {
                    let path = path?;
                    let one = stream::iter([Ok(path.clone())]).boxed();
                    let mut deleted = store.inner.delete_stream(one);
                    let work = async { deleted.next().await.unwrap_or_else(|| Ok(path.clone())) };
                    store.run(Operation::Delete, &path, work).await
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let from = prefix.cloned();
        self.list_under_rules(prefix, move |inner| inner.list(from.as_ref()))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (from, offset) = (prefix.cloned(), offset.clone());
        self.list_under_rules(prefix, move |inner| inner.list_with_offset(from.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.run(Operation::List, &path, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run(Operation::Copy, to, self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.run(Operation::Rename, to, self.inner.rename_opts(from, to, options)).await
    }
}

/// The first `bytes` of a body, then an error.
fn torn(result: GetResult, bytes: u64) -> GetResult {
    let (meta, range, attributes) = (result.meta.clone(), result.range.clone(), result.attributes.clone());
    let broken = Fault::Unavailable.error(meta.location.as_ref());
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let body = result
        .into_stream()
        .map(move |chunk| {
            let chunk = chunk?;
            let kept = chunk.slice(..chunk.len().min(left));
            left -= kept.len();
            Ok(kept)
        })
        .take_while(|chunk| std::future::ready(chunk.as_ref().map_or(true, |chunk| !chunk.is_empty())))
        .chain(stream::iter([Err::<Bytes, Error>(broken)]));
    GetResult { payload: GetResultPayload::Stream(body.boxed()), meta, range, attributes }
}

/// An upload whose parts and end are requests of the store.
#[derive(Debug)]
struct FaultUpload {
    inner: Box<dyn MultipartUpload>,
    store: FaultStore,
    path: Path,
}

#[async_trait]
impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let work = self.inner.put_part(data);
        let (store, path) = (self.store.clone(), self.path.clone());
        Box::pin(async move { store.run(Operation::PutPart, &path, work).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let store = self.store.clone();
        store.run(Operation::Complete, &self.path, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let store = self.store.clone();
        store.run(Operation::Abort, &self.path, self.inner.abort()).await
    }
}
