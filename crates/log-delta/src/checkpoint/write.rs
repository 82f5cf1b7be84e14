//! Writing classic checkpoints in one file, streamed.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use stitchwork_commits::now_ms;
use stitchwork_core::{Error, Result};

use super::read::{PAYLOADS, removes};
use super::{AddRows, Checkpoint, FileRows, Part, file_rows};
use crate::actions::{Add, Remove};
use crate::meta::TableMeta;
use crate::state::{Payload, State};
use crate::store::LogStore;

/// The rows of a row group: a reader that wants few columns fetches little at a time.
const GROUP_ROWS: usize = 50_000;

/// How long tombstones are kept where the table does not say.
const RETENTION_MS: i64 = 7 * 24 * 3600 * 1000;

struct Writer {
    writer: AsyncArrowWriter<BufWriter>,
    rows: i64,
    adds: i64,
    path: object_store::path::Path,
    store: LogStore,
}

impl Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += i64::try_from(batch.num_rows()).unwrap_or_default();
        self.writer.write(&batch).await.map_err(|e| self.error(e))
    }

    async fn adds(&mut self, adds: &[Arc<Add>]) -> Result<()> {
        if adds.is_empty() {
            return Ok(());
        }
        self.adds += i64::try_from(adds.len()).unwrap_or_default();
        self.write(rows::adds(adds)?).await
    }

    fn error(&self, error: parquet::errors::ParquetError) -> Error {
        let error = Error::unexpected("the checkpoint could not be written").with_source(error);
        self.store.located(&self.path, error)
    }
}

/// Writes the checkpoint of a state and points `_last_checkpoint` to it. Holds one row group at a time.
pub(crate) async fn write_checkpoint(store: &LogStore, state: &State) -> Result<Checkpoint> {
    let path = store.path(&format!("{:020}.checkpoint.parquet", state.version));
    let level =
        ZstdLevel::try_new(3).map_err(|e| Error::unexpected("no such level of zstd").with_source(e))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(Some(vec![KeyValue::new(PAYLOADS.to_owned(), payloads(state))]))
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let object = BufWriter::new(store.store().clone(), path.clone());
    let writer = AsyncArrowWriter::try_new_with_options(object, rows::schema(), options)
        .map_err(|e| Error::unexpected("the checkpoint could not be started").with_source(e))?;
    let mut writer = Writer { writer, rows: 0, adds: 0, path, store: store.clone() };
    for batch in rows::head(state)? {
        writer.write(batch).await?;
    }
    write_tail(&mut writer, state).await?;
    write_older(&mut writer, state).await?;
    if let Err(error) = writer.writer.finish().await {
        return Err(writer.error(error));
    }
    let (rows, adds, size) = (writer.rows, writer.adds, writer.writer.bytes_written() as u64);
    let checkpoint = Checkpoint {
        version: state.version,
        main: vec![Part { path: writer.path, size }],
        json: false,
        sidecars: vec![],
    };
    write_hint(store, &checkpoint, rows, adds).await?;
    Ok(checkpoint)
}

async fn write_tail(writer: &mut Writer, state: &State) -> Result<()> {
    let root = writer.store.root.clone();
    let live = state.tail_adds(&root)?;
    for chunk in live.chunks(GROUP_ROWS) {
        writer.adds(chunk).await?;
    }
    let horizon = now_ms() - retention_ms(&state.table);
    let tombstones: Vec<Remove> = tail_tombstones(state, &root, horizon)?;
    for chunk in tombstones.chunks(GROUP_ROWS) {
        writer.write(rows::removes(chunk)?).await?;
    }
    Ok(())
}

/// The removes of the tail that are young enough and whose file did not come back.
fn tail_tombstones(state: &State, root: &crate::paths::Root, horizon: i64) -> Result<Vec<Remove>> {
    let mut seen = std::collections::HashSet::new();
    let mut out = Vec::new();
    for commit in state.tail() {
        for add in &commit.adds {
            seen.insert(root.key(&add.path, add.deletion_vector.as_ref())?);
        }
        for remove in &commit.removes {
            let new = seen.insert(root.key(&remove.path, remove.deletion_vector.as_ref())?);
            if new && remove.deletion_timestamp.unwrap_or_default() > horizon {
                out.push(remove.as_ref().clone());
            }
        }
    }
    Ok(out)
}

/// What the checkpoint before says about files that the tail does not speak of.
async fn write_older(writer: &mut Writer, state: &State) -> Result<()> {
    let Some(older) = &state.checkpoint else { return Ok(()) };
    let store = writer.store.clone();
    let root = store.root.clone();
    let outdated = state.tail_keys(&root)?;
    let horizon = now_ms() - retention_ms(&state.table);
    let keep =
        |path: &str, vector: Option<&_>| -> Result<bool> { Ok(!root.is_among(&outdated, path, vector)?) };
    let mut stream = file_rows(store, older.clone(), true);
    while let Some(file_rows) = stream.try_next().await? {
        let mut kept = Vec::new();
        let tombstones = match file_rows {
            FileRows::Lines(adds, tombstones) => {
                for add in adds {
                    if keep(&add.path, add.deletion_vector.as_ref())? {
                        kept.push(add);
                    }
                }
                tombstones
            }
            FileRows::Batch(batch) => {
                if let Some(adds) = AddRows::try_new(&batch)? {
                    for row in (0..adds.len()).filter(|row| adds.is_add(*row)) {
                        let vector = adds.vector(row);
                        if keep(adds.path(row), vector.as_ref())? {
                            kept.push(Arc::new(adds.add(row, vector, adds.stats(row)?)));
                        }
                    }
                }
                removes(&batch)?
            }
        };
        writer.adds(&kept).await?;
        let mut young = Vec::new();
        for tombstone in tombstones {
            if tombstone.deletion_timestamp.unwrap_or_default() > horizon
                && keep(&tombstone.path, tombstone.deletion_vector.as_ref())?
            {
                young.push(tombstone);
            }
        }
        if !young.is_empty() {
            writer.write(rows::removes(&young)?).await?;
        }
    }
    Ok(())
}

async fn write_hint(store: &LogStore, checkpoint: &Checkpoint, rows: i64, adds: i64) -> Result<()> {
    let version = checkpoint.version;
    if store.hint().await?.is_some_and(|hint| hint.version > version) {
        return Ok(());
    }
    let bytes: u64 = checkpoint.main.iter().map(|part| part.size).sum();
    let hint = json!({ "version": version, "size": rows, "sizeInBytes": bytes, "numOfAddFiles": adds });
    let path = store.path("_last_checkpoint");
    let put = store.store().put(&path, hint.to_string().into_bytes().into()).await;
    put.map(|_| ()).map_err(|e| store.error(&path, e))
}

/// The payloads of tags that we know, which the `txn` rows have no place for.
fn payloads(state: &State) -> String {
    let known: BTreeMap<&str, &Option<Value>> = state
        .txns
        .iter()
        .filter_map(|(application, txn)| match &txn.payload {
            Payload::Known(payload) => Some((application.as_str(), payload)),
            Payload::AtOrBefore(_) => None,
        })
        .collect();
    json!(known).to_string()
}

/// How long the table keeps tombstones: a property such as `interval 7 days`.
fn retention_ms(table: &TableMeta) -> i64 {
    let text = table.metadata.configuration.get("delta.deletedFileRetentionDuration");
    text.and_then(|text| interval_ms(text)).unwrap_or(RETENTION_MS)
}

fn interval_ms(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let words: Vec<&str> = text.strip_prefix("interval ").unwrap_or(&text).split_whitespace().collect();
    let mut total = 0_i64;
    for pair in words.chunks(2) {
        let [number, unit] = pair else { return None };
        let unit_ms = match unit.trim_end_matches('s') {
            "week" => 7 * 24 * 3_600_000,
            "day" => 24 * 3_600_000,
            "hour" => 3_600_000,
            "minute" => 60_000,
            "second" => 1000,
            "millisecond" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(unit_ms)?)?;
    }
    (!words.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::interval_ms;

    #[test]
    fn intervals() {
        assert_eq!(interval_ms("interval 7 days"), Some(7 * 24 * 3_600_000));
        assert_eq!(interval_ms("INTERVAL 1 week 2 hours"), Some(7 * 24 * 3_600_000 + 7_200_000));
        assert_eq!(interval_ms("1 second"), Some(1000));
        assert_eq!(interval_ms("interval"), None);
        assert_eq!(interval_ms("interval x days"), None);
    }
}
