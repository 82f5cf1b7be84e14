//! The throw-away keys of one probe.

use futures::stream::{self, StreamExt};
use object_store::path::Path;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, Result, UpdateVersion,
};
use parking_lot::Mutex;
use uuid::Uuid;

use super::is_unknown;

/// What a store has said to a conditional put.
#[derive(Debug)]
pub(super) enum Answer {
    Done(UpdateVersion),
    /// The condition does not hold.
    Refused(Error),
    /// Such puts are not known.
    Unknown(String),
}

#[derive(Debug)]
pub(super) struct Keys<'a> {
    store: &'a dyn ObjectStore,
    folder: Path,
    prefix: String,
    used: Mutex<Vec<Path>>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(store: &'a dyn ObjectStore, folder: &Path) -> Self {
        let prefix = format!(".stitchwork-probe-{}", Uuid::new_v4().simple());
        Self { store, folder: folder.clone(), prefix, used: Mutex::default() }
    }

    fn path(&self, name: &str) -> Path {
        self.folder.clone().join(format!("{}-{name}", self.prefix))
    }

    pub(super) async fn put(&self, name: &str, body: &str, mode: PutMode) -> Result<Answer> {
        let path = self.path(name);
        {
            let mut used = self.used.lock();
            if !used.contains(&path) {
                used.push(path.clone());
            }
        }
        let is_update = matches!(mode, PutMode::Update(_));
        let options = PutOptions { mode, ..PutOptions::default() };
        let body = PutPayload::from(body.as_bytes().to_vec());
        match self.store.put_opts(&path, body, options).await {
            Ok(put) => Ok(Answer::Done(put.into())),
            Err(
                error
                @ (Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. }),
            ) => Ok(Answer::Refused(error)),
            Err(error @ Error::NotFound { .. }) if is_update => Ok(Answer::Refused(error)),
            Err(error) if is_unknown(&error) => Ok(Answer::Unknown(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// What is at a key, and its version.
    pub(super) async fn read_version(&self, name: &str) -> Result<Option<(String, UpdateVersion)>> {
        let found = match self.store.get(&self.path(name)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
        Ok(Some((String::from_utf8_lossy(&found.bytes().await?).into_owned(), version)))
    }

    /// What is at a key.
    pub(super) async fn read(&self, name: &str) -> Result<Option<String>> {
        Ok(self.read_version(name).await?.map(|(body, _)| body))
    }

    /// The version of a key, if this is what is there.
    pub(super) async fn version_if(&self, name: &str, body: &str) -> Result<Option<UpdateVersion>> {
        Ok(self.read_version(name).await?.filter(|(there, _)| there == body).map(|(_, version)| version))
    }

    /// An error for a store that says one thing and shows another.
    pub(super) fn silent(&self) -> Error {
        let text = format!("the store refuses a new key as if it were there: {}", self.path("key"));
        Error::Generic { store: "probe", source: text.into() }
    }

    /// Deletes the keys. One that stays is small and hidden, so that errors are no reason to refuse a store.
    pub(super) async fn clean_up(&self) {
        let used: Vec<Path> = std::mem::take(&mut *self.used.lock());
        let mut deleted = self.store.delete_stream(stream::iter(used.into_iter().map(Ok)).boxed());
        while let Some(key) = deleted.next().await {
            if let Err(error) = key {
                tracing::debug!(%error, "a key of the probe stays");
            }
        }
    }
}
