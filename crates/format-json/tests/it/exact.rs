//! Values that do not fit their columns, and bytes that are no JSON: what is said of them, and where they stand.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Int64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use stitchwork_core::{Error, ErrorKind, Format, Object, ReadArgs};
use stitchwork_format_json::Json;
use stitchwork_testkit::files::schema;

use crate::{put, read};

async fn refused(object: &Object, args: ReadArgs) -> Error {
    let error = read(object, args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
    assert_eq!(error.context("location"), Some("memory:///given.json"), "{error:?}");
    error
}

fn typed(data_type: DataType) -> ReadArgs {
    let wanted = schema(vec![Field::new("a", data_type, true)]);
    ReadArgs { schema: Some(wanted), ..ReadArgs::default() }
}

fn told(error: &Error) -> [Option<&str>; 4] {
    ["row", "column", "value", "type"].map(|key| error.context(key))
}

#[tokio::test]
async fn what_does_not_fit_the_type_that_was_inferred_is_refused() {
    let before = "{\"a\":1}\n".repeat(10_001);
    for (last, value) in [("2.5", "2.5"), ("-0.9", "-0.9"), ("\"5\"", "\"5\""), ("true", "true")] {
        for text in
            [format!("{before}{{\"a\":{last}}}"), format!("[{}{{\"a\":{last}}}]", before.replace('\n', ","))]
        {
            let error = refused(&put(text).await, ReadArgs::default()).await;
            assert_eq!(told(&error), [Some("10001"), Some("a"), Some(value), Some("Int64")], "{error:?}");
            assert!(error.to_string().contains("infer_rows"), "{error}");
        }
    }
    let object = put(format!("{before}{{\"a\":9007199254740993.0}}{{\"a\":1e3}}")).await;
    let found = read(&object, ReadArgs::default()).await.unwrap();
    let column = found.column(0).as_primitive::<Int64Type>();
    assert_eq!(column.values()[10_000..], [1, 9_007_199_254_740_993, 1000]);
}

#[tokio::test]
async fn what_does_not_fit_a_given_type_is_refused_with_its_place() {
    let zoned = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    for (data_type, value) in [
        (DataType::Int64, "2.5"),
        (DataType::Int64, "\"5\""),
        (DataType::Int64, "9223372036854775808"),
        (DataType::Int8, "300"),
        (DataType::UInt32, "-1"),
        (DataType::Float64, "1e400"),
        (DataType::Float32, "1e39"),
        (DataType::Float64, "\"5\""),
        (DataType::Decimal128(5, 2), "1.999"),
        (DataType::Decimal128(5, 2), "\"1.999\""),
        (DataType::Decimal128(5, 2), "1234.5"),
        (DataType::Decimal256(60, 2), "0.001"),
        (DataType::Date32, "\"2024-01-01T12:34:56\""),
        (DataType::Date32, "1.5"),
        (DataType::Date64, "\"2024-01-01T00:00:00.0001\""),
        (zoned(TimeUnit::Microsecond), "\"2024-01-01T00:00:00.123456789Z\""),
        (zoned(TimeUnit::Millisecond), "\"2024-01-01T00:00:00.1234Z\""),
        (zoned(TimeUnit::Nanosecond), "1.5"),
        (DataType::Time32(TimeUnit::Second), "\"12:34:56.5\""),
        (DataType::Duration(TimeUnit::Second), "0.5"),
        (DataType::Boolean, "1"),
        (DataType::Boolean, "\"true\""),
        (DataType::Binary, "12"),
        (DataType::Date32, "\"29.02.2024\""),
        (DataType::Date32, "\"2023-02-29\""),
        (DataType::Date64, "\"soon\""),
        (zoned(TimeUnit::Microsecond), "\"2024-02-30T00:00:00Z\""),
        (zoned(TimeUnit::Second), "\"\""),
        (zoned(TimeUnit::Nanosecond), "\"2500-01-01T00:00:00Z\""),
        (DataType::Timestamp(TimeUnit::Millisecond, None), "\"yesterday\""),
        (DataType::Time32(TimeUnit::Second), "\"25:00:00\""),
        (DataType::Time64(TimeUnit::Nanosecond), "\"1:2\""),
    ] {
        let object = put(format!("{{\"a\":null,\"b\":{value}}}\n {{\"b\":1, \"a\":{value}}}")).await;
        let error = refused(&object, typed(data_type.clone())).await;
        let name = data_type.to_string();
        assert_eq!(told(&error), [Some("1"), Some("a"), Some(value), Some(&name)], "{error:?}");
        assert_eq!(error.context("byte_in_record"), Some("12"), "{error:?}");
    }
}

#[tokio::test]
async fn digits_are_not_lost_to_a_type_that_was_inferred() {
    for (text, data_type, values) in [
        (
            r#"{"a":-1}{"a":18446744073709551615}"#,
            DataType::Decimal128(20, 0),
            vec!["-1", "18446744073709551615"],
        ),
        (
            r#"{"a":9007199254740993}{"a":1.5}"#,
            DataType::Decimal128(17, 1),
            vec!["9007199254740993.0", "1.5"],
        ),
        (
            r#"{"a":1}{"a":-170141183460469231731687303715884105729}"#,
            DataType::Utf8,
            vec!["1", "-170141183460469231731687303715884105729"],
        ),
        (r#"{"a":9007199254740993}{"a":1e300}"#, DataType::Utf8, vec!["9007199254740993", "1e300"]),
    ] {
        let found = read(&put(text).await, ReadArgs::default()).await.unwrap();
        let column = found.column(0);
        assert_eq!(column.data_type(), &data_type, "{text}");
        let shown = arrow_select::concat::concat(&[column]).unwrap();
        let shown = (0..2).map(|row| stitchwork_core::Scalar::from_array(&shown, row).unwrap().to_string());
        assert_eq!(shown.collect::<Vec<_>>(), values, "{text}");
    }
    let before = "{\"a\":1.5}\n".repeat(10_001);
    let error = refused(&put(format!("{before}{{\"a\":9007199254740993}}")).await, ReadArgs::default()).await;
    let value = Some("9007199254740993");
    assert_eq!(told(&error), [Some("10001"), Some("a"), value, Some("Float64")], "{error:?}");
    assert!(error.to_string().contains("read the object with a schema"), "{error}");
}

#[tokio::test]
async fn an_object_that_has_a_key_twice_is_refused_with_its_place() {
    let given = typed(DataType::Struct(Fields::from(vec![Field::new("x", DataType::Int64, true)])));
    for args in [ReadArgs::default(), given] {
        let object = put("{\"a\":{\"x\":0}}\n{\"a\":{\"x\":1,\"y\":1,\"\\u0078\":2}}").await;
        let error = refused(&object, args).await;
        assert_eq!((error.context("row"), error.context("column")), (Some("1"), Some("a.x")), "{error:?}");
        assert!(error.to_string().contains("a key twice"), "{error}");
    }
    // One that is no column is passed over, however often it comes.
    let object = put(r#"{"a":1,"b":1,"b":2}"#).await;
    assert_eq!(read(&object, typed(DataType::Int64)).await.unwrap().num_rows(), 1);
}

#[tokio::test]
async fn nested_values_are_looked_at_as_well() {
    let map = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int64, true),
    ]);
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(map), false)), false);
    let inner = Fields::from(vec![
        Field::new("x", DataType::new_list(DataType::Decimal128(5, 1), true), true),
        Field::new("m", map, true),
    ]);
    let args = typed(DataType::new_list(DataType::Struct(inner), true));
    for (value, column) in [
        (r#"[{"x":[1.5,null]},{"m":{"k":1},"x":[2,0.25]}]"#, "a.element.x.element"),
        (r#"[{"m":{"k":1,"l":0.5}}]"#, "a.element.m.value"),
        (r#"[{"m":[]}]"#, "a.element.m"),
        (r#"[{"\u0078":{}}]"#, "a.element.x"),
        ("[1]", "a.element"),
    ] {
        let error = refused(&put(format!("{{\"o\":{{\"a\":0.5}},\"a\":{value}}}")).await, args.clone()).await;
        assert_eq!((error.context("column"), error.context("row")), (Some(column), Some("0")), "{error:?}");
        assert!(error.context("type").is_some(), "{error:?}");
    }
    let good = r#"{"a":[{"x":[1.50,"2e1"],"m":{"k":2.0,"l":null}}]}"#;
    let found = read(&put(good).await, args).await.unwrap();
    let inner = found.column(0).as_list::<i32>().values().as_struct().clone();
    let decimals = inner.column(0).as_list::<i32>().values().as_primitive::<Decimal128Type>().clone();
    assert_eq!(decimals.values()[..], [15, 200]);
    let numbers = inner.column(1).as_map().values().clone();
    assert_eq!(numbers.as_ref(), &Int64Array::from(vec![Some(2), None]));
}

#[tokio::test]
async fn a_file_fits_the_type_that_is_inferred_from_it() {
    for (fraction, data_type) in [
        ("3.1415926535897932384626", DataType::Decimal128(38, 22)),
        ("0.1234567890123456789", DataType::Decimal128(35, 19)),
        ("12345678901234567890.5", DataType::Decimal128(21, 1)),
        ("1.25e-7", DataType::Decimal128(25, 9)),
        ("3.141592653589793238462643383279", DataType::Utf8),
    ] {
        let text = format!("{{\"n\":9007199254740993,\"t\":\"1.5\"}}\n{{\"n\":{fraction}}}");
        let found = read(&put(text).await, ReadArgs::default()).await.unwrap();
        assert_eq!(found.column(0).data_type(), &data_type, "{fraction}");
        let shown = arrow_cast::display::array_value_to_string(found.column(0), 1).unwrap();
        let same = match data_type {
            DataType::Utf8 => shown == fraction,
            _ => shown.trim_end_matches('0') == fraction || fraction == "1.25e-7" && shown == "0.000000125",
        };
        assert!(same, "{fraction}: {shown}");
        let inside = format!("{{\"l\":[{{\"x\":{fraction}}},{{\"x\":9007199254740993}}]}}");
        read(&put(inside).await, ReadArgs::default()).await.unwrap();
    }
}

#[tokio::test]
async fn numbers_that_fit_exactly_are_taken_in_any_spelling() {
    let object = put(r#"{"a":2.0}{"a":1e3}{"a":-0}{"a":12300e-2}{"a":18446744073709551615}"#).await;
    let found = read(&object, typed(DataType::UInt64)).await.unwrap();
    assert_eq!(found.column(0).as_ref(), &UInt64Array::from(vec![2, 1000, 0, 123, u64::MAX]));
    let found = read(&object, typed(DataType::Utf8)).await.unwrap();
    let spelled = StringArray::from(vec!["2.0", "1e3", "-0", "12300e-2", "18446744073709551615"]);
    assert_eq!(found.column(0).as_ref(), &spelled);
    let object = put(r#"{"a":1.50}{"a":"-1.5"}{"a":15e-1}{"a":0.0100}{"a":".5"}{"a":999.99}"#).await;
    let found = read(&object, typed(DataType::Decimal128(5, 2))).await.unwrap();
    assert_eq!(
        found.column(0).as_primitive::<Decimal128Type>().values()[..],
        [150, -150, 150, 1, 50, 99_999]
    );
    let object = put(r#"{"a":"2024-01-01T00:00:00.123000Z"}"#).await;
    read(&object, typed(DataType::Timestamp(TimeUnit::Millisecond, None))).await.unwrap();
    let object = put(r#"{"a":"2024-01-02 00:00:00"}{"a":"2024-01-02"}"#).await;
    let found = read(&object, typed(DataType::Date32)).await.unwrap();
    assert_eq!(found.column(0).as_primitive::<arrow_array::types::Date32Type>().values()[..], [19_724; 2]);
}

#[tokio::test]
async fn what_is_no_json_is_told_with_its_place() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    let very_deep = format!("{{\"a\":{}", "{\"a\":".repeat(1_000_000));
    let good = "{\"a\":\"x\"}\n";
    for (record, why, column, byte) in [
        (b"{\"a\":\"x\xffy\"}".to_vec(), "not UTF-8", Some("a"), "7"),
        (b"{\"a\":\"\xc3\"}".to_vec(), "not UTF-8", Some("a"), "6"),
        (b"{\"a\":\"\\ud800\"}".to_vec(), "surrogate", Some("a"), "12"),
        (b"{\"a\":\"\\ud800\\n\"}".to_vec(), "surrogate", Some("a"), "13"),
        (b"{\"a\":\"\\udc00\"}".to_vec(), "surrogate", Some("a"), "11"),
        (b"{\"a\":\"x\ty\"}".to_vec(), "control character", Some("a"), "7"),
        (b"{\"a\":\"\\x\"}".to_vec(), "escape", Some("a"), "7"),
        (deep.into_bytes(), "127 deep", Some("a"), "131"),
        (very_deep.into_bytes(), "127 deep", Some("a"), ""),
        (b"{\"a\":1 \"b\":2}".to_vec(), "comma", Some("a"), "7"),
        (b"{\"a\" 1}".to_vec(), "colon", Some("a"), "5"),
        (b"{\"a\":01}".to_vec(), "number", Some("a"), "5"),
        (b"{\"a\":nul}".to_vec(), "word", Some("a"), "5"),
        (b"{a:1}".to_vec(), "key", None, "1"),
        (b"{\"a\":1,}".to_vec(), "key", Some("a"), "7"),
        (b"{\"a\":".to_vec(), "cut off", Some("a"), "5"),
        (b"[1]".to_vec(), "no JSON object", None, "0"),
    ] {
        let object = put([good.as_bytes(), &record].concat()).await;
        // A list or an object in a column of texts is refused for that.
        let data_type = if why.contains("deep") { DataType::Null } else { DataType::Utf8 };
        let mut errors = vec![refused(&object, typed(data_type)).await];
        errors.push(refused(&object, ReadArgs::default()).await);
        errors.push(Json::new().inspect(&object).await.unwrap_err());
        for (at, error) in errors.iter().enumerate() {
            assert!(error.to_string().contains(why), "{why}: {error:?}");
            assert_eq!(error.context("row"), Some("1"), "{error:?}");
            if at == 0 && !byte.is_empty() {
                assert_eq!(error.context("column").map(|c| &c[..1]), column, "{error:?}");
            }
            if !byte.is_empty() {
                assert_eq!(error.context("byte_in_record"), Some(byte), "{error:?}");
            }
        }
    }
    let error = refused(&put("{\"b\":0}{\"a\":[1e400]}").await, ReadArgs::default()).await;
    assert!(error.to_string().contains("range"), "{error:?}");
    assert_eq!((error.context("row"), error.context("value")), (Some("1"), Some("1e400")));
    let utf16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for mark in [&[0xFF, 0xFE][..], &[]] {
        let error = refused(&put([mark, &utf16].concat()).await, ReadArgs::default()).await;
        assert!(mark.is_empty() || error.to_string().contains("UTF-16"), "{error:?}");
    }
    let big: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let error = refused(&put(big).await, ReadArgs::default()).await;
    assert!(error.to_string().contains("UTF-16"), "{error:?}");
}
