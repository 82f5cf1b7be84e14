//! Relations of the testkit's own, and queries over them.

use std::sync::Arc;

use arrow_array::RecordBatch;
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

/// Whether a query gives these rows, in any order.
pub(super) async fn expect_rows(engine: &Subject, sql: &str, want: &[RecordBatch]) -> Outcome {
    let got = rows(engine, sql).await?;
    match difference(&sorted_row_texts(&got)?, &sorted_row_texts(want)?) {
        None => Ok(()),
        Some(difference) => Err(Failure::new(format!("{sql}: {difference}"))),
    }
}

/// What the relation was last asked for by a scan.
pub(super) fn seen(relation: &MemoryRelation) -> Result<ScanArgs, Failure> {
    relation.scans().pop().ok_or_else(|| Failure::new("the relation was not scanned"))
}
