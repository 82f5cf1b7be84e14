//! Rows to stdout, batch by batch.

mod names;
mod parquet;
mod pipe;
mod table;
mod text;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;
use futures::TryStreamExt;
use stitchwork::core::object_store::memory::InMemory;
use stitchwork::core::object_store::path::Path;
use stitchwork::core::{BatchStream, Formats, Object};
use stitchwork::{Error, Result};

use self::parquet::ParquetWriter;
use self::pipe::Pipe;
use self::table::TableWriter;
use self::text::TextWriter;
use crate::args::OutputFormat;
use crate::exit::Failure;

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
        let schema = match self.format {
            // What is shown, and what carries Arrow as it is, may have a name several times.
            OutputFormat::Table | OutputFormat::Arrow => rows.schema(),
            OutputFormat::Parquet => names::apart(&rows.schema()),
            OutputFormat::Csv | OutputFormat::Json | OutputFormat::Ndjson => {
                names::spelled(&names::apart(&rows.schema()))
            }
        };
        let mut writer = Writer::new(self, schema.clone()).await.map_err(|e| self.failure(e))?;
        let mut count = 0;
        while let Some(batch) = rows.try_next().await? {
            count += batch.num_rows() as u64;
            let batch = if schema == rows.schema() { batch } else { names::renamed(&batch, &schema)? };
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
    Parquet(Box<ParquetWriter>),
}

impl Writer {
    async fn new(output: &Output, schema: SchemaRef) -> Result<Self> {
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
                Self::Parquet(Box::new(ParquetWriter::new(pipe, schema, &output.formats).await?))
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
            Self::Parquet(writer) => writer.write(batch),
        }
    }

    async fn finish(self) -> Result<()> {
        match self {
            Self::Table(writer) => writer.finish(),
            Self::Text(writer) => writer.finish().await,
            Self::Arrow(mut writer, _) => Ok(writer.finish()?),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}

/// An object that nobody sees, for formats that write to one.
fn in_memory() -> Object {
    let (root, store) = ("memory://".to_owned(), Arc::new(InMemory::new()));
    Object { root, store, path: Path::from("stdout"), size: None }
}

/// An error that names the column and the type that a format refuses.
fn naming(error: Error, refused: &Error) -> Error {
    let tell = |error: Error, key| match refused.context(key) {
        Some(value) => error.with_context(key, value),
        None => error,
    };
    ["column", "type"].into_iter().fold(error, tell)
}

#[cfg(test)]
mod tests;
