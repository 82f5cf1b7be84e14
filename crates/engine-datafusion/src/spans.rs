//! A multiple of an interval, which DataFusion does not calculate.

use std::sync::Arc;

use arrow::compute::try_binary;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType};
use arrow_schema::{ArrowError, DataType, IntervalUnit};
use datafusion::common::{DFSchema, Result, internal_err, plan_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// A state that multiplies intervals by whole numbers.
pub(crate) fn install(state: &mut SessionState) -> Result<()> {
    state.register_expr_planner(Arc::new(Multiples))
}

#[derive(Debug)]
struct Multiples;

impl ExprPlanner for Multiples {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op != BinaryOperator::Multiply {
            return Ok(PlannerResult::Original(expr));
        }
        let is = |expr: &Expr, kind: fn(&DataType) -> bool| expr.get_type(schema).is_ok_and(|own| kind(&own));
        let is_span = |expr: &Expr| is(expr, |own| matches!(own, DataType::Interval(_)));
        let is_count = |expr: &Expr| is(expr, DataType::is_integer);
        let args = match (&expr.left, &expr.right) {
            (span, count) if is_span(span) && is_count(count) => vec![expr.left, expr.right],
            (count, span) if is_span(span) && is_count(count) => vec![expr.right, expr.left],
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let func = Multiple { signature: Signature::user_defined(Volatility::Immutable) };
        let func = Arc::new(ScalarUDF::from(func));
        Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction { func, args })))
    }
}

/// So many times an interval.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Multiple {
    signature: Signature,
}

const SPAN: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

impl ScalarUDFImpl for Multiple {
    fn name(&self) -> &'static str {
        "multiple_of_interval"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_, _] => Ok(vec![SPAN, DataType::Int64]),
            _ => plan_err!("a multiple is one of an interval and a number"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(SPAN)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names: Vec<_> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(names.join(" * "))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [spans, counts] = arrays.as_slice() else {
            return internal_err!("a multiple is one of an interval and a number");
        };
        let spans = spans.as_primitive::<IntervalMonthDayNanoType>();
        let counts = counts.as_primitive::<Int64Type>();
        let multiples = try_binary::<_, _, _, IntervalMonthDayNanoType>(spans, counts, |span, count| {
            multiple(span, count).ok_or_else(|| {
                ArrowError::ArithmeticOverflow(format!("an interval has no room for {count} times {span:?}"))
            })
        })?;
        Ok(ColumnarValue::Array(Arc::new(multiples)))
    }
}

fn multiple(span: IntervalMonthDayNano, count: i64) -> Option<IntervalMonthDayNano> {
    let part = |part: i32| i32::try_from(i64::from(part).checked_mul(count)?).ok();
    Some(IntervalMonthDayNano::new(
        part(span.months)?,
        part(span.days)?,
        span.nanoseconds.checked_mul(count)?,
    ))
}
