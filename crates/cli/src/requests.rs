//! The requests to object stores: each with `-vv`, and what they came to with `-v`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use stitchwork::core::Stores;
use stitchwork::core::object_store::path::Path;
use stitchwork::core::object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// What the requests to one store came to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    requests: u64,
    failed: u64,
    read: u64,
    written: u64,
    /// Until the first byte of each answer; requests at the same time count each.
    waited: Duration,
}

/// Counts requests by the root of their store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<BTreeMap<String, Sum>>>);

impl Requests {
    /// Watches the stores that are opened from now on.
    pub(crate) fn watch(&self, stores: &Stores) {
        let requests = self.clone();
        stores.set_layer(Arc::new(move |root, inner| {
            Arc::new(Watched { inner, root: root.to_owned(), requests: requests.clone() })
        }));
    }

    /// Says what the requests so far came to, and begins anew.
    pub(crate) fn tell(&self) {
        for (store, sum) in std::mem::take(&mut *self.0.lock()) {
            let Sum { requests, failed, read, written, waited } = sum;
            tracing::info!(store, requests, failed, read, written, ?waited, "a store was asked");
        }
    }
}

/// A store that tells its requests.
struct Watched {
    inner: Arc<dyn ObjectStore>,
    root: String,
    requests: Requests,
}

/// What a request is, besides its path.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    read: u64,
    written: u64,
}

impl Watched {
    fn told(
        &self,
        request: &'static str,
        path: &Path,
        moved: Moved,
        waited: Duration,
        error: Option<String>,
    ) {
        let mut sums = self.requests.0.lock();
        let sum = sums.entry(self.root.clone()).or_default();
        sum.requests += 1;
        sum.failed += u64::from(error.is_some());
        sum.read += moved.read;
        sum.written += moved.written;
        sum.waited += waited;
        drop(sums);
        let (store, Moved { read, written }) = (&self.root, moved);
        tracing::debug!(request, store, %path, read, written, ?waited, error, "a store is asked");
    }

    async fn ask<T>(
        &self,
        request: &'static str,
        path: &Path,
        answer: impl Future<Output = Result<T>>,
        moved: impl FnOnce(&T) -> Moved,
    ) -> Result<T> {
        let begun = Instant::now();
        let answer = answer.await;
        let (moved, error) = match &answer {
            Ok(answer) => (moved(answer), None),
            Err(e) => (Moved::default(), Some(e.to_string())),
        };
        self.told(request, path, moved, begun.elapsed(), error);
        answer
    }

    fn list_is_asked(&self, prefix: Option<&Path>) {
        self.told("list", &prefix.cloned().unwrap_or_default(), Moved::default(), Duration::ZERO, None);
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for Watched {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let written = payload.content_length() as u64;
        let put = self.inner.put_opts(path, payload, options);
        self.ask("put", path, put, |_| Moved { written, ..Moved::default() }).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let begun = self.inner.put_multipart_opts(path, options);
        self.ask("put in parts", path, begun, |_| Moved::default()).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let request = if options.head { "head" } else { "get" };
        let read = |got: &GetResult| match request {
            "head" => 0,
            _ => got.range.end.saturating_sub(got.range.start),
        };
        let got = self.inner.get_opts(path, options);
        self.ask(request, path, got, |got| Moved { read: read(got), ..Moved::default() }).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.inner.get_ranges(path, ranges);
        let read = |got: &Vec<Bytes>| got.iter().map(|bytes| bytes.len() as u64).sum();
        self.ask("get ranges", path, got, |got| Moved { read: read(got), ..Moved::default() }).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let watched =
            Self { inner: self.inner.clone(), root: self.root.clone(), requests: self.requests.clone() };
        let deleted = self.inner.delete_stream(locations);
        let tell = move |deleted: &Result<Path>| match deleted {
            Ok(path) => watched.told("delete", path, Moved::default(), Duration::ZERO, None),
            Err(e) => {
                watched.told(
                    "delete",
                    &Path::default(),
                    Moved::default(),
                    Duration::ZERO,
                    Some(e.to_string()),
                );
            }
        };
        deleted.inspect(tell).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_is_asked(prefix);
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_is_asked(prefix);
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.ask("list", &path, self.inner.list_with_delimiter(prefix), |_| Moved::default()).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.ask("copy", to, self.inner.copy_opts(from, to, options), |()| Moved::default()).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.ask("rename", to, self.inner.rename_opts(from, to, options), |()| Moved::default()).await
    }
}
