//! The files of a log in the object store.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use serde::Deserialize;
use stitchwork_commits::{Commits, get};
use stitchwork_core::{Error, ErrorKind, Object, Result, Stores};

use crate::actions::Commit;
use crate::paths::Root;

/// Where a table's log lies.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    pub(crate) stores: Stores,
    pub(crate) root: Arc<Root>,
    log: Object,
    pub(crate) commits: Commits,
}

/// What `_last_checkpoint` says (Delta protocol, "Last Checkpoint File").
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hint {
    pub(crate) version: i64,
}

impl LogStore {
    pub(crate) fn new(location: &str, stores: Stores) -> Result<Self> {
        let object = stores.resolve(location)?;
        let root = Root::new(location, &object.root, object.location());
        let log = object.child("_delta_log");
        Ok(Self { stores, root: Arc::new(root), commits: Commits::new(log.clone()), log })
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.log.store
    }

    /// The path of a file of the log.
    pub(crate) fn path(&self, name: &str) -> Path {
        self.log.child(name).path
    }

    /// An error of the store about a file of the log.
    pub(crate) fn error(&self, path: &Path, error: object_store::Error) -> Error {
        self.located(path, Error::from(error))
    }

    /// Adds where it happened.
    pub(crate) fn located(&self, path: &Path, error: Error) -> Error {
        error.with_context("location", format!("{}/{path}", self.log.root))
    }

    /// The bytes of a file of the log and when it was written.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<(Bytes, i64)>> {
        get(&Object { path: path.clone(), size: None, ..self.log.clone() }).await
    }

    /// A commit, or `None` where that version is not there.
    pub(crate) async fn read_commit(&self, version: i64) -> Result<Option<Commit>> {
        self.commits.read(version).await
    }

    /// These commits, which must all be there, in order.
    pub(crate) async fn read_commits(&self, versions: Vec<i64>) -> Result<Vec<Arc<Commit>>> {
        let missing = |version| {
            Error::not_found("a commit has been removed from the log").with_context("version", version)
        };
        self.commits.read_all(versions, missing).await
    }

    /// What `_last_checkpoint` says. A broken one is as good as none.
    pub(crate) async fn hint(&self) -> Result<Option<Hint>> {
        match self.get(&self.path("_last_checkpoint")).await? {
            Some((bytes, _)) => Ok(serde_json::from_slice(&bytes).ok()),
            None => Ok(None),
        }
    }

    /// The files of the log whose names begin with this version or a later one.
    pub(crate) fn list(&self, from: Option<i64>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = self.log.path.clone();
        let listed = match from {
            Some(version) if version > 0 => {
                let offset = self.path(&format!("{:020}.zzz", version - 1));
                self.log.store.list_with_offset(Some(&prefix), &offset)
            }
            _ => self.log.store.list(Some(&prefix)),
        };
        let this = self.clone();
        listed.map_err(move |e| this.error(&prefix, e)).into_stream().boxed()
    }

    /// The name of a listed file inside the log's folder; `None` for one in a folder below.
    pub(crate) fn name<'a>(&self, meta: &'a ObjectMeta) -> Option<&'a str> {
        let name = meta.location.as_ref().strip_prefix(self.log.path.as_ref())?.strip_prefix('/')?;
        (!name.contains('/')).then_some(name)
    }

    /// Whether anything of a log is there.
    pub(crate) async fn exists(&self) -> Result<bool> {
        if self.get(&self.path("_last_checkpoint")).await?.is_some() {
            return Ok(true);
        }
        let mut listed = self.list(None);
        while let Some(meta) = listed.next().await {
            let meta = match meta {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                other => other?,
            };
            if self.name(&meta).is_some_and(|name| name.ends_with(".json") || name.ends_with(".parquet")) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
