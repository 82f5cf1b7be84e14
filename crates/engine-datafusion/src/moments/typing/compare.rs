//! Comparisons of moments that are counted differently: by the known moment in the column's steps, or else in a type
//! that holds both sides.

use std::sync::Arc;

use arrow_schema::{DataType, TimeUnit};
use datafusion::common::tree_node::TreeNodeRewriter;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Case, InList, InSubquery, SetComparison};
use datafusion::logical_expr::{
    Cast, Expr, Join, LogicalPlanBuilder, Operator, Subquery, TryCast, binary_expr, cast, in_list, lit, not,
};
use datafusion::optimizer::analyzer::type_coercion::TypeCoercionRewriter;

use super::super::instant::{Answer, Steps, is_utc, nanos, widened};
use super::super::zones;
use super::{Constants, type_of};
use crate::numbers::is_decimal;

/// Comparisons of operands over two schemas.
pub(super) struct Comparisons<'a> {
    pub(super) left: &'a DFSchema,
    pub(super) right: &'a DFSchema,
    pub(super) constants: &'a Constants,
}

/// An operand and its type.
type Typed = (Expr, DataType);

/// The operands of a join's equalities.
pub(super) fn join(mut join: Join, constants: &Constants) -> Result<Join> {
    let comparisons = Comparisons { left: join.left.schema(), right: join.right.schema(), constants };
    let mut on = Vec::with_capacity(join.on.len());
    for (left, right) in std::mem::take(&mut join.on) {
        on.push(comparisons.together(&left, &right)?.unwrap_or((left, right)));
    }
    join.on = on;
    Ok(join)
}

/// `any` and `all` over a query under a name of its own: DataFusion moves what is compared into the query, where a column of the
/// same table would be taken for the query's.
pub(super) fn apart(expr: Expr) -> Result<Expr> {
    let Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) = expr else { return Ok(expr) };
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).alias("compared set")?.build()?;
    let subquery = Subquery { subquery: Arc::new(plan), ..subquery };
    Ok(Expr::SetComparison(SetComparison::new(expr, subquery, op, quantifier)))
}

impl Comparisons<'_> {
    /// The expression, if it compares moments that are counted differently.
    pub(super) fn expr(&self, expr: &Expr) -> Result<Option<Expr>> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                self.compare(left, *op, right)
            }
            Expr::Between(between) => self.between(between),
            Expr::InList(list) => self.in_list(list),
            Expr::Case(case) => self.case(case),
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let Some((expr, subquery)) = self.subquery(expr, subquery)? else { return Ok(None) };
                Ok(Some(Expr::InSubquery(InSubquery::new(Box::new(expr), subquery, *negated))))
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                let Some((expr, subquery)) = self.subquery(expr, subquery)? else { return Ok(None) };
                let compared = SetComparison::new(Box::new(expr), subquery, *op, *quantifier);
                Ok(Some(Expr::SetComparison(compared)))
            }
            _ => Ok(None),
        }
    }

    /// `left op right`; `None` where DataFusion's own types do.
    fn compare(&self, left: &Expr, op: Operator, right: &Expr) -> Result<Option<Expr>> {
        let swapped = if is_distinct(op) { Some(op) } else { op.swap() };
        if let Some(compared) = self.inside_cast(left, self.left, op, right)? {
            return Ok(Some(compared));
        }
        if let Some(swapped) = swapped
            && let Some(compared) = self.inside_cast(right, self.right, swapped, left)?
        {
            return Ok(Some(compared));
        }
        let Some((l, r)) = self.meeting(left, right) else { return Ok(None) };
        if let Some(steps) = Steps::of(&l)
            && let Some(compared) = self.with_constant(left, &steps, &l, op, right, &r)?
        {
            return Ok(Some(compared));
        }
        if let Some(steps) = Steps::of(&r)
            && let Some(swapped) = swapped
            && let Some(compared) = self.with_constant(right, &steps, &r, swapped, left, &l)?
        {
            return Ok(Some(compared));
        }
        let both = common((left.clone(), l), (right.clone(), r));
        Ok(both.map(|(left, right)| binary_expr(left, op, right)))
    }

    /// `cast(expr) op constant` without the cast, if that is to a finer unit and the constant is one.
    fn inside_cast(
        &self,
        expr: &Expr,
        schema: &DFSchema,
        op: Operator,
        constant: &Expr,
    ) -> Result<Option<Expr>> {
        let Some((inner, own, steps)) = cast_of(expr, schema) else { return Ok(None) };
        if self.shifts(&own, constant) {
            return Ok(None);
        }
        let moment = self.constants.moment(constant, zone_of(&own))?;
        Ok(moment.and_then(|moment| steps.compare(inner.clone(), op, moment)))
    }

    /// `expr op constant`, if the constant is one.
    fn with_constant(
        &self,
        expr: &Expr,
        steps: &Steps,
        data_type: &DataType,
        op: Operator,
        constant: &Expr,
        other: &DataType,
    ) -> Result<Option<Expr>> {
        let zone = zone_of(data_type);
        let Some(moment) = self.constants.moment(constant, zone)? else { return Ok(None) };
        if let (DataType::Timestamp(unit, None), Some(zone)) = (data_type, zone_of(other))
            && !is_utc(zone)
        {
            // The column's clocks are those of the constant.
            let zoned = DataType::Timestamp(*unit, Some(zone.into()));
            let Some(steps) = Steps::of(&zoned) else { return Ok(None) };
            return Ok(steps.compare(zones::at(expr.clone(), zone), op, moment));
        }
        Ok(steps.compare(expr.clone(), op, moment))
    }

    /// The types of two operands, if they are counted differently and one is a moment of time.
    fn meeting(&self, left: &Expr, right: &Expr) -> Option<(DataType, DataType)> {
        let (l, r) = (type_of(left, self.left)?, type_of(right, self.right)?);
        let moments = (is_moment(&l) || is_moment(&r)) && is_countable(&l) && is_countable(&r);
        // DataFusion compares the months, the days and the rest of spans apart: two days are less than 49 hours, and
        // 48 hours as well.
        let spans = (is_length(&l) || is_length(&r)) && is_span(&l) && is_span(&r);
        (l != r && (moments || spans)).then_some((l, r))
    }

    /// Two operands that are equal where the given ones are.
    fn together(&self, left: &Expr, right: &Expr) -> Result<Option<(Expr, Expr)>> {
        if let (Some(l), Some(r)) = (type_of(left, self.left), type_of(right, self.right)) {
            let float = |expr: &Expr| cast(expr.clone(), DataType::Float64);
            if is_decimal(&l) && r.is_floating() {
                return Ok(Some((float(left), right.clone())));
            }
            if l.is_floating() && is_decimal(&r) {
                return Ok(Some((left.clone(), float(right))));
            }
        }
        let Some((l, r)) = self.meeting(left, right) else { return Ok(None) };
        Ok(common((left.clone(), l), (right.clone(), r)))
    }

    /// The comparison, in DataFusion's types where those do.
    fn any(&self, left: &Expr, op: Operator, right: &Expr) -> Result<Expr> {
        match self.compare(left, op, right)? {
            Some(compared) => Ok(compared),
            None => {
                let plain = binary_expr(left.clone(), op, right.clone());
                Ok(TypeCoercionRewriter::new(self.left).f_up(plain)?.data)
            }
        }
    }

    fn between(&self, Between { expr, negated, low, high }: &Between) -> Result<Option<Expr>> {
        let plain = self.meeting(expr, low).is_none() && self.meeting(expr, high).is_none();
        if plain && cast_of(expr, self.left).is_none() {
            return Ok(None);
        }
        let inside = self.any(expr, Operator::GtEq, low)?.and(self.any(expr, Operator::LtEq, high)?);
        Ok(Some(if *negated { not(inside) } else { inside }))
    }

    fn in_list(&self, InList { expr, list, negated }: &InList) -> Result<Option<Expr>> {
        if cast_of(expr, self.left).is_some() {
            let parts =
                list.iter().map(|item| self.any(expr, Operator::Eq, item)).collect::<Result<Vec<_>>>()?;
            let inside = parts.into_iter().reduce(Expr::or);
            return Ok(inside.map(|inside| if *negated { not(inside) } else { inside }));
        }
        if list.iter().all(|item| self.meeting(expr, item).is_none()) {
            return Ok(None);
        }
        let Some(own) = type_of(expr, self.left) else { return Ok(None) };
        let steps = Steps::of(&own);
        let (mut same, mut parts, mut dropped) = (vec![], vec![], false);
        for item in list {
            let constant = match &steps {
                Some(steps) if self.meeting(expr, item).is_some() && !self.shifts(&own, item) => {
                    let moment = self.constants.moment(item, zone_of(&own))?;
                    moment.map(|moment| steps.at(moment))
                }
                _ => None,
            };
            match constant {
                Some(Some(value)) => same.push(lit(value)),
                // No value of the column is this moment.
                Some(None) => dropped = true,
                None if self.meeting(expr, item).is_none() => same.push(item.clone()),
                None => parts.push(self.any(expr, Operator::Eq, item)?),
            }
        }
        if !same.is_empty() {
            let plain = in_list(expr.as_ref().clone(), same, false);
            parts.push(TypeCoercionRewriter::new(self.left).f_up(plain)?.data);
        }
        if let (true, Some(steps)) = (dropped && parts.is_empty(), &steps)
            && let Answer::Compare(op, value) = steps.never()
        {
            parts.push(binary_expr(expr.as_ref().clone(), op, lit(value)));
        }
        let inside = parts.into_iter().reduce(Expr::or);
        Ok(inside.map(|inside| if *negated { not(inside) } else { inside }))
    }

    /// Whether the clocks of a column without a zone are those of the other operand, which are not UTC's.
    fn shifts(&self, own: &DataType, other: &Expr) -> bool {
        let other = type_of(other, self.right).or_else(|| type_of(other, self.left));
        let zone = other.as_ref().and_then(zone_of);
        zone_of(own).is_none() && zone.is_some_and(|zone| !is_utc(zone))
    }

    /// A case over values, as one over conditions.
    fn case(&self, Case { expr, when_then_expr, else_expr }: &Case) -> Result<Option<Expr>> {
        let Some(expr) = expr else { return Ok(None) };
        if when_then_expr.iter().all(|(when, _)| self.meeting(expr, when).is_none()) {
            return Ok(None);
        }
        let conditions = when_then_expr
            .iter()
            .map(|(when, then)| Ok((Box::new(self.any(expr, Operator::Eq, when)?), then.clone())))
            .collect::<Result<Vec<_>>>()?;
        let case = Expr::Case(Case::new(None, conditions, else_expr.clone()));
        Ok(Some(TypeCoercionRewriter::new(self.left).f_up(case)?.data))
    }

    /// An operand and the only column of a query, in a type that holds both.
    fn subquery(&self, expr: &Expr, subquery: &Subquery) -> Result<Option<(Expr, Subquery)>> {
        let plan = &subquery.subquery;
        let Some(column) = plan.schema().columns().into_iter().next() else { return Ok(None) };
        let inside = Comparisons { left: self.left, right: plan.schema(), constants: self.constants };
        let name = column.name.clone();
        let Some((expr, column)) = inside.together(expr, &Expr::Column(column))? else { return Ok(None) };
        let plan = LogicalPlanBuilder::from(plan.as_ref().clone()).project([column.alias(name)])?.build()?;
        let subquery = Subquery { subquery: Arc::new(plan), ..subquery.clone() };
        Ok(Some((expr, subquery)))
    }
}

const fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) || is_distinct(op)
}

const fn is_distinct(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

const fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..))
}

const fn is_length(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Duration(_))
}

const fn is_span(data_type: &DataType) -> bool {
    is_length(data_type) || matches!(data_type, DataType::Interval(_))
}

pub(super) const fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

const fn is_countable(data_type: &DataType) -> bool {
    is_moment(data_type) || is_text(data_type) || matches!(data_type, DataType::Date32 | DataType::Date64)
}

fn zone_of(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Timestamp(_, zone) => zone.as_deref(),
        _ => None,
    }
}

/// The unit that a type's values need: texts are read to the microsecond.
pub(super) const fn unit_of(data_type: &DataType) -> TimeUnit {
    match data_type {
        DataType::Timestamp(unit, _) => *unit,
        DataType::Date32 => TimeUnit::Second,
        DataType::Date64 => TimeUnit::Millisecond,
        _ => TimeUnit::Microsecond,
    }
}

pub(super) fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    if nanos(a) < nanos(b) { a } else { b }
}

/// The operands in one type; `None` where DataFusion's own choice is as good.
fn common(left: Typed, right: Typed) -> Option<(Expr, Expr)> {
    if is_span(&left.1) {
        return None;
    }
    let zone = zone_of(&left.1).or_else(|| zone_of(&right.1)).map(ToOwned::to_owned);
    let (l, r) = (unit_of(&left.1), unit_of(&right.1));
    let finest = finer(l, r);
    let moments = is_moment(&left.1) && is_moment(&right.1);
    if moments && l == r {
        return None;
    }
    let moment = |(expr, own): Typed| {
        let unit = if is_text(&own) { finest } else { unit_of(&own) };
        let target = DataType::Timestamp(unit, zone.as_deref().map(Into::into));
        // Where clocks are UTC's, the count is the same with a zone and without.
        let as_is = is_moment(&own) && (zone_of(&own).is_some() || zone.as_deref().is_none_or(is_utc));
        (if as_is || own == target { expr } else { cast(expr, target) }, unit)
    };
    let (left, right) = (moment(left), moment(right));
    if left.1 == right.1 || !(moments || finest == TimeUnit::Nanosecond) {
        let target = DataType::Timestamp(finest, zone.as_deref().map(Into::into));
        return Some((cast(left.0, target.clone()), cast(right.0, target)));
    }
    // Nanoseconds of every year need more than 64 bits; and of a mere cast to a finer unit DataFusion would think that
    // it may be taken away again, once the other side turns out to be a literal.
    Some((wide(left), wide(right)))
}

/// What is cast to a finer unit, its type and its steps.
pub(in super::super) fn cast_of<'a>(
    expr: &'a Expr,
    schema: &DFSchema,
) -> Option<(&'a Expr, DataType, Steps)> {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = expr else {
        return None;
    };
    let own = type_of(expr, schema)?;
    let steps = widened(&own, field.data_type())?;
    Some((expr, own, steps))
}

/// A moment as a number of nanoseconds.
fn wide((expr, unit): (Expr, TimeUnit)) -> Expr {
    let count = cast(expr, DataType::Int64);
    match unit {
        TimeUnit::Nanosecond => cast(count, DataType::Decimal128(30, 0)),
        unit => {
            let factor = lit(ScalarValue::Decimal128(Some(nanos(unit)), 10, 0));
            cast(count, DataType::Decimal128(19, 0)) * factor
        }
    }
}
