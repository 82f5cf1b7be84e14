//! What an insert takes its rows from, brought to the types of the columns.
//!
//! The planner gives the types of the table's columns to every list of values within the source of an insert, and
//! joins others to them, by casts that cut. So a list of values alone is marked before it is planned, and every other
//! source is planned by itself, as the query that it is, and put under the insert afterwards.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError, Result, internal_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Alias, Cast};
use datafusion::logical_expr::{DmlStatement, Expr, LogicalPlan, Projection, Union, Values, WriteOp};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, Parens, Query, SelectItem, SetExpr, SetOperator, SetQuantifier,
    Statement as SqlStatement, Value, Values as SqlValues, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use stitchwork_core::Error;

use super::assigned::unmarked;
use super::exact::exact;
use crate::error::to_datafusion;

/// The list of values that a source is, if it is nothing else and has no query inside.
pub(super) fn bare(source: &mut Query) -> Option<&mut SqlValues> {
    (count_queries(source) == 1 && source.with.is_none()).then_some(())?;
    match source.body.as_mut() {
        SetExpr::Values(values) => Some(values),
        _ => None,
    }
}

fn count_queries(query: &Query) -> usize {
    struct Count(usize);

    impl Visitor for Count {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }

    let mut count = Count(0);
    let _: ControlFlow<()> = query.visit(&mut count);
    count.0
}

/// The plan of a statement, in which what is inserted becomes exact.
pub(super) async fn plan(state: &SessionState, mut statement: Statement) -> Result<LogicalPlan> {
    let Some(source) = source_of(&mut statement) else {
        return match state.statement_to_plan(statement).await? {
            LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Insert(_)) => {
                from_values(dml).map(LogicalPlan::Dml)
            }
            other => Ok(other),
        };
    };
    // DataFusion runs no query inside of a list of values.
    if let SetExpr::Values(values) = source.body.as_mut()
        && let Some(selects) = selects(std::mem::take(&mut values.rows))
    {
        *source.body = selects;
    }
    let query = Box::new(SqlStatement::Query(source.clone()));
    let rows = state.statement_to_plan(Statement::Statement(query)).await?;
    let columns = rows.schema().fields().len();
    if columns > 0 {
        source.with = None;
        source.order_by = None;
        source.limit_clause = None;
        source.fetch = None;
        source.pipe_operators = vec![];
        *source.body = nulls(columns);
    }
    match state.statement_to_plan(statement).await.map_err(|e| miscounted(e, columns))? {
        LogicalPlan::Dml(dml) if columns > 0 => from_rows(dml, rows).map(LogicalPlan::Dml),
        other => Ok(other),
    }
}

/// The planner's error, or a better one for a query of more or fewer columns than the insert is for: the planner would
/// speak of the list of values that has stood in for the query.
fn miscounted(error: DataFusionError, columns: usize) -> DataFusionError {
    let said = error.strip_backtrace();
    let said = said.split_once(MISCOUNTED).and_then(|(_, counts)| counts.rsplit_once(' '));
    match said {
        Some((_, expected)) => {
            let ours = Error::invalid_input(
                "the query of an insert does not have as many columns as the insert is for; name those behind the table",
            );
            to_datafusion(ours.with_context("columns", columns).with_context("expected", expected))
        }
        None => error,
    }
}

/// What the planner says of lists of values whose length is not that of the columns.
const MISCOUNTED: &str = "Inconsistent data length across values list";

/// The source of an insert that is more than a list of values.
fn source_of(statement: &mut Statement) -> Option<&mut Box<Query>> {
    let Statement::Statement(statement) = statement else { return None };
    let SqlStatement::Insert(insert) = statement.as_mut() else { return None };
    let source = insert.source.as_mut()?;
    if bare(source).is_some() { None } else { Some(source) }
}

/// The rows of a list of values as queries, of which two are joined at a time, so that the tree of many stays low.
fn selects(mut rows: Vec<Parens<Vec<SqlExpr>>>) -> Option<SetExpr> {
    if rows.len() > 1 {
        let right = rows.split_off(rows.len() / 2);
        let (left, right) = (Box::new(selects(rows)?), Box::new(selects(right)?));
        let (op, set_quantifier) = (SetOperator::Union, SetQuantifier::All);
        return Some(SetExpr::SetOperation { op, set_quantifier, left, right });
    }
    let mut empty = Parser::parse_sql(&GenericDialect {}, "select null").ok()?;
    let SqlStatement::Query(query) = empty.pop()? else { return None };
    let SetExpr::Select(mut select) = *query.body else { return None };
    // Values may be alike, names may not.
    let named =
        |(place, expr)| SelectItem::ExprWithAlias { expr, alias: Ident::new(format!("column{place}")) };
    select.projection = (1..).zip(rows.pop()?.content).map(named).collect();
    Some(SetExpr::Select(select))
}

/// One row without any value, in the place of the rows.
fn nulls(columns: usize) -> SetExpr {
    let content = vec![SqlExpr::value(Value::Null); columns];
    let row = Parens { content, ..Parens::with_empty_span(vec![]) };
    SetExpr::Values(SqlValues { explicit_row: false, value_keyword: false, rows: vec![row] })
}

/// The planner's projection onto the columns of the table, below an insert.
fn projection(dml: &DmlStatement) -> Result<&Projection> {
    match dml.input.as_ref() {
        LogicalPlan::Projection(projection) => Ok(projection),
        _ => internal_err!("an insert is planned without a projection"),
    }
}

/// The insert with these rows, column by column in the place of its own.
fn from_rows(dml: DmlStatement, rows: LogicalPlan) -> Result<DmlStatement> {
    let projection = projection(&dml)?;
    let table = dml.target.schema();
    // The column of the table that each column of the rows becomes.
    let mut taken: Vec<Option<&Field>> = vec![None; rows.schema().fields().len()];
    let exprs = projection.expr.iter().map(|expr| {
        let Some((column, field)) = assigned(expr, &table) else { return expr.clone() };
        let place = projection.input.schema().maybe_index_of_column(column);
        match place.and_then(|place| taken.get_mut(place)) {
            Some(taken) => {
                *taken = Some(field);
                Expr::Column(Column::new_unqualified(field.name())).alias(field.name())
            }
            None => expr.clone(),
        }
    });
    let exprs: Vec<Expr> = exprs.collect();
    let Some(taken) = taken.into_iter().collect::<Option<Vec<&Field>>>() else {
        return internal_err!("an insert is planned without some of its columns");
    };
    let rows = exactly(rows, &taken)?;
    let input = Projection::try_new(exprs, Arc::new(rows)).map(LogicalPlan::Projection)?;
    Ok(DmlStatement::new(dml.table_name, dml.target, dml.op, Arc::new(input)))
}

/// The rows in the types of these columns, and under their names.
///
/// What a `union all` puts together becomes exact before it, not after it has got a type in common.
fn exactly(rows: LogicalPlan, columns: &[&Field]) -> Result<LogicalPlan> {
    if let LogicalPlan::Union(Union { inputs, .. }) = rows {
        let inputs = inputs.into_iter().map(|input| exactly(Arc::unwrap_or_clone(input), columns));
        let inputs = inputs.map(|input| input.map(Arc::new)).collect::<Result<Vec<_>>>()?;
        return Union::try_new_with_loose_types(inputs).map(LogicalPlan::Union);
    }
    let exprs = columns.iter().enumerate().map(|(place, field)| {
        let column = Expr::Column(Column::from(rows.schema().qualified_field(place)));
        exact(column, field.data_type(), field.name()).alias(field.name())
    });
    let exprs = exprs.collect();
    Projection::try_new(exprs, Arc::new(rows)).map(LogicalPlan::Projection)
}

/// The column of the source and that of the table which the planner makes of it.
fn assigned<'a>(expr: &'a Expr, table: &'a Schema) -> Option<(&'a Column, &'a Field)> {
    let Expr::Alias(Alias { expr, name, .. }) = expr else { return None };
    let Expr::Column(column) = uncast(expr) else { return None };
    Some((column, table.field_with_name(name).ok()?))
}

/// The insert of a list of values, in which what is marked becomes exact.
fn from_values(dml: DmlStatement) -> Result<DmlStatement> {
    let projection = projection(&dml)?;
    let table = dml.target.schema();
    // The name of each column of the list, and of the column that it becomes.
    let mut names: HashMap<String, String> = HashMap::new();
    let exprs = projection.expr.iter().map(|expr| match assigned(expr, &table) {
        Some((column, field)) => {
            names.insert(column.name.clone(), field.name().clone());
            exact(Expr::Column(column.clone()), field.data_type(), field.name()).alias(field.name())
        }
        None => expr.clone(),
    });
    let exprs = exprs.collect();
    let input = projection.input.as_ref().clone();
    let input = input.transform_up(|node| match node {
        LogicalPlan::Values(values) => values_exactly(values, &names).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })?;
    let input = Projection::try_new(exprs, Arc::new(input.data)).map(LogicalPlan::Projection)?;
    Ok(DmlStatement::new(dml.table_name, dml.target, dml.op, Arc::new(input)))
}

fn values_exactly(values: Values, names: &HashMap<String, String>) -> Result<LogicalPlan> {
    let Values { schema, values } = values;
    let fields: Vec<(&str, &DataType)> =
        schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect();
    let rows = values.into_iter().map(|row| {
        let cells = row.into_iter().zip(&fields).map(|(cell, (name, data_type))| match unmarked(&cell) {
            Some(value) => {
                let name = names.get(*name).map_or(*name, String::as_str);
                exact(value.clone(), data_type, name)
            }
            None => cell,
        });
        cells.collect()
    });
    let values = rows.collect();
    Ok(LogicalPlan::Values(Values { schema, values }))
}

/// An expression without the planner's cast around it.
pub(super) fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        other => other,
    }
}
