//! The table as engines change it.

use std::sync::Arc;

use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, ChangeArgs, EditSummary, Editor, InsertMode, Predicate, Result, Snapshot,
};

use crate::{AppendArgs, DeleteArgs, OperationSummary, OverwriteArgs, Table};

/// Edits a table through its operations, each one commit.
#[derive(Debug)]
pub(crate) struct TableEditor {
    table: Table,
    snapshot: Arc<dyn Snapshot>,
}

impl TableEditor {
    pub(crate) fn new(table: Table, snapshot: Arc<dyn Snapshot>) -> Self {
        Self { table, snapshot }
    }
}

fn summary(of: &OperationSummary) -> EditSummary {
    EditSummary {
        inserted: of.rows_added,
        deleted: of.rows_removed,
        updated: of.rows_updated,
        version: Some(of.snapshot.version()),
    }
}

#[async_trait]
impl Editor for TableEditor {
    async fn insert(&self, rows: BatchStream, mode: InsertMode) -> Result<EditSummary> {
        let done = match mode {
            InsertMode::Append => self.table.append(rows, AppendArgs::default()).await?,
            InsertMode::Overwrite => self.table.overwrite(rows, OverwriteArgs::default()).await?,
            InsertMode::OverwriteWhere(predicate) => {
                self.table
                    .overwrite(rows, OverwriteArgs { predicate: Some(predicate), ..OverwriteArgs::default() })
                    .await?
            }
        };
        Ok(summary(&done))
    }

    async fn delete(&self, predicate: Option<Predicate>) -> Result<EditSummary> {
        Ok(summary(&self.table.delete(DeleteArgs { predicate, tag: None }).await?))
    }

    /// Addresses are those of the snapshot that this editor came from, and hold only there: a table that has
    /// changed since is a `Conflict`, which the caller mends by reading anew.
    async fn change(&self, args: ChangeArgs) -> Result<EditSummary> {
        Ok(summary(&self.table.change(self.snapshot.clone(), args).await?))
    }
}
