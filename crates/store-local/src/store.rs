//! The store.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, RenameTargetMode, Result,
};

use crate::blocking::blocking;
use crate::disk::RealDisk;
use crate::upload::Upload;
use crate::writer::{Over, Writer};

/// The files of this machine, as a store whose writes are safe when they are acknowledged: an object is written
/// beside its place and synced, then gets its name, and then its folder is synced. Half-written objects are never
/// seen. Reading, listing and deleting are object_store's [`LocalFileSystem`].
///
/// Deletes are not synced: one that is lost leaves an object that nobody needs.
#[derive(Debug, Clone)]
pub struct LocalStore {
    inner: Arc<LocalFileSystem>,
    writer: Arc<Writer<RealDisk>>,
}

impl LocalStore {
    /// The store of all files.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()), writer: Arc::new(Writer::new(RealDisk)) }
    }

    /// Does something to the file of an object, where it may wait for the disk.
    async fn with_file<F>(&self, location: &Path, work: F) -> Result<()>
    where
        F: FnOnce(&Writer<RealDisk>, &std::path::Path) -> io::Result<()> + Send + 'static,
    {
        let (path, writer) = (self.inner.path_to_filesystem(location)?, self.writer.clone());
        let done = blocking(move || work(&writer, &path)).await;
        done.map_err(|e| store_error(location, e))
    }

    /// The same with the files of two objects. Of these, only the first one can be missing, and the second one be there.
    async fn with_files<F>(&self, from: &Path, to: &Path, work: F) -> Result<()>
    where
        F: FnOnce(&Writer<RealDisk>, &std::path::Path, &std::path::Path) -> io::Result<()> + Send + 'static,
    {
        let (source, target) = (self.inner.path_to_filesystem(from)?, self.inner.path_to_filesystem(to)?);
        let writer = self.writer.clone();
        let done = blocking(move || work(&writer, &source, &target)).await;
        done.map_err(|e| store_error(if e.kind() == io::ErrorKind::NotFound { from } else { to }, e))
    }
}

impl LocalStore {
    /// What is listed, without what is no file.
    fn files(
        &self,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let inner = self.inner.clone();
        let is_file = move |meta: &ObjectMeta| !is_special(&inner, meta);
        listed.try_filter(move |meta| std::future::ready(is_file(meta))).boxed()
    }
}

/// Whether what was listed is a pipe, a socket or a device. All of them have no size.
fn is_special(store: &LocalFileSystem, meta: &ObjectMeta) -> bool {
    meta.size == 0 && store.path_to_filesystem(&meta.location).is_ok_and(|path| no_file(&path))
}

/// Whether there is something that is neither a file nor a folder.
fn no_file(path: &std::path::Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

impl Default for LocalStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalStore(file:///)")
    }
}

/// An error of the system in the words of object_store.
pub(crate) fn store_error(location: &Path, error: io::Error) -> Error {
    let path = location.to_string();
    let kind = error.kind();
    let source = Box::new(error);
    match kind {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source },
        io::ErrorKind::NotFound => Error::NotFound { path, source },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        _ => Error::Generic { store: "LocalStore", source },
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let over = match &options.mode {
            PutMode::Create if options.attributes.is_empty() => Over::Refuse,
            PutMode::Overwrite if options.attributes.is_empty() => Over::Replace,
            // What files cannot do is refused there.
            _ => return self.inner.put_opts(location, payload, options).await,
        };
        self.with_file(location, move |writer, path| {
            writer.put(path, payload.iter().map(AsRef::as_ref), over)
        })
        .await?;
        let e_tag = self.inner.head(location).await?.e_tag;
        Ok(PutResult { e_tag, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !options.attributes.is_empty() {
            return self.inner.put_multipart_opts(location, options).await;
        }
        let path = self.inner.path_to_filesystem(location)?;
        Ok(Box::new(Upload::new(self.writer.clone(), location.clone(), path)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.head {
            // Opening a pipe waits until somebody writes into it.
            let path = self.inner.path_to_filesystem(location)?;
            let special = move || Ok(no_file(&path));
            if blocking(special).await.is_ok_and(|is_special| is_special) {
                let reason = "a pipe or a device has no size: write what it gives to a file first";
                let source = Box::new(io::Error::new(io::ErrorKind::Unsupported, reason));
                return Err(Error::NotSupported { source });
            }
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listed = self.inner.list_with_delimiter(prefix).await?;
        listed.objects.retain(|meta| !is_special(&self.inner, meta));
        Ok(listed)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let over = match options.mode {
            CopyMode::Create => Over::Refuse,
            CopyMode::Overwrite => Over::Replace,
        };
        self.with_files(from, to, move |writer, from, to| writer.copy(from, to, over)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let over = match options.target_mode {
            RenameTargetMode::Create => Over::Refuse,
            RenameTargetMode::Overwrite => Over::Replace,
        };
        self.with_files(from, to, move |writer, from, to| writer.rename(from, to, over)).await
    }
}
