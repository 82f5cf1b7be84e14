//! Rows as one Parquet file.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use stitchwork::core::{Formats, WriteArgs};
use stitchwork::{Error, ErrorKind, Result};

use super::pipe::Pipe;
use super::{in_memory, naming};

/// A row group ends when it holds this many bytes in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

pub(super) struct ParquetWriter {
    writer: ArrowWriter<Pipe>,
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
        let writer = ArrowWriter::try_new(pipe, schema, Some(properties)).map_err(failed)?;
        Ok(Self { writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
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

fn unwritable() -> Error {
    Error::unsupported("the rows cannot be written as Parquet; cast the column, or choose another --output")
}

fn failed(error: ParquetError) -> Error {
    unwritable().with_context("reason", &error).with_source(error)
}
