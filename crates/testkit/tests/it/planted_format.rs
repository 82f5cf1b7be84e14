//! The format of Arrow IPC with a bug on demand.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, ErrorKind, FileSummary, FileWriter, Format, FormatCapabilities,
    Info, Object, ReadArgs, Result, WriteArgs, collect,
};
use stitchwork_testkit::{IpcFormat, format};

use crate::assert_failed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    NumbersWhatIsRead,
    IgnoresRows,
    PredicateLosesARow,
    IgnoresBatchRows,
    MissingIsUnavailable,
    BrokenIsUnexpected,
    ProjectionInFileOrder,
    IgnoresRange,
    InspectForgetsNulls,
    SummaryCountsOneLess,
    ByNameOnly,
    DeclaresNoWrite,
}

#[derive(Debug)]
struct Planted(Bug);

impl Planted {
    fn error(&self, e: Error) -> Error {
        match (self.0, e.kind()) {
            (Bug::MissingIsUnavailable, ErrorKind::NotFound) => Error::new(ErrorKind::Unavailable, "gone"),
            (Bug::BrokenIsUnexpected, ErrorKind::InvalidData) => Error::unexpected("broken"),
            _ => e,
        }
    }

    /// Numbers the rows that come, whatever was left out.
    async fn number(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        let name = args.row_number.clone().unwrap_or_default();
        let stream = IpcFormat.read(object, ReadArgs { row_number: None, ..args }).await?;
        let number = Arc::new(Field::new(name, DataType::Int64, false));
        let fields: Vec<_> = stream.schema().fields().iter().cloned().chain([number]).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let mut first = 0;
        let mut numbered = vec![];
        for batch in collect(stream).await? {
            let end = first + batch.num_rows() as i64;
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..end));
            let columns = batch.columns().iter().cloned().chain([numbers]).collect();
            numbered.push(RecordBatch::try_new(schema.clone(), columns)?);
            first = end;
        }
        Ok(BatchStreamAdapter::from_batches(schema, numbered))
    }
}

#[async_trait]
impl Format for Planted {
    fn info(&self) -> Info {
        IpcFormat.info()
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: self.0 != Bug::DeclaresNoWrite, ..IpcFormat.capabilities() }
    }

    fn extensions(&self) -> &[&'static str] {
        IpcFormat.extensions()
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        IpcFormat.infer_schema(object).await.map_err(|e| self.error(e))
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let mut found = IpcFormat.inspect(object).await.map_err(|e| self.error(e))?;
        if self.0 == Bug::InspectForgetsNulls {
            found.stats.columns.values_mut().for_each(|stats| stats.nulls = None);
        }
        Ok(found)
    }

    async fn read(&self, object: &Object, mut args: ReadArgs) -> Result<BatchStream> {
        match self.0 {
            Bug::NumbersWhatIsRead if args.row_number.is_some() => return self.number(object, args).await,
            Bug::IgnoresRows => args.rows = None,
            Bug::IgnoresBatchRows => args.batch_rows = None,
            Bug::ProjectionInFileOrder => {
                args.projection.iter_mut().for_each(|places| places.sort_unstable())
            }
            Bug::IgnoresRange => args.range = None,
            Bug::ByNameOnly => args.mapping = None,
            _ => {}
        }
        let loses = self.0 == Bug::PredicateLosesARow && args.predicate.is_some();
        let stream = IpcFormat.read(object, args).await.map_err(|e| self.error(e))?;
        if !loses {
            return Ok(stream);
        }
        let schema = stream.schema();
        let mut batches = collect(stream).await?;
        if let Some(last) = batches.last_mut() {
            *last = last.slice(0, last.num_rows() - 1);
        }
        Ok(BatchStreamAdapter::from_batches(schema, batches))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        let inner = IpcFormat.write(object, args).await?;
        Ok(Box::new(PlantedWriter { inner, bug: self.0 }))
    }
}

#[derive(Debug)]
struct PlantedWriter {
    inner: Box<dyn FileWriter>,
    bug: Bug,
}

#[async_trait]
impl FileWriter for PlantedWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.inner.write(batch).await
    }

    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    async fn finish(self: Box<Self>) -> Result<FileSummary> {
        let mut summary = self.inner.finish().await?;
        if self.bug == Bug::SummaryCountsOneLess {
            summary.rows = summary.rows.saturating_sub(1);
        }
        Ok(summary)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}

async fn failures(bug: Bug) -> Vec<(&'static str, String)> {
    let make = || async move { Ok(Arc::new(Planted(bug)) as Arc<dyn Format>) };
    format::SUITE.failures(make).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_fails_its_clauses_and_no_others() {
    let planted: [(Bug, &[&str]); 13] = [
        (Bug::None, &[]),
        (Bug::NumbersWhatIsRead, &["format::read::row_numbers"]),
        (Bug::IgnoresRows, &["format::read::rows_select", "format::read::row_numbers"]),
        (Bug::PredicateLosesARow, &["format::read::predicate_keeps_matches"]),
        (Bug::IgnoresBatchRows, &["format::read::batch_rows_bound"]),
        (Bug::MissingIsUnavailable, &["format::read::missing_object"]),
        (Bug::BrokenIsUnexpected, &["format::read::broken_object"]),
        (Bug::ProjectionInFileOrder, &["format::read::projection"]),
        (Bug::IgnoresRange, &["format::capabilities::undeclared_refused"]),
        (Bug::InspectForgetsNulls, &["format::inspect::agrees_with_write"]),
        (Bug::SummaryCountsOneLess, &["format::write::summary_counts", "format::inspect::agrees_with_write"]),
        (Bug::ByNameOnly, &["format::read::schema_is_adapted"]),
        (Bug::DeclaresNoWrite, &["format::capabilities::undeclared_refused"]),
    ];
    for (bug, expected) in planted {
        assert_failed(&bug, &failures(bug).await, expected);
    }
}
