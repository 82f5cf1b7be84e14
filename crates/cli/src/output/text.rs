//! Rows as CSV and JSON, by the formats that write files. Each slice of rows becomes a small file in memory, and its bytes
//! go on, so that a reader has them at once.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use stitchwork::core::object_store::memory::InMemory;
use stitchwork::core::object_store::path::Path;
use stitchwork::core::object_store::{ObjectStore, ObjectStoreExt};
use stitchwork::core::{Format, Formats, Object, Options, WriteArgs};
use stitchwork::{Error, ErrorKind, Result};

use super::pipe::Pipe;
use crate::args::OutputFormat;

/// How many rows become bytes at a time.
const SLICE_ROWS: usize = 8192;

pub(super) struct TextWriter {
    pipe: Pipe,
    schema: SchemaRef,
    kind: OutputFormat,
    format: Arc<dyn Format>,
    object: Object,
    /// Nothing was written yet.
    first: bool,
}

impl TextWriter {
    pub(super) fn new(pipe: Pipe, schema: SchemaRef, kind: OutputFormat, formats: &Formats) -> Result<Self> {
        let name = if kind == OutputFormat::Csv { "csv" } else { "json" };
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let object = Object { root: "memory://".to_owned(), store, path: Path::from("stdout"), size: None };
        Ok(Self { pipe, schema, kind, format: formats.get(name)?, object, first: true })
    }

    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        for start in (0..batch.num_rows()).step_by(SLICE_ROWS) {
            let slice = batch.slice(start, SLICE_ROWS.min(batch.num_rows() - start));
            let bytes = self.encode(&slice).await?;
            self.send(&bytes)?;
        }
        Ok(self.pipe.flush()?)
    }

    pub(super) async fn finish(mut self) -> Result<()> {
        if self.first && self.kind == OutputFormat::Csv {
            // The header stands there even without rows.
            let bytes = self.encode(&RecordBatch::new_empty(self.schema.clone())).await?;
            self.send(&bytes)?;
        }
        if self.kind == OutputFormat::Json {
            self.pipe.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        }
        Ok(())
    }

    /// The rows as the format writes them.
    async fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let option = match self.kind {
            OutputFormat::Csv => ("header", self.first.to_string()),
            _ => ("explicit_nulls", true.to_string()),
        };
        let options: Options = [(option.0.to_owned(), option.1)].into();
        let args = WriteArgs { options, ..WriteArgs::new(self.schema.clone()) };
        let written = async {
            let mut writer = self.format.write(&self.object, args).await?;
            writer.write(batch).await?;
            writer.finish().await
        };
        written.await.map_err(|e| match e.kind() {
            ErrorKind::Unsupported => Error::unsupported(
                "a column cannot be written so; cast it to a text, or choose another --output",
            )
            .with_context("column", e.context("column").unwrap_or("?"))
            .with_context("type", e.context("type").unwrap_or("?"))
            .with_source(e),
            _ => e,
        })?;
        let found = self.object.store.get(&self.object.path).await.map_err(|e| self.object.error(e))?;
        Ok(found.bytes().await.map_err(|e| self.object.error(e))?.to_vec())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if self.kind == OutputFormat::Json {
            // One object per line, as no value of JSON has a line break of its own.
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                self.pipe.write_all(if self.first { b"[\n" } else { b",\n" })?;
                self.pipe.write_all(line)?;
                self.first = false;
            }
            return Ok(());
        }
        self.first = false;
        Ok(self.pipe.write_all(bytes)?)
    }
}
