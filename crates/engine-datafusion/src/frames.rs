//! Aggregates over frames that slide: DataFusion takes away from a running result what leaves the frame.
//!
//! No floating-point number can be taken away again: what was added to infinity, to NaN, or to a number that is much larger,
//! is lost. And many aggregates do not know how to take anything away. Here both are calculated anew from what is in the frame.

mod kept;

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, WindowFunction, WindowFunctionDefinition,
    WindowFunctionParams,
};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, ExprSchemable, GroupsAccumulator,
    Operator, ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs, WindowFrameBound, WindowFrameUnits,
};
use stitchwork_core::Error;

use crate::error::to_datafusion;
use kept::Kept;

/// The expression, with an aggregate that is right over every frame if it is one over a window. Its operands have their types.
///
/// # Errors
/// `Unsupported` for frames of which DataFusion loses rows.
pub(crate) fn anew(mut expr: Expr, schema: &DFSchema) -> Result<Expr> {
    if let Expr::WindowFunction(window) = &mut expr {
        refuse_months(window, schema)?;
        let floats = window.params.args.iter().any(|arg| has_float(arg, schema));
        if let WindowFunctionDefinition::AggregateUDF(inner) = &mut window.fun {
            let floats = match inner.name() {
                "sum" | "avg" => floats,
                name => ["var", "stddev", "cov", "corr", "regr_"].iter().any(|begin| name.starts_with(begin)),
            };
            *inner = Arc::new(Anew { inner: inner.clone(), floats }.into());
        }
    }
    Ok(expr)
}

fn has_float(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|own| own.is_floating())
}

/// DataFusion looks for the bounds of a frame from where those of the row before were. But a month before the 29th of March, at
/// noon, is later than a month before the 31st, in the morning. Days alone are as far apart as their rows, or closer.
fn refuse_months(window: &WindowFunction, schema: &DFSchema) -> Result<()> {
    let frame = &window.params.window_frame;
    let is_moment = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Timestamp(..)));
    let Some(order) = window.params.order_by.iter().find(|sort| is_moment(&sort.expr)) else { return Ok(()) };
    if frame.units != WindowFrameUnits::Range {
        return Ok(());
    }
    let has_months = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(span) | WindowFrameBound::Following(span) => match span {
            ScalarValue::IntervalYearMonth(months) => months.is_some_and(|months| months != 0),
            ScalarValue::IntervalMonthDayNano(span) => span.is_some_and(|span| span.months != 0),
            _ => false,
        },
        WindowFrameBound::CurrentRow => false,
    };
    if has_months(&frame.start_bound) || has_months(&frame.end_bound) {
        let error = Error::unsupported(
            "a frame over moments cannot reach as far as months, which are of different lengths; say it in days, or order by a \
             date (`order by ts::date`)",
        );
        return Err(to_datafusion(error.with_context("order", &order.expr)));
    }
    Ok(())
}

/// An aggregate, calculated anew for each frame where it has to be; anything else is as it was.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Anew {
    inner: Arc<AggregateUDF>,
    /// Whether it calculates with floating-point numbers.
    floats: bool,
}

impl Anew {
    fn same(&self) -> &Arc<dyn AggregateUDFImpl> {
        self.inner.inner()
    }
}

#[deny(clippy::missing_trait_methods, reason = "a new method must not be forgotten")]
impl AggregateUDFImpl for Anew {
    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if self.floats {
            return Ok(Box::new(Kept::new(self.inner.clone(), &args, !args.is_distinct)));
        }
        let kept = Kept::new(self.inner.clone(), &args, false);
        match self.same().create_sliding_accumulator(args) {
            Ok(known) if known.supports_retract_batch() => Ok(known),
            _ => Ok(Box::new(kept)),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.same().reverse_expr() {
            ReversedUDAF::Reversed(inner) => {
                ReversedUDAF::Reversed(Arc::new(Self { inner, floats: self.floats }.into()))
            }
            other => other,
        }
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = self.inner.as_ref().clone().with_beneficial_ordering(beneficial_ordering)?;
        Ok(inner.map(|inner| Arc::new(Self { inner: inner.into(), floats: self.floats }) as _))
    }

    fn name(&self) -> &str {
        self.same().name()
    }

    fn aliases(&self) -> &[String] {
        self.same().aliases()
    }

    fn signature(&self) -> &Signature {
        self.same().signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.same().return_type(arg_types)
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Result<FieldRef> {
        self.same().return_field(arg_fields)
    }

    fn is_nullable(&self) -> bool {
        self.same().is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.same().accumulator(args)
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.same().schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.same().human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.same().window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.same().display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.same().window_function_display_name(params)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.same().state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.same().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.same().create_groups_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.same().order_sensitivity()
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.same().simplify()
    }

    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        arg: &Expr,
        op: Operator,
        literal: &Expr,
        arg_is_left: bool,
    ) -> Result<Option<Expr>> {
        self.same().simplify_expr_op_literal(function, arg, op, literal, arg_is_left)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.same().coerce_types(arg_types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.same().is_descending()
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.same().value_from_stats(args)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.same().default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.same().supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.same().supports_within_group_clause()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.same().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.same().documentation()
    }
}
