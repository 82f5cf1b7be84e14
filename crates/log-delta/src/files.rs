//! Listing live files: pruned by partition first, then by statistics, and only then made.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_commits::Pruner;
use stitchwork_core::{DataFile, Deleted, FileFilter, FileStats, Result, Scalar};

use crate::actions::{Add, DeletionVector, StringMap};
use crate::checkpoint::{AddRows, FileRows, file_rows};
use crate::meta::{PartitionColumn, TableMeta};
use crate::paths::Root;
use crate::state::State;
use crate::stats::{self, Wanted};
use crate::store::LogStore;
use crate::values::partition_value;

/// The files of a chunk.
const CHUNK: usize = 1024;

/// Leaves out files, and makes the others.
#[derive(Debug)]
pub(crate) struct Sieve {
    root: Arc<Root>,
    table: Arc<TableMeta>,
    wanted: Wanted,
    /// Knows a partition by the text of its values.
    pruner: Pruner<String>,
}

/// What the sieve found out about a file that stays.
struct Kept {
    partition: Arc<Vec<Scalar>>,
    rows: Option<u64>,
    stats: Option<Arc<FileStats>>,
}

impl Sieve {
    pub(crate) fn new(root: Arc<Root>, table: Arc<TableMeta>, filter: FileFilter) -> Self {
        let wanted = Wanted::new(table.clone(), filter.predicate.as_ref(), &filter.stats);
        let columns = table.partition_columns.iter().map(|column| column.name.clone()).collect();
        Self { root, table, wanted, pruner: Pruner::new(filter.predicate, columns) }
    }

    fn partition(
        &mut self,
        key: &str,
        values: impl FnOnce() -> StringMap,
    ) -> Result<Option<Arc<Vec<Scalar>>>> {
        let columns = &self.table.partition_columns;
        self.pruner.partition(key, || {
            let values = values();
            let value = |column: &PartitionColumn| {
                let text = values.get(&column.key).and_then(Option::as_deref);
                partition_value(text, &column.data_type).map_err(|e| e.with_context("column", &column.name))
            };
            columns.iter().map(value).collect()
        })
    }

    /// Looks at a file; statistics only where its partition stays.
    fn keep<'a>(
        &mut self,
        key: &str,
        values: impl FnOnce() -> StringMap,
        stats: &mut dyn FnMut() -> Result<Option<Cow<'a, str>>>,
    ) -> Result<Option<(Kept, Option<Cow<'a, str>>)>> {
        let Some(partition) = self.partition(key, values)? else { return Ok(None) };
        let text = stats()?;
        if !self.wanted.filters() && !self.wanted.asks() {
            let rows = stats::num_records(text.as_deref());
            return Ok(Some((Kept { partition, rows, stats: None }, text)));
        }
        let Some(json) = self.wanted.parse(text.as_deref()) else {
            return Ok(Some((Kept { partition, rows: None, stats: None }, text)));
        };
        if self.wanted.filters() && !self.pruner.may_pass(&partition, Some(&self.wanted.for_filter(&json))) {
            return Ok(None);
        }
        let stats = self.wanted.for_caller(&json).map(Arc::new);
        let rows = json.get("numRecords").and_then(serde_json::Value::as_u64);
        Ok(Some((Kept { partition, rows, stats }, text)))
    }

    fn data_file(&self, add: Arc<Add>, kept: Kept) -> Result<DataFile> {
        Ok(DataFile {
            location: self.root.locate(&self.root.decode(&add.path)?),
            format: "parquet".to_owned(),
            size: u64::try_from(add.size).unwrap_or_default(),
            rows: kept.rows,
            spec: 0,
            partition: kept.partition.as_ref().clone(),
            stats: kept.stats,
            split_offsets: vec![],
            deleted: match &add.deletion_vector {
                Some(vector) => Deleted::Exactly(u64::try_from(vector.cardinality).unwrap_or_default()),
                None => Deleted::Nothing,
            },
            modified_ms: Some(add.modification_time),
            native: Some(add),
        })
    }

    /// The file of an action, unless it is left out.
    pub(crate) fn sift(&mut self, add: &Arc<Add>) -> Result<Option<DataFile>> {
        let key = partition_key(&add.partition_values);
        let mut stats = || Ok(add.stats.as_deref().map(Cow::Borrowed));
        match self.keep(&key, || add.partition_values.clone(), &mut stats)? {
            Some((kept, _)) => self.data_file(add.clone(), kept).map(Some),
            None => Ok(None),
        }
    }

    /// The files of a batch of a checkpoint that the tail has said nothing about.
    fn sift_rows(&mut self, rows: &AddRows<'_>, outdated: &HashSet<String>) -> Result<Vec<DataFile>> {
        let mut files = Vec::new();
        let mut key = String::new();
        for row in (0..rows.len()).filter(|row| rows.is_add(*row)) {
            let vector: Option<DeletionVector> = rows.vector(row);
            if self.root.is_among(outdated, rows.path(row), vector.as_ref())? {
                continue;
            }
            key.clear();
            rows.write_partition_key(row, &mut key);
            let kept = self.keep(&key, || rows.partition_values(row), &mut || rows.stats(row))?;
            if let Some((kept, stats)) = kept {
                files.push(self.data_file(Arc::new(rows.add(row, vector, stats)), kept)?);
            }
        }
        Ok(files)
    }
}

fn partition_key(values: &StringMap) -> String {
    let mut key = String::new();
    for (name, value) in values {
        key.push_str(name);
        key.push('\0');
        key.push_str(value.as_deref().unwrap_or_default());
        key.push('\0');
    }
    key
}

/// The live files of a state, in chunks.
pub(crate) fn live_files(
    store: LogStore,
    state: &Arc<State>,
    filter: FileFilter,
) -> BoxStream<'static, Result<Vec<DataFile>>> {
    let root = store.root.clone();
    let prepared = state.tail_adds(&root).and_then(|adds| Ok((adds, state.tail_keys(&root)?)));
    let (adds, outdated) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return stream::once(async move { Err(error) }).boxed(),
    };
    let chunks: Vec<Vec<Arc<Add>>> = adds.chunks(CHUNK).map(<[_]>::to_vec).collect();
    let tail = stream::iter(chunks).map(|chunk| Ok((FileRows::Lines(chunk, vec![]), false)));
    let older = match &state.checkpoint {
        Some(checkpoint) => file_rows(store, checkpoint.clone(), false).map_ok(|rows| (rows, true)).boxed(),
        None => stream::empty().boxed(),
    };
    let mut sieve = Sieve::new(root, state.table.clone(), filter);
    tail.chain(older)
        .map(move |rows| {
            let (rows, old) = rows?;
            match rows {
                FileRows::Batch(batch) => match AddRows::try_new(&batch)? {
                    Some(rows) => sieve.sift_rows(&rows, &outdated),
                    None => Ok(vec![]),
                },
                FileRows::Lines(adds, _) => {
                    let mut files = Vec::new();
                    for add in adds {
                        if old && sieve.root.is_among(&outdated, &add.path, add.deletion_vector.as_ref())? {
                            continue;
                        }
                        files.extend(sieve.sift(&add)?);
                    }
                    Ok(files)
                }
            }
        })
        .try_filter(|files| futures::future::ready(!files.is_empty()))
        .boxed()
}
