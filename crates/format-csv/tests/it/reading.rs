//! Schemas, positions and values that do not fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Int64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, TimeUnit};
use proptest::prelude::*;
use stitchwork_core::{
    ErrorKind, FieldMapping, Format, INITIAL_DEFAULT, MapBy, ReadArgs, collect, with_field_id,
};
use stitchwork_format_csv::Csv;
use stitchwork_testkit::files::{self, object, read, schema};

use crate::{csv, in_short, put};

#[tokio::test]
async fn rows_have_positions_and_can_be_selected_and_projected() {
    let lines: String = (0..1000).map(|i| format!("{i},{}\n", "z".repeat(i % 50))).collect();
    let object = put(format!("i,t\n{lines}")).await;
    for infer_rows in ["10", "10000"] {
        let csv = csv(&[("infer_rows", infer_rows)]);
        files::try_positions(&csv, &object).await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_gives_types_names_and_defaults() {
    let text = "n,when,local,price,raw,day,other\n1,2024-02-29T12:00:00+02:00,2024-07-01 12:00,12.5,00ff,2024-02-29,[\n2,,,,,,\n";
    let object = put(text).await;
    let mut since = Field::new("since", DataType::Int32, false);
    since.metadata_mut().insert(INITIAL_DEFAULT.to_owned(), "7".to_owned());
    let zoned = |zone: &str| DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    let texts = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let wanted = schema(vec![
        Field::new("day", DataType::Date64, true),
        Field::new("n", DataType::Utf8View, true),
        Field::new("when", zoned("UTC"), true),
        Field::new("local", zoned("Europe/Berlin"), true),
        Field::new("price", DataType::Decimal128(9, 2), true),
        Field::new("raw", DataType::BinaryView, true),
        Field::new("other", texts, true),
        since,
        Field::new("absent", DataType::new_list(DataType::Int8, true), true),
    ]);
    let args = ReadArgs { schema: Some(wanted.clone()), ..ReadArgs::default() };
    let found = read(&Csv::new(), &object, args).await.unwrap();
    assert_eq!(found.schema(), wanted);
    let found = found.project(&[1, 2, 3, 4, 6, 7]).unwrap();
    assert!(
        in_short(&found).ends_with("|1,2024-02-29T10:00:00Z,2024-07-01T12:00:00+02:00,12.50,[,7|2,~,~,~,~,7"),
        "{}",
        in_short(&found)
    );

    let mapping = FieldMapping {
        by: MapBy::FieldId,
        names: BTreeMap::from([(3, vec!["m".to_owned(), "n".to_owned()])]),
    };
    let by_id = schema(vec![with_field_id(Field::new("mapped", DataType::Int64, true), 3)]);
    let args =
        ReadArgs { schema: Some(by_id.clone()), mapping: Some(Arc::new(mapping)), ..ReadArgs::default() };
    let found = read(&Csv::new(), &object, args).await.unwrap();
    assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![1, 2]));

    // Without a header the columns are those of the schema by their places.
    let bare = put("1,x,more\n2,y,more\n").await;
    let wanted = schema(vec![
        with_field_id(Field::new("number", DataType::Int16, false), 1),
        with_field_id(Field::new("text", DataType::Utf8, true), 2),
    ]);
    for by in [MapBy::Name, MapBy::FieldId] {
        let mapping = Some(Arc::new(FieldMapping::new(by)));
        let args = ReadArgs {
            schema: Some(wanted.clone()),
            mapping,
            projection: Some(vec![1, 0]),
            ..ReadArgs::default()
        };
        let found = read(&csv(&[("header", "false")]), &bare, args).await.unwrap();
        assert_eq!(in_short(&found), "text:Utf8,number:Int16|x,1|y,2");
    }

    let nested = schema(vec![Field::new("n", DataType::new_list(DataType::Int8, true), true)]);
    let args = ReadArgs { schema: Some(nested), ..ReadArgs::default() };
    let error = read(&Csv::new(), &object, args).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("n")));
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_and_never_lost() {
    let lines: String = (0..100).map(|i| format!("{i},\"a\nb\"\n")).collect();
    let object = put(format!("n,t\n{lines}1.5,c\n")).await;
    let narrow = csv(&[("infer_rows", "10")]);
    let error = read(&narrow, &object, ReadArgs::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let told = ["column", "row", "line", "value", "type"]
        .map(|key| error.context(key).unwrap_or_default().to_owned());
    assert_eq!(told, ["n", "101", "202", "1.5", "Int64"]);
    assert!(error.message().contains("schema"));
    // The ways out: to look at more rows, or to give the schema.
    assert_eq!(Csv::new().infer_schema(&object).await.unwrap().field(0).data_type(), &DataType::Float64);
    let args =
        ReadArgs { schema: Some(schema(vec![Field::new("n", DataType::Utf8, true)])), ..ReadArgs::default() };
    assert_eq!(read(&narrow, &object, args).await.unwrap().num_rows(), 101);

    let cases = [
        (DataType::Int8, "128"),
        (DataType::UInt8, "-1"),
        (DataType::Float32, "1e39"),
        (DataType::Float16, "70000"),
        (DataType::Boolean, "yes"),
        (DataType::Decimal128(4, 2), "1.005"),
        (DataType::Decimal32(4, 2), "123.00"),
        (DataType::Date32, "2024-02-30"),
        (DataType::Date32, "2024-02-28T00:00:00"),
        (DataType::Time32(TimeUnit::Second), "12:00:00.5"),
        (DataType::Timestamp(TimeUnit::Second, None), "2024-01-01T00:00:00.5"),
        (DataType::Timestamp(TimeUnit::Second, None), "2024-01-01T00:00:00Z"),
        (DataType::Timestamp(TimeUnit::Nanosecond, None), "9999-01-01T00:00:00"),
        (DataType::Binary, "0g"),
        (DataType::FixedSizeBinary(2), "00"),
        (DataType::Null, "x"),
    ];
    for (data_type, value) in cases {
        let object = put(format!("v,w\n,1\n{value},2\n")).await;
        let args = ReadArgs {
            schema: Some(schema(vec![Field::new("v", data_type.clone(), true)])),
            ..ReadArgs::default()
        };
        let error = read(&Csv::new(), &object, args).await.unwrap_err();
        let told = (error.kind(), error.context("row"), error.context("value"));
        assert_eq!(told, (ErrorKind::InvalidData, Some("2"), Some(value)), "{data_type} {error}");
    }
    let object = put("v,w\n1,1\n,2\n").await;
    let args = ReadArgs {
        schema: Some(schema(vec![Field::new("v", DataType::Int64, false)])),
        ..ReadArgs::default()
    };
    let error = read(&Csv::new(), &object, args).await.unwrap_err();
    assert_eq!((error.kind(), error.context("row")), (ErrorKind::InvalidData, Some("2")));
}

#[tokio::test]
async fn large_records_make_small_batches() {
    let lines: String = (0..12).map(|i| format!("{i},{}\n", "z".repeat(1 << 20))).collect();
    let object = put(format!("i,t\n{lines}")).await;
    let args = ReadArgs { row_number: Some("at".to_owned()), ..ReadArgs::default() };
    let csv = csv(&[("infer_bytes", "1000")]);
    let batches = collect(csv.read(&object, args).await.unwrap()).await.unwrap();
    assert!(batches.len() >= 3 && batches.iter().all(|batch| batch.num_rows() <= 5));
    let at = batches.iter().flat_map(|b| b.column(2).as_primitive::<Int64Type>().values().to_vec());
    assert_eq!(at.collect::<Vec<_>>(), (0..12).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_is_missing_is_not_found() {
    let error = Csv::new().infer_schema(&object("no/such.csv.gz")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context("location")),
        (ErrorKind::NotFound, Some("memory:///no/such.csv.gz"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic_and_pieces_make_no_difference(
        text in "[a1,;\"'\\\\#\r\n\t é\u{feff}-]{0,60}",
        raw in proptest::collection::vec(any::<u8>(), 0..20),
        chosen in 0_usize..5,
    ) {
        let options: [&[(&str, &str)]; 5] = [
            &[],
            &[("ragged", "any"), ("stray_quotes", "true"), ("comment", "#"), ("trim", "true")],
            &[("quote", "'"), ("escape", "\\"), ("null_texts", "\\N"), ("blank_lines", "row"), ("ragged", "short")],
            &[("quote", ""), ("delimiter", ";"), ("header", "false"), ("skip_lines", "1")],
            &[("encoding", "utf-16le"), ("terminator", "lf"), ("ragged", "any"), ("skip_rows", "1")],
        ];
        let csv = csv(options[chosen]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for bytes in [text.into_bytes(), raw] {
                let object = put(bytes.clone()).await;
                let whole = read(&csv, &object, ReadArgs::default()).await;
                let small = ReadArgs { batch_rows: Some(1), ..ReadArgs::default() };
                let pieces = read(&csv, &object, small).await;
                match (whole, pieces) {
                    (Ok(whole), Ok(pieces)) => {
                        assert_eq!(whole, pieces);
                        assert_eq!(csv.inspect(&object).await.unwrap().rows, whole.num_rows() as u64);
                    }
                    (Err(whole), Err(pieces)) => {
                        assert_eq!((whole.kind(), pieces.kind()), (ErrorKind::InvalidData, ErrorKind::InvalidData));
                    }
                    (whole, pieces) => panic!("{bytes:?} {whole:?} {pieces:?}"),
                }
            }
        });
    }
}
