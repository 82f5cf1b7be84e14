//! A store that loses answers, for tests.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;

/// What happens to a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    LandsThenFails,
    LandsThenSaysExists,
    Fails,
    IsDenied,
}

/// A store in memory with faults to come.
#[derive(Debug, Default)]
pub(crate) struct FaultyStore {
    inner: InMemory,
    next: Mutex<Option<(Fault, usize)>>,
    injected: AtomicUsize,
    pub(crate) listed: AtomicUsize,
    pub(crate) read: AtomicUsize,
}

impl FaultyStore {
    /// The next `times` conditional puts go wrong.
    pub(crate) fn inject(&self, fault: Fault, times: usize) {
        *self.next.lock() = Some((fault, times));
    }

    /// How often it went wrong.
    pub(crate) fn injected(&self) -> usize {
        self.injected.load(Ordering::Relaxed)
    }

    fn fault(&self) -> Option<Fault> {
        let mut next = self.next.lock();
        let (fault, times) = next.as_mut()?;
        if *times == 0 {
            return None;
        }
        *times -= 1;
        self.injected.fetch_add(1, Ordering::Relaxed);
        Some(*fault)
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

fn silence() -> Error {
    Error::Generic { store: "faulty", source: "the connection was reset".into() }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let fault = if options.mode == PutMode::Create { self.fault() } else { None };
        match fault {
            None => self.inner.put_opts(path, payload, options).await,
            Some(Fault::Fails) => Err(silence()),
            Some(Fault::IsDenied) => {
                Err(Error::PermissionDenied { path: path.to_string(), source: "no".into() })
            }
            Some(Fault::LandsThenFails) => {
                self.inner.put_opts(path, payload, options).await?;
                Err(silence())
            }
            Some(Fault::LandsThenSaysExists) => {
                self.inner.put_opts(path, payload, options).await?;
                Err(Error::AlreadyExists { path: path.to_string(), source: "412".into() })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
