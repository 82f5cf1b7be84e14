//! Predicates over statistics: which files, row groups or partitions can be left out.

use std::cmp::Ordering;

use super::{Column, Comparison, Predicate};
use crate::{ColumnStats, Scalar};

/// What statistics say about a predicate over all the rows they describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Match {
    /// No row passes.
    None,
    /// Every row passes.
    All,
    /// Some may pass and some may not.
    Some,
}

/// What is known about the columns of a set of rows (a file, a row group, a partition).
pub trait Statistics {
    /// The statistics of a column, if there are any.
    fn column(&self, column: &Column) -> Option<ColumnStats>;

    /// The number of rows, if it is known.
    fn rows(&self) -> Option<u64>;
}

/// The questions that carry through `and`, `or` and `not`: can a row pass, can it fail, can it be unknown?
/// Unknown does not pass at the top, but under a `not` it must not turn into a pass either.
#[derive(Clone, Copy)]
struct Possible {
    pass: bool,
    fail: bool,
    unknown: bool,
}

impl Possible {
    const ANYTHING: Self = Self { pass: true, fail: true, unknown: true };
    const PASS: Self = Self { pass: true, fail: false, unknown: false };
    const UNKNOWN: Self = Self { pass: false, fail: false, unknown: true };

    fn negate(self) -> Self {
        Self { pass: self.fail, fail: self.pass, unknown: self.unknown }
    }

    fn and(self, other: Self) -> Self {
        Self {
            pass: self.pass && other.pass,
            fail: self.fail || other.fail,
            unknown: (self.unknown && (other.unknown || other.pass)) || (other.unknown && self.pass),
        }
    }

    /// Any of them is true when not all are false.
    fn any(parts: impl Iterator<Item = Self>) -> Self {
        parts.map(Self::negate).fold(Self::PASS, Self::and).negate()
    }
}

impl Predicate {
    /// What the statistics say about the rows, never claiming more than they prove.
    pub fn prune(&self, statistics: &dyn Statistics) -> Match {
        match self.possible(statistics) {
            Possible { pass: false, .. } => Match::None,
            Possible { fail: false, unknown: false, .. } => Match::All,
            _ => Match::Some,
        }
    }

    fn possible(&self, statistics: &dyn Statistics) -> Possible {
        match self {
            Self::Compare { column, op, value } => compare(statistics, column, *op, value),
            Self::In { column, values } => {
                Possible::any(values.iter().map(|value| compare(statistics, column, Comparison::Eq, value)))
            }
            Self::IsNull(column) => {
                let (pass, fail) = nulls(statistics, column);
                Possible { pass, fail, unknown: false }
            }
            Self::Like { column, pattern } => like(statistics, column, pattern),
            Self::And(parts) => {
                parts.iter().map(|part| part.possible(statistics)).fold(Possible::PASS, Possible::and)
            }
            Self::Or(parts) => Possible::any(parts.iter().map(|part| part.possible(statistics))),
            Self::Not(part) => part.possible(statistics).negate(),
        }
    }
}

/// Whether the column may hold nulls, and whether it may hold values.
fn nulls(statistics: &dyn Statistics, column: &Column) -> (bool, bool) {
    let Some(stats) = statistics.column(column) else { return (true, true) };
    match (stats.nulls, statistics.rows()) {
        (Some(0), _) => (false, true),
        (Some(nulls), Some(rows)) => (true, nulls < rows),
        _ => (true, true),
    }
}

fn compare(statistics: &dyn Statistics, column: &Column, op: Comparison, value: &Scalar) -> Possible {
    let (has_nulls, has_values) = nulls(statistics, column);
    if value.is_null() || !has_values {
        return Possible::UNKNOWN;
    }
    let Some(stats) = statistics.column(column) else { return Possible::ANYTHING };
    if value.is_nan() {
        // Bounds leave NaN out, so they say nothing about it.
        return Possible { unknown: has_nulls, ..Possible::ANYTHING };
    }
    let low = stats.min.as_ref().and_then(|min| min.compare(value));
    let high = stats.max.as_ref().and_then(|max| max.compare(value));
    use Ordering::{Equal, Greater, Less};
    // A bound excludes even when it is truncated, since it then lies outside of the values; that all values are
    // equal to something can only be said by exact bounds.
    let constant = low == Some(Equal) && high == Some(Equal) && stats.exact;
    let (pass, fail) = match op {
        Comparison::Eq | Comparison::NotEq => (low != Some(Greater) && high != Some(Less), !constant),
        Comparison::Lt | Comparison::GtEq => (!matches!(low, Some(Greater | Equal)), high != Some(Less)),
        Comparison::LtEq | Comparison::Gt => (low != Some(Greater), !matches!(high, Some(Less | Equal))),
    };
    // NaN is above every number and may lie outside of the bounds: it fails `=`, `<` and `<=`.
    let possible = Possible { pass, fail: fail || stats.may_hide_nan(), unknown: has_nulls };
    match op {
        Comparison::Eq | Comparison::Lt | Comparison::LtEq => possible,
        Comparison::NotEq | Comparison::GtEq | Comparison::Gt => possible.negate(),
    }
}

/// The literal start of a pattern bounds the values that can match it.
fn like(statistics: &dyn Statistics, column: &Column, pattern: &str) -> Possible {
    let prefix: String = pattern.chars().take_while(|c| !matches!(c, '%' | '_' | '\\')).collect();
    let (has_nulls, has_values) = nulls(statistics, column);
    if !has_values {
        return Possible::UNKNOWN;
    }
    let mut possible = Possible { pass: true, fail: true, unknown: has_nulls };
    let Some(stats) = statistics.column(column) else { return possible };
    if !prefix.is_empty() {
        let value = Scalar::from(prefix.as_str());
        let below = stats.max.as_ref().and_then(|max| max.compare(&value)) == Some(Ordering::Less);
        let above = stats.min.as_ref().is_some_and(|min| {
            min.compare(&value) == Some(Ordering::Greater) && !min.to_string().starts_with(&prefix)
        });
        possible.pass = !below && !above;
    }
    possible
}
