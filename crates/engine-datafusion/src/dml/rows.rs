//! The rows that a statement changes, as a plan: their addresses, and what comes in their place.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::dml::{MergeIntoAction, MergeIntoClauseKind, MergeIntoOp};
use datafusion::logical_expr::{
    DmlStatement, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, SubqueryAlias, lit, when,
};
use stitchwork_core::{Error, ROW_DELETED, ROW_FILE, ROW_POSITION, Result};

use super::assigned::unmarked;
use super::exact::exact;
use crate::error::FromDataFusion;

/// A column that says of a joined row whether it has a row of the source.
const SOURCE: &str = "__merge_source";
/// A column that says which clause of a merge a joined row is for; 0 for none.
const CLAUSE: &str = "__merge_clause";

/// The rows of a change.
#[derive(Debug)]
pub(super) struct Rows {
    /// The columns of the target, addresses and, where rows go, whether they do.
    pub plan: LogicalPlan,
    /// What chooses rows of the target, and what it chooses from; `None` where more than that is read.
    pub filter: Option<(Expr, LogicalPlan)>,
}

impl Rows {
    pub(super) fn plan_has_subqueries(&self) -> Result<bool> {
        let mut found = false;
        self.plan
            .apply(|node| {
                for expr in node.expressions() {
                    found |= subquery_inside(&expr)?;
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .ours()?;
        Ok(found)
    }
}

fn subquery_inside(expr: &Expr) -> datafusion::common::Result<bool> {
    expr.exists(|e| {
        Ok(matches!(
            e,
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_)
        ))
    })
}

/// Whether an expression has a query in it.
pub(super) fn has_subquery(expr: &Expr) -> Result<bool> {
    subquery_inside(expr).ours()
}

fn column(table: Option<&TableReference>, name: &str) -> Expr {
    Expr::Column(Column::new(table.cloned(), name))
}

/// The columns of a row's address, of a table of this name.
fn address(table: &TableReference) -> [Expr; 2] {
    [ROW_FILE, ROW_POSITION].map(|name| column(Some(table), name).alias(name))
}

/// The scan of the target with addresses.
fn scan(dml: &DmlStatement) -> Result<LogicalPlan> {
    let source = provider_as_source(Arc::new(super::table(dml)?.addressed()));
    LogicalPlanBuilder::scan(dml.table_name.clone(), source, None).ours()?.build().ours()
}

/// The same plan over the target with addresses, the filter in it and the name that its columns have.
type Addressed = (LogicalPlan, Option<(Expr, LogicalPlan)>, TableReference);

fn addressed(dml: &DmlStatement, plan: &LogicalPlan) -> Result<Addressed> {
    match plan {
        LogicalPlan::TableScan(_) => Ok((scan(dml)?, None, dml.table_name.clone())),
        LogicalPlan::SubqueryAlias(alias) => {
            let (input, filter, _) = addressed(dml, &alias.input)?;
            let plan = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone()).ours()?;
            Ok((LogicalPlan::SubqueryAlias(plan), filter, alias.alias.clone()))
        }
        LogicalPlan::Filter(filter) => {
            let (input, _, name) = addressed(dml, &filter.input)?;
            let chosen = (filter.predicate.clone(), filter.input.as_ref().clone());
            let plan = Filter::try_new(filter.predicate.clone(), Arc::new(input)).ours()?;
            Ok((LogicalPlan::Filter(plan), Some(chosen), name))
        }
        _ => Err(Error::unsupported(
            "update and delete take one table and a where clause; write a merge to use rows of another table",
        )
        .with_context("table", &dml.table_name)),
    }
}

/// The rows of an update.
pub(super) fn update(dml: &DmlStatement) -> Result<Rows> {
    let LogicalPlan::Projection(projection) = dml.input.as_ref() else {
        return Err(Error::unexpected("the plan of an update has another form than expected"));
    };
    let (input, filter, name) = addressed(dml, &projection.input)?;
    let mut exprs = projection.expr.clone();
    exprs.extend(address(&name));
    let plan = Projection::try_new(exprs, Arc::new(input)).ours()?;
    Ok(Rows { plan: LogicalPlan::Projection(plan), filter })
}

/// The rows of a delete.
pub(super) fn delete(dml: &DmlStatement) -> Result<Rows> {
    let (input, filter, name) = addressed(dml, &dml.input)?;
    let exprs = address(&name).into_iter().chain([lit(true).alias(ROW_DELETED)]).collect();
    let plan = Projection::try_new(exprs, Arc::new(input)).ours()?;
    Ok(Rows { plan: LogicalPlan::Projection(plan), filter })
}

/// The rows of a merge: target and source joined, each joined row for the first clause that takes it.
pub(super) fn merge(dml: &DmlStatement, op: &MergeIntoOp) -> Result<Rows> {
    let name = &dml.table_name;
    let mut columns: Vec<Expr> = dml.input.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(lit(true).alias(SOURCE));
    let source = LogicalPlanBuilder::from(dml.input.as_ref().clone()).project(columns).ours()?;
    let source = source.build().ours()?;
    let wants = |kind| op.clauses.iter().any(|clause| clause.kind.canonical() == kind);
    let join = match (
        wants(MergeIntoClauseKind::NotMatchedBySource),
        wants(MergeIntoClauseKind::NotMatchedByTarget),
    ) {
        (false, false) => JoinType::Inner,
        (true, false) => JoinType::Left,
        (false, true) => JoinType::Right,
        (true, true) => JoinType::Full,
    };
    let joined =
        LogicalPlanBuilder::from(scan(dml)?).join_on(source, join, [op.on.clone()]).ours()?.build().ours()?;
    let (is_target, is_source) =
        (column(Some(name), ROW_POSITION).is_not_null(), column(None, SOURCE).is_not_null());

    // Which clause takes a row is worked out once, below the values.
    let mut chosen: Vec<(Expr, i64)> = Vec::new();
    for (clause, number) in op.clauses.iter().zip(1..) {
        let kind = match clause.kind.canonical() {
            MergeIntoClauseKind::Matched => is_target.clone().and(is_source.clone()),
            MergeIntoClauseKind::NotMatchedBySource => column(None, SOURCE).is_null(),
            _ => column(Some(name), ROW_POSITION).is_null(),
        };
        let condition = match &clause.predicate {
            Some(predicate) => kind.and(predicate.clone()),
            None => kind,
        };
        chosen.push((condition, number));
    }
    let chosen = choose(chosen.into_iter().map(|(when, number)| (when, lit(number))), lit(0_i64))?;
    let mut columns: Vec<Expr> = joined.schema().columns().into_iter().map(Expr::Column).collect();
    columns.push(chosen.alias(CLAUSE));
    let taken = LogicalPlanBuilder::from(joined)
        .project(columns)
        .ours()?
        .filter(column(None, CLAUSE).not_eq(lit(0_i64)))
        .ours()?
        .build()
        .ours()?;

    let schema = dml.target.schema();
    let mut values = Vec::with_capacity(schema.fields().len() + 3);
    for (place, field) in schema.fields().iter().enumerate() {
        let by_clause = op.clauses.iter().zip(1_i64..).filter_map(|(clause, number)| {
            let value = match &clause.action {
                MergeIntoAction::Update(assignments) => {
                    let assigned = assignments.iter().find(|(column, _)| column == field.name());
                    assigned.map_or_else(|| column(Some(name), field.name()), |(_, value)| value.clone())
                }
                MergeIntoAction::Insert { columns, values } => {
                    let place = match columns.is_empty() {
                        true => Some(place),
                        false => columns.iter().position(|column| column == field.name()),
                    };
                    place.and_then(|place| values.get(place)).cloned()?
                }
                MergeIntoAction::Delete => return None,
            };
            let value = unmarked(&value).cloned().unwrap_or(value);
            Some((column(None, CLAUSE).eq(lit(number)), exact(value, field.data_type(), field.name())))
        });
        let nothing = ScalarValue::try_new_null(field.data_type()).ours()?;
        values.push(choose(by_clause, Expr::Literal(nothing, None))?.alias(field.name()));
    }
    let deletes = op.clauses.iter().zip(1_i64..).filter(|(c, _)| c.action == MergeIntoAction::Delete);
    let deletes = deletes.map(|(_, number)| lit(number)).collect();
    values.extend(address(name));
    values.push(column(None, CLAUSE).in_list(deletes, false).alias(ROW_DELETED));
    let plan = LogicalPlanBuilder::from(taken).project(values).ours()?.build().ours()?;
    // Whether a row of the source matches depends on every row of the target.
    Ok(Rows { plan, filter: None })
}

/// The value of the first condition that is true.
fn choose(cases: impl IntoIterator<Item = (Expr, Expr)>, otherwise: Expr) -> Result<Expr> {
    let mut cases = cases.into_iter();
    let Some((condition, value)) = cases.next() else { return Ok(otherwise) };
    let mut choice = when(condition, value);
    for (condition, value) in cases {
        choice = choice.when(condition, value);
    }
    choice.otherwise(otherwise).ours()
}
