//! The rows of `insert into … values`.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{LogicalPlan, Values};
use stitchwork_core::Result;

use crate::error::FromDataFusion;

/// The same rows, in which any value may be null: the planner takes over which columns must not be, and the error
/// for a null in one would know the column by its place in the list alone. It is found later, with its name.
pub(super) fn nullable(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up(|node| match node {
        LogicalPlan::Values(Values { schema, values }) => {
            let fields = schema
                .iter()
                .map(|(table, field)| (table.cloned(), Arc::new(field.as_ref().clone().with_nullable(true))));
            let schema = DFSchema::new_with_metadata(fields.collect(), schema.metadata().clone())?;
            Ok(Transformed::yes(LogicalPlan::Values(Values { schema: Arc::new(schema), values })))
        }
        other => other.recompute_schema().map(Transformed::yes),
    });
    Ok(plan.ours()?.data)
}
