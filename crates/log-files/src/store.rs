//! The files of the manifest in the object store.

use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use stitchwork_commits::Commits;
use stitchwork_core::{Error, Object, Result, Stores};

use crate::lines::Commit;
use crate::root::Root;

/// The folder of the manifest in that of the table.
pub(crate) const MANIFEST: &str = "_stitchwork";

/// Where a table and its manifest lie.
#[derive(Debug, Clone)]
pub(crate) struct LogStore {
    pub(crate) stores: Stores,
    pub(crate) root: Arc<Root>,
    /// The folder of the table.
    pub(crate) folder: Object,
    pub(crate) commits: Commits,
    commits_folder: Path,
    checkpoints: Object,
}

impl LogStore {
    pub(crate) fn new(location: &str, stores: Stores) -> Result<Self> {
        let folder = stores.resolve(location)?;
        let root = Arc::new(Root::new(location, &folder.location()));
        let manifest = folder.child(MANIFEST);
        let (commits, checkpoints) = (manifest.child("commits"), manifest.child("checkpoints"));
        let commits_folder = commits.path.clone();
        Ok(Self { stores, root, folder, commits: Commits::new(commits), commits_folder, checkpoints })
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.folder.store
    }

    pub(crate) fn checkpoint_path(&self, version: i64) -> Path {
        self.checkpoints.child(&format!("{version:020}.json")).path
    }

    /// An error of the store about a file of the manifest.
    pub(crate) fn error(&self, path: &Path, error: object_store::Error) -> Error {
        self.located(path, Error::from(error))
    }

    /// Adds where it happened.
    pub(crate) fn located(&self, path: &Path, error: Error) -> Error {
        error.with_context("location", format!("{}/{path}", self.folder.root))
    }

    /// These commits, which must all be there, in order.
    pub(crate) async fn read_commits(&self, first: i64, last: i64) -> Result<Vec<Arc<Commit>>> {
        let missing = |version| {
            Error::invalid_data("a commit is missing while later ones are there")
                .with_context("version", version)
                .with_context("table", &self.root.location)
        };
        self.commits.read_all(first..=last, missing).await
    }

    /// The newest commit above a version, as the listing says.
    pub(crate) async fn newest_commit(&self, above: Option<i64>) -> Result<Option<i64>> {
        let offset = above.map(|version| self.commits.object(version).path);
        let listed = match &offset {
            Some(offset) => self.store().list_with_offset(Some(&self.commits_folder), offset),
            None => self.store().list(Some(&self.commits_folder)),
        };
        let versions = versions(listed, &self.commits_folder).await;
        let versions = versions.map_err(|e| self.error(&self.commits_folder, e))?;
        Ok(versions.into_iter().filter(|version| above.is_none_or(|above| *version > above)).max())
    }

    /// The versions that have a checkpoint.
    pub(crate) async fn checkpoints(&self) -> Result<Vec<i64>> {
        let folder = &self.checkpoints.path;
        versions(self.store().list(Some(folder)), folder).await.map_err(|e| self.error(folder, e))
    }
}

/// The versions that the names of listed objects say.
async fn versions(
    mut listed: BoxStream<'static, object_store::Result<ObjectMeta>>,
    folder: &Path,
) -> object_store::Result<Vec<i64>> {
    let mut found = Vec::new();
    while let Some(meta) = listed.next().await {
        let meta = match meta {
            // A folder that is not there, to stores that have folders.
            Err(object_store::Error::NotFound { .. }) => break,
            other => other?,
        };
        let name = meta.location.as_ref().strip_prefix(folder.as_ref()).and_then(|n| n.strip_prefix('/'));
        let version = name.and_then(|name| name.strip_suffix(".json")).filter(|digits| digits.len() == 20);
        found.extend(version.and_then(|digits| digits.parse::<i64>().ok()).filter(|version| *version >= 0));
    }
    Ok(found)
}
