//! What DataFusion pushes to scans, kept from where it would take one column for another.
//!
//! Filters: between the operators of a plan it finds columns by name alone. A join whose sides share a name gives two of it, and a filter
//! above would go to the scan that has the first one. What lies below such an operator is pushed as always; the planner has
//! brought below the joins what may go there before that, by names with qualifiers.
//!
//! Fields of structs: where two of them are compared that are calculated with, as in a join, the planner looks for them under
//! a name that is another one by then. Keys of a join: where they are lists or structs that hold nulls, the filter made of them
//! leaves out rows that match.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;

/// A builder whose filters are pushed where names are one column's.
pub(crate) fn install(builder: SessionStateBuilder) -> SessionStateBuilder {
    let pushes = [FilterPushdown::new(), FilterPushdown::new_post_optimization()];
    let names = pushes.map(|push| push.name().to_owned());
    let rules = PhysicalOptimizer::new().rules.into_iter();
    let rules = rules.map(|rule| match names.iter().any(|name| name == rule.name()) {
        true => Arc::new(ByName(rule)) as _,
        false => rule,
    });
    builder.with_physical_optimizer_rules(rules.collect())
}

/// What of a plan may be pushed to its scans.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pushes {
    /// Fields of structs: nothing is compared that is calculated from one, but with a value.
    pub(crate) fields: bool,
    /// The keys of one side of a join as a filter of the other: none of them is nested, whose nulls such a filter takes for no keys.
    pub(crate) keys: bool,
}

impl Pushes {
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Self> {
        let mut pushes = Self { fields: true, keys: true };
        plan.apply_with_subqueries(|node| {
            let schema = merge_schema(&node.inputs());
            let is_nested = |expr: &Expr| expr.get_type(&schema).is_ok_and(|own| own.is_nested());
            let mut compare = |left: &Expr, right: &Expr| {
                pushes.fields &= !(calculates(left) || calculates(right));
                pushes.keys &= !is_nested(left);
            };
            if let LogicalPlan::Join(join) = node {
                join.on.iter().for_each(|(left, right)| compare(left, right));
            }
            node.apply_expressions(|expr| {
                expr.apply(|part| {
                    match part {
                        Expr::BinaryExpr(BinaryExpr {
                            left,
                            op: Operator::Eq | Operator::IsNotDistinctFrom,
                            right,
                        }) if !is_value(left) && !is_value(right) => compare(left, right),
                        Expr::InSubquery(membership) => compare(&membership.expr, &membership.expr),
                        _ => {}
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(pushes)
    }
}

/// Whether the expression is the same for all rows.
fn is_value(expr: &Expr) -> bool {
    expr.column_refs().is_empty() && !expr.contains_outer()
}

/// Whether the expression is calculated from a field of a struct, and not just one.
fn calculates(expr: &Expr) -> bool {
    let is_field =
        |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if call.func.name() == "get_field");
    !is_field(expr) && expr.exists(|part| Ok(is_field(part))).unwrap_or(true)
}

/// A push of filters that finds columns by name.
#[derive(Debug)]
struct ByName(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for ByName {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // The operator at the top gives its filters to the columns of those below.
        if !plan.children().into_iter().any(is_ambiguous) {
            return self.0.optimize(plan, config);
        }
        let below = plan.children().into_iter().map(|child| self.optimize(child.clone(), config));
        let below = below.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, below)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Whether an operator, or one below it, gives two columns of one name.
fn is_ambiguous(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    !schema.fields().iter().all(|field| names.insert(field.name()))
        || plan.children().into_iter().any(is_ambiguous)
}
