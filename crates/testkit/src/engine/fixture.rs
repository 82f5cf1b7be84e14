//! Relations of the testkit's own, and queries over them.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::Schema;
use stitchwork_core::{QueryArgs, Relation, Result, ScanArgs, TableIdent, collect};

use super::Subject;
use crate::batches::{difference, sorted_row_texts};
use crate::{Failure, MemoryRelation, Outcome, unique};

/// Registers a relation under a name of its own.
pub(super) async fn register(engine: &Subject, relation: Arc<dyn Relation>) -> Result<TableIdent> {
    let ident = TableIdent::bare(unique("t"));
    engine.register(&ident, relation).await?;
    Ok(ident)
}

/// The rows of a query.
pub(super) async fn rows(engine: &Subject, sql: &str) -> Result<Vec<RecordBatch>> {
    collect(engine.query(QueryArgs::new(sql)).await?).await
}

/// Whether a query gives these rows, in any order. Types are the engine's own, since not every engine has every
/// type: values are compared in the type that is wanted.
pub(super) async fn expect_rows(engine: &Subject, sql: &str, want: &[RecordBatch]) -> Outcome {
    let got = rows(engine, sql).await?;
    let got = got.iter().map(|batch| in_types(batch, want)).collect::<Result<Vec<_>, _>>()?;
    match difference(&sorted_row_texts(&got)?, &sorted_row_texts(want)?) {
        None => Ok(()),
        Some(difference) => Err(Failure::new(format!("{sql}: {difference}"))),
    }
}

/// What the relation was last asked for by a scan.
pub(super) fn seen(relation: &MemoryRelation) -> Result<ScanArgs, Failure> {
    relation.scans().pop().ok_or_else(|| Failure::new("the relation was not scanned"))
}

/// The batch with its columns cast to the types of those that are wanted.
fn in_types(batch: &RecordBatch, want: &[RecordBatch]) -> Result<RecordBatch, Failure> {
    let Some(wanted) = want.first().map(RecordBatch::schema) else { return Ok(batch.clone()) };
    if wanted.fields().len() != batch.num_columns() {
        return Ok(batch.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(wanted.fields()).zip(batch.schema_ref().fields());
    let columns = columns
        .map(|((column, wanted), field)| {
            let column = cast_with_options(column, wanted.data_type(), &options)?;
            Ok((
                field.as_ref().clone().with_data_type(wanted.data_type().clone()).with_nullable(true),
                column,
            ))
        })
        .collect::<Result<(Vec<_>, Vec<_>), arrow_schema::ArrowError>>();
    let (fields, columns) = columns.map_err(stitchwork_core::Error::from)?;
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    Ok(batch.map_err(stitchwork_core::Error::from)?)
}
