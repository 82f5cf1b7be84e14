//! The files of a log in the object store.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::Deserialize;
use stitchwork_core::{Error, ErrorKind, Object, Result, Stores};

use crate::actions::Commit;
use crate::paths::Root;

/// How many commits are fetched at a time.
const FETCHES: usize = 16;

/// Where a table's log lies.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    pub(crate) stores: Stores,
    pub(crate) root: Arc<Root>,
    log: Object,
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
        Ok(Self { stores, root: Arc::new(root), log: object.child("_delta_log") })
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.log.store
    }

    /// The path of a file of the log.
    pub(crate) fn path(&self, name: &str) -> Path {
        self.log.child(name).path
    }

    /// The path of a commit.
    pub(crate) fn commit_path(&self, version: i64) -> Path {
        self.path(&format!("{version:020}.json"))
    }

    /// An error of the store about a file of the log.
    pub(crate) fn error(&self, path: &Path, error: object_store::Error) -> Error {
        Error::from(error).with_context("location", format!("{}/{path}", self.log.root))
    }

    /// Adds where it happened.
    pub(crate) fn located(&self, path: &Path, error: Error) -> Error {
        error.with_context("location", format!("{}/{path}", self.log.root))
    }

    /// The bytes of a file of the log and when it was written.
    pub(crate) async fn get(&self, path: &Path) -> Result<Option<(Bytes, i64)>> {
        let result = match self.log.store.get(path).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.error(path, error)),
        };
        let modified = result.meta.last_modified.timestamp_millis();
        let bytes = result.bytes().await.map_err(|e| self.error(path, e))?;
        Ok(Some((bytes, modified)))
    }

    /// A commit, or `None` where that version is not there.
    pub(crate) async fn read_commit(&self, version: i64) -> Result<Option<Commit>> {
        let path = self.commit_path(version);
        let Some((bytes, modified)) = self.get(&path).await? else { return Ok(None) };
        Commit::parse(version, modified, &bytes).map(Some).map_err(|e| self.located(&path, e))
    }

    /// Writes a commit unless its version is taken.
    pub(crate) async fn put_commit(
        &self,
        version: i64,
        bytes: Bytes,
    ) -> std::result::Result<(), object_store::Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.log.store.put_opts(&self.commit_path(version), bytes.into(), options).await.map(|_| ())
    }

    /// Commits from a version on, as many as there are in one sequence.
    pub(crate) fn commits_from(&self, first: i64) -> BoxStream<'static, Result<Commit>> {
        let store = self.clone();
        // One alone at first: mostly there is nothing new.
        let one = stream::iter([first]).then({
            let store = store.clone();
            move |version| {
                let store = store.clone();
                async move { store.read_commit(version).await }
            }
        });
        let more = stream::iter(first + 1..i64::MAX)
            .map(move |version| {
                let store = store.clone();
                async move { store.read_commit(version).await }
            })
            .buffered(FETCHES);
        one.chain(more)
            .try_take_while(|commit| futures::future::ready(Ok(commit.is_some())))
            .try_filter_map(|commit| futures::future::ready(Ok(commit)))
            .boxed()
    }

    /// These commits, which must all be there, in order.
    pub(crate) async fn read_commits(&self, versions: Vec<i64>) -> Result<Vec<Arc<Commit>>> {
        stream::iter(versions)
            .map(|version| async move {
                self.read_commit(version).await?.map(Arc::new).ok_or_else(|| {
                    Error::not_found("a commit has been removed from the log")
                        .with_context("version", version)
                })
            })
            .buffered(FETCHES)
            .try_collect()
            .await
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

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}
