//! Rows as CSV and JSON, by the formats that write files. Each slice of rows becomes a small file in memory, and its bytes
//! go on, so that a reader has them at once.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use stitchwork::core::object_store::ObjectStoreExt;
use stitchwork::core::{Format, Formats, Object, Options, WriteArgs};
use stitchwork::{Error, ErrorKind, Result};

use super::pipe::Pipe;
use super::{in_memory, naming};
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
    /// How many rows were written.
    rows: u64,
}

impl TextWriter {
    pub(super) fn new(pipe: Pipe, schema: SchemaRef, kind: OutputFormat, formats: &Formats) -> Result<Self> {
        let name = if kind == OutputFormat::Csv { "csv" } else { "json" };
        let format = formats.get(name)?;
        Ok(Self { pipe, schema, kind, format, object: in_memory(), first: true, rows: 0 })
    }

    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        for start in (0..batch.num_rows()).step_by(SLICE_ROWS) {
            let slice = batch.slice(start, SLICE_ROWS.min(batch.num_rows() - start));
            let bytes = self.encode(&slice).await?;
            self.send(&bytes)?;
            self.rows += slice.num_rows() as u64;
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
        written.await.map_err(|e| self.refused(e))?;
        let found = self.object.store.get(&self.object.path).await.map_err(|e| self.object.error(e))?;
        Ok(found.bytes().await.map_err(|e| self.object.error(e))?.to_vec())
    }

    /// What the format refuses, told to whoever sees no object of it.
    fn refused(&self, error: Error) -> Error {
        let row = error.context("row").and_then(|row| row.parse::<u64>().ok());
        match (error.kind(), row) {
            (ErrorKind::Unsupported, _) => {
                let column = Error::unsupported(
                    "a column cannot be written so; cast it to a text, or choose another --output",
                );
                naming(column, &error).with_source(error)
            }
            (ErrorKind::InvalidInput, Some(row)) if error.context("value").is_some() => {
                let value = Error::invalid_input(
                    "a value has no text; leave it out, cast it to a number, or choose --output arrow or parquet",
                );
                let text = error.context("value").unwrap_or_default();
                naming(value.with_context("row", self.rows + row).with_context("value", text), &error)
            }
            _ => error,
        }
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
