//! `sum` of whole numbers of 64 bits and of decimals, which fails where it is beyond its type: DataFusion's begins again at
//! the other end.

mod decimals;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::compute::sum;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Int64Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType, BooleanArray, PrimitiveArray,
};
use arrow_schema::{DataType, FieldRef};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunctionDefinition};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, ExprSchemable, GroupsAccumulator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;
use stitchwork_core::Error;

use crate::error::to_datafusion;
use crate::numbers::is_decimal;

/// The expression, with a sum that is checked if it is one of whole numbers or decimals. Its operands have their types.
pub(crate) fn checked(mut expr: Expr, schema: &DFSchema) -> Expr {
    let found = match &mut expr {
        Expr::AggregateFunction(AggregateFunction { func, params }) if !params.distinct => {
            Some((func, &params.args))
        }
        Expr::WindowFunction(window) if !window.params.distinct => match &mut window.fun {
            WindowFunctionDefinition::AggregateUDF(func) => Some((func, &window.params.args)),
            WindowFunctionDefinition::WindowUDF(_) => None,
        },
        _ => None,
    };
    if let Some((func, args)) = found
        && func.name() == "sum"
        && let [arg] = args.as_slice()
        && arg.get_type(schema).is_ok_and(|own| is_whole(&own) || is_decimal(&own))
    {
        *func = Arc::new(Sum { inner: func.clone() }.into());
    }
    expr
}

const fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64)
}

/// The sum of whole numbers or decimals. It has the name of DataFusion's, by which that knows what sums of sums are.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let data_type = args.return_field.data_type().clone();
        if is_decimal(&data_type) {
            return Ok(Box::new(decimals::Total::new(data_type)));
        }
        Ok(Box::new(Whole { data_type, sum: 0, rows: 0 }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let overflown = Arc::new(AtomicBool::new(false));
        let flag = overflown.clone();
        let data_type = args.return_field.data_type().clone();
        let inner = match data_type {
            DataType::Int64 => groups::<Int64Type>(&data_type, flag, |_| true),
            DataType::UInt64 => groups::<UInt64Type>(&data_type, flag, |_| true),
            DataType::Decimal32(digits, _) => decimals::groups::<Decimal32Type>(&data_type, flag, digits),
            DataType::Decimal64(digits, _) => decimals::groups::<Decimal64Type>(&data_type, flag, digits),
            DataType::Decimal128(digits, _) => decimals::groups::<Decimal128Type>(&data_type, flag, digits),
            DataType::Decimal256(digits, _) => decimals::groups::<Decimal256Type>(&data_type, flag, digits),
            _ => return internal_err!("the sum is none of whole numbers or decimals"),
        };
        Ok(Box::new(Groups { inner, overflown, data_type }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// The sums of groups, which raise the flag where one of them is beyond its type, or has no room there.
fn groups<T>(
    data_type: &DataType,
    flag: Arc<AtomicBool>,
    has_room: impl Fn(T::Native) -> bool + Send + Sync + 'static,
) -> Box<dyn GroupsAccumulator>
where
    T: ArrowPrimitiveType + Send,
    T::Native: ArrowNativeTypeOp,
{
    let add = move |sum: &mut T::Native, value: T::Native| match sum.add_checked(value) {
        Ok(next) if has_room(next) => *sum = next,
        _ => flag.store(true, Ordering::Relaxed),
    };
    Box::new(PrimitiveGroupsAccumulator::<T, _>::new(data_type, add))
}

fn beyond(data_type: &DataType) -> DataFusionError {
    let error = Error::invalid_input(if is_decimal(data_type) {
        "a sum is beyond its type; sum a wider one, such as `sum(cast(n as decimal(76, 2)))`, or floating-point numbers"
    } else {
        "a sum is beyond its type; sum a wider one, such as `sum(cast(n as decimal(38, 0)))`"
    });
    to_datafusion(error.with_context("type", data_type))
}

/// The sum of all rows, which is looked at when it is asked for.
#[derive(Debug)]
struct Whole {
    data_type: DataType,
    sum: i128,
    /// How many values there are.
    rows: usize,
}

impl Whole {
    /// The sum of a part and the number of its values.
    fn part(values: &[ArrayRef]) -> Result<(i128, usize)> {
        let Some(values) = values.first() else { return internal_err!("a sum has an argument") };
        let total = match values.data_type() {
            DataType::Int64 => total(values.as_primitive::<Int64Type>(), |value| {
                value.wrapping_add(1 << SMALL).cast_unsigned() >> (SMALL + 1)
            }),
            DataType::UInt64 => total(values.as_primitive::<UInt64Type>(), |value| value >> SMALL),
            _ => return internal_err!("the sum is none of whole numbers"),
        };
        Ok((total, values.len() - values.null_count()))
    }
}

/// The bits of numbers that are small: no sum of [`FEW`] of them is beyond 64 bits.
const SMALL: u32 = 42;
const FEW: usize = 1 << 20;

/// The sum of an array. `beyond` is zero for small numbers, as most are: their sum needs no more than 64 bits.
fn total<T>(values: &PrimitiveArray<T>, beyond: impl Fn(T::Native) -> u64) -> i128
where
    T: ArrowNumericType,
    T::Native: Into<i128>,
{
    let small = || values.values().iter().fold(0, |bits, value| bits | beyond(*value)) == 0;
    if values.len() <= FEW && small() {
        return sum(values).map_or(0, Into::into);
    }
    values.iter().flatten().map(Into::into).sum()
}

impl Accumulator for Whole {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = Self::part(values)?;
        self.sum += sum;
        self.rows += rows;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = Self::part(values)?;
        self.sum -= sum;
        self.rows = self.rows.saturating_sub(rows);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let beyond = |_| beyond(&self.data_type);
        match (&self.data_type, self.rows) {
            (data_type, 0) => ScalarValue::try_new_null(data_type),
            (DataType::Int64, _) => Ok(i64::try_from(self.sum).map_err(beyond)?.into()),
            (DataType::UInt64, _) => Ok(u64::try_from(self.sum).map_err(beyond)?.into()),
            _ => internal_err!("the sum is none of whole numbers"),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The sums of groups, which fail as soon as one of them is beyond its type.
struct Groups {
    inner: Box<dyn GroupsAccumulator>,
    overflown: Arc<AtomicBool>,
    data_type: DataType,
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups").field("data_type", &self.data_type).finish_non_exhaustive()
    }
}

impl Groups {
    fn look(&self) -> Result<()> {
        if self.overflown.load(Ordering::Relaxed) { Err(beyond(&self.data_type)) } else { Ok(()) }
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(values, groups, filter, total)?;
        self.look()
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total)?;
        self.look()
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
