//! Reading checkpoints: only the columns that are asked for, batch by batch.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use futures::future::{self, FutureExt};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stitchwork_core::{Error, Result};

use super::columns::row_json;
use super::object::ObjectReader;
use super::{Checkpoint, Part};
use crate::actions::{Add, DomainMetadata, Line, Metadata, Protocol, Remove, Sidecar, Txn, parse_lines};
use crate::state::{Head, Payload, TxnState};
use crate::store::LogStore;

/// The key of the file metadata under which our checkpoints keep the payloads of tags.
pub(super) const PAYLOADS: &str = "stitchwork.payloads";

/// The rows of a batch; listings are made from one batch at a time.
const BATCH_ROWS: usize = 4096;

/// Everything but the files, and of these where a V2 checkpoint keeps them.
const HEAD: &[&str] = &["protocol", "metaData", "txn", "domainMetadata", "sidecar"];

type Builder = ParquetRecordBatchStreamBuilder<ObjectReader>;

async fn open(store: &LogStore, part: &Part) -> Result<Builder> {
    let reader = ObjectReader { store: store.store().clone(), path: part.path.clone(), size: part.size };
    // The types of the Parquet schema alone: what an arrow schema in the file would add are only other
    // layouts of the same values.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let opened = AssertUnwindSafe(Builder::new_with_options(reader, options)).catch_unwind().await;
    opened.unwrap_or_else(|_| Err(gave_up())).map_err(|e| parquet_error(store, part, e))
}

/// The decoder panics on some damaged files: to us that is one more way of being damaged.
fn gave_up() -> ParquetError {
    ParquetError::General("the decoder gave up".to_owned())
}

fn parquet_error(store: &LogStore, part: &Part, error: ParquetError) -> Error {
    use std::error::Error as _;
    let missing = error
        .source()
        .and_then(|source| source.downcast_ref::<object_store::Error>())
        .is_some_and(|source| matches!(source, object_store::Error::NotFound { .. }));
    let error = if missing {
        Error::not_found("a file of the checkpoint is missing").with_source(error)
    } else {
        Error::invalid_data("a file of the checkpoint cannot be read").with_source(error)
    };
    store.located(&part.path, error)
}

/// Whether a row group holds nothing but nulls in a column.
fn is_null_column(group: &RowGroupMetaData, leaf: usize) -> bool {
    group.columns().get(leaf).is_some_and(|column| {
        let nulls = column.statistics().and_then(|statistics| statistics.null_count_opt());
        nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(column.num_values()))
    })
}

/// The batches of the leaves that `wanted` picks by their path.
fn batches(
    store: &LogStore,
    part: &Part,
    builder: Builder,
    wanted: impl Fn(&Builder, &[String]) -> bool,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let schema = builder.parquet_schema();
    let leaves: Vec<usize> = schema
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| wanted(&builder, column.path().parts()))
        .map(|(leaf, _)| leaf)
        .collect();
    let groups = builder.metadata().row_groups().iter().enumerate();
    let groups: Vec<usize> = groups
        .filter(|(_, group)| leaves.iter().any(|leaf| !is_null_column(group, *leaf)))
        .map(|(index, _)| index)
        .collect();
    if leaves.is_empty() || groups.is_empty() {
        return Ok(stream::empty().boxed());
    }
    let mask = ProjectionMask::leaves(schema, leaves);
    let stream = builder
        .with_projection(mask)
        .with_row_groups(groups)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| parquet_error(store, part, e))?;
    let (store, part) = (store.clone(), part.clone());
    let guarded = AssertUnwindSafe(stream).catch_unwind().map(move |batch| {
        batch.unwrap_or_else(|_| Err(gave_up())).map_err(|e| parquet_error(&store, &part, e))
    });
    Ok(guarded.boxed())
}

/// Reads all but the files of a checkpoint, and completes it with its sidecars.
pub(crate) async fn read_head(store: &LogStore, checkpoint: &mut Checkpoint) -> Result<Head> {
    let mut head = Head::default();
    let mut sidecars = Vec::new();
    let version = checkpoint.version;
    if checkpoint.json {
        for_json(store, checkpoint, |line| {
            sidecars.extend(line.sidecar);
            head.protocol = line.protocol.or(head.protocol.take());
            head.metadata = line.meta_data.or(head.metadata.take());
            add_txn(&mut head, line.txn, version);
            add_domain(&mut head, line.domain_metadata);
        })
        .await?;
    } else {
        let mut payloads = BTreeMap::new();
        for part in &checkpoint.main {
            let builder = open(store, part).await?;
            payloads.extend(kept_payloads(&builder));
            let is_head =
                |_: &Builder, path: &[String]| path.first().is_some_and(|root| HEAD.contains(&root.as_str()));
            let mut stream = batches(store, part, builder, is_head)?;
            while let Some(batch) = stream.try_next().await? {
                for row in 0..batch.num_rows() {
                    if let Some(protocol) = cell::<Protocol>(&batch, "protocol", row)? {
                        head.protocol = Some(protocol);
                    }
                    if let Some(metadata) = cell::<Metadata>(&batch, "metaData", row)? {
                        head.metadata = Some(metadata);
                    }
                    add_txn(&mut head, cell(&batch, "txn", row)?, version);
                    add_domain(&mut head, cell(&batch, "domainMetadata", row)?);
                    sidecars.extend(cell::<Sidecar>(&batch, "sidecar", row)?);
                }
            }
        }
        for (application, payload) in payloads {
            if let Some(state) = head.txns.get_mut(&application) {
                state.payload = Payload::Known(payload);
            }
        }
    }
    checkpoint.sidecars = sidecars
        .into_iter()
        .map(|sidecar| Part {
            path: store.path(&format!("_sidecars/{}", sidecar.path.rsplit('/').next().unwrap_or_default())),
            size: u64::try_from(sidecar.size_in_bytes).unwrap_or_default(),
        })
        .collect();
    Ok(head)
}

fn add_txn(head: &mut Head, txn: Option<Txn>, version: i64) {
    if let Some(txn) = txn {
        let state = TxnState { payload: Payload::AtOrBefore(version), txn };
        head.txns.insert(state.txn.app_id.clone(), state);
    }
}

fn add_domain(head: &mut Head, domain: Option<DomainMetadata>) {
    if let Some(domain) = domain.filter(|domain| !domain.removed) {
        head.domains.insert(domain.domain.clone(), domain);
    }
}

/// Our own checkpoints keep the payloads of tags beside the rows, where others do not look.
fn kept_payloads(builder: &Builder) -> BTreeMap<String, Option<Value>> {
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let text = pairs
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == PAYLOADS))
        .and_then(|pair| pair.value.as_deref());
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn cell<T: DeserializeOwned>(batch: &RecordBatch, name: &'static str, row: usize) -> Result<Option<T>> {
    match batch.column_by_name(name) {
        Some(column) if column.is_valid(row) => {
            let json = row_json(column, row);
            // A struct of nothing but nulls is what some writers make of a null.
            if json.as_object().is_none_or(serde_json::Map::is_empty) {
                return Ok(None);
            }
            serde_json::from_value(json).map(Some).map_err(|e| {
                Error::invalid_data("a row of the checkpoint is no action")
                    .with_context("action", name)
                    .with_source(e)
            })
        }
        _ => Ok(None),
    }
}

async fn for_json(store: &LogStore, checkpoint: &Checkpoint, mut each: impl FnMut(Line)) -> Result<()> {
    for part in &checkpoint.main {
        let (bytes, _) = store.get(&part.path).await?.ok_or_else(|| {
            store.located(&part.path, Error::not_found("a file of the checkpoint is missing"))
        })?;
        let mut lines = 0_usize;
        let parsed = parse_lines(&bytes, |line: Line| {
            lines += 1;
            each(line);
            Ok(())
        });
        let parsed = parsed.and_then(|()| match lines {
            0 => Err(Error::invalid_data("a file of the checkpoint is empty")),
            _ => Ok(()),
        });
        parsed.map_err(|e| store.located(&part.path, e))?;
    }
    Ok(())
}

/// Files of a checkpoint, as they lie in it.
#[derive(Debug)]
pub(crate) enum FileRows {
    /// Rows of a Parquet file, among them other actions.
    Batch(RecordBatch),
    /// The lines of a JSON file.
    Lines(Vec<Arc<Add>>, Vec<Remove>),
}

/// Whether a leaf of the `add` column is needed for listing files.
fn is_wanted(builder: &Builder, path: &[String], removes: bool) -> bool {
    let mut parts = path.iter().map(String::as_str);
    match (parts.next(), parts.next()) {
        (Some("add"), Some("stats_parsed")) => !has_json_stats(builder),
        (Some("add"), Some(field)) => {
            ["path", "partitionValues", "size", "modificationTime", "stats", "tags", "deletionVector"]
                .contains(&field)
        }
        (Some("remove"), Some(_)) => removes,
        _ => false,
    }
}

fn has_json_stats(builder: &Builder) -> bool {
    let leaf = builder
        .parquet_schema()
        .columns()
        .iter()
        .position(|column| column.path().parts().iter().map(String::as_str).eq(["add", "stats"]));
    leaf.is_some_and(|leaf| builder.metadata().row_groups().iter().any(|group| !is_null_column(group, leaf)))
}

/// The file actions of a checkpoint, streamed; tombstones only where they are asked for.
pub(crate) fn file_rows(
    store: LogStore,
    checkpoint: Arc<Checkpoint>,
    removes: bool,
) -> BoxStream<'static, Result<FileRows>> {
    let mut parts = checkpoint.sidecars.clone();
    let mut lines = stream::empty().boxed();
    if checkpoint.json {
        let store = store.clone();
        lines = stream::once(async move {
            let (mut adds, mut tombstones) = (Vec::new(), Vec::new());
            for_json(&store, &checkpoint, |line| {
                adds.extend(line.add.map(Arc::new));
                tombstones.extend(line.remove.filter(|_| removes));
            })
            .await?;
            Ok(FileRows::Lines(adds, tombstones))
        })
        .boxed();
    } else {
        parts.extend(checkpoint.main.iter().cloned());
    }
    let rows = stream::iter(parts)
        .then(move |part| {
            let store = store.clone();
            async move {
                let builder = open(&store, &part).await?;
                batches(&store, &part, builder, |builder, path| is_wanted(builder, path, removes))
            }
        })
        .try_flatten()
        .map_ok(FileRows::Batch);
    lines
        .chain(rows)
        .try_filter(|rows| {
            future::ready(match rows {
                FileRows::Batch(batch) => batch.num_rows() > 0,
                FileRows::Lines(adds, removes) => !adds.is_empty() || !removes.is_empty(),
            })
        })
        .boxed()
}

/// The tombstones of a batch.
pub(crate) fn removes(batch: &RecordBatch) -> Result<Vec<Remove>> {
    let rows = 0..batch.num_rows();
    rows.filter_map(|row| cell::<Remove>(batch, "remove", row).transpose()).collect()
}
