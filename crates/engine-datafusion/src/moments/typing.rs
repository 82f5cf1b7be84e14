//! Brings the operands of a plan to common types before DataFusion does, wherever moments meet.

mod compare;
mod unify;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRewriter};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{DmlStatement, Expr, ExprSchemable, LogicalPlan, WriteOp};
use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use compare::Comparisons;
pub(super) use compare::cast_of;
pub(crate) use unify::UNIFYING;

use crate::{arithmetic, casts, floats, frames, hidden, numbers, sums};

/// The plan with all operands brought to the types that they have in common.
///
/// DataFusion's own rule goes along: only what it has typed below has its final type above. It finds nothing to do
/// when it runs over the whole plan later.
pub(crate) fn typed(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let constants = Constants::new(state);
    Ok(plan.transform_up_with_subqueries(|node| typed_node(node, &constants))?.data)
}

fn typed_node(node: LogicalPlan, constants: &Constants) -> Result<Transformed<LogicalPlan>> {
    if matches!(node, LogicalPlan::TableScan(_)) {
        return Ok(Transformed::no(node));
    }
    let mut schema = merge_schema(&node.inputs());
    // The conditions of a merge are about its target as well, which is no input.
    if let LogicalPlan::Dml(DmlStatement { op: WriteOp::MergeInto(_), table_name, target, .. }) = &node {
        schema.merge(&DFSchema::try_from_qualified_schema(table_name.clone(), &target.schema())?);
    }
    let mut typing = Typing::new(&schema, constants);
    // The conditions of a change name no column; under a name, an equality would not be found for a join.
    let names = (!matches!(node, LogicalPlan::Dml(_))).then(|| NamePreserver::new(&node));
    node.map_expressions(|expr| {
        let name = names.as_ref().map(|names| names.save(&expr));
        let typed = expr.rewrite(&mut typing)?;
        let typed = typed.transform_data(|expr| expr.transform_up(|expr| floats::compared(expr, &schema)))?;
        Ok(match name {
            Some(name) => typed.update_data(|expr| name.restore(expr)),
            None => typed,
        })
    })?
    .map_data(|node| match node {
        LogicalPlan::Join(join) => compare::join(join, constants).map(LogicalPlan::Join),
        LogicalPlan::Union(union) => unify::union(union).map(LogicalPlan::Union),
        other => Ok(other),
    })?
    .map_data(|node| typing.coercion.coerce_plan(node))?
    .map_data(floats::keyed)?
    .map_data(LogicalPlan::recompute_schema)
}

/// Types the expressions of one node.
struct Typing<'a> {
    schema: &'a DFSchema,
    constants: &'a Constants,
    coercion: TypeCoercionRewriter<'a>,
}

impl<'a> Typing<'a> {
    fn new(schema: &'a DFSchema, constants: &'a Constants) -> Self {
        Self { schema, constants, coercion: TypeCoercionRewriter::new(schema) }
    }
}

impl TreeNodeRewriter for Typing<'_> {
    type Node = Expr;

    fn f_up(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        super::formats::check(&expr)?;
        let expr = super::zones::resolved(expr, |expr| type_of(expr, self.schema));
        let expr = numbers::typed(compare::apart(expr)?, self.schema)?;
        let expr = casts::of_nested(unify::expr(expr, self.schema)?, self.schema);
        let comparisons = Comparisons { left: self.schema, right: self.schema, constants: self.constants };
        match comparisons.expr(&expr)? {
            // What comes back has its types.
            Some(compared) => Ok(Transformed::yes(compared)),
            None => self
                .coercion
                .f_up(expr)?
                .data
                .map_children(|operand| {
                    Ok(Transformed::yes(casts::known(casts::of_operand(operand, self.schema))))
                })?
                .map_data(|expr| {
                    let expr = hidden::mended(expr, self.schema);
                    let expr = sums::checked(arithmetic::checked(expr, self.schema), self.schema);
                    frames::anew(expr, self.schema)
                }),
        }
    }
}

/// Works out what is known before a row is read.
struct Constants {
    simplifier: ExprSimplifier,
}

impl Constants {
    fn new(state: &SessionState) -> Self {
        let context = SimplifyContext::builder()
            .with_schema(DFSchema::empty().into())
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(state.execution_props().query_execution_start_time)
            .build();
        Self { simplifier: ExprSimplifier::new(context) }
    }

    /// The moment that an expression says, if it is known by now.
    fn moment(&self, expr: &Expr, zone: Option<&str>) -> Result<Option<i128>> {
        let expr = expr.clone().unalias();
        if let Expr::Literal(value, _) = &expr {
            return Ok(super::instant::instant(value, zone));
        }
        let unknown = expr.exists(|part| {
            Ok(!matches!(
                part,
                Expr::Literal(..)
                    | Expr::Alias(_)
                    | Expr::BinaryExpr(_)
                    | Expr::Cast(_)
                    | Expr::TryCast(_)
                    | Expr::Negative(_)
                    | Expr::ScalarFunction(_)
            ))
        })?;
        if unknown {
            return Ok(None);
        }
        // What fails here fails again where it is run, and says so there.
        Ok(match self.simplifier.simplify(expr) {
            Ok(Expr::Literal(value, _)) => super::instant::instant(&value, zone),
            _ => None,
        })
    }
}

/// The type of an expression; `None` where it has none yet.
fn type_of(expr: &Expr, schema: &DFSchema) -> Option<arrow_schema::DataType> {
    expr.get_type(schema).ok()
}
