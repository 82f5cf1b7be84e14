//! Schemas of other writers that are valid, or not, in rare ways: read as the specification has them, or refused in plain
//! words.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{IntervalMonthDayNano, IntervalMonthDayNanoType};
use arrow_schema::DataType;
use stitchwork_core::{ErrorKind, ReadArgs, Result};
use stitchwork_testkit::batches::row_texts;
use stitchwork_testkit::files::put;

use crate::broken::file;
use crate::read;

/// The rows of a record with these fields, as JSON, and these bytes.
async fn rows(fields: &str, rows: i64, data: &[u8], args: ReadArgs) -> Result<RecordBatch> {
    let schema = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let object = put("given.avro", file(&schema, "null", rows, data.len() as i64, data)).await;
    read(&object, args).await
}

#[tokio::test]
async fn an_invalid_logical_type_is_ignored() {
    let bytes = |attributes: &str| {
        format!(r#"{{"name":"u","type":{{"type":"bytes","logicalType":"decimal"{attributes}}}}}"#)
    };
    let fixed = |size: usize, logical: &str| {
        format!(
            r#"{{"name":"u","type":{{"type":"fixed","name":"F","size":{size},"logicalType":{logical}}}}}"#
        )
    };
    let two = DataType::FixedSizeBinary(2);
    for (field, data_type, data, text) in [
        (bytes(r#","precision":4,"scale":2"#), DataType::Decimal128(4, 2), &[4, 1, 2][..], "2.58"),
        (bytes(""), DataType::Binary, &[4, 1, 2], "0102"),
        (bytes(r#","precision":0"#), DataType::Binary, &[4, 1, 2], "0102"),
        (bytes(r#","precision":-3"#), DataType::Binary, &[4, 1, 2], "0102"),
        (bytes(r#","precision":4,"scale":-1"#), DataType::Binary, &[4, 1, 2], "0102"),
        (bytes(r#","precision":4,"scale":5"#), DataType::Binary, &[4, 1, 2], "0102"),
        (fixed(2, r#""decimal","precision":4"#), DataType::Decimal128(4, 0), &[1, 2], "258"),
        (fixed(2, r#""decimal","precision":5"#), two.clone(), &[1, 2], "0102"),
        (fixed(2, r#""decimal""#), two.clone(), &[1, 2], "0102"),
        (fixed(2, r#""duration""#), two.clone(), &[1, 2], "0102"),
        (fixed(2, r#""uuid""#), two.clone(), &[1, 2], "0102"),
        (fixed(2, "7"), two.clone(), &[1, 2], "0102"),
    ] {
        let found =
            rows(&field, 1, data, ReadArgs::default()).await.unwrap_or_else(|e| panic!("{field}: {e:?}"));
        assert_eq!(found.column(0).data_type(), &data_type, "{field}");
        assert_eq!(row_texts(&[found]).unwrap(), [text], "{field}");
    }
}

#[tokio::test]
async fn a_duration_beyond_arrows_is_refused_by_its_column() {
    let fields = r#"{"name":"id","type":"int"},{"name":"l","type":{"type":"array","items":["null",
        {"type":"fixed","name":"D","size":12,"logicalType":"duration"}]}}"#;
    let most = u32::MAX.to_le_bytes();
    let fine = i32::MAX.to_le_bytes();
    let row = |parts: [[u8; 4]; 3]| [&[2, 2, 2][..], &parts.concat(), &[0]].concat();
    let found = rows(fields, 1, &row([fine, fine, most]), ReadArgs::default()).await.unwrap();
    let span = found.column(1).as_list::<i32>().values().as_primitive::<IntervalMonthDayNanoType>().value(0);
    assert_eq!(span, IntervalMonthDayNano::new(i32::MAX, i32::MAX, i64::from(u32::MAX) * 1_000_000));
    for (parts, part) in [([most, fine, fine], "months"), ([fine, most, fine], "days")] {
        let data = [row([fine, fine, fine]), row(parts)].concat();
        let error = rows(fields, 2, &data, ReadArgs::default()).await.unwrap_err();
        let told = ["column", "part", "value", "row_in_block"].map(|key| error.context(key));
        assert_eq!(told, [Some("l.element"), Some(part), Some("4294967295"), Some("1")], "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        // Without the column the rows are there.
        let args = ReadArgs { projection: Some(vec![0]), ..ReadArgs::default() };
        assert_eq!(rows(fields, 2, &data, args).await.unwrap().num_rows(), 2);
    }
}

#[tokio::test]
async fn rare_schemas_are_read() {
    let of = |name: &str, kind: &str| {
        format!(
            r#"{{"name":"e","type":{{"type":"{kind}","name":"{name}","fields":[{{"name":"x","type":"int"}}]}}}},
               {{"name":"f","type":["null","{name}"]}}"#
        )
    };
    for (fields, data, text) in [
        (of("E", "error"), &[2, 2, 4][..], "{x: 1} | {x: 2}"),
        (of("error", "record"), &[2, 2, 4], "{x: 1} | {x: 2}"),
        (of("record", "record"), &[2, 2, 4], "{x: 1} | {x: 2}"),
        (
            r#"{"name":"größe","type":"int"},{"name":"\u0438мя","type":["null","string"]}"#.to_owned(),
            &[2, 2, 2, b'x'],
            "1 | x",
        ),
        (r#"{"name":"u","type":["int"]},{"name":"v","type":"int"}"#.to_owned(), &[0, 2, 4], "{int=1} | 2"),
        (
            r#"{"name":"u","type":{"type":"array","items":["string"]}}"#.to_owned(),
            &[4, 0, 2, b'x', 0, 2, b'y', 0],
            "[{string=x}, {string=y}]",
        ),
        (r#"{"name":"u","type":{"type":{"type":"string"}}}"#.to_owned(), &[2, b'x'], "x"),
        (
            r#"{"name":"u","type":{"type":{"type":"int"},"logicalType":"date"}}"#.to_owned(),
            &[2],
            "1970-01-02",
        ),
        // Lists, maps and records of nothing but nulls, as long as there are none.
        (
            r#"{"name":"u","type":{"type":"array","items":"null"}},{"name":"v","type":{"type":"map","values":"null"}},
               {"name":"w","type":["null",{"type":"record","name":"N","fields":[{"name":"x","type":"null"}]}]}"#
                .to_owned(),
            &[0, 0, 0],
            "[] | {} | ∅",
        ),
        (r#"{"name":"u","type":"null"},{"name":"v","type":"int"}"#.to_owned(), &[2], "∅ | 1"),
        (r#"{"name":"u","type":{"type":"array","items":["null"]}}"#.to_owned(), &[2, 0, 0], "[{null=∅}]"),
        (r#"{"name":"u","type":"int","doc":"a \"b\"","aliases":["x\"y"],"a\"b":1}"#.to_owned(), &[2], "1"),
    ] {
        let found =
            rows(&fields, 1, data, ReadArgs::default()).await.unwrap_or_else(|e| panic!("{fields}: {e:?}"));
        assert_eq!(row_texts(std::slice::from_ref(&found)).unwrap(), [text], "{fields}");
        // Each column alone as well.
        for place in 0..found.num_columns() {
            let args = ReadArgs { projection: Some(vec![place]), ..ReadArgs::default() };
            let alone = rows(&fields, 1, data, args).await.unwrap();
            assert_eq!(alone.column(0), found.column(place), "{fields}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_plain_words() {
    let nothing = r#"{"type":"record","name":"N","fields":[]}"#;
    let empty = r#"{"type":"fixed","name":"F","size":0}"#;
    let (list, maybe) = (format!(r#"{{"type":"array","items":{nothing}}}"#), format!(r#"["null",{empty}]"#));
    let wide = r#"{"type":"fixed","name":"W","size":40,"logicalType":"decimal","precision":90}"#;
    let wide_rows = [&[2][..], &[0; 40], &[0, 2, 0, 4]].concat();
    for (data_type, data, why, column) in [
        (nothing, &[2, 4][..], "a record without fields", Some("u")),
        (&list, &[4, 0, 2, 0, 4], "a record without fields", Some("u.element")),
        (empty, &[2, 4], "a `fixed` of no bytes", Some("u")),
        (&maybe, &[0, 2, 2, 4], "a `fixed` of no bytes", Some("u")),
        ("[]", &[], "no branch", None),
        (r#"["null",["int","string"]]"#, &[], "another one as its branch", None),
        (r#"["int","int"]"#, &[], "duplicate branch", None),
        (r#"{"type":"enum","name":"E","symbols":["a\"b"]}"#, &[], "a quote", None),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":80}"#,
            &[2, 1, 2, 2, 1, 4],
            "76 digits",
            Some("u"),
        ),
        (
            r#"["null",{"type":{"type":"bytes"},"logicalType":"decimal","precision":77,"scale":2}]"#,
            &[0, 2, 2, 2, 1, 4],
            "76 digits",
            Some("u"),
        ),
        (&format!(r#"{{"type":"array","items":{wide}}}"#), &wide_rows, "76 digits", Some("u.element")),
        (r#"{"type":"array","items":"null"}"#, &[6, 0, 2, 0, 4], "nothing but nulls", Some("u.element")),
        (
            r#"{"type":"map","values":"null"}"#,
            &[2, 2, b'k', 0, 2, 0, 4],
            "nothing but nulls",
            Some("u.value"),
        ),
        (
            r#"{"type":"map","values":{"type":"array","items":{"type":"null"}}}"#,
            &[2, 2, b'k', 2, 0, 0, 2, 0, 4],
            "nothing but nulls",
            Some("u.value.element"),
        ),
        (
            r#"{"type":"record","name":"N","fields":[{"name":"x","type":"null"},{"name":"y","type":"int"}]}"#,
            &[2, 2, 2, 4],
            "nothing but nulls",
            Some("u.x"),
        ),
        (r#"{"type":"enum","name":"E","symbols":[1]}"#, &[], "cannot be read", None),
    ] {
        let fields = format!(r#"{{"name":"u","type":{data_type}}},{{"name":"v","type":"int"}}"#);
        let count = if data.is_empty() { 0 } else { 2 };
        let error = rows(&fields, count, data, ReadArgs::default()).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains(why), "{text}");
        assert!(!text.contains("attributes:") && !text.contains("String("), "a dump: {text}");
        assert_eq!(error.context("column"), column, "{text}");
        if column.is_some() {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let args = ReadArgs { projection: Some(vec![1]), ..ReadArgs::default() };
            let rest = rows(&fields, count, data, args).await.unwrap();
            assert_eq!(row_texts(&[rest]).unwrap(), ["1", "2"]);
        }
    }
}
