//! `at time zone`: the local time of a moment that has a zone, and the moment of a local time that has none.
//!
//! DataFusion plans a cast to the zone for both. A cast keeps the moment, and whoever then takes the zone away has UTC's clocks.

use std::str::FromStr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::as_datetime;
use arrow_array::timezone::Tz;
use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use chrono::{Offset, TimeZone};
use datafusion::common::{Result, exec_datafusion_err, internal_err, plan_datafusion_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast, lit,
};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};

use super::instant::{is_utc, nanos};
use crate::convert::operand;
use crate::spelling::call;

/// The name of the function, which no statement writes by chance.
const NAME: &str = "at time zone";

pub(super) fn install(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(AtZone::default().into()))?;
    Ok(())
}

/// Calls the function where the statement says `at time zone '…'`.
pub(crate) fn spell(expr: &mut SqlExpr) {
    if let SqlExpr::AtTimeZone { timestamp, time_zone } = expr
        && let SqlExpr::Value(zone) = time_zone.as_ref()
        && matches!(zone.value, Value::SingleQuotedString(_))
    {
        let nothing = || SqlExpr::value(Value::Null);
        let moment = std::mem::replace(timestamp.as_mut(), nothing());
        let zone = std::mem::replace(time_zone.as_mut(), nothing());
        *expr = call(NAME, [moment, zone]);
    }
}

/// `moment at time zone '…'`.
pub(super) fn at(moment: Expr, zone: &str) -> Expr {
    let func = Arc::new(ScalarUDF::from(AtZone::default()));
    Expr::ScalarFunction(ScalarFunction { func, args: vec![moment, lit(zone)] })
}

/// The expression, with a cast where the function is one, and the operand is a text or the clocks are UTC's. Of other casts,
/// DataFusion would think that they do not change what a moment counts, and take them away from comparisons.
pub(super) fn resolved(expr: Expr, type_of: impl Fn(&Expr) -> Option<DataType>) -> Expr {
    if let Expr::ScalarFunction(ScalarFunction { func, args }) = &expr
        && func.inner().is::<AtZone>()
        && let [moment, zone] = args.as_slice()
        && let Expr::Literal(zone, _) = zone
        && let (Some(own), Some(target)) = (type_of(moment), type_of(&expr))
        && (own.is_string() || zone.try_as_str().flatten().is_some_and(is_utc))
    {
        return cast(moment.clone(), target);
    }
    expr
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtZone {
    signature: Signature,
}

impl Default for AtZone {
    fn default() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for AtZone {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type of a moment at a zone depends on the zone")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let zone = args.scalar_arguments.get(1).copied().flatten();
        let zone = zone.and_then(|zone| zone.try_as_str().flatten());
        let zone = zone.ok_or_else(|| plan_datafusion_err!("a time zone is a text in quotes"))?;
        let data_type = match args.arg_fields.first().map(|field| field.data_type()) {
            Some(DataType::Timestamp(unit, Some(_))) => DataType::Timestamp(*unit, None),
            Some(DataType::Timestamp(unit, None)) => DataType::Timestamp(*unit, Some(zone.into())),
            _ => DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into())),
        };
        Ok(Arc::new(Field::new(NAME, data_type, true)))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match args {
            [moment, Expr::Literal(zone, _)] => Ok(format!("{} {NAME} '{zone}'", moment.schema_name())),
            _ => internal_err!("a moment is asked for at one zone"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [moments, ColumnarValue::Scalar(zone)] = args.args.as_slice() else {
            return internal_err!("a moment is asked for at one zone");
        };
        let target = args.return_field.data_type();
        let DataType::Timestamp(unit, Some(_)) = moments.data_type() else {
            return moments.cast_to(target, None);
        };
        let zone = zone.try_as_str().flatten().unwrap_or_default();
        if is_utc(zone) {
            return moments.cast_to(target, None);
        }
        let zone = Tz::from_str(zone)?;
        operand(moments, |moments| match unit {
            TimeUnit::Second => local::<TimestampSecondType>(moments, zone),
            TimeUnit::Millisecond => local::<TimestampMillisecondType>(moments, zone),
            TimeUnit::Microsecond => local::<TimestampMicrosecondType>(moments, zone),
            TimeUnit::Nanosecond => local::<TimestampNanosecondType>(moments, zone),
        })
    }
}

/// What the clocks of a zone show at each moment.
fn local<T: ArrowTimestampType>(moments: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    let second = i64::try_from(nanos(TimeUnit::Second) / nanos(T::UNIT)).unwrap_or(1);
    let clocks = |moment: i64| -> Option<i64> {
        let offset = zone.offset_from_utc_datetime(&as_datetime::<T>(moment)?).fix();
        moment.checked_add(i64::from(offset.local_minus_utc()) * second)
    };
    let local: PrimitiveArray<T> = moments.as_primitive::<T>().try_unary(|moment| {
        clocks(moment).ok_or_else(|| {
            exec_datafusion_err!("a moment is too far away for a zone: {moment} {:?}s", T::UNIT)
        })
    })?;
    Ok(Arc::new(local.with_timezone_opt::<Arc<str>>(None)))
}
