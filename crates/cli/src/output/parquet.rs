//! Rows as one Parquet file.

use std::io;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use stitchwork::core::{Formats, WriteArgs};
#[cfg(feature = "format-parquet")]
use stitchwork::format_parquet::{as_days, check_days};
use stitchwork::{Error, ErrorKind, Result};

use super::pipe::Pipe;
use super::{in_memory, naming};

/// A row group ends when it holds this many bytes in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

pub(super) struct ParquetWriter {
    writer: ArrowWriter<Pipe>,
    rows: u64,
}

impl ParquetWriter {
    /// Asks the format first, which knows the types that the library below it panics at.
    pub(super) async fn new(pipe: Pipe, schema: SchemaRef, formats: &Formats) -> Result<Self> {
        let format = formats.get("parquet")?;
        let refused = |error: Error| match error.kind() {
            ErrorKind::Unsupported => naming(unwritable(), &error).with_source(error),
            _ => error,
        };
        format.write(&in_memory(), WriteArgs::new(schema.clone())).await.map_err(refused)?.abort().await?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let types = ArrowSchemaConverter::new().convert(&as_days(&schema)).map_err(failed)?;
        let options = ArrowWriterOptions::new().with_properties(properties).with_parquet_schema(types);
        let writer = ArrowWriter::try_new_with_options(pipe, schema, options).map_err(failed)?;
        Ok(Self { writer, rows: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_days(batch, self.rows)?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(failed)?;
        if self.writer.memory_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        self.writer.close().map(drop).map_err(failed)
    }
}

/// Without the format nothing is written.
#[cfg(not(feature = "format-parquet"))]
fn as_days(schema: &SchemaRef) -> SchemaRef {
    schema.clone()
}

/// Without the format nothing is written.
#[cfg(not(feature = "format-parquet"))]
#[expect(clippy::unnecessary_wraps, reason = "with the format it can fail")]
fn check_days(_: &RecordBatch, _: u64) -> Result<()> {
    Ok(())
}

fn unwritable() -> Error {
    Error::unsupported("the rows cannot be written as Parquet; cast the column, or choose another --output")
}

/// What writing failed at: stdout, or else the rows.
fn failed(error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(external) => match external.downcast::<io::Error>() {
            Ok(stdout) => return (*stdout).into(),
            Err(other) => ParquetError::External(other),
        },
        other => other,
    };
    unwritable().with_context("reason", &error).with_source(error)
}
