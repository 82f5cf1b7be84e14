//! A table at one point of its life, as engines see it.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{BatchStream, Editor, Relation, Result, ScanArgs, ScanPlan, Snapshot};

use crate::editor::TableEditor;
use crate::{Table, plan, scan};

/// A snapshot of a table as a relation: a plan of files, or a stream.
#[derive(Debug, Clone)]
pub struct TableRelation {
    snapshot: Arc<dyn Snapshot>,
    table: Table,
    editable: bool,
}

impl TableRelation {
    pub(crate) fn new(snapshot: Arc<dyn Snapshot>, table: Table, editable: bool) -> Self {
        Self { snapshot, table, editable }
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<dyn Snapshot> {
        &self.snapshot
    }

    async fn scan_plan(&self, args: &ScanArgs) -> Result<ScanPlan> {
        let (files, pushdown) = plan::files(self.snapshot.as_ref(), args).await?;
        let (location, version) = (self.table.log().location(), self.snapshot.version());
        plan::tell(plan::From::Table { location, version }, args, &files);
        Ok(ScanPlan {
            schema: self.snapshot.schema(),
            mapping: self.snapshot.mapping(),
            stores: self.table.stores.clone(),
            formats: self.table.formats.clone(),
            files,
            pushdown,
            snapshot: Some(self.snapshot.clone()),
        })
    }
}

#[async_trait]
impl Relation for TableRelation {
    fn schema(&self) -> SchemaRef {
        self.snapshot.schema()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.scan_plan(&args).await.map(Some)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        let plan = self.scan_plan(&args).await?;
        scan::scan(plan, args, self.table.config.read_ahead)
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        let editor =
            || Arc::new(TableEditor::new(self.table.clone(), self.snapshot.clone())) as Arc<dyn Editor>;
        self.editable.then(editor)
    }
}
