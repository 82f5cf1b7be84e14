//! Listing the live files of a snapshot, manifest by manifest.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{Column, DataFile, Deleted, Error, FileFilter, Result};
use stitchwork_iceberg_meta::{EntryStatus, IceType, ManifestContent, ManifestInfo};

use super::Inner;
use crate::deletes::DeleteIndex;
use crate::manifest::{self, Rows};
use crate::partitions::Spec;
use crate::stats::{Pruner, file_stats};

/// How many manifests are read at once.
const CONCURRENCY: usize = 4;

/// Where an entry comes from, carried along in [`DataFile::native`].
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The manifest that it stood in.
    pub(crate) manifest: String,
    /// The data sequence number of the file.
    pub(crate) sequence_number: i64,
}

/// What a listing needs besides the snapshot.
struct Listing {
    inner: Arc<Inner>,
    filter: FileFilter,
    wanted: Vec<(Column, i32, IceType)>,
    deletes: Option<Arc<DeleteIndex>>,
}

pub(super) fn list(inner: Arc<Inner>, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
    let start = async move {
        let manifests = inner.manifests().await?;
        let with_deletes = manifests
            .iter()
            .any(|info| info.content == ManifestContent::Deletes && manifest::has_live_files(info));
        let deletes = match with_deletes {
            true => Some(inner.delete_index().await?).filter(|index| !index.is_empty()),
            false => None,
        };
        let wanted = inner.columns.wanted(&filter.stats);
        let listing = Arc::new(Listing { inner, filter, wanted, deletes });
        let mut kept = Vec::new();
        for info in manifests.iter().filter(|info| info.content == ManifestContent::Data) {
            if manifest::has_live_files(info) && listing.keeps_manifest(info)? {
                kept.push(info.clone());
            }
        }
        let chunks = stream::iter(kept).map(move |info| {
            let listing = listing.clone();
            async move { listing.read(&info).await }
        });
        Ok::<_, Error>(chunks.buffered(CONCURRENCY))
    };
    stream::once(start).try_flatten().try_filter(|files| futures::future::ready(!files.is_empty())).boxed()
}

impl Listing {
    fn keeps_manifest(&self, info: &ManifestInfo) -> Result<bool> {
        let Some(predicate) = &self.filter.predicate else { return Ok(true) };
        let pruner = Pruner { predicate, columns: &self.inner.columns };
        Ok(pruner.keeps_manifest(info, self.inner.spec(info.spec_id)?))
    }

    async fn read(&self, info: &ManifestInfo) -> Result<Vec<DataFile>> {
        let spec = self.inner.spec(info.spec_id)?;
        let stats = self.filter.predicate.is_some() || !self.wanted.is_empty();
        let mut files = Vec::new();
        for rows in manifest::read(&self.inner.shared, info, spec, stats).await?.iter() {
            for row in 0..rows.len() {
                if self.keeps(rows.as_ref(), row, spec)? {
                    files.push(self.file(rows.as_ref(), row, info, spec)?);
                }
            }
        }
        Ok(files)
    }

    fn keeps(&self, rows: &dyn Rows, row: usize, spec: &Spec) -> Result<bool> {
        if rows.status(row) == EntryStatus::Deleted {
            return Ok(false);
        }
        let Some(predicate) = &self.filter.predicate else { return Ok(true) };
        Pruner { predicate, columns: &self.inner.columns }.keeps(rows, row, spec)
    }

    fn file(&self, rows: &dyn Rows, row: usize, info: &ManifestInfo, spec: &Spec) -> Result<DataFile> {
        let entry = rows.entry(row);
        let partition =
            (0..spec.fields.len()).map(|field| rows.partition(row, field)).collect::<Result<Vec<_>>>()?;
        let deleted = match &self.deletes {
            Some(index) => index.deleted(rows.path(row), spec, &partition, entry.sequence_number)?,
            None => Deleted::Nothing,
        };
        let stats = match self.wanted.is_empty() {
            true => None,
            false => Some(Arc::new(file_stats(rows, row, &self.wanted))),
        };
        let origin = Origin { manifest: info.path.clone(), sequence_number: entry.sequence_number };
        Ok(DataFile {
            location: rows.path(row).to_owned(),
            format: entry.format,
            size: entry.size,
            rows: Some(rows.record_count(row)),
            spec: spec.id,
            partition,
            stats,
            split_offsets: entry.split_offsets.iter().filter_map(|at| u64::try_from(*at).ok()).collect(),
            deleted,
            modified_ms: self.inner.time_of(entry.snapshot_id),
            native: Some(Arc::new(origin)),
        })
    }
}
