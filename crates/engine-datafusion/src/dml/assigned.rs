//! What a statement gives to columns, so that it is known apart from what it says itself.
//!
//! The planner casts values to the types of their columns, by the same casts that a statement may ask for. So what
//! is given is marked before it is planned, and casts around a mark are the planner's.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::{DataType, Schema};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::{Alias, Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, DmlStatement, Expr, LogicalPlan, Projection, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Values, Volatility, WriteOp,
};
use datafusion::sql::sqlparser::ast::{
    Assignment, Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, MergeAction, MergeInsertExpr, MergeInsertKind, ObjectName, Query, SetExpr,
    Statement, Value, Values as SqlValues, VisitMut, VisitorMut,
};

use super::exact::exact;

/// The name of the mark, which nobody writes by mistake.
const MARK: &str = "assigned\u{1f}";

/// Lets a session know the mark.
pub(crate) fn install(state: &mut SessionState) -> Result<()> {
    let mark = Mark { signature: Signature::any(1, Volatility::Immutable) };
    state.register_udf(Arc::new(mark.into())).map(|_| ())
}

/// Marks what a statement gives to columns.
pub(crate) fn mark(statement: &mut Statement) {
    match statement {
        Statement::Update(update) => {
            for Assignment { value, .. } in &mut update.assignments {
                mark_value(value);
            }
        }
        Statement::Merge(merge) => {
            for clause in &mut merge.clauses {
                match &mut clause.action {
                    MergeAction::Update(update) => {
                        update
                            .assignments
                            .iter_mut()
                            .for_each(|assignment| mark_value(&mut assignment.value));
                    }
                    MergeAction::Insert(MergeInsertExpr {
                        kind: MergeInsertKind::Values(values), ..
                    }) => {
                        mark_rows(values);
                    }
                    _ => {}
                }
            }
        }
        Statement::Insert(insert) => {
            // The planner takes every list of values in the query for one of rows of the table.
            if let Some(source) = &mut insert.source {
                let _: ControlFlow<()> = source.visit(&mut MarkValues);
            }
        }
        _ => {}
    }
}

struct MarkValues;

impl VisitorMut for MarkValues {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        mark_body(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn mark_body(body: &mut SetExpr) {
    match body {
        SetExpr::Values(values) => mark_rows(values),
        SetExpr::SetOperation { left, right, .. } => {
            mark_body(left);
            mark_body(right);
        }
        _ => {}
    }
}

fn mark_rows(values: &mut SqlValues) {
    values.rows.iter_mut().flat_map(|row| row.content.iter_mut()).for_each(mark_value);
}

fn mark_value(value: &mut SqlExpr) {
    // The planner has its own ways with these, and neither is ever cut.
    if let SqlExpr::Value(value) = value
        && matches!(value.value, Value::Null | Value::Placeholder(_))
    {
        return;
    }
    // An identifier alone may be `default`.
    if matches!(value, SqlExpr::Identifier(name) if name.value.eq_ignore_ascii_case("default")) {
        return;
    }
    let inner = std::mem::replace(value, SqlExpr::value(Value::Null));
    let args = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))],
        clauses: vec![],
    };
    *value = SqlExpr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', MARK)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    });
}

/// The plan whose casts to the types of columns are exact.
pub(crate) fn planned(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Dml(dml) = plan else { return Ok(plan) };
    let input = match (&dml.op, dml.input.as_ref()) {
        (WriteOp::Insert(_), LogicalPlan::Projection(projection)) => {
            inserted(projection, &dml.target.schema())?
        }
        (WriteOp::Update, LogicalPlan::Projection(projection)) => updated(projection, &dml.target.schema())?,
        _ => return Ok(LogicalPlan::Dml(dml)),
    };
    Ok(LogicalPlan::Dml(DmlStatement::new(dml.table_name, dml.target, dml.op, Arc::new(input))))
}

fn updated(projection: &Projection, table: &Schema) -> Result<LogicalPlan> {
    let exprs = projection.expr.iter().map(|expr| match expr {
        Expr::Alias(alias) => match (unmarked(&alias.expr), table.field_with_name(&alias.name)) {
            (Some(value), Ok(field)) => {
                exact(value.clone(), field.data_type(), field.name()).alias(&alias.name)
            }
            _ => expr.clone(),
        },
        _ => expr.clone(),
    });
    Projection::try_new(exprs.collect(), projection.input.clone()).map(LogicalPlan::Projection)
}

fn inserted(projection: &Projection, table: &Schema) -> Result<LogicalPlan> {
    // The name of each column of the source, and of the column that it becomes.
    let mut names: HashMap<String, String> = HashMap::new();
    let mut exprs = Vec::with_capacity(projection.expr.len());
    for expr in &projection.expr {
        exprs.push(match expr {
            Expr::Alias(Alias { expr: value, name, .. })
                if let Expr::Column(column) = uncast(value)
                    && let Ok(field) = table.field_with_name(name) =>
            {
                names.insert(column.name.clone(), name.clone());
                exact(Expr::Column(column.clone()), field.data_type(), name).alias(name)
            }
            other => other.clone(),
        });
    }
    let input = projection.input.as_ref().clone();
    let input = input.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Values(values) => values_exactly(values, &names).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })?;
    Projection::try_new(exprs, Arc::new(input.data)).map(LogicalPlan::Projection)
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

fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        other => other,
    }
}

/// What is marked, with the planner's cast around it or without.
pub(super) fn unmarked(expr: &Expr) -> Option<&Expr> {
    match uncast(expr) {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == MARK => args.first(),
        _ => None,
    }
}

/// A mark around an expression, which is gone before anything is run.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Mark {
    signature: Signature,
}

impl ScalarUDFImpl for Mark {
    fn name(&self) -> &'static str {
        MARK
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args {
            [data_type] => Ok(data_type.clone()),
            _ => internal_err!("a mark is around one expression"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => internal_err!("a mark is around one expression"),
        }
    }
}
