use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use stitchwork_core::{Predicate, Scalar, col};

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
fn there_is_one_nan_and_one_zero() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, -f64::NAN, -0.0, 0.0]));
    let batch = RecordBatch::try_from_iter(vec![("f", floats)]).unwrap();
    for (predicate, expected) in [
        (col("f").gt(5.0), [true, true, false, false]),
        (col("f").lt(5.0), [false, false, true, true]),
        (col("f").eq(f64::NAN), [true, true, false, false]),
        (col("f").lt(-f64::NAN), [false, false, true, true]),
        (col("f").gt_eq(0.0), [true; 4]),
        (col("f").is_in([-0.0]), [false, false, true, true]),
    ] {
        let passes = predicate.passes(&batch).unwrap();
        assert_eq!(passes.values().iter().collect::<Vec<_>>(), expected, "{predicate}");
    }
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
