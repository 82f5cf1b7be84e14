//! Operands that become one column, where moments meet days and texts: DataFusion would make nanoseconds of them all.

use std::sync::Arc;

use arrow_schema::{DataType, Field, TimeUnit};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::coerce_plan_expr_for_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, LogicalPlan, Operator, TryCast, Union, binary_expr, cast, lit,
};

use super::super::PLAIN;
use super::super::instant::with_seconds;
use super::compare::{finer, is_text, unit_of};
use super::type_of;
use crate::convert::map_type;
use crate::numbers::is_decimal;

/// Functions whose arguments become one column.
pub(crate) const UNIFYING: [&str; 7] =
    ["coalesce", "greatest", "ifnull", "least", "make_array", "nullif", "nvl"];

/// The expression with its operands brought together, as far as moments are concerned.
pub(super) fn expr(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(match expr {
        Expr::Cast(Cast { expr, field }) => {
            let expr = whole_moment(*expr, field.data_type());
            Expr::Cast(match plain(expr, &field, schema) {
                Ok(seconds) => Cast::new(Box::new(seconds), field.data_type().clone()),
                Err(expr) => {
                    let data_type = at_zone(&expr, field.data_type(), schema);
                    let field = data_type.map_or(field, |data_type| Field::new("", data_type, true).into());
                    Cast::new_from_field(Box::new(expr), field)
                }
            })
        }
        Expr::TryCast(TryCast { expr, field }) => {
            let expr = whole_moment(*expr, field.data_type());
            Expr::TryCast(match plain(expr, &field, schema) {
                Ok(seconds) => TryCast::new(Box::new(seconds), field.data_type().clone()),
                Err(expr) => TryCast::new_from_field(Box::new(expr), field),
            })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right })
            if is_span(&left, schema) || is_span(&right, schema) =>
        {
            binary_expr(beside_span(*left, schema), op, beside_span(*right, schema))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right }) => {
            let operands = together(vec![*left, *right], schema, false);
            let mut operands = operands.into_iter();
            match (operands.next(), operands.next()) {
                (Some(left), Some(right)) => left - right,
                _ => return datafusion::common::internal_err!("a difference has two operands"),
            }
        }
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            let (whens, mut values): (Vec<_>, Vec<_>) =
                when_then_expr.into_iter().map(|(when, then)| (when, *then)).unzip();
            let has_else = else_expr.is_some();
            values.extend(else_expr.map(|value| *value));
            let mut values = together(values, schema, true);
            let else_expr = if has_else { values.pop().map(Box::new) } else { None };
            let cases = whens.into_iter().zip(values.into_iter().map(Box::new)).collect();
            Expr::Case(Case { expr, when_then_expr: cases, else_expr })
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if UNIFYING.contains(&func.name()) => {
            Expr::ScalarFunction(ScalarFunction { func, args: together(args, schema, true) })
        }
        other => other,
    })
}

fn is_span(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(type_of(expr, schema), Some(DataType::Interval(_)))
}

/// A day as a moment: with a span it makes one, and as a day it would lose its time.
fn beside_span(expr: Expr, schema: &DFSchema) -> Expr {
    match type_of(&expr, schema) {
        Some(DataType::Date32 | DataType::Date64) => {
            cast(expr, DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        _ => expr,
    }
}

/// The operand of a cast to `timestamp` without a precision, where a number is one of seconds; as it is for any other
/// cast.
fn plain(expr: Expr, field: &Field, schema: &DFSchema) -> std::result::Result<Expr, Expr> {
    if field.name() != PLAIN {
        return Err(expr);
    }
    Ok(match type_of(&expr, schema) {
        Some(data_type) if data_type.is_integer() => {
            cast(cast(expr, DataType::Int64), DataType::Timestamp(TimeUnit::Second, None))
        }
        Some(data_type) if data_type.is_numeric() => {
            cast(cast(expr, DataType::Float64) * lit(1e6), DataType::Int64)
        }
        _ => expr,
    })
}

/// A text that is about to be a moment, with its seconds.
fn whole_moment(expr: Expr, target: &DataType) -> Expr {
    match &expr {
        Expr::Literal(value, _) if matches!(target, DataType::Timestamp(..)) => {
            value.try_as_str().flatten().and_then(with_seconds).map_or(expr, lit)
        }
        _ => expr,
    }
}

/// The type of `… at time zone '…'`, which DataFusion plans as a cast to nanoseconds: of the operand's own unit.
fn at_zone(expr: &Expr, data_type: &DataType, schema: &DFSchema) -> Option<DataType> {
    let DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) = data_type else {
        // A type inside of a list may carry the mark of a cast as well.
        let clean = map_type(data_type, &DataType::clone);
        return (clean != *data_type).then_some(clean);
    };
    let unit = unit_of(&type_of(expr, schema)?);
    Some(DataType::Timestamp(unit, Some(zone.clone())))
}

/// The operands, with days and texts as moments where there are moments among them.
fn together(operands: Vec<Expr>, schema: &DFSchema, texts: bool) -> Vec<Expr> {
    let types: Vec<_> = operands.iter().map(|operand| type_of(operand, schema)).collect();
    let Some(target) = target(types.iter().flatten(), texts) else { return operands };
    operands
        .into_iter()
        .zip(types)
        .map(|(operand, own)| match own {
            Some(own) if becomes_moment(&own, texts) => cast(whole_moment(operand, &target), target.clone()),
            _ => operand,
        })
        .collect()
}

const fn becomes_moment(data_type: &DataType, texts: bool) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64) || (texts && is_text(data_type))
}

/// Whether a column of a union becomes one of this type.
fn becomes(data_type: &DataType, target: &DataType) -> bool {
    if target.is_floating() { is_decimal(data_type) } else { becomes_moment(data_type, true) }
}

/// The type for what meets moments, if days or texts do.
fn target<'a>(types: impl Iterator<Item = &'a DataType> + Clone, texts: bool) -> Option<DataType> {
    let mut target: Option<DataType> = None;
    for data_type in types.clone() {
        if let DataType::Timestamp(unit, zone) = data_type {
            target = Some(match target {
                Some(DataType::Timestamp(other, known)) => {
                    DataType::Timestamp(finer(*unit, other), known.or_else(|| zone.clone()))
                }
                _ => data_type.clone(),
            });
        }
    }
    let Some(DataType::Timestamp(mut unit, zone)) = target else { return None };
    let mut met = false;
    for data_type in types {
        if becomes_moment(data_type, texts) {
            met = true;
            unit = finer(unit, unit_of(data_type));
        }
    }
    met.then_some(DataType::Timestamp(unit, zone))
}

/// The inputs of a union, with days and texts as moments where the same column of another input is one, and decimals as
/// floating-point numbers where another one floats.
pub(super) fn union(Union { inputs, schema }: Union) -> Result<Union> {
    let width = schema.fields().len();
    if inputs.iter().any(|input| input.schema().fields().len() != width) {
        return Ok(Union { inputs, schema });
    }
    let targets: Vec<Option<DataType>> = (0..width)
        .map(|place| {
            let types = || inputs.iter().map(|input| input.schema().field(place).data_type());
            let floats = || types().any(DataType::is_floating) && types().any(is_decimal);
            target(types(), true).or_else(|| floats().then_some(DataType::Float64))
        })
        .collect();
    if targets.iter().all(Option::is_none) {
        return Ok(Union { inputs, schema });
    }
    let inputs = inputs
        .into_iter()
        .map(|input| {
            let fields = input.schema().iter().zip(&targets).map(|((table, field), target)| {
                let field = match target {
                    Some(target) if becomes(field.data_type(), target) => {
                        Arc::new(field.as_ref().clone().with_data_type(target.clone()))
                    }
                    _ => field.clone(),
                };
                (table.cloned(), field)
            });
            let wanted = DFSchema::new_with_metadata(fields.collect(), input.schema().metadata().clone())?;
            let plan: LogicalPlan = coerce_plan_expr_for_schema(Arc::unwrap_or_clone(input), &wanted)?;
            Ok(Arc::new(plan))
        })
        .collect::<Result<Vec<_>>>()?;
    // DataFusion goes on from the types that the union had, which were those of its first input.
    let fields = schema.iter().zip(targets).map(|((table, field), target)| {
        let field = match target {
            Some(target) => Arc::new(field.as_ref().clone().with_data_type(target)),
            None => field.clone(),
        };
        (table.cloned(), field)
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), schema.metadata().clone())?;
    Ok(Union { inputs, schema: Arc::new(schema) })
}
