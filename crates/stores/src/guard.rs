//! A store that is asked whether its conditional puts work before the first of them counts, and that tells no
//! secret.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};
use tokio::sync::OnceCell;

use crate::probe::{self, Verdict};
use crate::secrets::Secrets;

/// What a store is good for.
#[derive(Debug)]
pub(crate) enum Writes {
    /// Conditional puts, once it has shown that they work; the verdict is asked for once.
    Probed(OnceCell<Verdict>),
    /// None.
    Never,
}

/// Around any store that an application has built itself, before it is mounted: the first conditional put of
/// a log asks the store whether these work, see [`probe`](crate::probe()), and is refused where they do not.
#[must_use]
pub fn guarded(root: &str, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    Arc::new(GuardedStore::new(root, store, Secrets::default(), Writes::Probed(OnceCell::new())))
}

pub(crate) struct GuardedStore {
    inner: Arc<dyn ObjectStore>,
    root: String,
    secrets: Secrets,
    writes: Writes,
}

/// Whether an answer lacks its length, as one that a server makes on the way does.
fn has_no_length(error: &Error) -> bool {
    let mut cause: Option<&dyn StdError> = Some(error);
    while let Some(error) = cause {
        if error.to_string().to_ascii_lowercase().contains("content-length") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error whose text the error of core shows in its line: that shows the reasons of the system.
pub(crate) fn unsupported(text: impl Into<String>) -> Error {
    Error::NotSupported { source: Box::new(io::Error::new(io::ErrorKind::Unsupported, text.into())) }
}

impl GuardedStore {
    pub(crate) fn new(root: &str, inner: Arc<dyn ObjectStore>, secrets: Secrets, writes: Writes) -> Self {
        Self { inner, root: root.to_owned(), secrets, writes }
    }

    fn check_writable(&self) -> Result<()> {
        match self.writes {
            Writes::Probed(_) => Ok(()),
            Writes::Never => Err(unsupported(format!(
                "web servers are read only here; write to a store such as s3://, gs://, az:// or file:// instead \
                 of {}",
                self.root
            ))),
        }
    }

    /// Before a conditional write at `location`: whether it would be one.
    async fn check_conditional(&self, location: &Path) -> Result<()> {
        self.check_writable()?;
        let Writes::Probed(asked) = &self.writes else { return Ok(()) };
        let ask = || async { probe::probe(&self.inner, &probe::folder_of(location)).await };
        match asked.get_or_try_init(ask).await.map_err(|e| self.secrets.clean(e))? {
            Verdict::Works => Ok(()),
            Verdict::Fails { reason } => Err(unsupported(format!(
                "the conditional puts of {} do not work ({reason}), so that one commit could overwrite another; use \
                 a store where they do, or a log whose catalog compares and swaps, such as an Iceberg table in a \
                 SQL catalog",
                self.root
            ))),
        }
    }

    /// What a web server without WebDAV says of its listing.
    fn listing_error(&self, error: Error) -> Error {
        match (&self.writes, error) {
            (Writes::Never, Error::NotFound { path, source }) => Error::NotFound { path, source },
            (Writes::Never, error) => {
                let text = self.secrets.take_out(&error.to_string());
                // The page that comes with a status is for people with a browser.
                let status =
                    text.split_once("status code: ").and_then(|(_, rest)| rest.split([':', '<']).next());
                unsupported(format!(
                    "{} does not list its files (that takes WebDAV); name the file itself: {}",
                    self.root,
                    status.map_or(text.as_str(), str::trim)
                ))
            }
            (_, error) => self.secrets.clean(error),
        }
    }

    /// What a web server that sends whole files only says of a part of one.
    fn reading_error(&self, location: &Path, error: Error) -> Error {
        match (&self.writes, &error) {
            (Writes::Never, error) if has_no_length(error) => unsupported(format!(
                "{} does not say how long {}/{location} is; download the file and read it from there",
                self.root, self.root
            )),
            // Nothing else of reading is unsupported.
            (Writes::Never, Error::NotSupported { .. }) => unsupported(format!(
                "{} sends whole files only, and no parts of them (range requests), which the format of {}/{location} \
                 needs; download the file and read it from there",
                self.root, self.root
            )),
            _ => self.secrets.clean(error),
        }
    }

    fn cleaned<T: Send + 'static>(
        &self,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let secrets = self.secrets.clone();
        items.map(move |item| item.map_err(|e| secrets.clean(e))).boxed()
    }
}

impl fmt::Debug for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The inner store's own text may hold credentials.
        f.debug_struct("GuardedStore")
            .field("root", &self.root)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for GuardedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for GuardedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.check_writable()?;
        if options.mode != PutMode::Overwrite {
            self.check_conditional(location).await?;
        }
        self.inner.put_opts(location, payload, options).await.map_err(|e| self.secrets.clean(e))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check_writable()?;
        let started = self.inner.put_multipart_opts(location, options).await;
        let inner = started.map_err(|e| self.secrets.clean(e))?;
        Ok(Box::new(GuardedUpload { inner, secrets: self.secrets.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.inner.get_opts(location, options).await;
        let found = found.map_err(|e| self.reading_error(location, e))?;
        let GetResult { payload, meta, range, attributes } = found;
        let payload = match payload {
            GetResultPayload::Stream(body) => GetResultPayload::Stream(self.cleaned(body)),
            other => other,
        };
        Ok(GetResult { payload, meta, range, attributes })
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(location, ranges).await.map_err(|e| self.reading_error(location, e))
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.check_writable() {
            Ok(()) => self.cleaned(self.inner.delete_stream(locations)),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.writes {
            Writes::Probed(_) => self.cleaned(self.inner.list(prefix)),
            Writes::Never => {
                let guard = Self::new(&self.root, self.inner.clone(), self.secrets.clone(), Writes::Never);
                self.inner.list(prefix).map(move |item| item.map_err(|e| guard.listing_error(e))).boxed()
            }
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.writes {
            Writes::Probed(_) => self.cleaned(self.inner.list_with_offset(prefix, offset)),
            Writes::Never => {
                let offset = offset.clone();
                let later = move |item: &Result<ObjectMeta>| {
                    std::future::ready(item.as_ref().map_or(true, |meta| meta.location > offset))
                };
                self.list(prefix).filter(later).boxed()
            }
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await.map_err(|e| self.listing_error(e))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check_writable()?;
        if options.mode == CopyMode::Create {
            self.check_conditional(to).await?;
        }
        self.inner.copy_opts(from, to, options).await.map_err(|e| self.secrets.clean(e))
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.check_writable()?;
        if options.target_mode == object_store::RenameTargetMode::Create {
            self.check_conditional(to).await?;
        }
        self.inner.rename_opts(from, to, options).await.map_err(|e| self.secrets.clean(e))
    }
}

/// An upload whose errors tell no secret.
struct GuardedUpload {
    inner: Box<dyn MultipartUpload>,
    secrets: Secrets,
}

impl fmt::Debug for GuardedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardedUpload(..)")
    }
}

#[async_trait]
impl MultipartUpload for GuardedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, secrets) = (self.inner.put_part(data), self.secrets.clone());
        Box::pin(async move { part.await.map_err(|e| secrets.clean(e)) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await.map_err(|e| self.secrets.clean(e))
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await.map_err(|e| self.secrets.clean(e))
    }
}
