//! Planned files, made ready to be read.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use chrono::DateTime;
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use stitchwork_core::object_store::{ObjectMeta, ObjectStore};
use stitchwork_core::{
    DataFile, Deleted, EqualityDeletes, Object, PlannedFile, Result, RoaringTreemap, Scalar, ScanPlan, Stores,
};

/// How many files are asked for their deletes at once while a query is planned.
const CONCURRENT: usize = 16;

/// Tells stores apart for as long as they live: a number per store, never given twice.
#[derive(Default)]
pub(crate) struct StoreIds {
    known: Mutex<(u64, Vec<KnownStore>)>,
}

/// A store and its number.
type KnownStore = (Weak<dyn ObjectStore>, u64);

impl StoreIds {
    fn id(&self, store: &Arc<dyn ObjectStore>) -> u64 {
        let mut known = self.known.lock();
        known.1.retain(|(store, _)| store.strong_count() > 0);
        let found = known.1.iter().find(|(other, _)| std::ptr::addr_eq(other.as_ptr(), Arc::as_ptr(store)));
        if let Some((_, id)) = found {
            return *id;
        }
        known.0 += 1;
        let id = known.0;
        known.1.push((Arc::downgrade(store), id));
        id
    }
}

impl fmt::Debug for StoreIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreIds").finish_non_exhaustive()
    }
}

/// The positions of a file that are deleted.
#[derive(Debug, Clone)]
pub(crate) enum Positions {
    /// None.
    Nothing,
    /// This many, to be asked for when the file is opened.
    AtOpen(u64),
    /// These, which came with the keys that had to be asked for while planning.
    Known(Arc<RoaringTreemap>),
}

/// A planned file that has been found in its store.
pub(crate) struct Ready {
    pub(crate) data: DataFile,
    pub(crate) constants: Vec<(usize, Scalar)>,
    pub(crate) positions: Positions,
    pub(crate) equality: Vec<Arc<EqualityDeletes>>,
    object: Object,
    meta: ObjectMeta,
    plan: Arc<ScanPlan>,
}

impl Ready {
    /// The rows in the file, deleted ones included, where the log knows.
    pub(crate) fn rows(&self) -> Option<u64> {
        self.data.rows.or_else(|| self.data.stats.as_ref()?.rows)
    }

    /// The rows that positions leave, where the log knows how many.
    pub(crate) fn live_rows(&self) -> Option<u64> {
        let deleted = match &self.positions {
            Positions::Nothing => 0,
            Positions::AtOpen(count) => *count,
            Positions::Known(positions) => positions.len(),
        };
        self.rows()?.checked_sub(deleted)
    }

    /// The file as DataFusion reads it.
    pub(crate) fn into_partitioned(self, constants: Vec<ScalarValue>) -> PartitionedFile {
        let context = FileContext {
            store: self.object.store.clone(),
            object: self.object,
            data: self.data,
            positions: self.positions,
            plan: self.plan,
        };
        PartitionedFile::new_from_meta(self.meta)
            .with_partition_values(constants)
            .with_extension(Arc::new(context))
    }
}

/// What travels with a file to where it is opened.
pub(crate) struct FileContext {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) object: Object,
    pub(crate) data: DataFile,
    positions: Positions,
    plan: Arc<ScanPlan>,
}

impl FileContext {
    /// Whether there is something to ask [`FileContext::positions`] for.
    pub(crate) fn has_deletes(&self) -> bool {
        !matches!(self.positions, Positions::Nothing)
    }

    /// The positions that are deleted.
    pub(crate) async fn positions(&self) -> Result<Option<Arc<RoaringTreemap>>> {
        match &self.positions {
            Positions::Nothing => Ok(None),
            Positions::Known(positions) => Ok(Some(positions.clone())),
            Positions::AtOpen(_) => {
                let deletes = self.plan.deletes(&self.data).await;
                Ok(deletes.map_err(|e| e.with_context("file", &self.data.location))?.positions)
            }
        }
    }
}

/// Finds the files in their stores. Files whose deletes may be keys are asked for them now, since the keys
/// decide the shape of the plan; positions of a known number wait until the file is opened.
pub(crate) async fn prepare(
    plan: &Arc<ScanPlan>,
    files: Vec<PlannedFile>,
    ids: &StoreIds,
) -> Result<Vec<Ready>> {
    let stores = &plan.stores;
    futures::stream::iter(files)
        .map(|planned| async move {
            let (positions, equality) = deletes(plan, &planned.file).await?;
            find(planned, plan, stores, ids, positions, equality).await
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

async fn deletes(plan: &ScanPlan, file: &DataFile) -> Result<(Positions, Vec<Arc<EqualityDeletes>>)> {
    match file.deleted {
        Deleted::Nothing => Ok((Positions::Nothing, vec![])),
        Deleted::Exactly(count) => Ok((Positions::AtOpen(count), vec![])),
        Deleted::Unknown => {
            let deletes = plan.deletes(file).await.map_err(|e| e.with_context("file", &file.location))?;
            let positions = match deletes.positions {
                Some(positions) if !positions.is_empty() => Positions::Known(positions),
                _ => Positions::Nothing,
            };
            Ok((positions, deletes.equality))
        }
    }
}

async fn find(
    planned: PlannedFile,
    plan: &Arc<ScanPlan>,
    stores: &Stores,
    ids: &StoreIds,
    positions: Positions,
    equality: Vec<Arc<EqualityDeletes>>,
) -> Result<Ready> {
    let PlannedFile { file: data, mut constants } = planned;
    constants.sort_by_key(|(place, _)| *place);
    constants.dedup_by_key(|(place, _)| *place);
    let mut object = stores.resolve(&data.location)?;
    // No Parquet file is empty: a log that says so does not know.
    object.size = Some(data.size).filter(|size| *size > 0);
    let size = object.fetch_size().await?;
    // DataFusion keeps footers by path, size and time alone: the time also has to tell stores apart.
    let mut hasher = DefaultHasher::new();
    (ids.id(&object.store), &object.root, data.modified_ms).hash(&mut hasher);
    let stamp = i64::try_from(hasher.finish() >> 24).unwrap_or_default();
    let meta = ObjectMeta {
        location: object.path.clone(),
        last_modified: DateTime::from_timestamp_millis(stamp).unwrap_or_default(),
        size,
        e_tag: None,
        version: None,
    };
    Ok(Ready { data, constants, positions, equality, object, meta, plan: plan.clone() })
}

/// The files in at most `parts` groups of about the same number of bytes.
pub(crate) fn balance(mut files: Vec<PartitionedFile>, parts: usize) -> Vec<FileGroup> {
    let parts = parts.clamp(1, files.len().max(1));
    // The largest first, each to the group that has least.
    files.sort_by_key(|file| std::cmp::Reverse(file.object_meta.size));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = (0..parts).map(|_| (0, vec![])).collect();
    for file in files {
        if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += file.object_meta.size;
            group.push(file);
        }
    }
    groups.into_iter().filter(|(_, files)| !files.is_empty()).map(|(_, f)| FileGroup::new(f)).collect()
}

#[cfg(test)]
mod tests {
    use stitchwork_core::object_store::memory::InMemory;

    use super::*;

    #[test]
    fn groups_have_about_the_same_bytes() {
        let sizes = [1, 100, 3, 50, 49, 2];
        let files = sizes.iter().map(|s| PartitionedFile::new(format!("f{s}"), *s)).collect();
        let groups = balance(files, 2);
        let bytes = |g: &FileGroup| g.iter().map(|f| f.object_meta.size).sum::<u64>();
        assert_eq!(groups.iter().map(bytes).collect::<Vec<_>>(), [103, 102]);
        assert_eq!(balance(vec![], 4).len(), 0);
    }

    #[test]
    fn a_dead_store_never_lends_its_number() {
        let ids = StoreIds::default();
        let store = || -> Arc<dyn ObjectStore> { Arc::new(InMemory::new()) };
        let (a, b) = (store(), store());
        assert_eq!((ids.id(&a), ids.id(&b), ids.id(&a)), (1, 2, 1));
        drop(a);
        assert_eq!(ids.id(&store()), 3);
    }
}
