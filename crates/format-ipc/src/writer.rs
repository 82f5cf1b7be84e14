//! Writing: batches in, messages out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::root_as_footer;
use arrow_ipc::writer::{FileWriter as ArrowFileWriter, IpcWriteOptions, StreamEncoder, StreamWriter};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use stitchwork_core::{Error, ErrorKind, FileStats, FileSummary, FileWriter, Object, Result, WriteArgs};
use stitchwork_objects::{Upload, conform, located};

use crate::config::{IpcConfig, Layout};
use crate::error::guard;
use crate::file::TRAILER;
use crate::statistics::{Collector, KEY, kept};

/// The writers of arrow-ipc, over the bytes that have not been sent yet.
enum Encoder {
    File(Box<ArrowFileWriter<Vec<u8>>>),
    Stream(Box<StreamWriter<Vec<u8>>>),
}

impl Encoder {
    fn new(schema: &SchemaRef, layout: Layout, options: IpcWriteOptions) -> Result<Self, ArrowError> {
        Ok(match layout {
            Layout::File => {
                Self::File(Box::new(ArrowFileWriter::try_new_with_options(Vec::new(), schema, options)?))
            }
            Layout::Stream => {
                Self::Stream(Box::new(StreamWriter::try_new_with_options(Vec::new(), schema, options)?))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::File(writer) => writer.write(batch),
            Self::Stream(writer) => writer.write(batch),
        }
    }

    fn finish(&mut self, metadata: BTreeMap<String, String>) -> Result<(), ArrowError> {
        match self {
            Self::File(writer) => {
                metadata.into_iter().for_each(|(key, value)| writer.write_metadata(key, value));
                writer.finish()
            }
            Self::Stream(writer) => writer.finish(),
        }
    }

    fn take(&mut self) -> Bytes {
        std::mem::take(match self {
            Self::File(writer) => writer.get_mut(),
            Self::Stream(writer) => writer.get_mut(),
        })
        .into()
    }
}

/// One object that is being written.
pub(crate) struct IpcWriter {
    schema: SchemaRef,
    config: IpcConfig,
    encoder: Encoder,
    upload: Upload,
    rows: u64,
    collector: Option<Collector>,
    metadata: BTreeMap<String, String>,
}

impl IpcWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &IpcConfig) -> Result<Self> {
        let config = config.with_options(&args.options)?;
        for field in args.schema.fields() {
            let one = Schema::new(vec![field.clone()]);
            guard(|| StreamEncoder::try_new(&one).map(drop)).map_err(|e| {
                Error::unsupported("Arrow IPC cannot hold a type of the schema")
                    .with_context("column", field.name())
                    .with_source(e)
            })?;
        }
        if config.layout == Layout::Stream && !args.metadata.is_empty() {
            return Err(Error::unsupported(
                "the stream form has no metadata beside the schema's; write the file form",
            ));
        }
        let options = config.write_options()?;
        let encoder = guard(|| Encoder::new(&args.schema, config.layout, options));
        let encoder = encoder.map_err(|e| refused(e, object))?;
        // Statistics go by name.
        let names: BTreeSet<_> = args.schema.fields().iter().map(|field| field.name()).collect();
        let unique = names.len() == args.schema.fields().len();
        let collects = config.statistics && config.layout == Layout::File && unique;
        Ok(Self {
            schema: args.schema,
            config,
            encoder,
            upload: Upload::new(object).within(args.budget.as_ref()),
            rows: 0,
            collector: collects.then(Collector::default),
            metadata: args.metadata,
        })
    }

    async fn send(&mut self) -> Result<()> {
        let bytes = self.encoder.take();
        self.upload.write(bytes).await
    }

    async fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        if let Some(collector) = &mut self.collector {
            collector.update(batch)?;
        }
        let written = guard(|| self.encoder.write(batch));
        if let Err(e) = written {
            return Err(refused(e, self.upload.object()));
        }
        self.send().await?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }
}

#[async_trait]
impl FileWriter for IpcWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let most = self.config.max_batch_rows;
        if batch.num_rows() <= most {
            return match batch.num_rows() {
                0 => Ok(()),
                _ => self.encode(&batch).await,
            };
        }
        for first in (0..batch.num_rows()).step_by(most) {
            let part = batch.slice(first, most.min(batch.num_rows() - first));
            self.encode(&compact(&part)?).await?;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.upload.bytes()
    }

    fn memory(&self) -> u64 {
        self.upload.held()
    }

    async fn finish(mut self: Box<Self>) -> Result<FileSummary> {
        let mut metadata = std::mem::take(&mut self.metadata);
        let mut stats = FileStats { rows: Some(self.rows), ..FileStats::default() };
        if let Some(text) = self.collector.take().and_then(Collector::finish) {
            // What is told now is what will be read later.
            stats = kept(&text, &self.schema, self.rows);
            metadata.insert(KEY.to_owned(), text);
        }
        let finished = guard(|| self.encoder.finish(metadata));
        finished.map_err(|e| refused(e, self.upload.object()))?;
        let last = self.encoder.take();
        let split_offsets = if self.config.layout == Layout::File { starts(&last)? } else { vec![] };
        self.upload.write(last).await?;
        Ok(FileSummary { rows: self.rows, bytes: self.upload.finish().await?, stats, split_offsets })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }
}

impl fmt::Debug for IpcWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpcWriter")
            .field("upload", &self.upload)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Where each batch begins, by the footer that stands at the end of these bytes.
fn starts(bytes: &[u8]) -> Result<Vec<u64>> {
    let end = bytes.len().saturating_sub(TRAILER as usize);
    let length = bytes.get(end..).and_then(|trailer| trailer.first_chunk()).map(|n| i32::from_le_bytes(*n));
    let start = length.and_then(|length| usize::try_from(length).ok()).and_then(|n| end.checked_sub(n));
    let footer = start.and_then(|start| bytes.get(start..end)).unwrap_or_default();
    let footer = root_as_footer(footer)
        .map_err(|e| Error::unexpected("the footer that was written is broken").with_source(e.to_string()))?;
    let blocks = footer.recordBatches();
    Ok(blocks.iter().flatten().filter_map(|block| u64::try_from(block.offset()).ok()).collect())
}

/// The error of a batch that cannot be encoded: the batch is to blame, and no stored data.
fn refused(error: Error, object: &Object) -> Error {
    let text = format!("{error:?}");
    let (kind, message) = match text.contains("Dictionary replacement") {
        true => (
            ErrorKind::Unsupported,
            "a file has one dictionary for a column, which another batch cannot replace; write `layout` = `stream`",
        ),
        false => (ErrorKind::InvalidInput, "the batch cannot be written as Arrow IPC"),
    };
    located(Error::new(kind, message), object).with_source(error)
}

/// The batch without the bytes of views that its rows do not have: each part of a batch would write them all.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()) as ArrayRef,
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()) as ArrayRef,
        _ => column.clone(),
    });
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)?)
}
