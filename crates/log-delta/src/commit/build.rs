//! From changes to actions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use stitchwork_commits::now_ms;
use stitchwork_core::{Changes, CommitArgs, DataFile, DeleteFile, Deleted, Error, Result};
use uuid::Uuid;

use crate::actions::{Add, Commit, CommitInfo, DeletionVector, ENGINE, Remove, StringMap, Txn};
use crate::evolve;
use crate::meta::TableMeta;
use crate::state::State;
use crate::stats;
use crate::store::LogStore;
use crate::values::partition_text;

/// The action by which the log knows a file, if the file came from one.
fn native(file: &DataFile) -> Option<Arc<Add>> {
    file.native.clone()?.downcast::<Add>().ok()
}

/// The path of a file as it stands in the log.
pub(super) fn log_path(file: &DataFile, store: &LogStore) -> String {
    match native(file) {
        Some(add) => add.path.clone(),
        None => store.root.encode(&file.location, &store.stores),
    }
}

/// The commit that makes the changes, all but its version.
pub(super) fn build(store: &LogStore, state: &State, args: &CommitArgs) -> Result<Commit> {
    let now = now_ms();
    let mut commit = Commit::default();
    let table = &state.table;
    if let Some((protocol, metadata)) = evolve::changed(state, &args.changes)? {
        commit.protocol = protocol;
        commit.metadata = Some(metadata);
    }
    if let Some(tag) = &args.tag {
        commit.txns.push(Txn { app_id: tag.application.clone(), version: tag.id, last_updated: Some(now) });
    }
    for file in &args.changes.removed {
        commit.removes.push(Arc::new(remove(store, table, file, now)?));
    }
    for (file, deletes) in &args.changes.deletes {
        commit.removes.push(Arc::new(remove(store, table, file, now)?));
        commit.adds.push(Arc::new(with_deletes(store, table, file, deletes)?));
    }
    for file in &args.changes.added {
        commit.adds.push(Arc::new(add(store, table, file, now)?));
    }
    commit.info = Some(commit_info(args, &commit));
    Ok(commit)
}

/// Who commits what, for people and for ourselves.
fn commit_info(args: &CommitArgs, commit: &Commit) -> CommitInfo {
    let changes = &args.changes;
    let sum =
        |files: &[DataFile], of: fn(&DataFile) -> Option<u64>| -> u64 { files.iter().filter_map(of).sum() };
    let deleted: u64 = changes.deletes.iter().map(|(_, deletes)| deletes.rows).sum();
    let mut metrics = BTreeMap::from([
        ("numFiles", changes.added.len() as u64),
        ("numOutputRows", sum(&changes.added, |file| file.rows)),
        ("numOutputBytes", sum(&changes.added, |file| Some(file.size))),
    ]);
    if !changes.removed.is_empty() {
        metrics.insert("numRemovedFiles", changes.removed.len() as u64);
        metrics.insert("numRemovedBytes", sum(&changes.removed, |file| Some(file.size)));
    }
    if !changes.deletes.is_empty() {
        metrics.insert("numDeletionVectorsUpdated", changes.deletes.len() as u64);
        metrics.insert("numRowsInDeletionVectors", deleted);
    }
    let metrics: BTreeMap<&str, String> = metrics.into_iter().map(|(k, v)| (k, v.to_string())).collect();
    let mut info = base_info(&args.operation);
    info.insert("readVersion".to_owned(), json!(args.base.version()));
    info.insert("isBlindAppend".to_owned(), json!(only_adds(changes) && commit.removes.is_empty()));
    info.insert("operationMetrics".to_owned(), json!(metrics));
    if let Some(tag) = &args.tag {
        info.insert(
            "stitchwork".to_owned(),
            json!({ "application": tag.application, "id": tag.id, "payload": tag.payload }),
        );
    }
    info
}

/// Whether the commit only adds files.
fn only_adds(changes: &Changes) -> bool {
    changes.removed.is_empty()
        && changes.deletes.is_empty()
        && changes.schema.is_none()
        && changes.partitioning.is_none()
        && changes.properties.is_empty()
}

/// What every commit says about itself; `txnId` is no other commit's.
pub(crate) fn base_info(operation: &str) -> CommitInfo {
    let engine = format!("{ENGINE}{}", env!("CARGO_PKG_VERSION"));
    let mut info = CommitInfo::new();
    info.insert("timestamp".to_owned(), json!(now_ms()));
    info.insert("operation".to_owned(), json!(operation));
    info.insert("operationParameters".to_owned(), json!({}));
    info.insert("engineInfo".to_owned(), json!(engine));
    info.insert("txnId".to_owned(), Value::from(Uuid::new_v4().to_string()));
    info
}

fn partition_values(table: &TableMeta, file: &DataFile) -> Result<StringMap> {
    if file.partition.len() != table.partition_columns.len() {
        return Err(Error::invalid_input(
            "a file has another number of partition values than the table has columns",
        )
        .with_context("file", &file.location)
        .with_context("values", file.partition.len())
        .with_context("columns", table.partition_columns.len()));
    }
    table
        .partition_columns
        .iter()
        .zip(&file.partition)
        .map(|(column, value)| {
            let text = value.cast(&column.data_type).and_then(|value| partition_text(&value));
            Ok((column.key.clone(), text.map_err(|e| e.with_context("column", &column.name))?))
        })
        .collect()
}

fn size(file: &DataFile) -> i64 {
    i64::try_from(file.size).unwrap_or(i64::MAX)
}

fn add(store: &LogStore, table: &TableMeta, file: &DataFile, now: i64) -> Result<Add> {
    if file.format != "parquet" {
        return Err(Error::unsupported("data files of a Delta table are Parquet")
            .with_context("file", &file.location)
            .with_context("format", &file.format));
    }
    let stats = file.stats.as_deref();
    Ok(Add {
        path: store.root.encode(&file.location, &store.stores),
        partition_values: partition_values(table, file)?,
        size: size(file),
        modification_time: file.modified_ms.unwrap_or(now),
        data_change: true,
        stats: stats::to_json(table, file.rows, stats),
        tags: None,
        deletion_vector: None,
    })
}

fn remove(store: &LogStore, table: &TableMeta, file: &DataFile, now: i64) -> Result<Remove> {
    let add = native(file);
    if add.is_none() && file.deleted != Deleted::Nothing {
        return Err(Error::invalid_input("a file with deleted rows must come from a snapshot of this log")
            .with_context("file", &file.location));
    }
    Ok(Remove {
        path: log_path(file, store),
        deletion_timestamp: Some(now),
        data_change: true,
        extended_file_metadata: Some(true),
        partition_values: Some(match &add {
            Some(add) => add.partition_values.clone(),
            None => partition_values(table, file)?,
        }),
        size: Some(size(file)),
        stats: add.as_ref().and_then(|add| add.stats.clone()),
        tags: add.as_ref().and_then(|add| add.tags.clone()),
        deletion_vector: add.and_then(|add| add.deletion_vector.clone()),
    })
}

/// The same file with other rows deleted.
fn with_deletes(store: &LogStore, table: &TableMeta, file: &DataFile, deletes: &DeleteFile) -> Result<Add> {
    let vector = deletes.native.clone().and_then(|native| native.downcast::<DeletionVector>().ok());
    let vector = vector.ok_or_else(|| {
        Error::invalid_input("deletes must come from write_deletes of this log")
            .with_context("file", &file.location)
    })?;
    let old = match native(file) {
        Some(old) => old.as_ref().clone(),
        None => add(store, table, file, now_ms())?,
    };
    // Readers must know how many rows the file has before they can apply a vector.
    let stats = old.stats.clone().or_else(|| stats::to_json(table, file.rows, file.stats.as_deref()));
    let Some(stats) = stats.filter(|stats| stats::num_records(Some(stats)).is_some()) else {
        return Err(Error::unsupported("the rows of a file of unknown length cannot be deleted; rewrite it")
            .with_context("file", &file.location));
    };
    Ok(Add {
        data_change: true,
        stats: Some(stats::widen(&stats)?),
        deletion_vector: Some(vector.as_ref().clone()),
        ..old
    })
}
