//! How many rows pass a filter, guessed by the bounds of columns.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, IsNotNullExpr, IsNullExpr, Literal, NotExpr,
};
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr_common::physical_expr::PhysicalExprRef;
use stitchwork_core::{Predicate, Scalar};

use super::files::Ready;
use crate::floats::inside_physical;

/// Where the values of columns of numbers and moments lie, file by file. A guess takes them to lie evenly between
/// their bounds, and those of two columns to have nothing to do with each other.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    files: Vec<FileSpread>,
    /// Columns that have one value per file. A file that it does not pass has been left out by now.
    constants: HashSet<String>,
}

#[derive(Debug)]
struct FileSpread {
    rows: f64,
    ranges: HashMap<String, Range>,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
    /// The share of rows that have a null.
    nulls: f64,
}

impl Range {
    /// The share of rows whose value lies within.
    fn share(self, low: f64, high: f64) -> f64 {
        let (from, to) = (low.max(self.low), high.min(self.high));
        let inside = if from > to {
            0.0
        } else if self.high > self.low {
            (to - from) / (self.high - self.low)
        } else {
            1.0
        };
        inside * (1.0 - self.nulls)
    }
}

impl Spread {
    /// Of the columns that the predicate asks for.
    pub(crate) fn new(
        predicate: Option<&Predicate>,
        files: &[Ready],
        in_files: &Schema,
        constants: HashSet<String>,
    ) -> Self {
        let columns = predicate.map(Predicate::columns).unwrap_or_default();
        let columns = columns
            .iter()
            .filter(|column| in_files.field_with_name(column.root()).is_ok_and(|f| is_linear(f.data_type())))
            .collect::<Vec<_>>();
        let of_file = |file: &Ready| {
            let rows = file.rows().unwrap_or_default() as f64;
            let ranges = columns.iter().filter_map(|column| {
                let known = file.data.stats.as_ref()?.columns.get(*column)?;
                let nulls = if rows > 0.0 { known.nulls.unwrap_or_default() as f64 / rows } else { 0.0 };
                let field = in_files.field_with_name(column.root()).ok()?;
                let number = |bound: &Option<Scalar>| {
                    let bound = bound.as_ref()?.cast(field.data_type()).ok()?;
                    ScalarValue::try_from_array(bound.array(), 0).ok().as_ref().and_then(number)
                };
                let range = Range { low: number(&known.min)?, high: number(&known.max)?, nulls };
                Some((column.root().to_owned(), range))
            });
            FileSpread { rows, ranges: ranges.collect() }
        };
        let files = if columns.is_empty() { vec![] } else { files.iter().map(of_file).collect() };
        Self { files, constants }
    }

    /// The share of rows that all filters let pass; `None` where nothing is known about one of them.
    pub(crate) fn share(&self, filters: &[PhysicalExprRef]) -> Option<f64> {
        let parts = filters.iter().flat_map(split_conjunction).filter(|part| !self.is_constant(part));
        let parts = parts.collect::<Vec<_>>();
        if parts.is_empty() {
            return None;
        }
        let (mut rows, mut passing) = (0.0, 0.0);
        for file in &self.files {
            rows += file.rows;
            passing += file.rows * file.all(&parts)?;
        }
        (rows > 0.0).then(|| passing / rows)
    }

    fn is_constant(&self, filter: &PhysicalExprRef) -> bool {
        datafusion::physical_expr::utils::collect_columns(filter)
            .iter()
            .all(|column| self.constants.contains(column.name()))
    }
}

impl FileSpread {
    fn all(&self, parts: &[&PhysicalExprRef]) -> Option<f64> {
        let mut share = 1.0;
        let mut within: HashMap<&str, (f64, f64)> = HashMap::new();
        for part in parts {
            match bounds(part) {
                // Both ends of a range are about the same values.
                Some((column, low, high)) => {
                    let range = within.entry(column).or_insert((f64::NEG_INFINITY, f64::INFINITY));
                    *range = (range.0.max(low), range.1.min(high));
                }
                None => share *= self.one(part)?,
            }
        }
        for (column, (low, high)) in within {
            share *= self.ranges.get(column)?.share(low, high);
        }
        Some(share)
    }

    fn one(&self, part: &PhysicalExprRef) -> Option<f64> {
        let nulls = |expr: &PhysicalExprRef| {
            let column = expr.downcast_ref::<Column>()?;
            Some(self.ranges.get(column.name())?.nulls)
        };
        if let Some(not) = part.downcast_ref::<NotExpr>() {
            return Some(1.0 - self.all(&split_conjunction(not.arg()))?);
        }
        if let Some(is_null) = part.downcast_ref::<IsNullExpr>() {
            return nulls(is_null.arg());
        }
        if let Some(is_not_null) = part.downcast_ref::<IsNotNullExpr>() {
            return Some(1.0 - nulls(is_not_null.arg())?);
        }
        let binary = part.downcast_ref::<BinaryExpr>()?;
        match binary.op() {
            Operator::Or => {
                let left = self.all(&split_conjunction(binary.left()))?;
                let right = self.all(&split_conjunction(binary.right()))?;
                Some((left + right).min(1.0))
            }
            Operator::NotEq => {
                let equal = BinaryExpr::new(binary.left().clone(), Operator::Eq, binary.right().clone());
                let equal: PhysicalExprRef = Arc::new(equal);
                Some(1.0 - self.all(&[&equal])?)
            }
            _ => None,
        }
    }
}

/// The column of a comparison with a number, and where its values have to lie.
fn bounds(expr: &PhysicalExprRef) -> Option<(&str, f64, f64)> {
    let binary = expr.downcast_ref::<BinaryExpr>()?;
    let column = |expr: &'_ PhysicalExprRef| inside_physical(expr).downcast_ref::<Column>().is_some();
    let (column, op, value) = if column(binary.left()) {
        (binary.left(), *binary.op(), binary.right())
    } else {
        (binary.right(), binary.op().swap()?, binary.left())
    };
    let column = inside_physical(column).downcast_ref::<Column>()?.name();
    let value = number(value.downcast_ref::<Literal>()?.value())?;
    match op {
        Operator::Eq => Some((column, value, value)),
        Operator::Lt | Operator::LtEq => Some((column, f64::NEG_INFINITY, value)),
        Operator::Gt | Operator::GtEq => Some((column, value, f64::INFINITY)),
        _ => None,
    }
}

/// Whether differences of values of the type mean something, as those of texts do not.
fn is_linear(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_temporal()
}

/// A value on the line of its type's values.
fn number(value: &ScalarValue) -> Option<f64> {
    let number = match value {
        ScalarValue::Decimal32(value, ..) => f64::from((*value)?),
        ScalarValue::Decimal64(value, ..) => (*value)? as f64,
        ScalarValue::Decimal128(value, ..) => (*value)? as f64,
        ScalarValue::Date32(value)
        | ScalarValue::Time32Second(value)
        | ScalarValue::Time32Millisecond(value) => f64::from((*value)?),
        ScalarValue::Date64(value)
        | ScalarValue::Time64Microsecond(value)
        | ScalarValue::Time64Nanosecond(value)
        | ScalarValue::TimestampSecond(value, _)
        | ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => (*value)? as f64,
        other if other.data_type().is_numeric() => match other.cast_to(&DataType::Float64).ok()? {
            ScalarValue::Float64(value) => value?,
            _ => return None,
        },
        _ => return None,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::{Expr, col, lit};
    use datafusion::prelude::SessionContext;

    use super::*;

    fn share(filters: &[Expr]) -> Option<f64> {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let schema = Schema::new(vec![
            field("a", DataType::Int64),
            field("b", DataType::Float64),
            field("t", DataType::Utf8),
            field("day", DataType::Int64),
        ]);
        let schema = DFSchema::try_from(schema).unwrap();
        let context = SessionContext::new();
        let filters =
            filters.iter().map(|filter| context.create_physical_expr(filter.clone(), &schema).unwrap());
        let file = |rows, low, high| FileSpread {
            rows,
            ranges: HashMap::from([
                ("a".to_owned(), Range { low, high, nulls: 0.0 }),
                ("b".to_owned(), Range { low: 0.0, high: 10.0, nulls: 0.5 }),
            ]),
        };
        let spread = Spread {
            files: vec![file(100.0, 0.0, 100.0), file(300.0, 100.0, 400.0)],
            constants: HashSet::from(["day".to_owned()]),
        };
        spread.share(&filters.collect::<Vec<_>>())
    }

    #[test]
    fn shares_are_guessed_by_bounds() {
        let a = |value: i64| col("a").gt(lit(value));
        assert_eq!(share(&[a(200)]), Some(0.5));
        assert_eq!(share(&[lit(200_i64).lt(col("a"))]), Some(0.5));
        assert_eq!(share(&[a(100), col("a").lt(lit(200_i64))]), Some(0.25));
        assert_eq!(share(&[a(500)]), Some(0.0));
        assert_eq!(share(&[col("a").eq(lit(5_i64))]), Some(0.0));
        assert_eq!(share(&[col("a").not_eq(lit(5_i64))]), Some(1.0));
        assert_eq!(share(&[a(200).or(col("a").lt(lit(100_i64)))]), Some(0.75));
        assert_eq!(share(&[col("b").lt(lit(5.0)).and(a(200))]), Some(0.125));
        assert_eq!(share(&[col("b").is_null()]), Some(0.5));
        assert_eq!(share(&[col("b").is_not_null()]), Some(0.5));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let a = col("a").gt(lit(200_i64));
        for unknown in [col("t").eq(lit("x")), col("t").like(lit("x%")), col("a").gt(col("b"))] {
            assert_eq!(share(&[a.clone(), unknown.clone()]), None, "{unknown}");
        }
        // A constant has let the files pass already that there are.
        let constant = col("day").gt(lit(5_i64));
        assert_eq!(share(std::slice::from_ref(&constant)), None);
        assert_eq!(share(&[constant, a]), Some(0.5));
        assert_eq!(share(&[]), None);
    }
}
