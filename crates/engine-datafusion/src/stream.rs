//! A relation that is read by its own scan.

use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use stitchwork_core::{Relation, ScanArgs};

use crate::convert::{conform_batch, internal};
use crate::error::{ToDataFusion, to_datafusion};
use crate::hidden::shown;

/// Streams a relation's scan, in the types that the engine wants.
#[derive(Debug)]
pub(crate) struct RelationExec {
    relation: Arc<dyn Relation>,
    args: ScanArgs,
    picks: Option<Vec<usize>>,
    properties: Arc<PlanProperties>,
}

impl RelationExec {
    /// The scan `args` of a relation, whose columns get the types of `schema`.
    pub(crate) fn new(relation: Arc<dyn Relation>, args: ScanArgs, schema: SchemaRef) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { relation, args, picks: None, properties: Arc::new(properties) }
    }

    /// The same with these columns of the scan.
    pub(crate) fn picking(mut self, picks: Vec<usize>) -> Self {
        self.picks = Some(picks);
        self
    }
}

impl DisplayAs for RelationExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelationExec: columns=[")?;
        for (i, field) in self.schema().fields().iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, field.name())?;
        }
        write!(f, "]")?;
        if let Some(predicate) = &self.args.predicate {
            write!(f, ", predicate={predicate}")?;
        }
        if let Some(limit) = self.args.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for RelationExec {
    fn name(&self) -> &'static str {
        "RelationExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { Err(internal("a relation's scan has no inputs")) }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return Err(internal("a relation's scan has one partition"));
        }
        let relation = self.relation.clone();
        let mut args = self.args.clone();
        args.batch_rows = Some(context.session_config().batch_size());
        let (target, picks) = (self.schema(), self.picks.clone());
        let stream = async move { relation.scan(args).await }
            .map_ok(|stream| stream.map_err(to_datafusion))
            .map_err(to_datafusion)
            .try_flatten_stream()
            .map(move |batch| {
                let batch = match &picks {
                    Some(picks) => batch?.project(picks)?,
                    None => batch?,
                };
                shown(batch).and_then(|batch| conform_batch(&batch, &target)).theirs()
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream.boxed())))
    }
}
