//! Puts what is compared through [`OneNan`](super::OneNan).

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Between, BinaryExpr, Case, Cast, GroupingSet, InList, InSubquery, ScalarFunction,
    SetComparison, Sort as SortExpr, TryCast, WindowFunctionDefinition,
};
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Distinct, DistinctOn, Expr, ExprSchemable, LogicalPlan, Operator, Projection,
    Sort, Subquery,
};

use super::bounds::of_floats;
use super::{OneNan, has_floats, inside, one_nan};

/// Functions that compare their arguments, or what these hold, with each other.
const COMPARING: [&str; 17] = [
    "array_distinct",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_max",
    "array_min",
    "array_position",
    "array_positions",
    "array_remove",
    "array_remove_all",
    "array_sort",
    "array_union",
    "greatest",
    "least",
    "nullif",
];

/// The expression, if it compares, with one NaN in what it compares. Its operands have their types.
pub(crate) fn compared(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let key = |expr: Expr| key(expr, schema);
    let boxed = |expr: Box<Expr>| Box::new(key(*expr));
    let all = |exprs: Vec<Expr>| exprs.into_iter().map(key).collect();
    let sorts = |sorts| keys_of_sort(sorts, schema);
    Ok(Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            if is_equality(op) && (is_plain(&left) || is_plain(&right)) {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            let (l, r) = (is_correlated(&left, op, &right), is_correlated(&right, op, &left));
            let left = if l { left } else { boxed(left) };
            Expr::BinaryExpr(BinaryExpr::new(left, op, if r { right } else { boxed(right) }))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            Expr::Between(Between::new(boxed(expr), negated, boxed(low), boxed(high)))
        }
        Expr::InList(InList { expr, list, negated }) if !list.iter().all(is_plain) => {
            Expr::InList(InList::new(boxed(expr), all(list), negated))
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, else_expr }) => {
            let cases = when_then_expr.into_iter().map(|(when, then)| (boxed(when), then)).collect();
            Expr::Case(Case::new(Some(boxed(expr)), cases, else_expr))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            Expr::InSubquery(InSubquery::new(boxed(expr), key_of_query(subquery)?, negated))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            Expr::SetComparison(SetComparison::new(boxed(expr), key_of_query(subquery)?, op, quantifier))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if COMPARING.contains(&func.name()) => {
            Expr::ScalarFunction(ScalarFunction { func, args: all(args) })
        }
        Expr::AggregateFunction(AggregateFunction { mut func, mut params }) => {
            bound(&mut func, &params.args, schema);
            if params.distinct {
                params.args = all(params.args);
            }
            params.order_by = sorts(params.order_by);
            Expr::AggregateFunction(AggregateFunction { func, params })
        }
        Expr::WindowFunction(mut window) => {
            if let WindowFunctionDefinition::AggregateUDF(func) = &mut window.fun {
                bound(func, &window.params.args, schema);
            }
            window.params.partition_by = all(window.params.partition_by);
            window.params.order_by = sorts(window.params.order_by);
            Expr::WindowFunction(window)
        }
        other => return Ok(Transformed::no(other)),
    }))
}

/// The node with one NaN in what it sorts, groups or joins by, and in what it leaves out doubles of.
pub(crate) fn keyed(node: LogicalPlan) -> Result<LogicalPlan> {
    Ok(match node {
        LogicalPlan::Sort(Sort { expr, input, fetch }) => {
            let expr = keys_of_sort(expr, input.schema());
            LogicalPlan::Sort(Sort { expr, input, fetch })
        }
        LogicalPlan::Filter(mut filter) => {
            let columns = correlated(&filter.predicate)?;
            filter.input = key_columns(filter.input, |column| columns.contains(column))?;
            LogicalPlan::Filter(filter)
        }
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => {
            // A column is one of the rows below, so that `grouping` finds it.
            let columns: HashSet<&Column> = group_expr.iter().flat_map(groups).collect();
            let input = key_columns(input, |column| columns.contains(column))?;
            let schema = input.schema().clone();
            let groups = group_expr.into_iter().map(|group| key_of_group(group, &schema)).collect();
            Aggregate::try_new(input, groups, aggr_expr).map(LogicalPlan::Aggregate)?
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            LogicalPlan::Distinct(Distinct::All(key_columns(input, |_| true)?))
        }
        LogicalPlan::Distinct(Distinct::On(DistinctOn {
            on_expr, select_expr, sort_expr, input, ..
        })) => {
            let schema = input.schema().clone();
            let on = on_expr.into_iter().map(|on| key(on, &schema)).collect();
            let sort = sort_expr.map(|sort| keys_of_sort(sort, &schema));
            DistinctOn::try_new(on, select_expr, sort, input).map(Distinct::On).map(LogicalPlan::Distinct)?
        }
        LogicalPlan::Join(mut join) => {
            for (left, right) in &mut join.on {
                *left = key(std::mem::take(left), join.left.schema());
                *right = key(std::mem::take(right), join.right.schema());
            }
            LogicalPlan::Join(join)
        }
        other => other,
    })
}

/// What the expression is compared by.
fn key(expr: Expr, schema: &DFSchema) -> Expr {
    match expr {
        Expr::Alias(mut alias) => {
            alias.expr = Box::new(key(*alias.expr, schema));
            Expr::Alias(alias)
        }
        Expr::Literal(value, metadata) if value.data_type().is_floating() => {
            let one = value.to_array().and_then(|array| ScalarValue::try_from_array(&one_nan(&array)?, 0));
            Expr::Literal(one.unwrap_or(value), metadata)
        }
        // DataFusion looks for columns inside of casts.
        Expr::Cast(Cast { expr, field }) if is_number(&expr, schema) => {
            Expr::Cast(Cast { expr: Box::new(key(*expr, schema)), field })
        }
        Expr::TryCast(TryCast { expr, field }) if is_number(&expr, schema) => {
            Expr::TryCast(TryCast { expr: Box::new(key(*expr, schema)), field })
        }
        expr if !std::ptr::eq(inside(&expr), &raw const expr) => expr,
        expr if expr.get_type(schema).is_ok_and(|own| has_floats(&own)) => OneNan::call(expr),
        other => other,
    }
}

/// Whether a cast of it makes neither NaN nor a second zero of what is none.
fn is_number(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|own| own.is_numeric())
}

/// What a group is made by, under the name that it has in the statement.
fn key_of_group(expr: Expr, schema: &DFSchema) -> Expr {
    let all = |exprs: Vec<Expr>| exprs.into_iter().map(|expr| key_of_group(expr, schema)).collect();
    match expr {
        Expr::GroupingSet(set) => Expr::GroupingSet(match set {
            GroupingSet::Rollup(exprs) => GroupingSet::Rollup(all(exprs)),
            GroupingSet::Cube(exprs) => GroupingSet::Cube(all(exprs)),
            GroupingSet::GroupingSets(sets) => GroupingSet::GroupingSets(sets.into_iter().map(all).collect()),
        }),
        Expr::Column(column) => Expr::Column(column),
        other => {
            let (table, name) = other.qualified_name();
            match key(other, schema) {
                key if key.qualified_name() == (table.clone(), name.clone()) => key,
                key => key.alias_qualified(table, name),
            }
        }
    }
}

/// The bare columns that groups are made by.
fn groups(expr: &Expr) -> Vec<&Column> {
    match expr {
        Expr::Column(column) => vec![column],
        Expr::GroupingSet(set) => set.distinct_expr().into_iter().filter_map(Expr::try_as_col).collect(),
        _ => vec![],
    }
}

fn keys_of_sort(sorts: Vec<SortExpr>, schema: &DFSchema) -> Vec<SortExpr> {
    sorts.into_iter().map(|sort| SortExpr { expr: key(sort.expr, schema), ..sort }).collect()
}

/// These columns of a plan as they are compared.
fn key_columns(plan: Arc<LogicalPlan>, wanted: impl Fn(&Column) -> bool) -> Result<Arc<LogicalPlan>> {
    let schema = plan.schema();
    let columns = schema.columns();
    let is_key = |(column, field): (&Column, &FieldRef)| has_floats(field.data_type()) && wanted(column);
    if !columns.iter().zip(schema.fields()).any(is_key) {
        return Ok(plan);
    }
    let columns = columns.into_iter().map(|column| match wanted(&column) {
        true => match key(Expr::Column(column.clone()), schema) {
            Expr::Column(column) => Expr::Column(column),
            key => key.alias_qualified(column.relation, column.name),
        },
        false => Expr::Column(column),
    });
    let columns = columns.collect();
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(columns, plan)?)))
}

fn key_of_query(subquery: Subquery) -> Result<Subquery> {
    Ok(Subquery { subquery: key_columns(subquery.subquery, |_| true)?, ..subquery })
}

/// The least and the largest floating-point number are found by a function of ours.
fn bound(func: &mut Arc<AggregateUDF>, args: &[Expr], schema: &DFSchema) {
    let [arg] = args else { return };
    if matches!(func.name(), "min" | "max")
        && let Ok(own) = arg.get_type(schema)
        && let Some(ours) = of_floats(func, &own)
    {
        *func = Arc::new(ours);
    }
}

const fn compares(op: Operator) -> bool {
    matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) || is_equality(op)
}

const fn is_equality(op: Operator) -> bool {
    use Operator::{Eq, IsDistinctFrom, IsNotDistinctFrom, NotEq};
    matches!(op, Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Whether the number is none of those that there are two of. Whole numbers may still have to become floating-point numbers.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Float64) {
            Ok(ScalarValue::Float64(value)) => value.is_none_or(|value| value != 0.0 && !value.is_nan()),
            _ => false,
        },
        Expr::Cast(Cast { expr, .. }) => is_plain(expr),
        _ => false,
    }
}

/// Whether it is a column that equals something outside of its query. DataFusion takes such an equality out of the query where
/// the column is bare: [`keyed`] then has one NaN in the column itself.
fn is_correlated(expr: &Expr, op: Operator, other: &Expr) -> bool {
    op == Operator::Eq && matches!(expr, Expr::Column(_)) && other.contains_outer()
}

/// The columns that equal something outside of their query.
fn correlated(predicate: &Expr) -> Result<HashSet<Column>> {
    let mut columns = HashSet::new();
    predicate.apply(|expr| {
        if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr {
            for (side, other) in [(left, right), (right, left)] {
                if let (true, Expr::Column(column)) = (is_correlated(side, *op, other), side.as_ref()) {
                    columns.insert(column.clone());
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(columns)
}
