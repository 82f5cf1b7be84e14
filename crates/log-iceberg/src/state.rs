//! The table as one metadata file describes it.

use std::sync::Arc;

use parking_lot::Mutex;
use stitchwork_core::{Budget, Error, Formats, Result};
use stitchwork_iceberg_meta::{IceSnapshot, ManifestInfo, TableMeta, parse_manifest_list};
use tokio::sync::OnceCell;

use crate::error;
use crate::files::Files;
use crate::manifest::Kept;
use crate::part::{Part, PartKind};
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
    let part = Part::new(PartKind::ManifestList, &snapshot.manifest_list);
    if snapshot.manifest_list.is_empty() {
        return Err(Error::unsupported("a snapshot of format version 1 names its manifests without a list")
            .with_context("snapshot", snapshot.id));
    }
    let bytes = part.read(files).await?;
    let parsed = parse_manifest_list(&bytes, meta.format_version()).map_err(error::meta);
    let parsed = parsed.and_then(|manifests| not_lost(manifests, snapshot)).map_err(|e| part.fail(e))?;
    Ok(Arc::new(parsed))
}

/// Refuses a list without manifests for a snapshot that says it has files: one that is cut off behind its header, or
/// between two blocks, looks whole otherwise. Only where all are gone, since writers have been seen to count files wrong.
fn not_lost(manifests: Vec<ManifestInfo>, snapshot: &IceSnapshot) -> Result<Vec<ManifestInfo>> {
    let said = snapshot.summary.get("total-data-files").and_then(|text| text.parse::<u64>().ok());
    match said {
        Some(said) if said > 0 && manifests.is_empty() => {
            Err(Error::invalid_data("the manifest list has no manifests, although its snapshot has files")
                .with_context("snapshot", snapshot.id)
                .with_context("total_data_files", said))
        }
        _ => Ok(manifests),
    }
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
        let state = Arc::new(read_state(&self.files, &self.pointers, location).await?);
        self.remember(state.clone());
        Ok(state)
    }
}

/// Reads a metadata file.
pub(crate) async fn read_state(files: &Files, pointers: &Pointers, location: String) -> Result<State> {
    let kind = match pointers {
        Pointers::Fixed { .. } => PartKind::GivenMetadata,
        Pointers::Catalog { .. } | Pointers::Folder(_) | Pointers::OfCatalog(_) => PartKind::Metadata,
    };
    let meta = read_meta(files, Part::new(kind, &location)).await?;
    Ok(State::new(location, meta))
}

/// What a metadata file says.
pub(crate) async fn read_meta(files: &Files, part: Part<'_>) -> Result<TableMeta> {
    let bytes = part.read(files).await?;
    TableMeta::parse(&bytes).map_err(|e| part.fail(error::meta(e)))
}
