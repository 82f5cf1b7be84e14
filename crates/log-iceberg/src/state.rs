//! The table as one metadata file describes it.

use std::sync::Arc;

use parking_lot::Mutex;
use stitchwork_core::{Budget, Error, Formats, Result};
use stitchwork_iceberg_meta::{IceSnapshot, ManifestInfo, TableMeta, parse_manifest_list};
use tokio::sync::OnceCell;

use crate::error;
use crate::files::Files;
use crate::manifest::Kept;
use crate::pointer::Pointers;

/// A metadata file and the manifest list of its current snapshot, which is read when it is asked for.
#[derive(Debug)]
pub(crate) struct State {
    /// The location of the metadata file.
    pub(crate) location: String,
    pub(crate) meta: TableMeta,
    manifests: OnceCell<Arc<Vec<ManifestInfo>>>,
}

impl State {
    pub(crate) fn new(location: String, meta: TableMeta) -> Self {
        Self { location, meta, manifests: OnceCell::new() }
    }

    /// A state whose manifest list is known because it was just written.
    pub(crate) fn with_manifests(
        location: String,
        meta: TableMeta,
        manifests: Arc<Vec<ManifestInfo>>,
    ) -> Self {
        Self { location, meta, manifests: OnceCell::new_with(Some(manifests)) }
    }

    /// The manifests of the current snapshot.
    pub(crate) async fn manifests(&self, files: &Files) -> Result<Arc<Vec<ManifestInfo>>> {
        let read = || async {
            match self.meta.current_snapshot() {
                Some(snapshot) => read_manifest_list(files, &self.meta, &snapshot).await,
                None => Ok(Arc::default()),
            }
        };
        self.manifests.get_or_try_init(read).await.cloned()
    }
}

/// The manifests of any snapshot.
pub(crate) async fn read_manifest_list(
    files: &Files,
    meta: &TableMeta,
    snapshot: &IceSnapshot,
) -> Result<Arc<Vec<ManifestInfo>>> {
    let fail = |e: Error| e.with_context("manifest_list", &snapshot.manifest_list);
    if snapshot.manifest_list.is_empty() {
        return Err(Error::unsupported("a snapshot of format version 1 names its manifests without a list")
            .with_context("snapshot", snapshot.id));
    }
    let bytes = files.read(&snapshot.manifest_list).await?;
    let parsed = parse_manifest_list(&bytes, meta.format_version()).map_err(error::meta).map_err(fail)?;
    Ok(Arc::new(parsed))
}

/// What everything that belongs to one table shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) files: Files,
    pub(crate) formats: Formats,
    pub(crate) budget: Budget,
    pub(crate) pointers: Pointers,
    /// Where the table lies.
    pub(crate) location: String,
    /// The newest state that was seen.
    last: Mutex<Arc<State>>,
    pub(crate) kept: Kept,
    /// Manifests that do not fit the budget are decoded one at a time.
    pub(crate) oversized: tokio::sync::Mutex<()>,
}

impl Shared {
    pub(crate) fn new(
        files: Files,
        formats: Formats,
        budget: Budget,
        pointers: Pointers,
        state: State,
    ) -> Arc<Self> {
        Arc::new(Self {
            kept: Kept::new(budget.total()),
            files,
            formats,
            budget,
            pointers,
            location: state.meta.location().to_owned(),
            last: Mutex::new(Arc::new(state)),
            oversized: tokio::sync::Mutex::new(()),
        })
    }

    /// The newest state that was seen; nothing is asked.
    pub(crate) fn last(&self) -> Arc<State> {
        self.last.lock().clone()
    }

    pub(crate) fn remember(&self, state: Arc<State>) {
        *self.last.lock() = state;
    }

    /// The table as it is now: the pointer is asked, and its file read only if it is another than last time.
    pub(crate) async fn load(&self) -> Result<Arc<State>> {
        let last = self.last();
        let location = self.pointers.current(&self.files, Some(&last.location)).await?;
        if location == last.location {
            return Ok(last);
        }
        let state = Arc::new(read_state(&self.files, location).await?);
        self.remember(state.clone());
        Ok(state)
    }
}

/// Reads a metadata file.
pub(crate) async fn read_state(files: &Files, location: String) -> Result<State> {
    let bytes = files.read(&location).await?;
    let meta = TableMeta::parse(&bytes).map_err(|e| error::meta(e).with_context("metadata", &location))?;
    Ok(State::new(location, meta))
}
