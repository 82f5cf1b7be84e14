//! A relation over batches in memory, which remembers what it was asked for.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
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
        let asked = args.clone();
        let mut rows: Vec<Result<RecordBatch>> = self.batches.iter().cloned().map(Ok).collect();
        if let Some(kind) = self.failure {
            rows.truncate(1);
            rows.push(Err(Error::new(kind, "the relation fails as it was told to")));
        }
        let rows = args.deliver(BatchStreamAdapter::new(self.schema.clone(), futures::stream::iter(rows)))?;
        self.scans.lock().push(asked);
        Ok(rows)
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}
