//! `date_trunc` of moments of every year: DataFusion reckons in nanoseconds for all but the shortest units.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowTimestampType, TimestampMicrosecondType, TimestampMillisecondType, TimestampSecondType,
};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_schema::{DataType, FieldRef, TimeUnit};
use chrono::{Datelike, NaiveDate};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, TypeSignatureClass, Volatility,
};

use super::instant::{is_utc, nanos};
use crate::convert::operand;

/// Puts the function in the place of DataFusion's.
pub(super) fn install(state: &mut SessionState) -> Result<()> {
    let inner = state.udf("date_trunc")?;
    state.register_udf(Arc::new(DateTrunc::new(inner).into()))?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
    /// Does what is not about moments in UTC: other zones, nanoseconds and times of day.
    inner: Arc<ScalarUDF>,
}

impl DateTrunc {
    fn new(inner: Arc<ScalarUDF>) -> Self {
        let unit = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
        let moment = Coercion::new_implicit(
            TypeSignatureClass::Timestamp,
            vec![TypeSignatureClass::Native(logical_string()), TypeSignatureClass::Native(logical_date())],
            NativeType::Timestamp(TimeUnit::Microsecond, None),
        );
        let time = Coercion::new_exact(TypeSignatureClass::Time);
        let signature = Signature::one_of(
            vec![
                TypeSignature::Coercible(vec![unit(), moment]),
                TypeSignature::Coercible(vec![unit(), time]),
            ],
            Volatility::Immutable,
        );
        Self { signature, inner }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &'static str {
        "date_trunc"
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let [ColumnarValue::Scalar(unit), moments] = args.args.as_slice()
            && let Some(unit) = unit.try_as_str().flatten().and_then(Unit::named)
            && let DataType::Timestamp(counted, zone) = moments.data_type()
            && zone.as_deref().is_none_or(is_utc)
        {
            let truncated = match counted {
                TimeUnit::Second => Some(truncate::<TimestampSecondType>(moments, unit)?),
                TimeUnit::Millisecond => Some(truncate::<TimestampMillisecondType>(moments, unit)?),
                TimeUnit::Microsecond => Some(truncate::<TimestampMicrosecondType>(moments, unit)?),
                TimeUnit::Nanosecond => None,
            };
            if let Some(truncated) = truncated {
                return Ok(truncated);
            }
        }
        let reckons =
            matches!(args.args.get(1).map(ColumnarValue::data_type), Some(DataType::Timestamp(_, Some(_))));
        self.inner.invoke_with_args(args).map_err(|error| {
            let said = error.strip_backtrace();
            if reckons && said.contains("out of range") {
                return exec_datafusion_err!(
                    "date_trunc reckons in nanoseconds in zones that are not UTC, and a moment is outside of the years that \
                     these reach, 1677 to 2262; leave such moments out, or cut them without a zone: {said}"
                );
            }
            error
        })
    }
}

/// Where a moment is cut.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// At a multiple of so many nanoseconds.
    Length(i64),
    Week,
    /// At the first day of a multiple of so many months.
    Months(u32),
}

impl Unit {
    fn named(name: &str) -> Option<Self> {
        const SECOND: i64 = 1_000_000_000;
        Some(match name.to_lowercase().as_str() {
            "microsecond" => Self::Length(1_000),
            "millisecond" => Self::Length(1_000_000),
            "second" => Self::Length(SECOND),
            "minute" => Self::Length(60 * SECOND),
            "hour" => Self::Length(3_600 * SECOND),
            "day" => Self::Length(86_400 * SECOND),
            "week" => Self::Week,
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            // The others are refused, with the names that there are.
            _ => return None,
        })
    }

    /// The moment, in steps of so many nanoseconds, cut; `None` where that is behind all that can be said.
    fn cut(self, moment: i64, step: i64) -> Option<i64> {
        let day = 86_400_000_000_000 / step;
        let days = moment.div_euclid(day);
        let first = match self {
            Self::Length(length) => {
                let length = (length / step).max(1);
                return moment.div_euclid(length).checked_mul(length);
            }
            // The first day of 1970 was a Thursday.
            Self::Week => days - (days + 3).rem_euclid(7),
            Self::Months(months) => {
                let date = NaiveDate::from_epoch_days(i32::try_from(days).ok()?)?;
                let date = date.with_day(1)?.with_month0(date.month0() / months * months)?;
                date.to_epoch_days().into()
            }
        };
        first.checked_mul(day)
    }
}

fn truncate<T: ArrowTimestampType>(moments: &ColumnarValue, unit: Unit) -> Result<ColumnarValue> {
    let step = i64::try_from(nanos(T::UNIT)).unwrap_or(1);
    let cut = |array: &ArrayRef| -> Result<ArrayRef> {
        let array = array.as_primitive::<T>();
        let zone = array.timezone().map(Into::into);
        let cut: PrimitiveArray<T> = array.try_unary(|moment| {
            unit.cut(moment, step).ok_or_else(|| {
                exec_datafusion_err!("a moment is too far away for date_trunc: {moment} {:?}s", T::UNIT)
            })
        })?;
        Ok(Arc::new(cut.with_timezone_opt::<Arc<str>>(zone)))
    };
    operand(moments, cut)
}
