use std::cmp::Ordering;

use arrow_schema::DataType;
use stitchwork_core::Scalar;

#[test]
fn compares_across_types_without_rounding() {
    assert_eq!(Scalar::from(1_i32).compare(&Scalar::from(2_i64)), Some(Ordering::Less));
    assert_eq!(Scalar::from(i64::MAX).compare(&Scalar::from(1_i32)), Some(Ordering::Greater));
    assert_eq!(Scalar::from(1_i64).compare(&Scalar::from(1.5)), Some(Ordering::Less));
    assert_eq!(Scalar::from(1_i64).compare(&Scalar::null(&DataType::Int64)), None);
}

#[test]
fn parses_dates_and_refuses_what_does_not_fit() {
    let date = Scalar::parse("2024-02-29", &DataType::Date32).unwrap();
    assert_eq!(date.to_string(), "2024-02-29");
    assert!(Scalar::parse("2023-02-29", &DataType::Date32).is_err());
    assert!(Scalar::from(300_i64).cast(&DataType::Int8).is_err());
    assert!(Scalar::null(&DataType::Null).is_null());
}
