use stitchwork_core::with_field_id;

use super::*;

fn round_trip(schema: &Schema, version: u8) -> Result<SchemaRef> {
    let fields = Ids { last: 0, keep: false, version }.fields(schema.fields(), "")?;
    to_arrow(&IceSchema::new(fields))
}

#[test]
fn every_type_comes_back_and_foreign_ones_become_their_nearest() {
    use DataType as T;
    let us = |tz: Option<&str>| T::Timestamp(TimeUnit::Microsecond, tz.map(Into::into));
    let cases = [
        (T::Boolean, T::Boolean),
        (T::Int8, T::Int32),
        (T::UInt16, T::Int32),
        (T::UInt32, T::Int64),
        (T::UInt64, T::Decimal128(20, 0)),
        (T::Float32, T::Float32),
        (T::Float64, T::Float64),
        (T::Decimal128(9, 2), T::Decimal128(9, 2)),
        (T::Date32, T::Date32),
        (T::Time32(TimeUnit::Second), T::Time64(TimeUnit::Microsecond)),
        (T::Time64(TimeUnit::Microsecond), T::Time64(TimeUnit::Microsecond)),
        (T::Timestamp(TimeUnit::Second, None), us(None)),
        (us(Some("+02:00")), us(Some("UTC"))),
        (T::Utf8View, T::Utf8),
        (T::LargeBinary, T::Binary),
        (T::FixedSizeBinary(5), T::FixedSizeBinary(5)),
        (T::Dictionary(Box::new(T::Int32), Box::new(T::Utf8)), T::Utf8),
    ];
    for (given, expected) in cases {
        let schema = Schema::new(vec![Field::new("c", given, true)]);
        assert_eq!(round_trip(&schema, 2).unwrap().field(0).data_type(), &expected);
    }
}

#[test]
fn what_iceberg_lacks_is_refused_with_its_column() {
    for ty in [
        DataType::Duration(TimeUnit::Second),
        DataType::Null,
        DataType::Date64,
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Struct(Fields::empty()),
        DataType::Decimal256(60, 2),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
    ] {
        let inner = Fields::from(vec![Field::new("x", ty, true)]);
        let schema = Schema::new(vec![Field::new("s", DataType::Struct(inner), true)]);
        let error = round_trip(&schema, 2).unwrap_err();
        assert_eq!(error.kind(), stitchwork_core::ErrorKind::Unsupported);
        assert_eq!(error.context("column"), Some("s.x"));
    }
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let schema = Schema::new(vec![Field::new("t", nanos.clone(), true)]);
    assert_eq!(round_trip(&schema, 3).unwrap().field(0).data_type(), &nanos);
}

#[test]
fn ids_stand_at_every_depth() {
    let entries =
        Fields::from(vec![Field::new("k", DataType::Utf8, false), Field::new("v", DataType::Int32, true)]);
    let entries = Arc::new(Field::new("entries", DataType::Struct(entries), false));
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
    let schema =
        Schema::new(vec![Field::new("m", DataType::Map(entries, false), true), Field::new("l", list, false)]);
    let schema = round_trip(&schema, 2).unwrap();
    let DataType::Map(entries, false) = schema.field(0).data_type() else { panic!("{schema}") };
    let DataType::Struct(pair) = entries.data_type() else { panic!("{schema}") };
    let DataType::List(element) = schema.field(1).data_type() else { panic!("{schema}") };
    let named = |field: &Field| (field.name().clone(), field_id(field).unwrap());
    assert_eq!(named(schema.field(0)), ("m".to_owned(), 1));
    assert_eq!(named(schema.field(1)), ("l".to_owned(), 2));
    assert_eq!(named(&pair[0]), ("key".to_owned(), 3));
    assert_eq!(named(&pair[1]), ("value".to_owned(), 4));
    assert_eq!(named(element), ("element".to_owned(), 5));
}

#[test]
fn ids_are_kept_and_new_ones_count_on() {
    let schema = Schema::new(vec![
        with_field_id(Field::new("a", DataType::Int32, true), 3),
        Field::new("b", DataType::Int32, true),
    ]);
    let fields = Ids { last: 7, keep: true, version: 2 }.fields(schema.fields(), "").unwrap();
    assert_eq!((fields[0].id, fields[1].id), (3, 8));
}

#[test]
fn a_default_is_told_as_core_reads_it() {
    let uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7";
    for (ty, default, told) in [
        (IceType::Date, "2024-02-29", "2024-02-29"),
        (IceType::String, "x", "x"),
        (IceType::Binary, "00ff", "00ff"),
        (IceType::Fixed(2), "00ff", "00ff"),
        (IceType::Uuid, uuid, "f79c3e09677c4bbda4793f349cb785e7"),
    ] {
        let mut field = IceField::optional(1, "d", ty);
        field.initial_default = Some(default.into());
        let schema = to_arrow(&IceSchema::new(vec![field])).unwrap();
        let field = schema.field(0);
        assert_eq!(field.metadata()[INITIAL_DEFAULT], told);
        assert!(stitchwork_core::Scalar::parse(told, field.data_type()).is_ok());
        let fields = Ids { last: 1, keep: true, version: 3 }.fields(schema.fields(), "").unwrap();
        assert_eq!(fields[0].initial_default, Some(default.into()));
    }
}
