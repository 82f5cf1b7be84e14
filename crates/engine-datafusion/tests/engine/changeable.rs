//! A relation in memory whose rows have addresses.

use std::sync::Arc;

use arrow::compute::{concat_batches, filter_record_batch, is_null, not, or};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, ChangeArgs, EditSummary, Editor, InsertMode, Predicate, ROW_DELETED,
    ROW_POSITION, Relation, Result, ScanArgs, ScanPlan, address_fields, collect,
};

use crate::support::{Editable, Memory};

/// Rows in memory, which can be changed one by one.
#[derive(Debug)]
pub(crate) struct Changeable(Arc<Memory>);

impl Changeable {
    pub(crate) fn new(batch: RecordBatch) -> Arc<Self> {
        let mut memory = Memory::bare(vec![batch]);
        memory.editable = true;
        Arc::new(Self(Arc::new(memory)))
    }

    fn rows(&self) -> Result<RecordBatch> {
        Ok(concat_batches(&self.0.schema, self.0.batches.lock().unwrap().iter())?)
    }
}

#[async_trait]
impl Relation for Changeable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        if !args.addresses {
            return self.0.scan(args).await;
        }
        let rows = self.rows()?;
        let kept = rows.project(args.projection.as_deref().unwrap_or_default())?;
        let fields = kept.schema_ref().fields().iter().cloned().chain(address_fields());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut columns = kept.columns().to_vec();
        columns.push(Arc::new(StringArray::from(vec!["memory"; rows.num_rows()])));
        columns.push(Arc::new(Int64Array::from_iter_values((0_i64..).take(rows.num_rows()))));
        let mut batch = RecordBatch::try_new(schema.clone(), columns)?;
        if let Some(predicate) = &args.predicate {
            batch = filter_record_batch(&batch, &predicate.passes(&rows)?)?;
        }
        Ok(BatchStreamAdapter::from_batches(schema, vec![batch]))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        Some(Arc::new(Self(self.0.clone())))
    }
}

#[async_trait]
impl Editor for Changeable {
    async fn insert(&self, rows: BatchStream, mode: InsertMode) -> Result<EditSummary> {
        Editable(self.0.clone()).editor().unwrap().insert(rows, mode).await
    }

    async fn delete(&self, predicate: Option<Predicate>) -> Result<EditSummary> {
        Editable(self.0.clone()).editor().unwrap().delete(predicate).await
    }

    async fn change(&self, args: ChangeArgs) -> Result<EditSummary> {
        let old = self.rows()?;
        let mut gone = vec![false; old.num_rows()];
        let mut batches = Vec::new();
        let mut done = EditSummary::default();
        for batch in collect(args.rows).await? {
            let positions = batch.column_by_name(ROW_POSITION).unwrap().as_primitive::<Int64Type>();
            positions.iter().flatten().for_each(|position| gone[usize::try_from(position).unwrap()] = true);
            let deleted = match batch.column_by_name(ROW_DELETED) {
                Some(deleted) => deleted.as_boolean().clone(),
                None => BooleanArray::from(vec![false; batch.num_rows()]),
            };
            done.deleted += deleted.true_count() as u64;
            let fresh = batch.num_rows() - deleted.true_count();
            done.inserted += positions.null_count() as u64;
            done.updated += (fresh - positions.null_count()) as u64;
            if fresh > 0 {
                let columns = self.0.schema.fields().iter();
                let columns = columns.map(|field| batch.column_by_name(field.name()).unwrap().clone());
                let rows = RecordBatch::try_new(self.0.schema.clone(), columns.collect())?;
                batches.push(filter_record_batch(&rows, &or(&not(&deleted)?, &is_null(&deleted)?)?)?);
            }
        }
        let kept: BooleanArray = gone.into_iter().map(|gone| Some(!gone)).collect();
        batches.push(filter_record_batch(&old, &kept)?);
        *self.0.batches.lock().unwrap() = batches;
        Ok(done)
    }
}
