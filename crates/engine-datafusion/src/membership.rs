//! `exists` and `in` of a query where a value is asked for, as DataFusion plans them in `where` alone, and takes what is unknown
//! for false there: here the rows are counted that would make them true.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{BinaryExpr, Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit, not, when};
use stitchwork_core::Error;

use crate::error::to_datafusion;

/// The plan with counts in the place of what DataFusion does not plan.
pub(crate) fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Projection(_)) {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        if matches!(node, LogicalPlan::Filter(_)) {
            return node.map_expressions(|predicate| condition(predicate, true, &schema));
        }
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let counted = expr.transform_up(|expr| match expr {
                Expr::Exists(Exists { subquery, negated }) => {
                    let exists = exists(subquery)?;
                    Ok(Transformed::yes(if negated { not(exists) } else { exists }))
                }
                // What is outside of a query is not taken out of one with a name of its own.
                Expr::InSubquery(membership) if membership.subquery.outer_ref_columns.is_empty() => {
                    member(membership, &schema).map(Transformed::yes)
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(if counted.transformed { counted.update_data(|expr| name.restore(expr)) } else { counted })
        })
    })
    .data()
}

/// A condition whose memberships are true, false or unknown. DataFusion makes false of unknown, which is right for what has to be
/// true, and wrong wherever false may let a row pass: there, they are counted too.
fn condition(expr: Expr, whole: bool, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            // `not in` that has to be true is an anti join, which knows nulls.
            let whole = whole && op == Operator::And;
            let (left, right) = (condition(*left, whole, schema)?, condition(*right, whole, schema)?);
            let changed = left.transformed || right.transformed;
            let both = Expr::BinaryExpr(BinaryExpr::new(Box::new(left.data), op, Box::new(right.data)));
            Ok(if changed { Transformed::yes(both) } else { Transformed::no(both) })
        }
        Expr::InSubquery(membership) if whole || !membership.negated => {
            Ok(Transformed::no(Expr::InSubquery(membership)))
        }
        Expr::Not(inner) if whole && matches!(*inner, Expr::InSubquery(_)) => {
            Ok(Transformed::no(Expr::Not(inner)))
        }
        other => other.transform_up(|expr| match expr {
            Expr::InSubquery(membership) if membership.subquery.outer_ref_columns.is_empty() => {
                member(membership, schema).map(Transformed::yes)
            }
            Expr::InSubquery(_) => Err(to_datafusion(Error::unsupported(
                "`in` of a query that names columns from outside of it, within `not`, `case` or beside `or`, is not planned \
                 with its nulls; write `exists (select … where …)`",
            ))),
            other => Ok(Transformed::no(other)),
        }),
    }
}

/// Whether the query has a row.
fn exists(subquery: Subquery) -> Result<Expr> {
    let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), [count(lit(1)).alias("rows")])?
        .build()?;
    let rows = Subquery { subquery: Arc::new(rows), ..subquery };
    Ok(Expr::ScalarSubquery(rows).gt(lit(0)))
}

/// Whether the query has the value; null where that is not known for a null.
fn member(InSubquery { expr, subquery, negated }: InSubquery, schema: &DFSchema) -> Result<Expr> {
    // Under a name of its own, a column of the same table is not taken for that of the query.
    let members = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).alias("members")?.build()?;
    let Some(member) = members.schema().columns().into_iter().next().map(Expr::Column) else {
        return datafusion::common::plan_err!("a query that may have a value has one column");
    };
    let mut outer_ref_columns = vec![];
    let outside = expr.as_ref().clone().transform_up(|part| match part {
        Expr::Column(column) => {
            let field = schema.field_from_column(&column)?.clone();
            let outer = Expr::OuterReferenceColumn(field, column);
            outer_ref_columns.push(outer.clone());
            Ok(Transformed::yes(outer))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let rows = |condition: Option<Expr>, outer_ref_columns| {
        let rows = LogicalPlanBuilder::from(members.clone());
        let rows = match condition {
            Some(condition) => rows.filter(condition)?,
            None => rows,
        };
        exists(Subquery {
            subquery: Arc::new(rows.build()?),
            outer_ref_columns,
            spans: subquery.spans.clone(),
        })
    };
    let found = rows(Some(member.clone().eq(outside.data)), outer_ref_columns)?;
    let unknown = expr.is_null().and(rows(None, vec![])?).or(rows(Some(member.is_null()), vec![])?);
    let answer =
        when(found, lit(!negated)).when(unknown, lit(ScalarValue::Boolean(None))).otherwise(lit(negated))?;
    Ok(answer)
}
