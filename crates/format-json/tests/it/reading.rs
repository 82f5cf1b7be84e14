//! Layouts, schemas, positions and broken objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int32Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, TimeUnit};
use futures::TryStreamExt;
use proptest::prelude::*;
use stitchwork_core::{
    ErrorKind, FieldMapping, Format, INITIAL_DEFAULT, MapBy, PHYSICAL_NAME, ReadArgs, with_field_id,
};
use stitchwork_format_json::{Json, JsonConfig, Layout};
use stitchwork_testkit::files::{self, object, schema};

use crate::{put, read};

fn with(field: Field, key: &str, value: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(key.to_owned(), value.to_owned());
    field.with_metadata(metadata)
}

#[tokio::test]
async fn lines_and_arrays_hold_the_same_rows() {
    let lines = "{\"a\": 1, \"s\": {\"x\": \"],[\"}}\n\n{\"a\": null}\r\n{\"b\": [true], \"a\": 2}";
    let array = format!("\u{feff} [{}]\n", lines.replace("\n\n", ",").replace("\r\n", " ,\n"));
    let pretty = lines.replace(", ", ",\n  ");
    let expected = read(&put(lines).await, ReadArgs::default()).await.unwrap();
    assert_eq!(expected.num_rows(), 3);
    assert_eq!(expected.column(0).as_ref(), &Int64Array::from(vec![Some(1), None, Some(2)]));
    for text in [array.clone(), pretty] {
        assert_eq!(read(&put(text).await, ReadArgs::default()).await.unwrap(), expected);
    }
    let only_lines =
        Json::with_config(JsonConfig { layout: Layout::Ndjson, ..JsonConfig::default() }).unwrap();
    let error =
        files::read(&only_lines, &put(array.trim_start_matches('\u{feff}')).await, ReadArgs::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
    for empty in ["", "[]", "\n \n"] {
        let object = put(empty).await;
        assert_eq!(read(&object, ReadArgs::default()).await.unwrap().num_rows(), 0);
        assert_eq!(Json::new().inspect(&object).await.unwrap().rows, 0);
    }
}

#[tokio::test]
async fn rows_have_positions_and_can_be_selected_and_projected() {
    let lines: String =
        (0..1000).map(|i| format!("{{\"i\":{i},\"t\":\"{}\"}}\n", "z".repeat(i % 50))).collect();
    let object = put(lines).await;
    files::try_positions(&Json::new(), &object).await.unwrap();
}

#[tokio::test]
async fn a_schema_gives_types_names_and_defaults() {
    let text = r#"{"n":1,"when":"2024-02-29T12:00:00Z","price":"12.50","s":{"x":5},"other":true}{"n":2}"#;
    let object = put(text).await;
    let inner = vec![with(Field::new("renamed", DataType::Int32, true), PHYSICAL_NAME, "x")];
    let wanted = schema(vec![
        with(Field::new("number", DataType::Utf8, true), PHYSICAL_NAME, "n"),
        Field::new("when", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("price", DataType::Decimal128(9, 2), true),
        Field::new("s", DataType::Struct(inner.into()), true),
        with(Field::new("since", DataType::Int32, false), INITIAL_DEFAULT, "7"),
        Field::new("absent", DataType::Boolean, true),
    ]);
    let mapping = Some(Arc::new(FieldMapping::new(MapBy::PhysicalName)));
    let args = ReadArgs { schema: Some(wanted.clone()), mapping, ..ReadArgs::default() };
    let found = read(&object, args).await.unwrap();
    assert_eq!(found.schema(), wanted);
    assert_eq!(found.column(0).as_ref(), &StringArray::from(vec!["1", "2"]));
    let micros = found.column(1).as_primitive::<arrow_array::types::TimestampMicrosecondType>();
    assert_eq!(micros.value(0), 1_709_208_000_000_000);
    assert_eq!(found.column(2).as_primitive::<arrow_array::types::Decimal128Type>().value(0), 1250);
    assert_eq!(found.column(3).as_struct().column(0).as_ref(), &Int32Array::from(vec![Some(5), None]));
    assert_eq!(found.column(4).as_ref(), &Int32Array::from(vec![7, 7]));
    assert_eq!(found.column(5).null_count(), 2);

    let mapping = FieldMapping {
        by: MapBy::FieldId,
        names: BTreeMap::from([(3, vec!["m".to_owned(), "n".to_owned()])]),
    };
    let wanted = schema(vec![with_field_id(Field::new("mapped", DataType::Int64, true), 3)]);
    let args = ReadArgs { schema: Some(wanted), mapping: Some(Arc::new(mapping)), ..ReadArgs::default() };
    assert_eq!(read(&object, args).await.unwrap().column(0).as_ref(), &Int64Array::from(vec![1, 2]));
}

#[tokio::test]
async fn what_was_not_inferred_is_passed_over_or_refused() {
    let object = put(r#"{"a":1}{"a":2,"b":3}"#).await;
    let of_one = JsonConfig { infer_rows: 1, ..JsonConfig::default() };
    let found =
        files::read(&Json::with_config(of_one.clone()).unwrap(), &object, ReadArgs::default()).await.unwrap();
    assert_eq!((found.num_columns(), found.num_rows()), (1, 2));
    let strict = Json::with_config(JsonConfig { strict: true, ..of_one }).unwrap();
    let error = files::read(&strict, &object, ReadArgs::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(strict.inspect(&object).await.unwrap().rows, 2);
    let mixed = put(r#"{"a":1}{"a":{"b":2}}"#).await;
    let error = read(&mixed, ReadArgs::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidData, Some("a")));
    let texts = read(&put(r#"{"a":1.50}{"a":"x"}{"a":false}"#).await, ReadArgs::default()).await.unwrap();
    assert_eq!(texts.column(0).as_ref(), &StringArray::from(vec!["1.50", "x", "false"]));
}

#[tokio::test]
async fn large_records_make_small_batches() {
    let lines: String =
        (0..12).map(|i| format!("{{\"i\":{i},\"t\":\"{}\"}}\n", "z".repeat(1 << 20))).collect();
    for text in [lines.clone(), format!("[{}]", lines.trim_end().replace('\n', ","))] {
        let object = put(text).await;
        let args = ReadArgs { row_number: Some("at".to_owned()), ..ReadArgs::default() };
        let batches: Vec<_> = Json::new().read(&object, args).await.unwrap().try_collect().await.unwrap();
        assert!(batches.len() >= 3 && batches.iter().all(|batch| batch.num_rows() <= 6));
        let at = batches.iter().flat_map(|b| b.column(2).as_primitive::<Int64Type>().values().to_vec());
        assert_eq!(at.collect::<Vec<_>>(), (0..12).collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn what_is_missing_or_broken_is_an_error_with_its_place() {
    let missing = object("no/such.json");
    let error = Json::new().infer_schema(&missing).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context("location")),
        (ErrorKind::NotFound, Some("memory:///no/such.json"))
    );
    assert_eq!(Json::new().inspect(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    let inputs: [&[u8]; 12] = [
        b"PAR1",
        b"{",
        b"{\"a\":1}\n{\"a\"",
        b"[{\"a\":1}",
        b"[1,2]",
        b"42",
        b"\"text\"",
        b"{\"a\":1}}",
        b"\xff\xfe\x00",
        b"{\"a\":\"\xff\"}",
        b"\0\0\0\0",
        b"{\"a\":nul}",
    ];
    for bytes in inputs {
        let object = put(bytes).await;
        for error in [
            read(&object, ReadArgs::default()).await.map(|_| ()).unwrap_err(),
            Json::new().inspect(&object).await.map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{bytes:?} {error:?}");
            assert_eq!(error.context("location"), Some("memory:///given.json"));
        }
    }
}

#[tokio::test]
async fn nan_and_the_infinities_are_numbers_where_others_write_them_bare() {
    let lines =
        r#"{"a":NaN,"l":[1,-Infinity],"t":"NaN","m":"x"}{"a":2,"l":[Infinity],"t":"-Infinity","m":NaN}"#;
    for text in [lines.to_owned(), format!("[{}]", lines.replace("}{", "},\n{"))] {
        let found = read(&put(text).await, ReadArgs::default()).await.unwrap();
        let list = DataType::List(Arc::new(Field::new("element", DataType::Float64, true)));
        let types: Vec<_> = found.schema().fields().iter().map(|f| f.data_type().clone()).collect();
        assert_eq!(types, [DataType::Float64, list, DataType::Utf8, DataType::Utf8]);
        let numbers = found.column(0).as_primitive::<Float64Type>();
        assert!(numbers.value(0).is_nan() && numbers.value(1) == 2.0);
        let elements = found.column(1).as_list::<i32>().values().clone();
        let expected = Float64Array::from(vec![1.0, f64::NEG_INFINITY, f64::INFINITY]);
        assert_eq!(elements.as_ref(), &expected);
        assert_eq!(found.column(2).as_ref(), &StringArray::from(vec!["NaN", "-Infinity"]));
        assert_eq!(found.column(3).as_ref(), &StringArray::from(vec!["x", "NaN"]));
    }
    let whole = schema(vec![Field::new("a", DataType::Int32, true)]);
    for text in [r#"{"a":1}{"a":NaN}"#, r#"{"a":1}{"a":-Infinity}"#] {
        let object = put(text).await;
        assert_eq!(Json::new().inspect(&object).await.unwrap().rows, 2);
        let args = ReadArgs { schema: Some(whole.clone()), ..ReadArgs::default() };
        let error = read(&object, args).await.unwrap_err();
        assert_eq!((error.kind(), error.context("row")), (ErrorKind::InvalidData, Some("1")));
        assert_eq!(error.context("column"), Some("a"), "{error:?}");
    }
    for broken in [r#"{NaN:1}"#, r#"{"a":NaNs}"#, r#"{"a":nan}"#, "NaN", r#"{"a":Inf"#, "-", r#"{"a":-NaN}"#]
    {
        let args = ReadArgs { schema: Some(whole.clone()), ..ReadArgs::default() };
        for args in [args, ReadArgs::default()] {
            let error = read(&put(broken).await, args).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{broken}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        at in 0_usize..60,
        with in proptest::collection::vec(any::<u8>(), 0..4),
        marks in "[{}\\[\\],:\"\\\\ a1-]{0,20}",
    ) {
        let whole = br#"[{"a":[1,{"b":"\u00e4"}],"c":-1.5e3},{"a":null,"c":0}]"#;
        let mut mutated = whole.to_vec();
        mutated.splice(at.min(whole.len())..(at + with.len()).min(whole.len()), with);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for bytes in [mutated, marks.into_bytes()] {
                let is_array = bytes.trim_ascii_start().starts_with(b"[");
                let json = serde_json::from_slice::<Vec<serde_json::Map<String, serde_json::Value>>>(&bytes);
                let found = Json::new().inspect(&put(bytes.clone()).await).await;
                match (&found, json) {
                    (Ok(summary), Ok(rows)) => assert_eq!(summary.rows, rows.len() as u64),
                    // The two decoders differ in leniency inside of values only.
                    (Ok(_), Err(_)) | (Err(_), Ok(_)) if is_array => {}
                    (Ok(_), _) => {}
                    (Err(e), _) => assert_eq!(e.kind(), ErrorKind::InvalidData, "{e:?}"),
                }
            }
        });
    }
}

#[tokio::test]
async fn real_events_are_read() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("shared/data/github_events.json"))
        .find(|path| path.is_file());
    let Some(file) = file else {
        println!("skipped: real_events_are_read (no shared/data/github_events.json)");
        return;
    };
    let object = put(std::fs::read(file).unwrap()).await;
    let found = read(&object, ReadArgs::default()).await.unwrap();
    assert_eq!(found.num_rows(), 100);
    let types = found.column_by_name("event").unwrap();
    assert_eq!((types.null_count(), types.data_type()), (0, &DataType::Utf8));
}

#[tokio::test]
async fn a_first_record_larger_than_the_inferred_bytes_is_read_whole_or_refused() {
    let json = Json::with_config(JsonConfig { infer_bytes: 100 << 10, ..JsonConfig::default() }).unwrap();
    let record = |bytes: usize| format!("{{\"a\":1,\"long\":\"{}\"}}\n", "z".repeat(bytes));
    for text in [record(900 << 10), format!("[{}]", record(900 << 10)), record(900 << 10) + &record(1)] {
        let given = put(text).await;
        assert_eq!(json.infer_schema(&given).await.unwrap().fields().len(), 2);
        let rows = files::read(&json, &given, ReadArgs::default()).await.unwrap();
        assert_eq!((rows.num_columns(), rows.column(0).null_count()), (2, 0));
    }
    let given = put(record(1700 << 10)).await;
    for error in [
        json.infer_schema(&given).await.unwrap_err(),
        files::read(&json, &given, ReadArgs::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.message().contains("`infer_bytes`"), "{error}");
        assert_eq!(error.context("infer_bytes"), Some("102400"));
        assert!(error.context("looked_at").is_some_and(|bytes| bytes.parse::<usize>().unwrap() >= 1_638_400));
    }
}
