use std::collections::BTreeMap;

use stitchwork_core::{Column, ColumnStats, Match, Predicate, Scalar, Statistics, col};

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
