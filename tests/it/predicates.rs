//! What statistics promise about a predicate holds for the rows, and predicates mean what SQL means.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use proptest::prelude::*;
use stitchwork::core::{Column, ColumnStats, Comparison, FileStats, Match, Predicate, Scalar, col};

fn floats() -> impl Strategy<Value = Option<f64>> {
    let values = [0.0, -0.0, 1.0, -1.0, 2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    proptest::option::weighted(0.9, proptest::sample::select(values.to_vec()))
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    proptest::sample::select(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq])
}

/// A predicate over `f` and `i`, some levels deep.
fn predicate() -> impl Strategy<Value = Predicate> {
    let float = (comparison(), floats().prop_filter("a value", Option::is_some)).prop_map(|(op, value)| {
        Predicate::Compare { column: Column::new("f"), op, value: Scalar::from(value.unwrap_or_default()) }
    });
    let integer = (comparison(), -3_i64..4).prop_map(|(op, value)| Predicate::Compare {
        column: Column::new("i"),
        op,
        value: Scalar::from(value),
    });
    let set = proptest::collection::vec(floats().prop_filter("a value", Option::is_some), 0..3)
        .prop_map(|values| col("f").is_in(values.into_iter().flatten()));
    let leaf = prop_oneof![float, integer, set, Just(col("f").is_null()), Just(col("i").is_null())];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(Predicate::negate),
        ]
    })
}

/// Statistics as Parquet has them: bounds leave NaN out, and nobody may have counted it.
fn statistics(floats: &[Option<f64>], integers: &[Option<i64>], count_nans: bool) -> FileStats {
    let nulls = |count: usize| Some(count as u64);
    let numbers: Vec<f64> = floats.iter().flatten().copied().filter(|f| !f.is_nan()).collect();
    let nans = floats.iter().flatten().filter(|f| f.is_nan()).count() as u64;
    let f = ColumnStats {
        min: numbers.iter().copied().reduce(f64::min).map(Scalar::from),
        max: numbers.iter().copied().reduce(f64::max).map(Scalar::from),
        exact: true,
        nulls: nulls(floats.iter().filter(|f| f.is_none()).count()),
        nans: count_nans.then_some(nans),
        ..ColumnStats::default()
    };
    let i = ColumnStats {
        min: integers.iter().flatten().min().copied().map(Scalar::from),
        max: integers.iter().flatten().max().copied().map(Scalar::from),
        exact: true,
        nulls: nulls(integers.iter().filter(|i| i.is_none()).count()),
        ..ColumnStats::default()
    };
    FileStats {
        rows: Some(floats.len() as u64),
        columns: [(Column::new("f"), f), (Column::new("i"), i)].into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn statistics_never_promise_more_than_the_rows_keep(
        rows in proptest::collection::vec((floats(), proptest::option::weighted(0.9, -3_i64..4)), 1..6),
        predicate in predicate(),
        count_nans: bool,
    ) {
        let (floats, integers): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let statistics = statistics(&floats, &integers, count_nans);
        let arrays: [(&str, ArrayRef); 2] =
            [("f", Arc::new(Float64Array::from(floats))), ("i", Arc::new(Int64Array::from(integers)))];
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        let passing = predicate.passes(&batch).unwrap().true_count();
        match predicate.prune(&statistics) {
            Match::None => prop_assert_eq!(passing, 0, "{}", predicate),
            Match::All => prop_assert_eq!(passing, batch.num_rows(), "{}", predicate),
            Match::Some => {}
        }
    }
}

#[track_caller]
fn check(array: impl Array + 'static, predicate: &Predicate, expected: &[bool]) {
    let batch = RecordBatch::try_from_iter([("c", Arc::new(array) as ArrayRef)]).unwrap();
    let passes: Vec<bool> = predicate.passes(&batch).unwrap().iter().map(|p| p == Some(true)).collect();
    assert_eq!(passes, expected, "{predicate}");
}

#[test]
fn zeros_are_equal_and_texts_are_read_as_the_column_s_type() {
    let zeros = || Float64Array::from(vec![-0.0, 0.0, 1.0]);
    check(zeros(), &col("c").eq(0.0), &[true, true, false]);
    check(zeros(), &col("c").eq(-0.0), &[true, true, false]);
    check(zeros(), &col("c").lt(0.0), &[false, false, false]);
    check(zeros(), &col("c").is_in([0.0]), &[true, true, false]);

    let decimals =
        || Decimal128Array::from(vec![1000, 950, 90, 12_345]).with_precision_and_scale(9, 2).unwrap();
    check(decimals(), &col("c").lt("9.5"), &[false, false, true, false]);
    check(decimals(), &col("c").eq("10"), &[true, false, false, false]);
    let finer = RecordBatch::try_from_iter([("c", Arc::new(decimals()) as ArrayRef)]).unwrap();
    let error = col("c").lt("9.555").passes(&finer).unwrap_err();
    assert_eq!(error.kind(), stitchwork::ErrorKind::InvalidInput, "nothing is rounded: {error}");
    let times = TimestampMicrosecondArray::from(vec![1_704_067_200_000_000, 0]).with_timezone("UTC");
    check(times, &col("c").eq("2024-01-01T00:00:00Z"), &[true, false]);
    check(Int64Array::from(vec![1, 2]), &col("c").eq("01"), &[true, false]);

    let batch = RecordBatch::try_from_iter([("c", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    let error = col("c").eq("x").passes(&batch).unwrap_err();
    assert_eq!(error.kind(), stitchwork::ErrorKind::InvalidInput);
}
