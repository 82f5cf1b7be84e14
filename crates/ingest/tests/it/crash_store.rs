//! A store that fails, or dies, at the n-th request that changes something.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens at the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It fails, once.
    Fails,
    /// It is done, but its answer is lost, once.
    AnswerLost,
    /// The same, and the next read fails as well: nobody can tell whether it was done.
    Unknown,
    /// It is done and the process is killed: no request is ever answered again. What a kill before it leaves
    /// behind is what a kill after the request before it does.
    Killed,
}

impl Mode {
    fn kills(self) -> bool {
        self == Self::Killed
    }
}

/// A store in memory that is in trouble once.
#[derive(Debug, Clone)]
pub(crate) struct CrashStore {
    inner: Arc<InMemory>,
    at: usize,
    mode: Mode,
    seen: Arc<AtomicUsize>,
    read_lost: Arc<AtomicBool>,
}

impl CrashStore {
    pub(crate) fn new(inner: Arc<InMemory>, at: usize, mode: Mode) -> Self {
        Self { inner, at, mode, seen: Arc::default(), read_lost: Arc::default() }
    }

    /// Whether the request came.
    pub(crate) fn fired(&self) -> bool {
        self.seen.load(Ordering::SeqCst) > self.at
    }

    /// Comes back when the process is dead.
    pub(crate) async fn death(&self) {
        while !(self.mode.kills() && self.fired()) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    async fn alive(&self) {
        if self.mode.kills() && self.fired() {
            std::future::pending::<()>().await;
        }
    }

    async fn change<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        self.alive().await;
        if self.seen.fetch_add(1, Ordering::SeqCst) != self.at {
            return request.await;
        }
        match self.mode {
            Mode::Fails => Err(trouble()),
            Mode::AnswerLost | Mode::Unknown => request.await.and_then(|_| Err(trouble())),
            Mode::Killed => {
                request.await?;
                std::future::pending().await
            }
        }
    }
}

fn trouble() -> Error {
    Error::Generic { store: "crash", source: "no answer".into() }
}

impl fmt::Display for CrashStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrashStore")
    }
}

#[async_trait]
impl ObjectStore for CrashStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.change(self.inner.put_opts(path, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.change(self.inner.put_multipart_opts(path, options)).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive().await;
        if self.mode == Mode::Unknown && self.fired() && !self.read_lost.swap(true, Ordering::SeqCst) {
            return Err(trouble());
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        paths
            .then(move |path| {
                let store = store.clone();
                async move {
                    let path = path?;
                    store.change(store.inner.delete(&path)).await?;
                    Ok(path)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let listing = self.inner.list(prefix);
        futures::stream::once(async move {
            store.alive().await;
            listing
        })
        .flatten()
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.alive().await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.change(self.inner.copy_opts(from, to, options)).await
    }
}
