//! Numbers with a point beside decimals: digit by digit what the statement says.
//!
//! DataFusion reads `0.1` as a floating-point number and brings it to 15 places where it meets a decimal, by which most numbers
//! become others. Here a number meets a decimal as a decimal; beside everything else it stays a floating-point number.

mod lists;
mod typing;

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::{BinaryExpr, Cast};
use datafusion::logical_expr::{Expr, Operator, lit};
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, ExactNumberInfo, Expr as SqlExpr, Ident, ObjectName, ObjectNamePart,
    UnaryOperator, Value,
};
use stitchwork_core::Error;

pub(crate) use typing::{is_decimal, typed};

use crate::error::to_datafusion;

/// A state whose functions take numbers for decimals, and know `sign`.
pub(crate) fn install(state: &mut SessionState) -> Result<()> {
    lists::install(state)?;
    let sign = state.udf("signum")?.as_ref().clone().with_aliases(["sign"]);
    state.register_udf(Arc::new(sign))?;
    Ok(())
}

/// The name of the type of a number that is kept as it is written. It lives from the parser to [`typed`].
const WRITTEN: &str = "number as written";
/// So many digits of a floating-point number are those that were written; of more, the last ones are not.
const FLOAT_DIGITS: usize = 15;
/// The most digits of a decimal of 128 bits.
const MOST_DIGITS: usize = 38;

/// Keeps a number of more digits than a floating-point number has.
pub(crate) fn keep_digits(expr: &mut SqlExpr) {
    let text = match &*expr {
        SqlExpr::Value(value) => number_text(&value.value),
        SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            SqlExpr::Value(value) => number_text(&value.value).map(|text| format!("-{text}")),
            _ => None,
        },
        _ => None,
    };
    let Some(text) = text else { return };
    let Some(number) = Number::parse(&text).filter(|number| number.digits() > FLOAT_DIGITS) else { return };
    let DataType::Decimal128(precision, scale) = number.data_type() else { return };
    let name = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', WRITTEN))]);
    *expr = SqlExpr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(SqlExpr::value(Value::SingleQuotedString(text))),
        data_type: SqlType::Custom(name, vec![precision.to_string(), scale.to_string()]),
        array: false,
        format: None,
    };
}

/// The text of a number that the planner would read as one with a floating point.
fn number_text(value: &Value) -> Option<String> {
    let Value::Number(text, _) = value else { return None };
    let text = text.replace('_', "");
    (text.parse::<i64>().is_err() && text.parse::<u64>().is_err()).then_some(text)
}

/// The type of a number that was kept; `None` for types that DataFusion makes.
///
/// # Errors
/// `Unsupported` for decimals that count tens or thousands, with which DataFusion does not reckon.
pub(crate) fn type_of(sql_type: &SqlType) -> Result<Option<FieldRef>> {
    use SqlType::{Dec, Decimal, Numeric};
    match sql_type {
        Decimal(ExactNumberInfo::PrecisionAndScale(_, scale @ ..=-1))
        | Numeric(ExactNumberInfo::PrecisionAndScale(_, scale @ ..=-1))
        | Dec(ExactNumberInfo::PrecisionAndScale(_, scale @ ..=-1)) => {
            let error = Error::unsupported(
                "a decimal has no negative scale; `round(x, -2)` rounds a number to hundreds, and keeps its type",
            );
            Err(to_datafusion(error.with_context("scale", scale)))
        }
        other => Ok(type_of_written(other)),
    }
}

fn type_of_written(sql_type: &SqlType) -> Option<FieldRef> {
    let SqlType::Custom(name, modifiers) = sql_type else { return None };
    let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return None };
    let [precision, scale] = modifiers.as_slice() else { return None };
    if name.value != WRITTEN {
        return None;
    }
    let data_type = DataType::Decimal128(precision.parse().ok()?, scale.parse().ok()?);
    Some(Field::new(WRITTEN, data_type, true).into())
}

/// The expression as one of the type that it is about to be cast to, if it is a number, or calculated from numbers.
pub(crate) fn as_type(expr: Expr, target: &DataType) -> Expr {
    match target {
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => written_decimal(&expr).unwrap_or(expr),
        target if target.is_floating() => written_float(&expr).unwrap_or(expr),
        _ => expr,
    }
}

/// A number that has a point, as a decimal of its own digits.
fn written_decimal(expr: &Expr) -> Option<Expr> {
    has_point(expr).then(|| Some(Number::of(expr)?.literal()))?
}

/// A number that was kept as it is written, as the floating-point number that is nearest.
fn written_float(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Cast(Cast { expr, field }) if field.name() == WRITTEN => {
            let Expr::Literal(text, _) = expr.as_ref() else { return None };
            Some(lit(text.try_as_str().flatten()?.parse::<f64>().ok()?))
        }
        Expr::Negative(inner) => match written_float(inner)? {
            Expr::Literal(ScalarValue::Float64(Some(value)), _) => Some(lit(-value)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the number was written with a point, or is too long for a whole number of 64 bits.
fn has_point(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.data_type().is_floating(),
        Expr::Cast(Cast { field, .. }) => field.name() == WRITTEN,
        Expr::Negative(inner) => has_point(inner),
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => has_point(left) || has_point(right),
        _ => false,
    }
}

/// A decimal number of at most 38 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    unscaled: i128,
    /// How many digits stand behind the point.
    scale: u8,
}

impl Number {
    /// The number that an expression is: a literal, or what literals come to.
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Literal(value, _) => match value {
                // The shortest text that is read as this number: up to 15 digits, it is what was written.
                ScalarValue::Float64(Some(value)) if value.is_finite() => Self::parse(&value.to_string()),
                ScalarValue::Int64(Some(value)) => Some(Self { unscaled: (*value).into(), scale: 0 }),
                ScalarValue::UInt64(Some(value)) => Some(Self { unscaled: (*value).into(), scale: 0 }),
                _ => None,
            },
            Expr::Cast(Cast { expr, field }) if field.name() == WRITTEN => {
                let Expr::Literal(text, _) = expr.as_ref() else { return None };
                Self::parse(text.try_as_str().flatten()?)
            }
            Expr::Negative(inner) => {
                let Self { unscaled, scale } = Self::of(inner)?;
                Some(Self { unscaled: -unscaled, scale })
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                Self::operand(left)?.calculate(*op, Self::operand(right)?)
            }

            _ => None,
        }
    }

    /// The number that an operand is. The planner has brought whole numbers beside others to their type.
    fn operand(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Cast(Cast { expr, field }) if field.name() != WRITTEN => match expr.as_ref() {
                Expr::Literal(value, _)
                    if value.data_type().is_integer() && field.data_type().is_floating() =>
                {
                    Self::of(expr)
                }
                _ => None,
            },
            other => Self::of(other),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number =
            Self { unscaled: sign * all.parse::<i128>().ok()?, scale: u8::try_from(fraction.len()).ok()? };
        (number.digits() <= MOST_DIGITS).then_some(number)
    }

    fn calculate(self, op: Operator, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (self.steps(scale)?, other.steps(scale)?);
        let result = match op {
            Operator::Plus => Self { unscaled: left.checked_add(right)?, scale },
            Operator::Minus => Self { unscaled: left.checked_sub(right)?, scale },
            Operator::Multiply => Self {
                unscaled: self.unscaled.checked_mul(other.unscaled)?,
                scale: self.scale.checked_add(other.scale)?,
            },
            _ => return None,
        };
        (result.digits() <= MOST_DIGITS).then_some(result)
    }

    /// The number in steps of the last of so many digits behind the point, which are not fewer than it has.
    fn steps(self, scale: u8) -> Option<i128> {
        self.unscaled.checked_mul(10_i128.checked_pow(scale.checked_sub(self.scale)?.into())?)
    }

    /// How many digits there are, those between the point and the first that is no zero included.
    fn digits(self) -> usize {
        let digits = self.unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
        digits.max(self.scale.into())
    }

    fn data_type(self) -> DataType {
        let precision = u8::try_from(self.digits()).unwrap_or(u8::MAX);
        DataType::Decimal128(precision, i8::try_from(self.scale).unwrap_or(i8::MAX))
    }

    /// The same number with at least so many digits behind the point, if there is room for them.
    fn with_places(self, places: u8) -> Self {
        let longer = || Some(Self { unscaled: self.steps(places)?, scale: places });
        longer().filter(|longer| longer.digits() <= MOST_DIGITS).unwrap_or(self)
    }

    fn literal(self) -> Expr {
        match self.data_type() {
            DataType::Decimal128(precision, scale) => {
                lit(ScalarValue::Decimal128(Some(self.unscaled), precision, scale))
            }
            _ => lit(ScalarValue::Null),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_digit_by_digit() {
        for (text, unscaled, scale) in [
            ("66.63", 6663, 2),
            ("-0.10", -1, 1),
            ("5.", 5, 0),
            (".5", 5, 1),
            ("100", 100, 0),
            ("12345678901234567890.1234567891", 123_456_789_012_345_678_901_234_567_891, 10),
        ] {
            assert_eq!(Number::parse(text), Some(Number { unscaled, scale }), "{text}");
        }
        for none in ["1e5", "", "-", ".", "1.2.3", "0x10", &"9".repeat(39), &format!("0.{}1", "0".repeat(38))]
        {
            assert_eq!(Number::parse(none), None, "{none}");
        }
        assert_eq!(Number::of(&lit(66.63)).unwrap().data_type(), DataType::Decimal128(4, 2));
        assert_eq!(Number::of(&lit(0.001)).unwrap().data_type(), DataType::Decimal128(3, 3));
        assert_eq!(Number::of(&lit(f64::NAN)), None);
        assert_eq!(Number::of(&(lit(0.1) + lit(0.2))), Number::parse("0.3"));
        assert_eq!(Number::of(&(lit(0.1) * lit(3_i64))), Number::parse("0.3"));
    }
}
