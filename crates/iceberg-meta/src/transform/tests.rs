use iceberg::spec::{Datum, PrimitiveLiteral, Transform};
use iceberg::transform::create_transform_function;

use super::*;

fn decimal(unscaled: i128) -> IceValue {
    IceValue::Decimal { unscaled, scale: 2 }
}

fn uuid() -> IceValue {
    IceValue::Uuid(uuid::Uuid::parse_str("f79c3e09-677c-4bbd-a479-3f349cb785e7").unwrap().into_bytes())
}

#[test]
fn hashes_are_those_of_appendix_b() {
    let cases = [
        (IceValue::Int(34), 2_017_239_379),
        (IceValue::Long(34), 2_017_239_379),
        (decimal(1420), -500_754_589),
        (IceValue::Date(17_486), -653_330_422),
        (IceValue::Time(81_068_000_000), -662_762_989),
        (IceValue::Timestamp(1_510_871_468_000_000), -2_047_944_441),
        (IceValue::Timestamp(1_510_871_468_000_001), -1_207_196_810),
        (IceValue::TimestampNs(1_510_871_468_000_000_000), -2_047_944_441),
        (IceValue::TimestampNs(1_510_871_468_000_001_001), -1_207_196_810),
        (IceValue::String("iceberg".into()), 1_210_000_089),
        (uuid(), 1_488_055_340),
        (IceValue::Fixed(vec![0, 1, 2, 3]), -188_683_207),
        (IceValue::Binary(vec![0, 1, 2, 3]), -188_683_207),
        (IceValue::Int(1), 1_392_991_556),
    ];
    for (value, hash) in cases {
        assert_eq!(bucket_hash(&value).unwrap(), hash, "{value:?}");
    }
    assert!(bucket_hash(&IceValue::Double(1.0)).is_err());
}

#[test]
fn results_of_each_transform() {
    let micros = IceValue::Timestamp(1_510_871_468_000_001);
    let before = IceValue::Timestamp(-1);
    let apply = |t: IceTransform, v: &IceValue| t.apply(Some(v)).unwrap().unwrap();
    assert_eq!(apply(IceTransform::Year, &micros), IceValue::Int(47));
    assert_eq!(apply(IceTransform::Month, &micros), IceValue::Int(574));
    assert_eq!(apply(IceTransform::Day, &micros), IceValue::Date(17_486));
    assert_eq!(apply(IceTransform::Hour, &micros), IceValue::Int(419_686));
    for (transform, value) in [
        (IceTransform::Year, IceValue::Int(-1)),
        (IceTransform::Month, IceValue::Int(-1)),
        (IceTransform::Day, IceValue::Date(-1)),
        (IceTransform::Hour, IceValue::Int(-1)),
    ] {
        assert_eq!(apply(transform, &before), value);
    }
    assert_eq!(apply(IceTransform::Truncate(10), &IceValue::Int(-1)), IceValue::Int(-10));
    assert_eq!(apply(IceTransform::Truncate(10), &IceValue::Long(1)), IceValue::Long(0));
    assert_eq!(apply(IceTransform::Truncate(50), &decimal(1065)), decimal(1050));
    assert_eq!(
        apply(IceTransform::Truncate(3), &IceValue::String("iceberg".into())),
        IceValue::String("ice".into())
    );
    assert_eq!(
        apply(IceTransform::Truncate(1), &IceValue::String("üx".into())),
        IceValue::String("ü".into())
    );
    assert_eq!(apply(IceTransform::Truncate(1), &IceValue::Binary(vec![1, 2])), IceValue::Binary(vec![1]));
    assert_eq!(apply(IceTransform::Identity, &micros), micros);
    assert_eq!(IceTransform::Void.apply(Some(&micros)).unwrap(), None);
    assert_eq!(IceTransform::Bucket(4).apply(None).unwrap(), None);
}

#[test]
fn the_metadata_library_agrees() {
    let transforms = [
        (IceTransform::Year, Transform::Year),
        (IceTransform::Month, Transform::Month),
        (IceTransform::Day, Transform::Day),
        (IceTransform::Hour, Transform::Hour),
        (IceTransform::Bucket(16), Transform::Bucket(16)),
    ];
    for micros in [0, -1, 1, 1_510_871_468_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999] {
        for (ours, theirs) in &transforms {
            let function = create_transform_function(theirs).unwrap();
            let theirs = function.transform_literal_result(&Datum::timestamp_micros(micros)).unwrap();
            let ours = ours.apply(Some(&IceValue::Timestamp(micros))).unwrap().unwrap();
            match (theirs.literal(), ours) {
                (PrimitiveLiteral::Int(a), IceValue::Int(b) | IceValue::Date(b)) => assert_eq!(*a, b),
                other => panic!("{other:?}"),
            }
        }
    }
    for value in [i64::MIN, -101, -1, 0, 1, 99, i64::MAX] {
        let function = create_transform_function(&Transform::Bucket(7)).unwrap();
        let theirs = function.transform_literal_result(&Datum::long(value)).unwrap();
        let ours = IceTransform::Bucket(7).apply(Some(&IceValue::Long(value))).unwrap().unwrap();
        assert_eq!(theirs.to_bytes().unwrap().to_vec(), ours.to_bytes());
    }
}

#[test]
fn wrong_sources_and_unknown_transforms_are_refused() {
    assert!(IceTransform::Hour.result_type(&IceType::Date).is_err());
    assert!(IceTransform::Bucket(4).result_type(&IceType::Double).is_err());
    assert!(IceTransform::Identity.result_type(&IceType::Struct(vec![])).is_err());
    assert_eq!(IceTransform::Day.result_type(&IceType::Timestamptz).unwrap(), IceType::Date);
    assert!(IceTransform::Hour.apply(Some(&IceValue::Date(1))).is_err());
    let unknown = IceTransform::parse("zorder[3]");
    assert_eq!(unknown, IceTransform::Unknown("zorder[3]".into()));
    assert!(matches!(unknown.apply(None), Err(MetaError::Unsupported(_))));
    assert_eq!(IceTransform::parse("bucket[0]"), IceTransform::Unknown("bucket[0]".into()));
    for text in ["identity", "year", "month", "day", "hour", "bucket[16]", "truncate[4]", "void", "zorder[3]"]
    {
        assert_eq!(IceTransform::parse(text).to_string(), text);
    }
}

#[test]
fn path_values_are_readable() {
    let human = |t: IceTransform, ty: IceType, v: IceValue| t.human_string(&ty, Some(&v)).unwrap();
    assert_eq!(human(IceTransform::Year, IceType::Date, IceValue::Int(47)), "2017");
    assert_eq!(human(IceTransform::Month, IceType::Date, IceValue::Int(574)), "2017-11");
    assert_eq!(human(IceTransform::Month, IceType::Date, IceValue::Int(-1)), "1969-12");
    assert_eq!(human(IceTransform::Day, IceType::Timestamp, IceValue::Date(19_723)), "2024-01-01");
    assert_eq!(human(IceTransform::Hour, IceType::Timestamp, IceValue::Int(419_686)), "2017-11-16-22");
    assert_eq!(human(IceTransform::Bucket(4), IceType::Long, IceValue::Int(3)), "3");
    assert_eq!(
        human(IceTransform::Identity, IceType::Decimal { precision: 9, scale: 2 }, decimal(-5)),
        "-0.05"
    );
    assert_eq!(
        human(IceTransform::Identity, IceType::Timestamptz, IceValue::Timestamp(0)),
        "1970-01-01T00:00:00+00:00"
    );
    assert_eq!(IceTransform::Day.human_string(&IceType::Date, None).unwrap(), "null");
    assert!(IceTransform::Day.human_string(&IceType::Date, Some(&IceValue::Long(1))).is_err());
}
