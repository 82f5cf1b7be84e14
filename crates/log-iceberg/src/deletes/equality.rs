//! Equality delete files (Iceberg spec, "Equality Delete Files").

use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Editor, EqualityDeletes, Error, FieldMapping, Format, MapBy, Object,
    ReadArgs, Relation, Result, ScanArgs, ScanPlan,
};

use super::DeleteEntry;
use crate::snapshot::Inner;
use crate::types;

/// The keys of an equality delete file; the same for every data file that it applies to. `None` where a column is none
/// of the table's, or inside of one.
pub(super) fn resolve(inner: &Inner, delete: &DeleteEntry) -> Result<Option<Arc<EqualityDeletes>>> {
    if let Some(found) = delete.equality.get() {
        return Ok(Some(found.clone()));
    }
    let fail = |e: Error| e.with_context("delete_file", &delete.path);
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    for id in &delete.equality_ids {
        let known = inner.columns.by_id.get(id).filter(|(column, _)| column.path.len() == 1);
        let Some((column, ty)) = known else { return Ok(None) };
        let field = Field::new(column.root(), types::type_to_arrow(ty)?, true);
        fields.push(stitchwork_core::with_field_id(field, *id));
        columns.push(column.clone());
    }
    if columns.is_empty() {
        return Err(fail(Error::invalid_data("an equality delete file names no columns")));
    }
    let keys = EqualityKeys {
        schema: Arc::new(Schema::new(fields)),
        format: inner.shared.formats.get(&delete.format).map_err(fail)?,
        object: inner.shared.files.object(&delete.path)?.with_size(delete.size),
    };
    let resolved = Arc::new(EqualityDeletes { columns, keys: Arc::new(keys) });
    Ok(Some(delete.equality.get_or_init(|| resolved).clone()))
}

/// The rows of an equality delete file, read whenever they are asked for.
#[derive(Debug)]
struct EqualityKeys {
    schema: SchemaRef,
    format: Arc<dyn Format>,
    object: Object,
}

#[async_trait]
impl Relation for EqualityKeys {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, _args: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        args.require_no_addresses()?;
        let read = ReadArgs {
            schema: Some(self.schema.clone()),
            mapping: Some(Arc::new(FieldMapping::new(MapBy::FieldId))),
            predicate: args.predicate.clone(),
            batch_rows: args.batch_rows,
            budget: args.budget.clone(),
            ..ReadArgs::default()
        };
        let rows = self.format.read(&self.object, read).await?;
        let places = args.projection.unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema: SchemaRef = Arc::new(self.schema.project(&places)?);
        let mut left = args.limit.unwrap_or(usize::MAX);
        let predicate = args.predicate;
        let rows = rows.map(move |batch| {
            let mut batch = batch?;
            if let Some(predicate) = &predicate {
                batch = filter_record_batch(&batch, &predicate.passes(&batch)?)?;
            }
            let batch = batch.project(&places)?;
            let taken = batch.num_rows().min(left);
            left -= taken;
            Ok(batch.slice(0, taken))
        });
        let rows = rows.try_filter(|batch| futures::future::ready(batch.num_rows() > 0));
        Ok(BatchStreamAdapter::new(schema, rows))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}
