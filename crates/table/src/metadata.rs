//! What a table knows of itself, as relations: its history, its snapshots and its files.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use stitchwork_core::{
    At, BatchStream, BatchStreamAdapter, DataFile, Deleted, Editor, ErrorKind, HistoryArgs, PartitionSpec,
    Relation, Result, ScanArgs, ScanPlan, Snapshot, Version,
};

use crate::Table;
use crate::plan::{check_columns, filter, live_rows};
use crate::scan::projected;

/// How many versions make a batch.
const CHUNK: usize = 256;

/// Which relation of a table's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// Every commit, newest first: `version`, `timestamp`, `operation`, `application` and `tag` of the commit's
    /// tag, `summary` as JSON.
    History,
    /// Every version that can still be read, newest first: `version`, `timestamp`, `files`, `rows` (live ones,
    /// null where the log does not know) and `bytes`. The last three list the files of each version, and only
    /// where they are asked for.
    Snapshots,
    /// Every live file: `location`, `format`, `bytes`, `rows` (deleted ones included), `deleted` (null where
    /// only reading tells), `partition` as JSON, `spec` and `modified`.
    Files,
}

impl Metadata {
    /// The name of a table and the kind of metadata in `table$history`, `table$snapshots` and `table$files`.
    #[must_use]
    pub fn split(name: &str) -> Option<(&str, Self)> {
        let (table, kind) = name.rsplit_once('$')?;
        let kind = match kind {
            "history" => Self::History,
            "snapshots" => Self::Snapshots,
            "files" => Self::Files,
            _ => return None,
        };
        (!table.is_empty()).then_some((table, kind))
    }

    fn schema(self) -> SchemaRef {
        let time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let text = |name: &str| field(name, DataType::Utf8);
        let fields = match self {
            Self::History => vec![
                field("version", DataType::Int64),
                field("timestamp", time()),
                text("operation"),
                text("application"),
                field("tag", DataType::Int64),
                text("summary"),
            ],
            Self::Snapshots => vec![
                field("version", DataType::Int64),
                field("timestamp", time()),
                field("files", DataType::UInt64),
                field("rows", DataType::UInt64),
                field("bytes", DataType::UInt64),
            ],
            Self::Files => vec![
                text("location"),
                text("format"),
                field("bytes", DataType::UInt64),
                field("rows", DataType::UInt64),
                field("deleted", DataType::UInt64),
                text("partition"),
                field("spec", DataType::Int32),
                field("modified", time()),
            ],
        };
        Arc::new(Schema::new(fields))
    }
}

/// A table's metadata as rows, streamed from its log.
#[derive(Debug)]
pub struct MetadataRelation {
    table: Table,
    kind: Metadata,
    snapshot: Option<Arc<dyn Snapshot>>,
    schema: SchemaRef,
}

impl Table {
    /// What the table knows of itself.
    ///
    /// # Errors
    /// `Unsupported` for the past of anything but the files; `NotFound` for a version that is not there.
    pub async fn metadata(&self, kind: Metadata, at: At) -> Result<MetadataRelation> {
        let snapshot = match kind {
            Metadata::Files => Some(self.log.snapshot(at).await?),
            Metadata::History | Metadata::Snapshots => {
                at.require_latest()?;
                None
            }
        };
        Ok(MetadataRelation { table: self.clone(), kind, snapshot, schema: kind.schema() })
    }
}

impl MetadataRelation {
    fn batches(&self, with_files: bool) -> BoxStream<'static, Result<RecordBatch>> {
        let (schema, table) = (self.schema.clone(), self.table.clone());
        if let Some(snapshot) = &self.snapshot {
            let specs = snapshot.partitioning().to_vec();
            let chunks = snapshot.files(filter(None));
            return chunks.map(move |chunk| files(&chunk?, &specs, &schema)).boxed();
        }
        let versions = self.table.history(HistoryArgs::default()).try_chunks(CHUNK).map_err(|e| e.1);
        if self.kind == Metadata::History {
            return versions.map(move |chunk| history(&chunk?, &schema)).boxed();
        }
        let rows = versions.and_then(move |chunk| {
            let (table, schema) = (table.clone(), schema.clone());
            async move { snapshots(&table, &chunk, with_files, &schema).await }
        });
        rows.boxed()
    }
}

#[async_trait]
impl Relation for MetadataRelation {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        args.require_no_addresses()?;
        check_columns(args.predicate.as_ref(), &self.schema)?;
        let (places, _) = projected(&self.schema, args.projection.clone())?;
        let asked = args.predicate.as_ref().map(|p| p.columns()).unwrap_or_default();
        let asked = |place: usize| {
            places.contains(&place) || asked.iter().any(|c| c.root() == self.schema.field(place).name())
        };
        let with_files = (2..self.schema.fields().len()).any(asked);
        args.deliver(BatchStreamAdapter::new(self.schema.clone(), self.batches(with_files)))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
}

fn history(versions: &[Version], schema: &SchemaRef) -> Result<RecordBatch> {
    let summary = |version: &Version| serde_json::to_string(&version.summary).ok();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(versions.iter().map(|v| v.id))),
        times(versions.iter().map(|v| Some(v.timestamp_ms))),
        Arc::new(StringArray::from_iter_values(versions.iter().map(|v| &v.operation))),
        Arc::new(StringArray::from_iter(versions.iter().map(|v| v.tag.as_ref().map(|t| &t.application)))),
        Arc::new(Int64Array::from_iter(versions.iter().map(|v| v.tag.as_ref().map(|t| t.id)))),
        Arc::new(StringArray::from_iter(versions.iter().map(summary))),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

async fn snapshots(
    table: &Table,
    versions: &[Version],
    with_files: bool,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let (mut ids, mut moments) = (vec![], vec![]);
    let (mut counts, mut rows, mut bytes) = (vec![], vec![], vec![]);
    for version in versions {
        let snapshot = match table.log.snapshot(At::Version(version.id)).await {
            Ok(snapshot) => snapshot,
            // The history reaches further back than what is kept.
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        ids.push(version.id);
        moments.push(Some(version.timestamp_ms));
        if !with_files {
            counts.push(None);
            rows.push(None);
            bytes.push(None);
            continue;
        }
        let mut sum = (0_u64, Some(0_u64), 0_u64);
        let mut chunks = snapshot.files(filter(None));
        while let Some(chunk) = chunks.try_next().await? {
            for file in chunk {
                let rows = sum.1.zip(live_rows(&file)).map(|(sum, live)| sum + live);
                sum = (sum.0 + 1, rows, sum.2 + file.size);
            }
        }
        counts.push(Some(sum.0));
        rows.push(sum.1);
        bytes.push(Some(sum.2));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ids)),
        times(moments.into_iter()),
        Arc::new(UInt64Array::from(counts)),
        Arc::new(UInt64Array::from(rows)),
        Arc::new(UInt64Array::from(bytes)),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

fn files(files: &[DataFile], specs: &[PartitionSpec], schema: &SchemaRef) -> Result<RecordBatch> {
    let partition = |file: &DataFile| {
        let spec = specs.iter().find(|spec| spec.id == file.spec)?;
        let values = spec.fields.iter().zip(&file.partition).map(|(field, value)| {
            let value = (!value.is_null()).then(|| value.to_string());
            (field.name.clone(), value.map_or(serde_json::Value::Null, serde_json::Value::String))
        });
        Some(serde_json::Value::Object(values.collect()).to_string())
    };
    let deleted = |file: &DataFile| match file.deleted {
        Deleted::Nothing => Some(0),
        Deleted::Exactly(deleted) => Some(deleted),
        Deleted::Unknown => None,
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(files.iter().map(|f| &f.location))),
        Arc::new(StringArray::from_iter_values(files.iter().map(|f| &f.format))),
        Arc::new(UInt64Array::from_iter_values(files.iter().map(|f| f.size))),
        Arc::new(UInt64Array::from_iter(files.iter().map(|f| f.rows))),
        Arc::new(UInt64Array::from_iter(files.iter().map(deleted))),
        Arc::new(StringArray::from_iter(files.iter().map(partition))),
        Arc::new(Int32Array::from_iter_values(files.iter().map(|f| f.spec))),
        times(files.iter().map(|f| f.modified_ms)),
    ];
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}
