//! What a statement gives to columns, so that it is known apart from what it says itself.
//!
//! The planner casts values to the types of their columns, by the same casts that a statement may ask for. So what
//! is given is marked before it is planned, and casts around a mark are the planner's.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, DmlStatement, Expr, LogicalPlan, Projection, ScalarFunctionArgs, ScalarUDFImpl, Signature,
    Volatility, WriteOp,
};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Assignment, Expr as SqlExpr, MergeAction, MergeInsertExpr, MergeInsertKind, Statement as SqlStatement,
    Value, Values,
};

use super::exact::exact;
use super::inserted::{self, uncast};
use crate::spelling::call;

/// The name of the mark, which nobody writes by mistake.
const MARK: &str = "assigned\u{1f}";

/// Lets a session know the mark.
pub(crate) fn install(state: &mut SessionState) -> Result<()> {
    let mark = Mark { signature: Signature::any(1, Volatility::Immutable) };
    state.register_udf(Arc::new(mark.into())).map(|_| ())
}

/// Marks what a statement gives to columns.
pub(crate) fn mark(statement: &mut SqlStatement) {
    match statement {
        SqlStatement::Update(update) => {
            for Assignment { value, .. } in &mut update.assignments {
                mark_value(value);
            }
        }
        SqlStatement::Merge(merge) => {
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
        SqlStatement::Insert(insert) => {
            if let Some(values) = insert.source.as_mut().and_then(|source| inserted::bare(source)) {
                mark_rows(values);
            }
        }
        _ => {}
    }
}

fn mark_rows(values: &mut Values) {
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
    *value = call(MARK, [inner]);
}

/// The plan of a statement, whose casts to the types of columns are exact.
pub(crate) async fn plan(state: &SessionState, statement: Statement) -> Result<LogicalPlan> {
    match inserted::plan(state, statement).await? {
        LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Update) => updated(dml).map(LogicalPlan::Dml),
        other => Ok(other),
    }
}

fn updated(dml: DmlStatement) -> Result<DmlStatement> {
    let LogicalPlan::Projection(projection) = dml.input.as_ref() else { return Ok(dml) };
    let table = dml.target.schema();
    let exprs = projection.expr.iter().map(|expr| match expr {
        Expr::Alias(alias) => match (unmarked(&alias.expr), table.field_with_name(&alias.name)) {
            (Some(value), Ok(field)) => {
                exact(value.clone(), field.data_type(), field.name()).alias(&alias.name)
            }
            _ => expr.clone(),
        },
        _ => expr.clone(),
    });
    let input =
        Projection::try_new(exprs.collect(), projection.input.clone()).map(LogicalPlan::Projection)?;
    Ok(DmlStatement::new(dml.table_name, dml.target, dml.op, Arc::new(input)))
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

    /// A type that the planner casts to every other: which of them fit is not its to say, as it does not name the
    /// column.
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Null)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a mark is left in a plan")
    }
}
