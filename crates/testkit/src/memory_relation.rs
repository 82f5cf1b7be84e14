//! A relation over batches in memory, which remembers what it was asked for.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use async_trait::async_trait;
use parking_lot::Mutex;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Editor, Error, ErrorKind, Relation, Result, ScanArgs, ScanPlan,
};

/// A relation over batches in memory: a stream only, without a plan. It keeps the arguments of each call.
#[derive(Debug)]
pub struct MemoryRelation {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    failure: Option<ErrorKind>,
    plans: Mutex<Vec<ScanArgs>>,
    scans: Mutex<Vec<ScanArgs>>,
}

impl MemoryRelation {
    /// A relation with these rows.
    #[must_use]
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches, failure: None, plans: Mutex::default(), scans: Mutex::default() }
    }

    /// A relation whose scan gives its first batch and then fails with an error of this kind.
    #[must_use]
    pub fn failing(mut self, kind: ErrorKind) -> Self {
        self.failure = Some(kind);
        self
    }

    /// The arguments of each `plan` so far.
    #[must_use]
    pub fn plans(&self) -> Vec<ScanArgs> {
        self.plans.lock().clone()
    }

    /// The arguments of each `scan` so far.
    #[must_use]
    pub fn scans(&self) -> Vec<ScanArgs> {
        self.scans.lock().clone()
    }

    /// The rows of a scan.
    fn rows(&self, args: &ScanArgs) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let all = || (0..self.schema.fields().len()).collect();
        let places: Vec<usize> = args.projection.clone().unwrap_or_else(all);
        let refuse =
            |e| Error::invalid_input("the projection names a column that is not there").with_source(e);
        let schema: SchemaRef = Arc::new(self.schema.project(&places).map_err(refuse)?);
        let mut left = args.limit.unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        for batch in &self.batches {
            let mut batch = match &args.predicate {
                Some(predicate) => filter_record_batch(batch, &predicate.passes(batch)?)?,
                None => batch.clone(),
            };
            batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            let columns = places.iter().map(|place| batch.column(*place).clone()).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let batch = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
            let step = args.batch_rows.unwrap_or(8192).max(1);
            for from in (0..batch.num_rows()).step_by(step) {
                rows.push(batch.slice(from, step.min(batch.num_rows() - from)));
            }
        }
        Ok((schema, rows))
    }
}

impl From<RecordBatch> for MemoryRelation {
    fn from(batch: RecordBatch) -> Self {
        Self::new(batch.schema(), vec![batch])
    }
}

#[async_trait]
impl Relation for MemoryRelation {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.plans.lock().push(args);
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        let (schema, rows) = self.rows(&args)?;
        self.scans.lock().push(args);
        let mut rows: Vec<Result<RecordBatch>> = rows.into_iter().map(Ok).collect();
        if let Some(kind) = self.failure {
            rows.truncate(1);
            rows.push(Err(Error::new(kind, "the relation fails as it was told to")));
        }
        Ok(BatchStreamAdapter::new(schema, futures::stream::iter(rows)))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}
