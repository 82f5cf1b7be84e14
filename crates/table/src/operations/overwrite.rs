//! Replacing rows.

use arrow::compute::filter_record_batch;
use futures::TryStreamExt;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Changes, CommitArgs, CommitTag, Error, FieldMapping, Predicate, Reads,
    Result,
};

use super::OperationSummary;
use crate::Table;

/// How to overwrite.
#[derive(Debug, Clone, Default)]
pub struct OverwriteArgs {
    /// The rows to replace; all when `None`. Every new row must pass it too.
    pub predicate: Option<Predicate>,
    /// Adds the columns of the rows that the table lacks, in a commit before the rows.
    pub evolve: bool,
    /// Whose commit it is.
    pub tag: Option<CommitTag>,
}

impl Table {
    /// Replaces rows by those of a stream, in one commit: readers see the old rows or the new ones.
    ///
    /// # Errors
    /// `InvalidInput` for a new row that does not pass the predicate, or does not fit; `Conflict` after too
    /// many repetitions. Nothing is then committed.
    pub async fn overwrite(&self, rows: BatchStream, args: OverwriteArgs) -> Result<OperationSummary> {
        let mut base =
            if args.evolve { self.evolve_for(&rows.schema()).await? } else { self.snapshot().await? };
        let rows = match args.predicate.clone() {
            Some(predicate) => all_pass(rows, predicate, base.schema()),
            None => rows,
        };
        // The new rows are written once; what they replace is found again after a conflict.
        let (files, count) = self.write_all(rows, base.clone()).await?;
        let mut tries = self.config.conflict_retries;
        loop {
            let rewritten = match self.rewrite_without(&base, args.predicate.as_ref()).await {
                Ok(rewritten) => rewritten,
                Err(e) => {
                    return Err(self
                        .clean_up(e.with_commit_state(stitchwork_core::CommitState::NotCommitted), &files)
                        .await);
                }
            };
            let left = rewritten.added.clone();
            let summary = OperationSummary {
                rows_added: count,
                rows_removed: rewritten.rows_removed,
                files_added: (files.len() + left.len()) as u64,
                files_removed: rewritten.removed.len() as u64,
                bytes_added: files.iter().chain(&left).map(|f| f.size).sum(),
                ..OperationSummary::nothing(base.clone())
            };
            let mut changes =
                Changes { added: files.clone(), removed: rewritten.removed, ..Changes::default() };
            changes.added.extend(rewritten.added);
            let reads = args.predicate.clone().map_or(Reads::Everything, Reads::Rows);
            let commit = CommitArgs {
                reads,
                tag: args.tag.clone(),
                ..CommitArgs::new(base.clone(), "overwrite", changes)
            };
            match self.log.commit(commit).await {
                Ok(done) => return Ok(summary.committed(done)),
                Err(e) => {
                    let e = self.clean_up(e, &left).await;
                    if tries == 0 || !e.is_lost_race() {
                        return Err(self.clean_up(e, &files).await);
                    }
                    tries -= 1;
                    base = match self.snapshot().await {
                        Ok(newer) => newer,
                        // The commit has surely not landed, or it would not be repeated.
                        Err(e) => {
                            let e = e.with_commit_state(stitchwork_core::CommitState::NotCommitted);
                            return Err(self.clean_up(e, &files).await);
                        }
                    };
                }
            }
        }
    }
}

/// The rows unchanged, or an error at the first one that does not pass.
fn all_pass(rows: BatchStream, predicate: Predicate, schema: arrow_schema::SchemaRef) -> BatchStream {
    let own = rows.schema();
    let checked = rows.and_then(move |batch| {
        let result = (|| {
            let whole = FieldMapping::by_name().adapt(&batch, &schema)?;
            let passes = predicate.passes(&whole)?;
            if passes.true_count() == batch.num_rows() {
                return Ok(batch);
            }
            let first = filter_record_batch(&whole, &arrow::compute::not(&passes)?)?.slice(0, 1);
            let columns = predicate.columns();
            let values = columns.iter().filter_map(|c| first.column_by_name(c.root()));
            let shown: Vec<String> = values
                .filter_map(|v| stitchwork_core::Scalar::from_array(v, 0).ok())
                .map(|v| v.to_string())
                .collect();
            Err(Error::invalid_input("a new row does not pass the predicate of the overwrite")
                .with_context("predicate", &predicate)
                .with_context("values", shown.join(",")))
        })();
        std::future::ready(result)
    });
    BatchStreamAdapter::new(own, checked)
}
