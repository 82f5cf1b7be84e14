use serde_json::json;

use super::*;

fn decimal(unscaled: i128) -> IceValue {
    IceValue::Decimal { unscaled, scale: 2 }
}

#[test]
fn binary_forms_are_those_of_appendix_d() {
    assert_eq!(IceValue::Boolean(true).to_bytes(), [1]);
    assert_eq!(IceValue::Int(-2).to_bytes(), [0xfe, 0xff, 0xff, 0xff]);
    assert_eq!(IceValue::Long(1).to_bytes(), [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(IceValue::Float(1.0).to_bytes(), [0, 0, 0x80, 0x3f]);
    assert_eq!(IceValue::Double(1.0).to_bytes(), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    assert_eq!(IceValue::Date(17_486).to_bytes(), 17_486i32.to_le_bytes());
    assert_eq!(IceValue::String("ü".into()).to_bytes(), [0xc3, 0xbc]);
    assert_eq!(decimal(1420).to_bytes(), [0x05, 0x8c]);
    assert_eq!(decimal(0).to_bytes(), [0]);
    assert_eq!(decimal(127).to_bytes(), [0x7f]);
    assert_eq!(decimal(128).to_bytes(), [0, 0x80]);
    assert_eq!(decimal(-128).to_bytes(), [0x80]);
    assert_eq!(decimal(-129).to_bytes(), [0xff, 0x7f]);
    assert_eq!(decimal(-1).to_bytes(), [0xff]);
}

fn samples() -> Vec<(IceType, IceValue)> {
    let uuid = *b"0123456789abcdef";
    vec![
        (IceType::Boolean, IceValue::Boolean(false)),
        (IceType::Int, IceValue::Int(i32::MIN)),
        (IceType::Long, IceValue::Long(i64::MAX)),
        (IceType::Float, IceValue::Float(-0.0)),
        (IceType::Double, IceValue::Double(1e300)),
        (IceType::Decimal { precision: 9, scale: 2 }, decimal(-129)),
        (IceType::Decimal { precision: 38, scale: 2 }, decimal(10i128.pow(37) + 7)),
        (IceType::Date, IceValue::Date(-7)),
        (IceType::Time, IceValue::Time(81_068_123_456)),
        (IceType::Timestamp, IceValue::Timestamp(-1)),
        (IceType::Timestamptz, IceValue::Timestamp(1_510_871_468_123_456)),
        (IceType::TimestampNs, IceValue::TimestampNs(1)),
        (IceType::TimestamptzNs, IceValue::TimestampNs(i64::MIN)),
        (IceType::String, IceValue::String("a b".into())),
        (IceType::Uuid, IceValue::Uuid(uuid)),
        (IceType::Fixed(3), IceValue::Fixed(vec![0, 1, 255])),
        (IceType::Binary, IceValue::Binary(vec![])),
    ]
}

#[test]
fn every_type_round_trips_in_both_forms() {
    for (ty, value) in samples() {
        assert_eq!(IceValue::from_bytes(&ty, &value.to_bytes()).unwrap(), value, "{ty}");
        let json = value.to_json(&ty).unwrap();
        assert_eq!(IceValue::from_json(&ty, &json).unwrap().unwrap(), value, "{ty}: {json}");
    }
}

#[test]
fn bounds_of_promoted_columns_are_read() {
    let int = 7i32.to_le_bytes();
    assert_eq!(IceValue::from_bytes(&IceType::Long, &int).unwrap(), IceValue::Long(7));
    let float = 1.5f32.to_le_bytes();
    assert_eq!(IceValue::from_bytes(&IceType::Double, &float).unwrap(), IceValue::Double(1.5));
    assert_eq!(
        IceValue::from_bytes(&IceType::Timestamp, &int).unwrap(),
        IceValue::Timestamp(7 * 86_400_000_000)
    );
    assert_eq!(
        IceValue::from_bytes(&IceType::TimestampNs, &int).unwrap(),
        IceValue::TimestampNs(7 * 86_400_000_000_000)
    );
}

#[test]
fn wrong_bytes_are_refused() {
    for (ty, bytes) in [
        (IceType::Int, &[1u8, 2][..]),
        (IceType::Boolean, &[]),
        (IceType::String, &[0xff]),
        (IceType::Decimal { precision: 38, scale: 0 }, &[1; 17]),
        (IceType::Decimal { precision: 38, scale: 0 }, &[]),
        (IceType::Uuid, &[0; 15]),
    ] {
        assert!(IceValue::from_bytes(&ty, bytes).is_err(), "{ty}");
    }
    assert!(matches!(IceValue::from_bytes(&IceType::Struct(vec![]), &[]), Err(MetaError::Unsupported(_))));
}

#[test]
fn json_forms_are_those_of_appendix_d() {
    let cases = [
        (IceType::Decimal { precision: 4, scale: 2 }, json!("14.20"), decimal(1420)),
        (IceType::Date, json!("2017-11-16"), IceValue::Date(17_486)),
        (IceType::Time, json!("22:31:08.123456"), IceValue::Time(81_068_123_456)),
        (IceType::Timestamp, json!("2017-11-16T22:31:08.123456"), IceValue::Timestamp(1_510_871_468_123_456)),
        (
            IceType::Timestamptz,
            json!("2017-11-16T22:31:08.123456+00:00"),
            IceValue::Timestamp(1_510_871_468_123_456),
        ),
        (IceType::Binary, json!("000102ff"), IceValue::Binary(vec![0, 1, 2, 255])),
    ];
    for (ty, json, value) in cases {
        assert_eq!(IceValue::from_json(&ty, &json).unwrap().unwrap(), value);
        assert_eq!(value.to_json(&ty).unwrap(), json);
    }
    assert_eq!(IceValue::from_json(&IceType::Long, &json!(null)).unwrap(), None);
    assert!(IceValue::from_json(&IceType::Decimal { precision: 3, scale: 2 }, &json!("14.20")).is_err());
    assert!(IceValue::Double(f64::NAN).to_json(&IceType::Double).is_err());
}

#[test]
fn order_follows_the_specification() {
    assert_eq!(IceValue::Float(-0.0).compare(&IceValue::Float(0.0)), Some(Ordering::Less));
    assert_eq!(IceValue::Float(f32::NAN).compare(&IceValue::Float(0.0)), None);
    assert_eq!(decimal(-1).compare(&decimal(1)), Some(Ordering::Less));
    assert_eq!(IceValue::Int(1).compare(&IceValue::Long(1)), None);
    assert_eq!(IceValue::Double(f64::NAN), IceValue::Double(f64::NAN));
}
