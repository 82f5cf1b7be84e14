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

/// The two questions that carry through `and`, `or` and `not`: can a row pass, can a row not pass? Unknown is
/// "does not pass" at the top, but under a `not` it must not turn into a pass; hence `fail` and `unknown` are
/// kept apart.
#[derive(Clone, Copy)]
struct Possible {
    pass: bool,
    fail: bool,
    unknown: bool,
}

impl Possible {
    const ANYTHING: Self = Self { pass: true, fail: true, unknown: true };
}

impl Predicate {
    /// What the statistics say about the rows, never claiming more than they prove.
    #[must_use]
    pub fn prune(&self, statistics: &dyn Statistics) -> Match {
        let possible = self.possible(statistics);
        match possible {
            Possible { pass: false, .. } => Match::None,
            Possible { fail: false, unknown: false, .. } => Match::All,
            _ => Match::Some,
        }
    }

    fn possible(&self, statistics: &dyn Statistics) -> Possible {
        match self {
            Self::Compare { column, op, value } => compare(statistics, column, *op, value),
            Self::In { column, values } => values
                .iter()
                .map(|value| compare(statistics, column, Comparison::Eq, value))
                .fold(Possible { pass: false, fail: true, unknown: false }, or),
            Self::IsNull(column) => {
                let (has_nulls, has_values) = nulls(statistics, column);
                Possible { pass: has_nulls, fail: has_values, unknown: false }
            }
            Self::Like { column, pattern } => like(statistics, column, pattern),
            Self::And(parts) => parts
                .iter()
                .map(|part| part.possible(statistics))
                .fold(Possible { pass: true, fail: false, unknown: false }, and),
            Self::Or(parts) => parts
                .iter()
                .map(|part| part.possible(statistics))
                .fold(Possible { pass: false, fail: true, unknown: false }, or),
            Self::Not(part) => {
                let inner = part.possible(statistics);
                Possible { pass: inner.fail, fail: inner.pass, unknown: inner.unknown }
            }
        }
    }
}

fn and(a: Possible, b: Possible) -> Possible {
    Possible {
        pass: a.pass && b.pass,
        fail: a.fail || b.fail,
        unknown: (a.unknown && (b.unknown || b.pass)) || (b.unknown && a.pass),
    }
}

fn or(a: Possible, b: Possible) -> Possible {
    Possible {
        pass: a.pass || b.pass,
        fail: a.fail && b.fail,
        unknown: (a.unknown && (b.unknown || b.fail)) || (b.unknown && a.fail),
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
    if value.is_null() {
        return Possible { pass: false, fail: false, unknown: true };
    }
    let (has_nulls, has_values) = nulls(statistics, column);
    if !has_values {
        return Possible { pass: false, fail: false, unknown: true };
    }
    let Some(stats) = statistics.column(column) else { return Possible::ANYTHING };
    let low = stats.min.as_ref().and_then(|min| min.compare(value));
    let high = stats.max.as_ref().and_then(|max| max.compare(value));
    use Ordering::{Equal, Greater, Less};
    // A bound excludes even when it is truncated, since it then lies outside of the values; that all values are
    // equal to something can only be said by exact bounds.
    let constant = low == Some(Equal) && high == Some(Equal) && stats.exact;
    let (pass, fail) = match op {
        Comparison::Eq => (low != Some(Greater) && high != Some(Less), !constant),
        Comparison::NotEq => (!constant, low != Some(Greater) && high != Some(Less)),
        Comparison::Lt => (!matches!(low, Some(Greater | Equal)), high != Some(Less)),
        Comparison::LtEq => (low != Some(Greater), !matches!(high, Some(Less | Equal))),
        Comparison::Gt => (!matches!(high, Some(Less | Equal)), low != Some(Greater)),
        Comparison::GtEq => (high != Some(Less), !matches!(low, Some(Greater | Equal))),
    };
    // NaN is above every number and lies outside of bounds that leave it out.
    let nan_passes = matches!(op, Comparison::Gt | Comparison::GtEq | Comparison::NotEq);
    let hidden = stats.may_hide_nan();
    Possible {
        pass: pass || (hidden && nan_passes),
        fail: fail || (hidden && !nan_passes),
        unknown: has_nulls,
    }
}

/// The literal start of a pattern bounds the values that can match it.
fn like(statistics: &dyn Statistics, column: &Column, pattern: &str) -> Possible {
    let prefix: String = pattern.chars().take_while(|c| !matches!(c, '%' | '_' | '\\')).collect();
    let (has_nulls, has_values) = nulls(statistics, column);
    if !has_values {
        return Possible { pass: false, fail: false, unknown: true };
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::col;

    struct Known(BTreeMap<Column, ColumnStats>, u64);

    impl Statistics for Known {
        fn column(&self, column: &Column) -> Option<ColumnStats> {
            self.0.get(column).cloned()
        }

        fn rows(&self) -> Option<u64> {
            Some(self.1)
        }
    }

    fn known() -> Known {
        let stats = |min: Scalar, max: Scalar, nulls, exact| ColumnStats {
            min: Some(min),
            max: Some(max),
            nulls: Some(nulls),
            exact,
            ..ColumnStats::default()
        };
        Known(
            [
                (Column::new("a"), stats(10_i64.into(), 20_i64.into(), 0, true)),
                (Column::new("n"), stats(10_i64.into(), 20_i64.into(), 3, true)),
                (Column::new("c"), stats(5_i64.into(), 5_i64.into(), 0, true)),
                (Column::new("t"), stats("abc".into(), "abd".into(), 0, false)),
                (Column::new("z"), ColumnStats { nulls: Some(100), ..ColumnStats::default() }),
            ]
            .into(),
            100,
        )
    }

    #[track_caller]
    fn check(predicate: &Predicate, expected: Match) {
        assert_eq!(predicate.prune(&known()), expected, "{predicate}");
    }

    #[test]
    fn bounds() {
        check(&col("a").lt(10_i64), Match::None);
        check(&col("a").lt_eq(10_i64), Match::Some);
        check(&col("a").lt(21_i64), Match::All);
        check(&col("n").lt(21_i64), Match::Some);
        check(&col("a").gt(20_i64), Match::None);
        check(&col("a").gt_eq(10_i64), Match::All);
        check(&col("a").eq(9_i64), Match::None);
        check(&col("a").not_eq(9_i64), Match::All);
        check(&col("c").eq(5_i64), Match::All);
        check(&col("c").not_eq(5_i64), Match::None);
        check(&col("t").eq("abc"), Match::Some);
        check(&col("unknown").eq(1_i64), Match::Some);
        check(&col("a").is_in([1_i64, 2]), Match::None);
    }

    #[test]
    fn nulls_and_connectives() {
        check(&col("z").is_null(), Match::All);
        check(&col("a").is_null(), Match::None);
        check(&col("z").eq(1_i64), Match::None);
        check(&col("z").eq(1_i64).negate(), Match::None);
        check(&col("n").lt(5_i64).negate(), Match::Some);
        check(&col("a").lt(5_i64).negate(), Match::All);
        check(&col("a").lt(5_i64).or(col("n").is_not_null()), Match::Some);
        check(&col("a").lt(5_i64).and(col("unknown").eq(1_i64)), Match::None);
        check(&col("a").gt(5_i64).or(col("unknown").eq(1_i64)), Match::All);
        check(&Predicate::And(vec![]), Match::All);
    }

    #[test]
    fn like_uses_its_prefix() {
        check(&col("t").like("b%"), Match::None);
        check(&col("t").like("aa%"), Match::None);
        check(&col("t").like("ab%"), Match::Some);
        check(&col("t").like("%x"), Match::Some);
    }
}
