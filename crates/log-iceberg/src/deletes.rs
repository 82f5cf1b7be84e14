//! Which deletes apply to which data files (Iceberg spec, "Scan Planning").

mod equality;
mod keys;
mod positions;
mod vector;
mod write;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use roaring::RoaringTreemap;
use stitchwork_core::{DataFile, Deleted, Deletes, EqualityDeletes, Error, Result, Scalar};
use stitchwork_iceberg_meta::{EntryStatus, FileContent, IceValue, ManifestContent};

use crate::manifest::{self, Bound, Entry, Rows};
use crate::partitions::Spec;
use crate::snapshot::{Inner, Origin};
use crate::state::Shared;

use keys::Keys;
pub(crate) use write::{Written, write_deletes};

/// The ids of the columns of position delete files (Iceberg spec, "Reserved Field IDs").
pub(crate) const FILE_PATH_ID: i32 = 2_147_483_546;
pub(crate) const POSITION_ID: i32 = 2_147_483_545;

/// How many delete files that serve more than one data file are kept in memory once they are read.
const KEPT: usize = 8;

/// A partition: the spec and the values.
pub(crate) type Partition = (i32, Vec<Option<IceValue>>);

/// Deleted positions by data file.
type Positions = HashMap<String, Arc<RoaringTreemap>>;

/// A file with deletes.
#[derive(Debug)]
pub(crate) struct DeleteEntry {
    path: String,
    format: String,
    size: u64,
    rows: u64,
    sequence_number: i64,
    equality_ids: Vec<i32>,
    /// Where the deletion vector is in its file.
    vector: Option<(u64, u64)>,
    /// The positions by data file, once they are read.
    loaded: tokio::sync::Mutex<Option<Arc<Positions>>>,
    equality: OnceLock<Arc<EqualityDeletes>>,
    /// The keys, once they are read, of those that are resolved here.
    keys: tokio::sync::Mutex<Option<Arc<Keys>>>,
}

/// The deletes of a snapshot by what they apply to.
#[derive(Debug, Default)]
pub(crate) struct DeleteIndex {
    vectors: HashMap<String, Arc<DeleteEntry>>,
    by_path: HashMap<String, Vec<Arc<DeleteEntry>>>,
    by_partition: HashMap<Partition, Vec<Arc<DeleteEntry>>>,
    equality_by_partition: HashMap<Partition, Vec<Arc<DeleteEntry>>>,
    equality_everywhere: Vec<Arc<DeleteEntry>>,
    kept: Mutex<VecDeque<Arc<DeleteEntry>>>,
}

/// The one data file that an entry's position deletes are for, if there is just one.
pub(crate) fn only_file(rows: &dyn Rows, row: usize, entry: &Entry) -> Option<String> {
    if entry.content != FileContent::PositionDeletes {
        return None;
    }
    if let Some(path) = &entry.referenced_data_file {
        return Some(path.clone());
    }
    // Bounds of texts that were shortened are never equal, so that equal ones are whole.
    let lower = rows.bound(row, Bound::Lower, FILE_PATH_ID)?;
    let upper = rows.bound(row, Bound::Upper, FILE_PATH_ID)?;
    (lower == upper).then(|| String::from_utf8(lower.to_vec()).ok()).flatten()
}

/// The partition of an entry.
pub(crate) fn partition_of(rows: &dyn Rows, row: usize, spec: &Spec) -> Result<Partition> {
    let values =
        (0..spec.fields.len()).map(|field| rows.partition(row, field)).collect::<Result<Vec<_>>>()?;
    Ok((spec.id, spec.values(&values)?))
}

impl DeleteIndex {
    /// Reads the delete manifests of a snapshot.
    pub(crate) async fn build(inner: &Inner) -> Result<Self> {
        let mut index = Self::default();
        for info in inner.manifests().await?.iter() {
            if info.content != ManifestContent::Deletes || !manifest::has_live_files(info) {
                continue;
            }
            let spec = inner.spec(info.spec_id)?;
            for rows in manifest::read(&inner.shared, info, spec, true).await?.iter() {
                for row in (0..rows.len()).filter(|row| rows.status(*row) != EntryStatus::Deleted) {
                    index
                        .add(rows.as_ref(), row, spec)
                        .map_err(|e| e.with_context("manifest", &info.path))?;
                }
            }
        }
        Ok(index)
    }

    fn add(&mut self, rows: &dyn Rows, row: usize, spec: &Spec) -> Result<()> {
        let entry = rows.entry(row);
        let only = only_file(rows, row, &entry);
        let place = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let delete = Arc::new(DeleteEntry {
            path: rows.path(row).to_owned(),
            size: entry.size,
            rows: rows.record_count(row),
            sequence_number: entry.sequence_number,
            vector: place(entry.content_offset).zip(place(entry.content_size)),
            format: entry.format,
            equality_ids: entry.equality_ids,
            loaded: tokio::sync::Mutex::default(),
            equality: OnceLock::new(),
            keys: tokio::sync::Mutex::default(),
        });
        match (entry.content, only) {
            (FileContent::EqualityDeletes, _) if spec.unpartitioned => self.equality_everywhere.push(delete),
            (FileContent::EqualityDeletes, _) => {
                let partition = partition_of(rows, row, spec)?;
                self.equality_by_partition.entry(partition).or_default().push(delete);
            }
            (_, Some(path)) if delete.format == "puffin" => {
                self.vectors.insert(path, delete);
            }
            (_, Some(path)) => self.by_path.entry(path).or_default().push(delete),
            (_, None) => {
                let partition = partition_of(rows, row, spec)?;
                self.by_partition.entry(partition).or_default().push(delete);
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.vectors.is_empty()
            && self.by_path.is_empty()
            && self.by_partition.is_empty()
            && self.equality_by_partition.is_empty()
            && self.equality_everywhere.is_empty()
    }

    /// The deletes by position that apply to a data file.
    fn positional(&self, path: &str, partition: Option<&Partition>, sequence_number: i64) -> Positional<'_> {
        let applies = move |delete: &&Arc<DeleteEntry>| delete.sequence_number >= sequence_number;
        // A deletion vector holds what the position delete files of its data file held.
        if let Some(vector) = self.vectors.get(path).filter(|delete| applies(delete)) {
            return Positional::Vector(vector);
        }
        let for_file = self.by_path.get(path).into_iter().flatten();
        let for_partition = partition.and_then(|p| self.by_partition.get(p)).into_iter().flatten();
        Positional::Files(for_file.chain(for_partition).filter(applies).collect())
    }

    /// The deletes by key that apply to a data file: only those of later commits.
    fn equality(&self, partition: Option<&Partition>, sequence_number: i64) -> Vec<&Arc<DeleteEntry>> {
        let for_partition = partition.and_then(|p| self.equality_by_partition.get(p)).into_iter().flatten();
        let all = for_partition.chain(&self.equality_everywhere);
        all.filter(|delete| delete.sequence_number > sequence_number).collect()
    }

    /// The partition as a key, if any deletes go by partitions.
    fn key(&self, spec: &Spec, partition: &[Scalar]) -> Result<Option<Partition>> {
        if self.by_partition.is_empty() && self.equality_by_partition.is_empty() {
            return Ok(None);
        }
        Ok(Some((spec.id, spec.values(partition)?)))
    }

    /// What is known of the deletes of a file without reading any of them.
    pub(crate) fn deleted(
        &self,
        path: &str,
        spec: &Spec,
        partition: &[Scalar],
        sequence_number: i64,
    ) -> Result<Deleted> {
        let partition = self.key(spec, partition)?;
        let by_key = !self.equality(partition.as_ref(), sequence_number).is_empty();
        Ok(match self.positional(path, partition.as_ref(), sequence_number) {
            _ if by_key => Deleted::Unknown,
            Positional::Vector(vector) => Deleted::Exactly(vector.rows),
            Positional::Files(files) if files.is_empty() => Deleted::Nothing,
            Positional::Files(_) => Deleted::Unknown,
        })
    }

    /// The deletes of a file.
    pub(crate) async fn deletes(&self, inner: &Inner, file: &DataFile) -> Result<Deletes> {
        if self.is_empty() {
            return Ok(Deletes::default());
        }
        let sequence_number = sequence_number(file)?;
        let partition = self.key(inner.spec(file.spec)?, &file.partition)?;
        let mut found = Deletes::default();
        match self.positional(&file.location, partition.as_ref(), sequence_number) {
            Positional::Vector(delete) => {
                found.positions = Some(Arc::new(vector::read(&inner.shared, delete).await?));
            }
            Positional::Files(files) if files.is_empty() => {}
            Positional::Files(files) => {
                let mut all = RoaringTreemap::new();
                for delete in files {
                    if let Some(positions) = self.positions(&inner.shared, delete, &file.location).await? {
                        all |= positions.as_ref();
                    }
                }
                found.positions = Some(Arc::new(all)).filter(|all| !all.is_empty());
            }
        }
        for delete in self.equality(partition.as_ref(), sequence_number) {
            match equality::resolve(inner, delete)? {
                Some(set) => found.equality.push(set),
                None => {
                    let mut all = self.keys(inner, delete).await?.positions(inner, file).await?;
                    if let Some(positions) = &found.positions {
                        all |= positions.as_ref();
                    }
                    found.positions = Some(Arc::new(all)).filter(|all| !all.is_empty());
                }
            }
        }
        Ok(found)
    }

    /// The keys of an equality delete file that is resolved here.
    async fn keys(&self, inner: &Inner, delete: &Arc<DeleteEntry>) -> Result<Arc<Keys>> {
        let mut loaded = delete.keys.lock().await;
        if let Some(keys) = loaded.as_ref() {
            return Ok(keys.clone());
        }
        let keys = Arc::new(Keys::load(inner, delete).await?);
        *loaded = Some(keys.clone());
        drop(loaded);
        self.keep(delete).await;
        Ok(keys)
    }

    /// The positions that a position delete file holds for a data file.
    async fn positions(
        &self,
        shared: &Shared,
        delete: &Arc<DeleteEntry>,
        path: &str,
    ) -> Result<Option<Arc<RoaringTreemap>>> {
        if self.by_path.get(path).is_some_and(|files| files.iter().any(|f| Arc::ptr_eq(f, delete))) {
            return Ok(positions::read(shared, delete, Some(path)).await?.remove(path));
        }
        let mut loaded = delete.loaded.lock().await;
        let all = match loaded.as_ref() {
            Some(all) => all.clone(),
            None => {
                let all = Arc::new(positions::read(shared, delete, None).await?);
                *loaded = Some(all.clone());
                drop(loaded);
                self.keep(delete).await;
                all
            }
        };
        Ok(all.get(path).cloned())
    }

    /// Keeps what the last few files hold that were read, and lets go of older ones.
    async fn keep(&self, delete: &Arc<DeleteEntry>) {
        let oldest = {
            let mut kept = self.kept.lock();
            kept.push_back(delete.clone());
            if kept.len() > KEPT { kept.pop_front() } else { None }
        };
        if let Some(oldest) = oldest {
            *oldest.loaded.lock().await = None;
            *oldest.keys.lock().await = None;
        }
    }
}

enum Positional<'a> {
    Vector(&'a Arc<DeleteEntry>),
    Files(Vec<&'a Arc<DeleteEntry>>),
}

/// The data sequence number of a file that a snapshot gave.
pub(crate) fn sequence_number(file: &DataFile) -> Result<i64> {
    match file.native.as_ref().and_then(|native| native.downcast_ref::<Origin>()) {
        Some(origin) => Ok(origin.sequence_number),
        None => Err(Error::invalid_input("the file does not come from a snapshot of an Iceberg table")
            .with_context("file", &file.location)),
    }
}

#[cfg(test)]
mod tests;
