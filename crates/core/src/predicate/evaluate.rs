//! Predicates over the rows of a batch.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, Datum, RecordBatch, Scalar as ArrowScalar};
use arrow_cast::cast;
use arrow_ord::cmp;
use arrow_schema::DataType;

use super::{Column, Comparison, Predicate};
use crate::{Error, Result, Scalar};

impl Predicate {
    /// For each row: true, false, or null where SQL says that it is unknown.
    ///
    /// # Errors
    /// `InvalidInput` when the batch lacks a column, or a value cannot be compared with its column.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        match self {
            Self::Compare { column, op, value } => compare(&resolve(batch, column)?, *op, value),
            Self::In { column, values } => is_in(&resolve(batch, column)?, values),
            Self::IsNull(column) => {
                let array = resolve(batch, column)?;
                let nulls = array.logical_nulls();
                Ok((0..array.len()).map(|row| Some(nulls.as_ref().is_some_and(|n| n.is_null(row)))).collect())
            }
            Self::Like { column, pattern } => like(&resolve(batch, column)?, pattern),
            Self::And(parts) => fold(parts, batch, true),
            Self::Or(parts) => fold(parts, batch, false),
            Self::Not(part) => {
                let inner = part.evaluate(batch)?;
                Ok(BooleanArray::new(!inner.values(), inner.nulls().cloned()))
            }
        }
    }

    /// For each row, whether it passes: unknown is no.
    ///
    /// # Errors
    /// As [`Predicate::evaluate`].
    pub fn passes(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let result = self.evaluate(batch)?;
        Ok(match result.nulls() {
            Some(nulls) => BooleanArray::new(result.values() & nulls.inner(), None),
            None => result,
        })
    }
}

/// Kleene's `and` (`all` is true) or `or` (`all` is false) of the parts: a part that decides a row decides it
/// whatever the others say, even unknown.
fn fold(parts: &[Predicate], batch: &RecordBatch, all: bool) -> Result<BooleanArray> {
    let mut result: BooleanArray = std::iter::repeat_n(Some(all), batch.num_rows()).collect();
    for part in parts {
        let next = part.evaluate(batch)?;
        result = result
            .iter()
            .zip(next.iter())
            .map(|(a, b)| match (a, b) {
                (Some(x), _) | (_, Some(x)) if x != all => Some(!all),
                (Some(_), Some(_)) => Some(all),
                _ => None,
            })
            .collect();
    }
    Ok(result)
}

/// The array of a column; a field of a null struct is null.
fn resolve(batch: &RecordBatch, column: &Column) -> Result<ArrayRef> {
    let missing = || {
        Error::invalid_input("the predicate names a column that is not there").with_context("column", column)
    };
    let mut path = column.path.iter();
    let mut array = path.next().and_then(|name| batch.column_by_name(name)).ok_or_else(missing)?.clone();
    for name in path {
        let parent = array.as_struct_opt().ok_or_else(missing)?;
        let child = parent.column_by_name(name).ok_or_else(missing)?;
        array = match parent.nulls() {
            Some(nulls) => {
                let nulls = BooleanArray::new(!nulls.inner(), None);
                nullif(child, &nulls)?
            }
            None => child.clone(),
        };
    }
    Ok(array)
}

/// The array with null where `hidden` is true.
fn nullif(array: &ArrayRef, hidden: &BooleanArray) -> Result<ArrayRef> {
    let data = array.to_data();
    let nulls = hidden
        .values()
        .iter()
        .enumerate()
        .map(|(row, hide)| !hide && !array.is_null(row))
        .collect::<Vec<_>>();
    let data = data.into_builder().nulls(Some(nulls.into())).build()?;
    Ok(arrow_array::make_array(data))
}

fn compare(array: &ArrayRef, op: Comparison, value: &Scalar) -> Result<BooleanArray> {
    let unknown = || Ok(std::iter::repeat_n(None, array.len()).collect());
    if value.is_null() || array.data_type() == &DataType::Null {
        return unknown();
    }
    // The value goes to the column's type where it fits exactly. Where it does not (a fraction against an
    // integer, a number out of range), the column goes to the value's type.
    let exact = value
        .cast(array.data_type())
        .ok()
        .filter(|cast| cast.cast(value.data_type()).is_ok_and(|back| back == *value));
    let (array, value) = match exact {
        Some(value) => (array.clone(), value),
        None => (
            cast(array, value.data_type()).map_err(|e| {
                Error::invalid_input("the value cannot be compared with the column")
                    .with_context("value", format!("{value:?}"))
                    .with_context("column_type", array.data_type())
                    .with_source(e)
            })?,
            value.clone(),
        ),
    };
    let right = ArrowScalar::new(value.array().clone());
    let (left, right): (&dyn Datum, &dyn Datum) = (&array, &right);
    Ok(match op {
        Comparison::Eq => cmp::eq(left, right),
        Comparison::NotEq => cmp::neq(left, right),
        Comparison::Lt => cmp::lt(left, right),
        Comparison::LtEq => cmp::lt_eq(left, right),
        Comparison::Gt => cmp::gt(left, right),
        Comparison::GtEq => cmp::gt_eq(left, right),
    }?)
}

fn is_in(array: &ArrayRef, values: &[Scalar]) -> Result<BooleanArray> {
    let mut found = vec![Some(false); array.len()];
    for value in values {
        for (found, equal) in found.iter_mut().zip(compare(array, Comparison::Eq, value)?.iter()) {
            *found = match (*found, equal) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
    }
    Ok(found.into_iter().collect())
}

fn like(array: &ArrayRef, pattern: &str) -> Result<BooleanArray> {
    let pattern: Vec<char> = pattern.chars().collect();
    let texts = cast(array, &DataType::Utf8View)
        .map_err(|e| Error::invalid_input("like needs a text column").with_source(e))?;
    Ok(texts.as_string_view().iter().map(|text| text.map(|text| matches(text, &pattern))).collect())
}

/// Matches with one place to come back to, so that the time is at most the product of the two lengths.
fn matches(text: &str, pattern: &[char]) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some('%') => {
                back = Some((t, p));
                p += 1;
                continue;
            }
            Some('\\') if p + 1 < pattern.len() => (t < text.len() && text[t] == pattern[p + 1]).then_some(2),
            Some('_') => (t < text.len()).then_some(1),
            Some(c) => (t < text.len() && text[t] == *c).then_some(1),
            None if t == text.len() => return true,
            None => None,
        };
        match (step, back) {
            (Some(width), _) => {
                t += 1;
                p += width;
            }
            (None, Some((from, percent))) if from < text.len() => {
                back = Some((from + 1, percent));
                t = from + 1;
                p = percent + 1;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray, StructArray};
    use arrow_schema::{Field, Fields};

    use super::*;
    use crate::col;

    fn batch() -> RecordBatch {
        let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
        let s: ArrayRef = Arc::new(StringArray::from(vec![Some("apple"), Some("a_b"), None]));
        let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
        let st: ArrayRef =
            Arc::new(StructArray::new(inner, vec![a.clone()], Some(vec![true, false, true].into())));
        RecordBatch::try_from_iter(vec![("a", a), ("s", s), ("st", st)]).unwrap()
    }

    #[track_caller]
    fn check(predicate: &Predicate, expected: [Option<bool>; 3]) {
        assert_eq!(predicate.evaluate(&batch()).unwrap().iter().collect::<Vec<_>>(), expected, "{predicate}");
    }

    #[test]
    fn three_valued_logic() {
        check(&col("a").eq(1_i64), [Some(true), Some(false), None]);
        check(&col("a").eq(1_i32), [Some(true), Some(false), None]);
        check(&col("a").lt(1.5), [Some(true), Some(false), None]);
        check(&col("a").is_null(), [Some(false), Some(false), Some(true)]);
        check(&col("a").eq(1_i64).or(col("a").is_null()), [Some(true), Some(false), Some(true)]);
        check(&col("a").eq(1_i64).and(col("s").is_null()), [Some(false), Some(false), None]);
        check(&col("a").eq(1_i64).negate(), [Some(false), Some(true), None]);
        check(&col("a").is_in([1_i64, 7]), [Some(true), Some(false), None]);
        check(&col("a").not_eq(Scalar::null(&DataType::Int64)), [None, None, None]);
        check(&Predicate::And(vec![]), [Some(true); 3]);
        check(&Predicate::Or(vec![]), [Some(false); 3]);
        check(&col("st").field("x").eq(2_i64), [Some(false), None, None]);
        assert_eq!(col("a").eq(1_i64).passes(&batch()).unwrap().true_count(), 1);
    }

    #[test]
    fn like_patterns() {
        check(&col("s").like("a%"), [Some(true), Some(true), None]);
        check(&col("s").like("%p%e"), [Some(true), Some(false), None]);
        check(&col("s").like("a\\_b"), [Some(false), Some(true), None]);
        check(&col("s").like("a_b"), [Some(false), Some(true), None]);
        check(&col("s").like(""), [Some(false), Some(false), None]);
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = col("nope").is_null().evaluate(&batch()).unwrap_err();
        assert_eq!(error.context("column"), Some("\"nope\""));
    }
}
