//! Conjuncts of a `where` as a predicate, where both mean the same.

use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use sqlparser::ast::{BinaryOperator, DataType as SqlType, Expr, Ident, UnaryOperator, Value};
use stitchwork_core::{Column, Comparison, Predicate, Scalar};

use super::Filters;
use crate::dialect::Pushes;

/// The conjuncts that can be said as a predicate over the columns of `schema`; the database applies all of them
/// again.
pub(crate) fn predicate(filters: &Filters, schema: &SchemaRef, pushes: Pushes) -> Option<Predicate> {
    let reader = Reader { filters, schema, pushes };
    let parts: Vec<Predicate> = filters.conjuncts.iter().filter_map(|part| reader.read(part)).collect();
    (!parts.is_empty()).then(|| Predicate::And(parts))
}

struct Reader<'a> {
    filters: &'a Filters,
    schema: &'a SchemaRef,
    pushes: Pushes,
}

impl Reader<'_> {
    fn read(&self, expr: &Expr) -> Option<Predicate> {
        Some(match expr {
            Expr::Nested(inner) => self.read(inner)?,
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.read(expr)?.negate(),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Predicate::And(vec![self.read(left)?, self.read(right)?])
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => self.read(left)?.or(self.read(right)?),
            Expr::BinaryOp { left, op, right } => self.compare(left, op, right)?,
            Expr::IsNull(inner) => self.column(inner)?.0.is_null(),
            Expr::IsNotNull(inner) => self.column(inner)?.0.is_not_null(),
            Expr::InList { expr, list, negated } => {
                let (column, field) = self.column(expr)?;
                let values: Option<Vec<_>> = list.iter().map(|value| self.value(value, field)).collect();
                negate(Predicate::In { column, values: values? }, *negated)
            }
            Expr::Between { expr, negated, low, high } => {
                let low = self.compare(expr, &BinaryOperator::GtEq, low)?;
                let high = self.compare(expr, &BinaryOperator::LtEq, high)?;
                negate(Predicate::And(vec![low, high]), *negated)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } if self.pushes.like => {
                let (column, field) = self.column(expr)?;
                let pattern = quoted(pattern)?;
                // Databases differ in what a backslash means.
                let same = is_text(field.data_type()) && !pattern.contains('\\');
                negate(Predicate::Like { column: same.then_some(column)?, pattern }, *negated)
            }
            _ => return None,
        })
    }

    fn compare(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Predicate> {
        let op = comparison(op)?;
        let (column, op, field, value) = match self.column(left) {
            Some((column, field)) => (column, op, field, right),
            None => {
                let (column, field) = self.column(right)?;
                (column, turned(op), field, left)
            }
        };
        let ordered = !matches!(op, Comparison::Eq | Comparison::NotEq);
        if ordered && is_text(field.data_type()) && !self.pushes.text_order {
            return None;
        }
        Some(Predicate::Compare { column, op, value: self.value(value, field)? })
    }

    fn column(&self, expr: &Expr) -> Option<(Column, &Field)> {
        let ident = match expr {
            Expr::Nested(inner) => return self.column(inner),
            Expr::Identifier(ident) if self.filters.alone => ident,
            Expr::CompoundIdentifier(idents) => match idents.as_slice() {
                [qualifier, ident] if qualifier.value.eq_ignore_ascii_case(&self.filters.qualifier) => ident,
                _ => return None,
            },
            _ => return None,
        };
        let mut fields = self.schema.fields().iter().filter(|field| self.names(ident, field));
        let field = fields.next()?;
        fields.next().is_none().then(|| (Column::new(field.name()), field.as_ref()))
    }

    fn names(&self, ident: &Ident, field: &Field) -> bool {
        match (self.pushes.any_case, ident.quote_style) {
            (true, _) => ident.value.eq_ignore_ascii_case(field.name()),
            (false, Some(_)) => ident.value == *field.name(),
            (false, None) => ident.value.to_lowercase() == *field.name(),
        }
    }

    /// The value in the column's type, if nothing is lost.
    fn value(&self, expr: &Expr, field: &Field) -> Option<Scalar> {
        let to = field.data_type();
        match expr {
            Expr::Nested(inner) => self.value(inner, field),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => number(&format!("-{digits}"), to),
                    _ => None,
                },
                _ => None,
            },
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => number(digits, to),
                Value::Boolean(value) if *to == DataType::Boolean => Some(Scalar::from(*value)),
                Value::SingleQuotedString(text) if is_text(to) => Some(Scalar::from(text.as_str())),
                Value::SingleQuotedString(text) if *to == DataType::Date32 => self.time(text, to),
                _ => None,
            },
            Expr::TypedString(typed) => {
                let Value::SingleQuotedString(text) = &typed.value.value else { return None };
                match (&typed.data_type, to) {
                    (SqlType::Date, DataType::Date32) => self.time(text, to),
                    (SqlType::Timestamp(..), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                        self.time(text, to)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A date, or a date and a time without a zone, in the one spelling that everybody reads alike.
    fn time(&self, text: &str, to: &DataType) -> Option<Scalar> {
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let date = *to == DataType::Date32;
        let fits = if date { shape == "0000-00-00" } else { shape == "0000-00-00 00:00:00" };
        if !fits || !self.pushes.times {
            return None;
        }
        let zone = if matches!(to, DataType::Timestamp(_, Some(_))) { "Z" } else { "" };
        Scalar::parse(&format!("{}{zone}", text.replace(' ', "T")), to).ok()
    }
}

fn negate(predicate: Predicate, negated: bool) -> Predicate {
    if negated { predicate.negate() } else { predicate }
}

fn comparison(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Eq,
        BinaryOperator::NotEq => Comparison::NotEq,
        BinaryOperator::Lt => Comparison::Lt,
        BinaryOperator::LtEq => Comparison::LtEq,
        BinaryOperator::Gt => Comparison::Gt,
        BinaryOperator::GtEq => Comparison::GtEq,
        _ => return None,
    })
}

fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Lt => Comparison::Gt,
        Comparison::LtEq => Comparison::GtEq,
        Comparison::Gt => Comparison::Lt,
        Comparison::GtEq => Comparison::LtEq,
        same => same,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn quoted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A number as SQL writes it, in a numeric type that holds it without rounding.
fn number(digits: &str, to: &DataType) -> Option<Scalar> {
    let plain = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '.'));
    let fraction = digits.split_once('.').map_or("", |(_, fraction)| fraction);
    if !plain {
        return None;
    }
    match to {
        _ if to.is_integer() => Scalar::from(digits.parse::<i64>().ok()?).cast(to).ok(),
        // Up to fifteen digits, reading the text and dividing a decimal give the same float.
        DataType::Float64 if digits.len() <= 15 => Some(Scalar::from(digits.parse::<f64>().ok()?)),
        DataType::Decimal128(_, scale) if fraction.len() <= usize::try_from(*scale).ok()? => {
            Scalar::parse(digits, to).ok()
        }
        _ => None,
    }
}
