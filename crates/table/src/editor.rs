//! The table as engines change it.

use async_trait::async_trait;
use stitchwork_core::{BatchStream, EditSummary, Editor, InsertMode, Predicate, Result};

use crate::{AppendArgs, DeleteArgs, OperationSummary, OverwriteArgs, Table};

/// Edits a table through its operations, each one commit.
#[derive(Debug)]
pub(crate) struct TableEditor {
    table: Table,
}

impl TableEditor {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }
}

fn summary(of: &OperationSummary) -> EditSummary {
    EditSummary { inserted: of.rows_added, deleted: of.rows_removed, version: Some(of.snapshot.version()) }
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
}
