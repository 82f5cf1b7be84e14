//! Types that hold the values of others, and the columns of several files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Int32Array, Int64Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use stitchwork_core::{
    ErrorKind, FIELD_ID, FieldMapping, Scalar, common_type, merge_fields, repeat, require_unique,
    settle_fields,
};

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn child(data_type: DataType) -> Arc<Field> {
    Arc::new(field("element", data_type))
}

/// Types with values of theirs, the extreme ones among them.
fn plain() -> Vec<(DataType, Vec<&'static str>)> {
    use DataType as T;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let moments = || vec!["1969-12-31T23:59:59", "2024-02-29T12:30:01"];
    let zoned = |unit, zone: &str| T::Timestamp(unit, Some(zone.into()));
    vec![
        (T::Null, vec![]),
        (T::Boolean, vec!["true", "false"]),
        (T::Int8, vec!["-128", "127"]),
        (T::Int16, vec!["-32768", "32767"]),
        (T::Int32, vec!["-2147483648", "2147483647"]),
        (T::Int64, vec!["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
        (T::UInt8, vec!["255"]),
        (T::UInt16, vec!["65535"]),
        (T::UInt32, vec!["4294967295"]),
        (T::UInt64, vec!["18446744073709551615"]),
        (T::Float32, vec!["0.1", "-3.4028235e38"]),
        (T::Float64, vec!["0.1", "-1.7976931348623157e308"]),
        (T::Decimal32(9, 2), vec!["9999999.99"]),
        (T::Decimal64(18, 5), vec!["-9999999999999.99999"]),
        (T::Decimal128(5, 2), vec!["999.99"]),
        (T::Decimal128(12, 4), vec!["99999999.9999"]),
        (T::Decimal128(38, 0), vec!["99999999999999999999999999999999999999"]),
        (T::Decimal128(5, -2), vec![]),
        (T::Decimal256(76, 38), vec!["12345678901234567890123456789012345678.5"]),
        (T::Date32, vec!["0001-01-01", "9999-12-31"]),
        (T::Date64, vec!["0001-01-01", "9999-12-31"]),
        (T::Timestamp(Second, None), moments()),
        (T::Timestamp(Microsecond, None), vec!["2024-02-29T12:30:01.123456"]),
        (T::Timestamp(Nanosecond, None), vec!["2024-02-29T12:30:01.123456789"]),
        (zoned(Millisecond, "UTC"), vec!["2024-02-29T12:30:01.123Z"]),
        (zoned(Microsecond, "+02:00"), vec!["2024-02-29T12:30:01.123456Z"]),
        (zoned(Microsecond, "+05:30"), vec!["2024-02-29T12:30:01.123456Z"]),
        (T::Time32(Second), vec!["23:59:59"]),
        (T::Time32(Millisecond), vec!["23:59:59.999"]),
        (T::Time64(Microsecond), vec!["23:59:59.999999"]),
        (T::Time64(Nanosecond), vec!["23:59:59.999999999"]),
        (T::Duration(Second), vec![]),
        (T::Duration(Nanosecond), vec![]),
        (T::Interval(IntervalUnit::YearMonth), vec![]),
        (T::Utf8, vec!["007", ""]),
        (T::LargeUtf8, vec!["ä"]),
        (T::Utf8View, vec!["a text that is too long to lie in a view"]),
        (T::Binary, vec!["00ff"]),
        (T::LargeBinary, vec!["00ff"]),
        (T::BinaryView, vec!["00ff"]),
        (T::FixedSizeBinary(2), vec!["00ff"]),
        (T::FixedSizeBinary(3), vec!["00ff01"]),
    ]
}

fn nested(leaf: &DataType, wide: &DataType) -> Vec<DataType> {
    use DataType as T;
    let pair = |key: T, value: T| {
        let fields = vec![Field::new("key", key, false), field("value", value)];
        Arc::new(Field::new("entries", T::Struct(fields.into()), false))
    };
    let record = |fields: &[(&str, &T)]| -> T {
        T::Struct(fields.iter().map(|(name, t)| field(name, (*t).clone())).collect())
    };
    vec![
        T::List(child(leaf.clone())),
        T::List(child(wide.clone())),
        T::LargeList(child(leaf.clone())),
        T::FixedSizeList(child(leaf.clone()), 2),
        T::FixedSizeList(child(wide.clone()), 3),
        T::ListView(child(leaf.clone())),
        T::ListView(child(wide.clone())),
        T::LargeListView(child(leaf.clone())),
        T::LargeListView(child(wide.clone())),
        record(&[("a", leaf), ("b", leaf)]),
        record(&[("a", wide), ("c", leaf)]),
        T::Map(pair(T::Utf8, leaf.clone()), false),
        T::Map(pair(T::LargeUtf8, wide.clone()), true),
        T::Dictionary(Box::new(T::Int8), Box::new(leaf.clone())),
        T::Dictionary(Box::new(T::Int32), Box::new(leaf.clone())),
    ]
}

/// Structs without regard to the order of their fields, which is the only thing that depends on that of files.
fn sorted(data_type: &DataType) -> DataType {
    use DataType as T;
    let inner = |f: &Arc<Field>| Arc::new(f.as_ref().clone().with_data_type(sorted(f.data_type())));
    match data_type {
        T::Struct(fields) => {
            let mut fields: Vec<_> = fields.iter().map(inner).collect();
            fields.sort_by(|a, b| a.name().cmp(b.name()));
            T::Struct(fields.into())
        }
        T::List(f) => T::List(inner(f)),
        T::LargeList(f) => T::LargeList(inner(f)),
        T::FixedSizeList(f, size) => T::FixedSizeList(inner(f), *size),
        T::ListView(f) => T::ListView(inner(f)),
        T::LargeListView(f) => T::LargeListView(inner(f)),
        T::Map(f, ordered) => T::Map(inner(f), *ordered),
        other => other.clone(),
    }
}

#[test]
fn types_have_one_common_type_in_whatever_order_they_come() {
    let mut types: Vec<DataType> = plain().into_iter().map(|(data_type, _)| data_type).collect();
    types.push(DataType::Float16);
    types.extend(nested(&DataType::Int32, &DataType::Decimal128(5, 2)));
    types.extend(nested(&DataType::Utf8, &DataType::Boolean));
    let common = |a: &Option<DataType>, b: &DataType| common_type(a.as_ref()?, b).map(|t| sorted(&t));
    let mut known = 0;
    for a in &types {
        let first = Some(sorted(a));
        assert_eq!(common(&first, a), first);
        for b in &types {
            let both = common(&first, b);
            known += usize::from(both.is_some());
            assert_eq!(both, common(&Some(b.clone()), a), "{a} and {b}");
            for c in &types {
                let other = common(&common(&Some(b.clone()), c), a);
                assert_eq!(common(&both, c), other, "{a}, {b} and {c}");
            }
        }
    }
    assert!(known > types.len() * 4, "{known} pairs of {} types have a common type", types.len());
}

#[test]
fn values_survive_in_the_common_type() {
    let lossy = |a: &DataType, b: &DataType| *a == DataType::Int64 && b.is_floating();
    let (plain, mapping) = (plain(), FieldMapping::by_name());
    let mut tried = 0;
    for (from, texts) in &plain {
        for (other, _) in &plain {
            let Some(to) = common_type(from, other).filter(|_| !lossy(from, other)) else { continue };
            let to = Arc::new(field("c", to));
            for text in texts {
                let value = Scalar::parse(text, from).unwrap();
                let there = mapping.adapt_array(value.array(), &to).unwrap();
                let back = cast(&there, from).unwrap();
                assert_eq!(&back, value.array(), "{text}: {from} beside {other}, as {}", to.data_type());
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn the_common_type_is_the_smallest_that_holds_both() {
    use DataType as T;
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let utc = |unit| T::Timestamp(unit, Some("UTC".into()));
    for (a, b, common) in [
        (T::Int8, T::Int64, Some(T::Int64)),
        (T::UInt16, T::UInt8, Some(T::UInt16)),
        (T::Int8, T::UInt8, Some(T::Int16)),
        (T::UInt32, T::Int8, Some(T::Int64)),
        (T::UInt64, T::Int64, Some(T::Decimal128(20, 0))),
        (T::Float16, T::Float32, Some(T::Float32)),
        (T::Int8, T::Float16, Some(T::Float16)),
        (T::Int16, T::Float32, Some(T::Float32)),
        (T::Int32, T::Float32, Some(T::Float64)),
        // Not without loss, but what everybody expects; the documentation says so.
        (T::Int64, T::Float64, Some(T::Float64)),
        (T::UInt64, T::Float64, None),
        (T::Decimal128(5, 2), T::Decimal128(12, 4), Some(T::Decimal128(12, 4))),
        (T::Decimal128(5, 2), T::Decimal128(5, 4), Some(T::Decimal128(7, 4))),
        (T::Decimal32(9, 2), T::Decimal32(9, 4), Some(T::Decimal64(11, 4))),
        (T::Decimal128(38, 0), T::Decimal128(38, 10), Some(T::Decimal256(48, 10))),
        (T::Decimal256(76, 0), T::Decimal256(76, 10), None),
        (T::Int32, T::Decimal128(5, 2), Some(T::Decimal128(12, 2))),
        (T::Decimal128(5, 2), T::Float64, None),
        (T::Int64, T::Utf8, None),
        (T::Boolean, T::Int8, None),
        (T::Date32, T::Date64, Some(T::Date64)),
        (T::Date32, T::Timestamp(Microsecond, None), None),
        (
            T::Timestamp(Microsecond, None),
            T::Timestamp(Nanosecond, None),
            Some(T::Timestamp(Nanosecond, None)),
        ),
        (T::Timestamp(Microsecond, None), utc(Microsecond), None),
        (T::Timestamp(Second, Some("Europe/Zurich".into())), utc(Millisecond), Some(utc(Millisecond))),
        (T::Time32(Second), T::Time64(Nanosecond), Some(T::Time64(Nanosecond))),
        (T::Time32(Second), T::Time32(Millisecond), Some(T::Time32(Millisecond))),
        (T::Utf8, T::Binary, None),
        (T::Dictionary(Box::new(T::Int8), Box::new(T::Utf8)), T::Utf8, Some(T::Utf8)),
        (T::Null, T::Int64, Some(T::Int64)),
        (T::List(child(T::Int32)), T::List(child(T::Int64)), Some(T::List(child(T::Int64)))),
        (T::List(child(T::Int32)), T::LargeList(child(T::Int8)), Some(T::LargeList(child(T::Int32)))),
        (T::List(child(T::Int32)), T::ListView(child(T::Int64)), Some(T::List(child(T::Int64)))),
        (T::ListView(child(T::Int32)), T::FixedSizeList(child(T::Int32), 2), Some(T::List(child(T::Int32)))),
        (T::LargeListView(child(T::Int8)), T::ListView(child(T::Int32)), Some(T::LargeList(child(T::Int32)))),
        (T::ListView(child(T::Int32)), T::ListView(child(T::Int64)), Some(T::ListView(child(T::Int64)))),
        (T::List(child(T::Int32)), T::Int32, None),
        (T::ListView(child(T::Int32)), T::Int32, None),
    ] {
        assert_eq!(common_type(&a, &b), common, "{a} and {b}");
        assert_eq!(common_type(&b, &a), common, "{b} and {a}");
    }
}

#[test]
fn lists_of_every_layout_become_one_with_their_structs_filled_in() {
    let inner = Fields::from(vec![field("x", DataType::Int32)]);
    let x: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
    let structs = arrow_array::StructArray::new(inner.clone(), vec![x], None);
    let element = child(DataType::Struct(inner));
    let fixed = FixedSizeListArray::new(element, 2, Arc::new(structs), Some(vec![true, false].into()));
    let more = Fields::from(vec![field("x", DataType::Int64), field("y", DataType::Utf8)]);
    let more = child(DataType::Struct(more));
    let fixed: ArrayRef = Arc::new(fixed);
    let element = |data_type: &DataType| match data_type {
        DataType::FixedSizeList(element, _) => element.clone(),
        other => panic!("{other} has another layout"),
    };
    let layouts = |element: &Arc<Field>| {
        [
            DataType::List(element.clone()),
            DataType::LargeList(element.clone()),
            DataType::ListView(element.clone()),
            DataType::LargeListView(element.clone()),
        ]
    };
    let mut haves = vec![fixed.clone()];
    haves.extend(layouts(&element(fixed.data_type())).map(|layout| cast(&fixed, &layout).unwrap()));
    let pairs = haves.iter().flat_map(|have| layouts(&more).map(|want| (have.clone(), want)));
    for (have, want) in pairs.chain([(fixed.clone(), DataType::FixedSizeList(more.clone(), 2))]) {
        let adapted =
            FieldMapping::by_name().adapt_array(&have, &Arc::new(field("l", want.clone()))).unwrap();
        assert_eq!((adapted.data_type(), adapted.len(), adapted.null_count()), (&want, 2, 1));
        let list = cast(&adapted, &DataType::List(more.clone())).unwrap();
        let first = list.as_list::<i32>().value(0);
        let case = format!("{} as {want}", have.data_type());
        assert_eq!(first.as_struct().column(0).as_ref(), &Int64Array::from(vec![1, 2]), "{case}");
        assert_eq!(first.as_struct().column(1).null_count(), 2, "{case}");
    }
    let structs = fixed.as_fixed_size_list().values().slice(0, 1);
    let keys = Int32Array::from(vec![0, 0]);
    let dictionary: ArrayRef = Arc::new(arrow_array::DictionaryArray::new(keys, structs));
    let adapted = FieldMapping::by_name().adapt_array(&dictionary, &more).unwrap();
    assert_eq!(adapted.as_struct().column(0).as_ref(), &Int64Array::from(vec![1, 1]));
}

#[test]
fn columns_are_those_of_either() {
    let list = |fields: &[(&str, DataType, bool)]| -> Fields {
        fields.iter().map(|(name, t, null)| Field::new(*name, t.clone(), *null)).collect()
    };
    let first = list(&[
        ("a", DataType::Int32, false),
        ("b", DataType::Null, true),
        ("c", DataType::Int64, false),
        ("s", DataType::Struct(list(&[("x", DataType::Int8, true)])), true),
    ]);
    let second = list(&[
        ("s", DataType::Struct(list(&[("y", DataType::Utf8, false)])), true),
        ("b", DataType::Utf8, true),
        ("a", DataType::Int64, false),
        ("d", DataType::Utf8, false),
    ]);
    let inner = list(&[("x", DataType::Int8, true), ("y", DataType::Utf8, true)]);
    let want = list(&[
        ("a", DataType::Int64, false),
        ("b", DataType::Utf8, true),
        ("c", DataType::Int64, true),
        ("s", DataType::Struct(inner), true),
        ("d", DataType::Utf8, true),
    ]);
    assert_eq!(merge_fields(&first, &second).unwrap(), want);
}

#[test]
fn what_is_of_no_type_becomes_text_that_may_be_null() {
    let of = |leaf: DataType, nullable: bool| {
        let one = |name: &str| Arc::new(Field::new(name, leaf.clone(), nullable));
        let pair = DataType::Struct(Fields::from(vec![Arc::new(field("key", DataType::Utf8)), one("value")]));
        let types = [
            leaf.clone(),
            DataType::Struct(Fields::from(vec![one("x")])),
            DataType::List(one("element")),
            DataType::LargeList(one("element")),
            DataType::ListView(one("element")),
            DataType::LargeListView(one("element")),
            DataType::FixedSizeList(one("element"), 2),
            DataType::List(child(DataType::Struct(Fields::from(vec![one("x")])))),
            DataType::Map(Arc::new(Field::new("entries", pair, false)), false),
        ];
        types.into_iter().map(|t| Field::new("c", t, nullable)).collect::<Vec<_>>()
    };
    for (have, want) in of(DataType::Null, false).into_iter().zip(of(DataType::Utf8, true)) {
        let settled = settle_fields(&Fields::from(vec![have]));
        assert_eq!(settled[0].data_type(), want.data_type());
    }
    let settled = settle_fields(&Fields::from(vec![Field::new("c", DataType::Null, false)]));
    assert!(settled[0].is_nullable());
    let others = Fields::from(of(DataType::Int64, false));
    assert_eq!(settle_fields(&others), others);
}

#[test]
fn a_column_without_a_common_type_is_named_by_its_path() {
    let column = |leaf: DataType| {
        let list = DataType::List(child(DataType::Struct(Fields::from(vec![field("x", leaf)]))));
        Fields::from(vec![field("a", list)])
    };
    let error = merge_fields(&column(DataType::Int64), &column(DataType::Utf8)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("column"), Some("a.element.x"));
    assert_eq!((error.context("type"), error.context("other_type")), (Some("Int64"), Some("Utf8")));
}

#[test]
fn what_metadata_says_of_a_type_goes_with_the_type_and_ids_with_their_file() {
    let metadata = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let uuid = metadata(&[("ARROW:extension:name", "arrow.uuid"), ("note", "n"), (FIELD_ID, "1")]);
    let first = Fields::from(vec![field("a", DataType::FixedSizeBinary(16)).with_metadata(uuid.clone())]);
    let other = field("b", DataType::Utf8).with_metadata(metadata(&[(FIELD_ID, "1")]));
    let second = Fields::from(vec![field("a", DataType::Binary), other]);
    let merged = merge_fields(&first, &second).unwrap();
    assert_eq!(merged[0].metadata(), &metadata(&[("note", "n"), (FIELD_ID, "1")]));
    assert!(merged[1].metadata().is_empty());
    assert_eq!(merge_fields(&first, &first).unwrap(), first);
}

#[test]
fn numbers_that_do_not_fit_the_finer_unit_are_refused() {
    let far = Scalar::parse("9999-12-31T00:00:00", &DataType::Timestamp(TimeUnit::Second, None)).unwrap();
    let rows = repeat(&far, 1).unwrap();
    let batch = RecordBatch::try_from_iter(vec![("t", rows)]).unwrap();
    let finer = Schema::new(vec![field("t", DataType::Timestamp(TimeUnit::Nanosecond, None))]);
    let error = FieldMapping::by_name().adapt(&batch, &Arc::new(finer)).unwrap_err();
    assert_eq!(error.context("column"), Some("t"));
}

#[test]
fn two_columns_of_one_name_are_refused_by_their_path() {
    let twice = Fields::from(vec![field("b", DataType::Int32), field("b", DataType::Utf8)]);
    let item = |fields: &Fields| child(DataType::Struct(fields.clone()));
    let pairs = Field::new(
        "entries",
        DataType::Struct(
            vec![field("key", DataType::Utf8), field("value", DataType::Struct(twice.clone()))].into(),
        ),
        false,
    );
    for (data_type, path) in [
        (DataType::Struct(twice.clone()), "a.b"),
        (DataType::List(item(&twice)), "a.element.b"),
        (DataType::List(child(DataType::FixedSizeList(item(&twice), 2))), "a.element.element.b"),
        (DataType::Map(Arc::new(pairs), false), "a.value.b"),
    ] {
        let error = require_unique(&vec![field("a", data_type)].into()).unwrap_err();
        assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidData, Some(path)));
    }
    let error = require_unique(&twice).unwrap_err();
    assert_eq!(error.context("column"), Some("b"));
    let differ = Fields::from(vec![field("b", DataType::Int32), field("B", DataType::Utf8)]);
    require_unique(&differ).unwrap();
}
