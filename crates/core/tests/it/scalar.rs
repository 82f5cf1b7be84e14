use std::cmp::Ordering;

use arrow_array::{Array, StringArray};
use arrow_schema::{DataType, TimeUnit};
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
    let time = DataType::Time64(TimeUnit::Nanosecond);
    assert_eq!(Scalar::parse("01:02:03", &time).unwrap().to_string(), "01:02:03");
    for wrong in ["-12345678", "86400000000000", "25:00:00"] {
        assert!(Scalar::parse(wrong, &time).is_err(), "{wrong}");
    }
    assert!(Scalar::from(300_i64).cast(&DataType::Int8).is_err());
    assert!(Scalar::null(&DataType::Null).is_null());
}

#[test]
fn bytes_are_read_as_they_are_shown() {
    let types = [DataType::Binary, DataType::LargeBinary, DataType::BinaryView, DataType::FixedSizeBinary(3)];
    for data_type in types {
        let bytes = Scalar::parse("00fFa1", &data_type).unwrap();
        assert_eq!((bytes.to_string().as_str(), bytes.data_type()), ("00ffa1", &data_type));
        assert_eq!(Scalar::parse(&bytes.to_string(), &data_type).unwrap(), bytes);
        for wrong in ["0", "000", "0g", "+1", "é", "0x00"] {
            assert!(Scalar::parse(wrong, &data_type).is_err(), "{wrong}");
        }
    }
    assert_eq!(Scalar::parse("", &DataType::Binary).unwrap().to_string(), "");
    assert!(Scalar::parse("00", &DataType::FixedSizeBinary(3)).is_err());
}

#[test]
fn a_value_of_an_array_does_not_keep_the_others() {
    let texts = StringArray::from_iter_values((0..10_000).map(|row| format!("text {row}")));
    let value = Scalar::from_array(&texts, 9_999).unwrap();
    assert_eq!(value, Scalar::from("text 9999"));
    assert!(value.array().get_array_memory_size() < 1_000);
    assert!(Scalar::from_array(&texts, 10_000).is_err());
}
