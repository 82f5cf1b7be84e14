//! Functions that make moments, in microseconds.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type};
use arrow_array::{Array, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use crate::convert::operand;

const MICROSECONDS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Puts the functions in the place of DataFusion's.
pub(super) fn install(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(Now::default().into()))?;
    let inner = state.udf("to_timestamp_micros")?;
    state.register_udf(Arc::new(ToTimestamp::new(inner).into()))?;
    Ok(())
}

/// `now()`: when the query began.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    signature: Signature,
    aliases: Vec<String>,
}

impl Default for Now {
    fn default() -> Self {
        Self {
            signature: Signature::nullary(Volatility::Stable),
            aliases: vec!["current_timestamp".to_owned()],
        }
    }
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &'static str {
        "now"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROSECONDS)
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), MICROSECONDS, false)))
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match context.query_execution_start_time() {
            Some(begin) => ExprSimplifyResult::Simplified(lit(ScalarValue::TimestampMicrosecond(
                Some(begin.timestamp_micros()),
                None,
            ))),
            None => ExprSimplifyResult::Original(args),
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("now() is known when a query is planned")
    }
}

/// `to_timestamp`: of numbers that count seconds, and of texts.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ToTimestamp {
    signature: Signature,
    /// Knows formats.
    micros: Arc<ScalarUDF>,
}

impl ToTimestamp {
    fn new(micros: Arc<ScalarUDF>) -> Self {
        Self { signature: Signature::variadic_any(Volatility::Immutable), micros }
    }
}

impl ScalarUDFImpl for ToTimestamp {
    fn name(&self) -> &'static str {
        "to_timestamp"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROSECONDS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [value] => to_timestamp(value),
            _ => self.micros.invoke_with_args(args),
        }
    }
}

fn to_timestamp(value: &ColumnarValue) -> Result<ColumnarValue> {
    match value.data_type() {
        own if own.is_integer() => {
            let seconds = DataType::Timestamp(TimeUnit::Second, None);
            value.cast_to(&DataType::Int64, None)?.cast_to(&seconds, None)?.cast_to(&MICROSECONDS, None)
        }
        own if own.is_floating() => {
            let seconds = value.cast_to(&DataType::Float64, None)?;
            each(&seconds, |seconds| {
                let seconds = seconds.as_primitive::<Float64Type>();
                let micros = seconds.iter().map(|seconds| seconds.map(micros_of_float).transpose());
                micros.collect()
            })
        }
        own if own.is_decimal() => {
            let seconds = value.cast_to(&DataType::Decimal128(38, 6), None)?;
            each(&seconds, |seconds| {
                let seconds = seconds.as_primitive::<Decimal128Type>();
                let micros = seconds.iter().map(|micros| {
                    micros.map(|micros| i64::try_from(micros).or_else(|_| too_far(micros))).transpose()
                });
                micros.collect()
            })
        }
        _ => value.cast_to(&MICROSECONDS, None),
    }
}

/// The bound of what 64 bits count.
const FAR: f64 = 9_223_372_036_854_775_808.0;

fn micros_of_float(seconds: f64) -> Result<i64> {
    let micros = (seconds * 1e6).round();
    if (-FAR..FAR).contains(&micros) {
        #[expect(clippy::cast_possible_truncation, reason = "the bounds were looked at")]
        return Ok(micros as i64);
    }
    too_far(format!("{seconds:e}"))
}

fn too_far<T>(value: impl std::fmt::Display) -> Result<T> {
    exec_err!("{value} is too many seconds for a timestamp of microseconds")
}

fn each(
    value: &ColumnarValue,
    micros: impl Fn(&dyn Array) -> Result<TimestampMicrosecondArray>,
) -> Result<ColumnarValue> {
    operand(value, |array| Ok(Arc::new(micros(array)?)))
}
