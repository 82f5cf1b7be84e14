//! `min` and `max` of floating-point numbers.
//!
//! DataFusion's forget what came before a NaN where they are counted by groups. These compare whole numbers that have the
//! same order as the floating-point numbers with one NaN, above all others.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{ArrayRef, BooleanArray};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{AggregateFunctionParams, WindowFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};

/// The function for floating-point numbers; `None` for every other type.
pub(super) fn of_floats(inner: &Arc<AggregateUDF>, data_type: &DataType) -> Option<AggregateUDF> {
    ordinals(data_type)?;
    let name = format!("{}_of_floats", inner.name());
    Some(Bound { name, inner: inner.clone() }.into())
}

/// The whole numbers in whose order the values of a type are.
const fn ordinals(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Float64 => Some(DataType::Int64),
        DataType::Float32 => Some(DataType::Int32),
        _ => None,
    }
}

fn to_ordinals(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => Arc::new(array.as_primitive::<Float64Type>().unary::<_, Int64Type>(|value| {
            let one = if value.is_nan() { f64::NAN } else { value + 0.0 };
            flip_64(one.to_bits().cast_signed())
        })),
        DataType::Float32 => Arc::new(array.as_primitive::<Float32Type>().unary::<_, Int32Type>(|value| {
            let one = if value.is_nan() { f32::NAN } else { value + 0.0 };
            flip_32(one.to_bits().cast_signed())
        })),
        _ => array.clone(),
    }
}

fn to_floats(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Int64 => Arc::new(
            array
                .as_primitive::<Int64Type>()
                .unary::<_, Float64Type>(|value| f64::from_bits(flip_64(value).cast_unsigned())),
        ),
        DataType::Int32 => Arc::new(
            array
                .as_primitive::<Int32Type>()
                .unary::<_, Float32Type>(|value| f32::from_bits(flip_32(value).cast_unsigned())),
        ),
        _ => array.clone(),
    }
}

/// The bits of negative numbers count the other way round, but for the sign. Twice is nothing.
const fn flip_64(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

const fn flip_32(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & i32::MAX)
}

/// `min` or `max`. The name is one of its own, as DataFusion takes by their names those that it knows for ones that compare
/// bits; the columns of results are called as DataFusion's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bound {
    name: String,
    inner: Arc<AggregateUDF>,
}

impl Bound {
    fn args<'a>(args: AccumulatorArgs<'a>) -> Result<AccumulatorArgs<'a>> {
        let field = ordinal_field(&args.return_field, args.return_field.name())?;
        Ok(AccumulatorArgs { return_field: field, ..args })
    }
}

fn ordinal_field(field: &FieldRef, name: &str) -> Result<FieldRef> {
    match ordinals(field.data_type()) {
        Some(data_type) => Ok(Arc::new(Field::new(name, data_type, true))),
        None => internal_err!("the bound is none of floating-point numbers"),
    }
}

impl AggregateUDFImpl for Bound {
    fn name(&self) -> &str {
        &self.name
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.human_display(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.display_name(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_schema_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![ordinal_field(&args.return_field, &format_state_name(args.name, "value"))?])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Ordinals(self.inner.accumulator(Self::args(args)?)?)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Ordinals(self.inner.create_sliding_accumulator(Self::args(args)?)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        Self::args(args).is_ok_and(|args| self.inner.groups_accumulator_supported(args))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Ordinals(self.inner.create_groups_accumulator(Self::args(args)?)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    /// What is known of files tells nothing where there may be a NaN.
    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.inner.value_from_stats(args)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}

/// Lets what compares whole numbers compare floating-point numbers. What is kept between two steps are whole numbers.
struct Ordinals<T: ?Sized>(Box<T>);

impl<T: fmt::Debug + ?Sized> fmt::Debug for Ordinals<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ordinals").field(&self.0).finish()
    }
}

fn all(values: &[ArrayRef]) -> Vec<ArrayRef> {
    values.iter().map(to_ordinals).collect()
}

impl Accumulator for Ordinals<dyn Accumulator> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(&all(values))
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(&all(values))
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&to_floats(&self.0.evaluate()?.to_array()?), 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl GroupsAccumulator for Ordinals<dyn GroupsAccumulator> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0.update_batch(&all(values), groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(to_floats(&self.0.evaluate(emit_to)?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.merge_batch(states, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(&all(values), filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
