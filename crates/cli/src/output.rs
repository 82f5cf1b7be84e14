//! Rows to stdout, batch by batch.

mod pipe;
mod table;
mod text;

use std::io::{IsTerminal, Write};

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;
use futures::TryStreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use stitchwork::core::{BatchStream, Formats};
use stitchwork::{Error, Result};

use self::pipe::Pipe;
use self::table::TableWriter;
use self::text::TextWriter;
use crate::args::OutputFormat;
use crate::exit::Failure;

/// A row group of Parquet ends when it holds this many bytes in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Where rows go.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    format: OutputFormat,
    formats: Formats,
    pipe: Pipe,
}

impl Output {
    /// Rows go to stdout.
    ///
    /// # Errors
    /// Bytes that are no text are not written to a terminal.
    pub(crate) fn stdout(format: OutputFormat, formats: Formats) -> Result<Self, Failure> {
        if matches!(format, OutputFormat::Arrow | OutputFormat::Parquet) && std::io::stdout().is_terminal() {
            return Err(Failure::Usage(
                "this format is no text; send it to a file or a program: … > result".to_owned(),
            ));
        }
        Ok(Self { format, formats, pipe: Pipe::stdout() })
    }

    /// Whether people read it rather than programs.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Whether several results can follow one another.
    pub(crate) fn takes_several(&self) -> bool {
        matches!(self.format, OutputFormat::Table | OutputFormat::Csv | OutputFormat::Ndjson)
    }

    /// Writes all rows of a result and gives their number.
    pub(crate) async fn write(&self, mut rows: BatchStream) -> Result<u64, Failure> {
        let mut writer = Writer::new(self, rows.schema()).map_err(|e| self.failure(e))?;
        let mut count = 0;
        while let Some(batch) = rows.try_next().await? {
            count += batch.num_rows() as u64;
            writer.write(&batch).await.map_err(|e| self.failure(e))?;
        }
        writer.finish().await.map_err(|e| self.failure(e))?;
        self.flush()?;
        Ok(count)
    }

    /// Writes a text as it is.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut pipe = self.pipe.clone();
        pipe.write_all(text.as_bytes()).map_err(|e| self.failure(e))?;
        self.flush()
    }

    fn flush(&self) -> Result<(), Failure> {
        self.pipe.clone().flush().map_err(|e| self.failure(e))
    }

    /// An error of writing, unless whoever read has gone.
    fn failure(&self, error: impl Into<Error>) -> Failure {
        if self.pipe.reader_is_gone() { Failure::ReaderGone } else { Failure::Error(error.into()) }
    }
}

/// What turns batches into bytes.
enum Writer {
    Table(Box<TableWriter>),
    Text(Box<TextWriter>),
    Arrow(Box<StreamWriter<Pipe>>, Pipe),
    Parquet(Box<ArrowWriter<Pipe>>),
}

impl Writer {
    fn new(output: &Output, schema: SchemaRef) -> Result<Self> {
        let pipe = output.pipe.clone();
        Ok(match output.format {
            OutputFormat::Table => Self::Table(Box::new(TableWriter::new(pipe, schema))),
            OutputFormat::Csv | OutputFormat::Json | OutputFormat::Ndjson => {
                Self::Text(Box::new(TextWriter::new(pipe, schema, output.format, &output.formats)?))
            }
            OutputFormat::Arrow => {
                let writer = StreamWriter::try_new(pipe.clone(), &schema)?;
                Self::Arrow(Box::new(writer), pipe)
            }
            OutputFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let writer = ArrowWriter::try_new(pipe, schema, Some(properties)).map_err(parquet_error)?;
                Self::Parquet(Box::new(writer))
            }
        })
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Table(writer) => writer.write(batch),
            Self::Text(writer) => writer.write(batch).await,
            Self::Arrow(writer, pipe) => {
                writer.write(batch)?;
                // Whoever reads a stream wants its batches when they are there.
                Ok(pipe.flush()?)
            }
            Self::Parquet(writer) => {
                writer.write(batch).map_err(parquet_error)?;
                if writer.memory_size() >= ROW_GROUP_BYTES {
                    writer.flush().map_err(parquet_error)?;
                }
                Ok(())
            }
        }
    }

    async fn finish(self) -> Result<()> {
        match self {
            Self::Table(writer) => writer.finish(),
            Self::Text(writer) => writer.finish().await,
            Self::Arrow(mut writer, _) => Ok(writer.finish()?),
            Self::Parquet(writer) => writer.close().map(drop).map_err(parquet_error),
        }
    }
}

fn parquet_error(error: parquet::errors::ParquetError) -> Error {
    Error::unsupported("the rows cannot be written as Parquet; cast the column, or choose another --output")
        .with_context("reason", &error)
        .with_source(error)
}

#[cfg(test)]
mod tests;
