//! Brings numbers beside decimals to decimals, before DataFusion brings both to something else.

use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRewriter};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, Cast, InList, ScalarFunction, TryCast};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, binary_expr, cast, in_list, lit, not};
use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;

use stitchwork_core::Error;

use super::{Number, WRITTEN, as_type, has_point, written_decimal, written_float};
use crate::convert::coarse;
use crate::error::to_datafusion;
use crate::moments::UNIFYING;

/// The digits behind the point of a number that is divided by a decimal.
const QUOTIENT_PLACES: u8 = 15;

/// The expression with its numbers as what they meet.
pub(crate) fn typed(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(match expr {
        // Where there was room, the column counts ones.
        Expr::Column(column) if schema.data_type(&column).is_ok_and(|own| coarse(own).is_some()) => {
            let error =
                Error::unsupported("a decimal of more than 76 digits before the point cannot be read");
            let error = error.with_context("column", &column.name);
            return Err(to_datafusion(error.with_context("type", schema.data_type(&column)?)));
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => binary(*left, op, *right, schema),
        Expr::Cast(Cast { expr, field }) if field.name() != WRITTEN && is_decimal(field.data_type()) => {
            Expr::Cast(Cast { expr: Box::new(as_type(*expr, field.data_type())), field })
        }
        Expr::TryCast(TryCast { expr, field }) if is_decimal(field.data_type()) => {
            Expr::TryCast(TryCast { expr: Box::new(as_type(*expr, field.data_type())), field })
        }
        Expr::Between(Between { expr, negated, low, high })
            if is_compared(&expr, [&*low, &*high], schema) =>
        {
            let above = any(&expr, Operator::GtEq, &low, schema)?;
            let inside = above.and(any(&expr, Operator::LtEq, &high, schema)?);
            if negated { not(inside) } else { inside }
        }
        Expr::InList(InList { expr, list, negated }) if is_compared(&expr, &list, schema) => {
            let inside = one_of(&expr, list, schema)?;
            if negated { not(inside) } else { inside }
        }
        Expr::Case(case) => results(conditions(case, schema)?, schema),
        Expr::ScalarFunction(ScalarFunction { func, args }) if UNIFYING.contains(&func.name()) => {
            Expr::ScalarFunction(ScalarFunction { func, args: together(args, schema) })
        }
        Expr::ScalarFunction(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
            expr.map_children(|arg| {
                Ok(match written_float(&arg) {
                    Some(float) => Transformed::yes(float),
                    None => Transformed::no(arg),
                })
            })?
            .data
        }
        other => other,
    })
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    expr.get_type(schema).ok()
}

pub(crate) fn is_decimal(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256};
    matches!(data_type, Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..))
}

const fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

const fn is_calculation(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

/// The operands in types that can be compared and calculated with.
fn binary(left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> Expr {
    let (compares, calculates) = (is_comparison(op), is_calculation(op));
    let (Some(l), Some(r)) = (type_of(&left, schema), type_of(&right, schema)) else {
        return binary_expr(left, op, right);
    };
    if !(compares || calculates) || !(is_decimal(&l) || is_decimal(&r)) {
        return binary_expr(left, op, right);
    }
    if compares {
        let swapped = op.swap().unwrap_or(op);
        let compared = compare(&left, &l, op, &right).or_else(|| compare(&right, &r, swapped, &left));
        if let Some(compared) = compared {
            return compared;
        }
    }
    let decimal = |expr: Expr| written_decimal(&expr).unwrap_or(expr);
    let is_number = |expr: &Expr| has_point(expr) && Number::of(expr).is_some();
    let (left, right) = match (is_number(&left), is_number(&right)) {
        (true, true) => (decimal(left), decimal(right)),
        (true, false) if r.is_floating() => (float(left), right),
        // A quotient has four digits more behind the point than what is divided.
        (true, false) if op == Operator::Divide => match Number::of(&left) {
            Some(number) => (number.with_places(QUOTIENT_PLACES).literal(), right),
            None => (decimal(left), right),
        },
        (true, false) => (decimal(left), right),
        (false, true) if l.is_floating() => (left, float(right)),
        (false, true) => (left, decimal(right)),
        // Half of what a floating-point number may be has no place in a decimal.
        (false, false) if r.is_floating() => (float(left), right),
        (false, false) if l.is_floating() => (left, float(right)),
        (false, false) => (left, right),
    };
    binary_expr(left, op, right)
}

/// `expr op number` in the type of the expression, if that is a decimal (of 128 bits) and the other one a number.
fn compare(expr: &Expr, own: &DataType, op: Operator, other: &Expr) -> Option<Expr> {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    let DataType::Decimal128(precision, scale) = *own else { return None };
    if Number::of(expr).is_some() {
        return None;
    }
    let number = Number::of(other)?;
    let most = 10_i128.checked_pow(precision.into())? - 1;
    let (floor, whole) = floor(number, u8::try_from(scale).ok()?);
    let never = (Gt, most);
    let always = (LtEq, most);
    let answer = if floor > most {
        match op {
            Lt | LtEq | NotEq => always,
            Gt | GtEq | Eq => never,
            other => return distinct(other),
        }
    } else if floor < -most {
        match op {
            Gt | GtEq | NotEq => always,
            Lt | LtEq | Eq => never,
            other => return distinct(other),
        }
    } else if whole {
        (op, floor)
    } else {
        match op {
            Lt | LtEq => (LtEq, floor),
            Gt | GtEq => (Gt, floor),
            Eq => never,
            NotEq => always,
            IsDistinctFrom | IsNotDistinctFrom => return distinct(op),
            _ => return None,
        }
    };
    let value = ScalarValue::Decimal128(Some(answer.1), precision, scale);
    Some(binary_expr(expr.clone(), answer.0, lit(value)))
}

/// The answer for a number that no value of the type is.
fn distinct(op: Operator) -> Option<Expr> {
    match op {
        Operator::IsDistinctFrom => Some(lit(true)),
        Operator::IsNotDistinctFrom => Some(lit(false)),
        _ => None,
    }
}

/// The largest number of so many digits behind the point that is not above, in steps of the last digit, and whether it is the
/// number itself. What is beyond 128 bits is beyond every decimal.
fn floor(number: Number, scale: u8) -> (i128, bool) {
    let Number { unscaled, scale: own } = number;
    if scale >= own {
        let beyond = if unscaled < 0 { i128::MIN } else { i128::MAX };
        return (number.steps(scale).unwrap_or(beyond), true);
    }
    match 10_i128.checked_pow((own - scale).into()) {
        Some(step) => (unscaled.div_euclid(step), unscaled.rem_euclid(step) == 0),
        None => (if unscaled < 0 { -1 } else { 0 }, unscaled == 0),
    }
}

/// Whether a decimal is compared with a number, or with what floats, or anything with both decimals and what floats.
fn is_compared<'a>(expr: &Expr, others: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    // It is worked out for each of them, and a function such as `random` gives another value each time.
    let Some(own) = type_of(expr, schema).filter(|_| !expr.is_volatile()) else { return false };
    let others: Vec<_> = others.into_iter().map(|other| (other, type_of(other, schema))).collect();
    let is = |kind: fn(&DataType) -> bool| others.iter().any(|(_, other)| other.as_ref().is_some_and(kind));
    let (floats, decimals) = (is(DataType::is_floating), is(is_decimal));
    let numbers = || others.iter().any(|(other, _)| Number::of(other).is_some());
    (floats && decimals) || (is_decimal(&own) && (floats || numbers())) || (own.is_floating() && decimals)
}

fn any(expr: &Expr, op: Operator, other: &Expr, schema: &DFSchema) -> Result<Expr> {
    let compared = binary(expr.clone(), op, other.clone(), schema);
    Ok(TypeCoercionRewriter::new(schema).f_up(compared)?.data)
}

fn one_of(expr: &Expr, list: Vec<Expr>, schema: &DFSchema) -> Result<Expr> {
    let (mut same, mut parts) = (vec![], vec![]);
    for item in list {
        match any(expr, Operator::Eq, &item, schema)? {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
                if *left == *expr && matches!(*right, Expr::Literal(..)) =>
            {
                same.push(*right);
            }
            other => parts.push(other),
        }
    }
    if !same.is_empty() {
        let plain = in_list(expr.clone(), same, false);
        parts.insert(0, TypeCoercionRewriter::new(schema).f_up(plain)?.data);
    }
    Ok(parts.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false)))
}

/// A case over values, some of which are numbers, as one over conditions.
fn conditions(case: Case, schema: &DFSchema) -> Result<Case> {
    let Case { expr: Some(expr), when_then_expr, else_expr } = case else { return Ok(case) };
    if !is_compared(&expr, when_then_expr.iter().map(|(when, _)| when.as_ref()), schema) {
        return Ok(Case { expr: Some(expr), when_then_expr, else_expr });
    }
    let conditions = when_then_expr
        .into_iter()
        .map(|(when, then)| Ok((Box::new(any(&expr, Operator::Eq, &when, schema)?), then)))
        .collect::<Result<Vec<_>>>()?;
    Ok(Case { expr: None, when_then_expr: conditions, else_expr })
}

/// The case with what it may come to in one kind of numbers.
fn results(Case { expr, when_then_expr, else_expr }: Case, schema: &DFSchema) -> Expr {
    let has_else = else_expr.is_some();
    let (whens, mut values): (Vec<_>, Vec<_>) =
        when_then_expr.into_iter().map(|(when, then)| (when, *then)).unzip();
    values.extend(else_expr.map(|value| *value));
    let mut values = together(values, schema);
    let else_expr = if has_else { values.pop().map(Box::new) } else { None };
    let when_then_expr = whens.into_iter().zip(values.into_iter().map(Box::new)).collect();
    Expr::Case(Case { expr, when_then_expr, else_expr })
}

/// Operands that become one column: numbers are decimals where there is a decimal among them, and all float where one does.
fn together(operands: Vec<Expr>, schema: &DFSchema) -> Vec<Expr> {
    let is = |kind: fn(&DataType) -> bool| {
        let mut others = operands.iter().filter(|operand| Number::of(operand).is_none());
        others.any(|other| type_of(other, schema).is_some_and(|own| kind(&own)))
    };
    let (floats, decimals) = (is(DataType::is_floating), is(is_decimal));
    let become_one = |operand: Expr| match (floats, decimals) {
        (true, _) if type_of(&operand, schema).is_some_and(|own| is_decimal(&own)) => float(operand),
        (false, true) => written_decimal(&operand).unwrap_or(operand),
        (false, false) => written_float(&operand).unwrap_or(operand),
        _ => operand,
    };
    operands.into_iter().map(become_one).collect()
}

/// A decimal as a floating-point number.
fn float(expr: Expr) -> Expr {
    match written_float(&expr) {
        Some(float) => float,
        None => cast(expr, DataType::Float64),
    }
}
