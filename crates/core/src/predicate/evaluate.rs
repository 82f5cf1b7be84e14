//! Predicates over the rows of a batch.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, Datum, RecordBatch, Scalar as ArrowScalar};
use arrow_cast::cast;
use arrow_ord::cmp;
use arrow_schema::DataType;

use super::{Column, Comparison, Predicate};
use crate::mapping::null_under;
use crate::scalar::{as_keys, is_text};
use crate::{Error, Result, Scalar};

impl Predicate {
    /// For each row: true, false, or null where SQL says that it is unknown.
    /// # Errors
    /// `InvalidInput` when the batch lacks a column, or a value cannot be compared with its column.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        match self {
            Self::Compare { column, op, value } => compare(&resolve(batch, column)?, *op, value),
            Self::In { column, values } => {
                let array = resolve(batch, column)?;
                let equal = values.iter().map(|value| compare(&array, Comparison::Eq, value));
                fold(equal, array.len(), false)
            }
            Self::IsNull(column) => {
                let array = resolve(batch, column)?;
                let nulls = array.logical_nulls();
                Ok((0..array.len()).map(|row| Some(nulls.as_ref().is_some_and(|n| n.is_null(row)))).collect())
            }
            Self::Like { column, pattern } => like(&resolve(batch, column)?, pattern),
            Self::And(parts) => fold(parts.iter().map(|part| part.evaluate(batch)), batch.num_rows(), true),
            Self::Or(parts) => fold(parts.iter().map(|part| part.evaluate(batch)), batch.num_rows(), false),
            Self::Not(part) => {
                let inner = part.evaluate(batch)?;
                Ok(BooleanArray::new(!inner.values(), inner.nulls().cloned()))
            }
        }
    }

    /// For each row, whether it passes: unknown is no.
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

/// Kleene's `and` (`all` is true) or `or` (false): a part that decides a row does so even against unknown.
fn fold(
    mut parts: impl Iterator<Item = Result<BooleanArray>>,
    rows: usize,
    all: bool,
) -> Result<BooleanArray> {
    let start = std::iter::repeat_n(Some(all), rows).collect();
    parts.try_fold(start, |result: BooleanArray, next| {
        let next = next?;
        let rows = result.iter().zip(&next).map(|(a, b)| match (a, b) {
            (Some(x), _) | (_, Some(x)) if x != all => Some(!all),
            (Some(_), Some(_)) => Some(all),
            _ => None,
        });
        Ok(rows.collect())
    })
}

impl Column {
    /// The values of the column in a batch, `None` where it has no such column. A field of a null struct is null.
    /// # Errors
    /// What arrow says.
    pub fn find(&self, batch: &RecordBatch) -> Result<Option<ArrayRef>> {
        let mut path = self.path.iter();
        let mut found = path.next().and_then(|name| batch.column_by_name(name)).cloned();
        for name in path {
            let Some(parent) = found.as_ref().and_then(|array| array.as_struct_opt()) else {
                return Ok(None);
            };
            found = parent.column_by_name(name).map(|child| null_under(parent, child)).transpose()?;
        }
        Ok(found)
    }
}

fn resolve(batch: &RecordBatch, column: &Column) -> Result<ArrayRef> {
    column.find(batch)?.ok_or_else(|| {
        Error::invalid_input("the predicate names a column that is not there").with_context("column", column)
    })
}

fn compare(array: &ArrayRef, op: Comparison, value: &Scalar) -> Result<BooleanArray> {
    if value.is_null() || array.data_type() == &DataType::Null {
        return Ok(std::iter::repeat_n(None, array.len()).collect());
    }
    let refuse = |e: Error| {
        Error::invalid_input("the value cannot be compared with the column")
            .with_context("value", format!("{value:?}"))
            .with_context("column_type", array.data_type())
            .with_source(e)
    };
    // The value goes to the column's type where it fits exactly, else the column goes to the value's type: but
    // never to text, since `10` is not below `9` as a number.
    let (array, value) = match value.same_in(array.data_type()) {
        Some(value) => (array.clone(), value),
        None if is_text(value.data_type()) => {
            return Err(refuse(Error::invalid_input("the text is no value of the column's type")));
        }
        None => (cast(array, value.data_type()).map_err(|e| refuse(e.into()))?, value.clone()),
    };
    let (array, value) = (as_keys(&array), as_keys(value.array()));
    let right = ArrowScalar::new(value);
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
        let next = text.get(t);
        let step = match (pattern.get(p), pattern.get(p + 1)) {
            (Some('%'), _) => {
                p += 1;
                back = Some((t, p));
                continue;
            }
            (Some('\\'), Some(literal)) => (next == Some(literal)).then_some(2),
            (Some('_'), _) => next.map(|_| 1),
            (Some(literal), _) => (next == Some(literal)).then_some(1),
            (None, _) if next.is_none() => return true,
            (None, _) => None,
        };
        if let Some(width) = step {
            (t, p) = (t + 1, p + width);
            continue;
        }
        // The last `%` takes one character more.
        let Some((from, after)) = back.filter(|(from, _)| *from < text.len()) else { return false };
        (t, p) = (from + 1, after);
        back = Some((t, p));
    }
}
