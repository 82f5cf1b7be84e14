//! Keeps literals whole that come to stand beside a cast while a plan is optimised.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, binary_expr, not};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::instant::instant;
use super::typing::cast_of;

/// Takes the cast to a finer unit away from a comparison with a literal, as DataFusion would, but with the literal
/// in whole steps of the coarser one. Runs before DataFusion's own rules in each round.
///
/// The planner's comparisons are that way from the start; these come of views and unions that a filter is pushed
/// into.
#[derive(Debug)]
pub(super) struct ExactLiterals;

impl OptimizerRule for ExactLiterals {
    fn name(&self) -> &'static str {
        "exact_literals"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let schema = match &plan {
            LogicalPlan::TableScan(scan) => {
                DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?
            }
            other => merge_schema(&other.inputs()),
        };
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let exact = expr.transform_up(|expr| Ok(exact(expr, &schema)))?;
            Ok(if exact.transformed { exact.update_data(|expr| name.restore(expr)) } else { exact })
        })
    }
}

fn exact(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let found = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            compare(left, Some(*op), right, schema).or_else(|| compare(right, op.swap(), left, schema))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let parts: Option<Vec<Expr>> = list
                .iter()
                .map(|item| {
                    let plain = || {
                        let null = matches!(item, Expr::Literal(value, _) if value.is_null());
                        null.then(|| binary_expr(expr.as_ref().clone(), Operator::Eq, item.clone()))
                    };
                    compare(expr, Some(Operator::Eq), item, schema).or_else(plain)
                })
                .collect();
            let inside = parts.and_then(|parts| parts.into_iter().reduce(Expr::or));
            inside.map(|inside| if *negated { not(inside) } else { inside })
        }
        _ => None,
    };
    match found {
        Some(found) => Transformed::yes(found),
        None => Transformed::no(expr),
    }
}

fn compare(side: &Expr, op: Option<Operator>, other: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::Literal(value, _) = other else { return None };
    let (inner, _, steps) = cast_of(side, schema)?;
    steps.compare(inner.clone(), op?, instant(value, None)?)
}
