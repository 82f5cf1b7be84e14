//! What is written comes back, given its schema.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};
use proptest::prelude::*;
use stitchwork_core::{ErrorKind, Format, Object, Options, ReadArgs, Result, WriteArgs};
use stitchwork_format_csv::Csv;
use stitchwork_testkit::batches::{column, nullable};
use stitchwork_testkit::files::{self, object, read, schema};

use crate::{csv, in_short};

/// A column of each type that CSV can hold, of these numbers and texts.
fn columns(numbers: &[Option<i64>], texts: &[Option<String>]) -> Vec<ArrayRef> {
    let ints: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX, 1e23];
    let floats = numbers.iter().map(|n| {
        n.map(|n| match special.get(n.rem_euclid(20) as usize) {
            Some(special) => *special,
            None => n as f64 / 3.0,
        })
    });
    let floats: ArrayRef = Arc::new(floats.collect::<Float64Array>());
    let texts: ArrayRef =
        Arc::new((0..numbers.len()).map(|i| texts.get(i).cloned().flatten()).collect::<StringArray>());
    let middle: ArrayRef =
        Arc::new(numbers.iter().map(|n| n.map(|n| n.rem_euclid(86_400))).collect::<Int64Array>());
    let days: ArrayRef = Arc::new(numbers.iter().map(|n| n.map(|n| n % 90_000_000)).collect::<Int64Array>());
    let days = cast(&days, &DataType::Int32).unwrap();
    let zone = |zone: &str| Some(zone.into());
    let mut found: Vec<ArrayRef> = vec![
        cast(&floats, &DataType::Float32).unwrap(),
        cast(&texts, &DataType::LargeUtf8).unwrap(),
        cast(&texts, &DataType::Utf8View).unwrap(),
        cast(&texts, &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))).unwrap(),
        cast(&days, &DataType::Date32).unwrap(),
        cast(&cast(&days, &DataType::Date32).unwrap(), &DataType::Date64).unwrap(),
        cast(&cast(&middle, &DataType::Int32).unwrap(), &DataType::Time32(TimeUnit::Second)).unwrap(),
        cast(&cast(&middle, &DataType::Int32).unwrap(), &DataType::Time32(TimeUnit::Millisecond)).unwrap(),
    ];
    for data_type in [
        DataType::Boolean,
        DataType::Null,
        DataType::Float16,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(8),
        DataType::Int8,
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt16,
        DataType::Int32,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal32(8, 3),
        DataType::Decimal64(18, 3),
        DataType::Decimal128(20, 3),
        DataType::Decimal256(50, 3),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
    ] {
        found.push(column(&data_type, numbers).unwrap());
    }
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        let near: ArrayRef = if unit == TimeUnit::Second {
            Arc::new(numbers.iter().map(|n| n.map(|n| n % (1 << 50))).collect::<Int64Array>())
        } else {
            ints.clone()
        };
        found.push(cast(&near, &DataType::Timestamp(unit, None)).unwrap());
        found.push(cast(&near, &DataType::Timestamp(unit, zone("UTC"))).unwrap());
        found.push(cast(&near, &DataType::Timestamp(unit, zone("-03:30"))).unwrap());
        found.push(cast(&ints, &DataType::Duration(unit)).unwrap());
    }
    let small = column(&DataType::Int8, numbers).unwrap();
    found.push(cast(&small, &DataType::Decimal128(4, -1)).unwrap());
    found.extend([ints, floats, texts]);
    found
}

async fn written(csv: &Csv, batch: &RecordBatch, name: &str) -> Result<Object> {
    let object = object(name);
    let summary = files::write(csv, &object, std::slice::from_ref(batch), Options::new()).await?;
    assert_eq!(summary.bytes, object.fetch_size().await.unwrap());
    assert_eq!(summary.rows, batch.num_rows() as u64);
    Ok(object)
}

const DIALECTS: [&[(&str, &str)]; 8] = [
    &[],
    &[("header", "false"), ("delimiter", "\\t"), ("terminator", "crlf")],
    &[("delimiter", ";"), ("quote", "'"), ("comment", "#"), ("trim", "true")],
    &[("escape", "\\"), ("null_texts", "NA,")],
    &[("escape", "\\"), ("double_quote", "false"), ("terminator", "|")],
    &[("quote", ""), ("escape", "\\"), ("null_texts", "\\N")],
    &[("null_texts", "null"), ("blank_lines", "skip")],
    &[("terminator", "lf"), ("ragged", "any"), ("stray_quotes", "true")],
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_type_comes_back_as_it_was(
        numbers in proptest::collection::vec(any::<Option<i64>>(), 0..40),
        texts in proptest::collection::vec(proptest::option::of("[a,;|'\"#\\\\\r\n\t N\u{feff}é𝄞]{0,6}|NA|null|\\\\N|.{0,8}"), 40),
        batch_rows in 1_usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let given = nullable(columns(&numbers, &texts)).unwrap();
            for options in DIALECTS {
                let csv = csv(options);
                let object = written(&csv, &given, "round.csv").await.unwrap();
                let args = ReadArgs { schema: Some(given.schema()), batch_rows: Some(batch_rows), ..ReadArgs::default() };
                let found = read(&csv, &object, args).await.unwrap();
                assert_eq!(found.num_rows(), given.num_rows(), "{options:?}");
                for (field, (a, b)) in given.schema().fields().iter().zip(given.columns().iter().zip(found.columns())) {
                    assert_eq!(a, b, "{options:?} {field}");
                }
                assert_eq!(csv.inspect(&object).await.unwrap().rows, given.num_rows() as u64);
            }
        });
    }

    #[test]
    fn one_column_of_texts_comes_back(
        texts in proptest::collection::vec(proptest::option::of("[a,\"\r\n ]{0,3}"), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let given = nullable(vec![Arc::new(StringArray::from(texts))]).unwrap();
            let object = written(&Csv::new(), &given, "one.csv").await.unwrap();
            let found = read(&Csv::new(), &object, ReadArgs::default()).await.unwrap();
            assert_eq!(found.column(0), given.column(0));
        });
    }
}

#[tokio::test]
async fn the_lines_are_those_of_the_readme() {
    let zoned = Int64Array::from(vec![Some(1_500_000), None]);
    let zoned =
        cast(&zoned, &DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()))).unwrap();
    let given = nullable(vec![
        Arc::new(StringArray::from(vec![Some(""), None])),
        Arc::new(StringArray::from(vec!["a,b", "say \"x\""])),
        Arc::new(Float64Array::from(vec![f64::NAN, f64::NEG_INFINITY])),
        zoned,
        Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..], b""])),
    ])
    .unwrap();
    let object = written(&Csv::new(), &given, "lines.csv").await.unwrap();
    let text = files::bytes(&object).await.unwrap();
    let expected =
        "c0,c1,c2,c3,c4\n\"\",\"a,b\",NaN,1970-01-01T00:00:01.500Z,00ff\n,\"say \"\"x\"\"\",-inf,,\"\"\n";
    assert_eq!(std::str::from_utf8(&text).unwrap(), expected);
    let found = read(&Csv::new(), &object, ReadArgs::default()).await.unwrap();
    let types: Vec<_> = found.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Utf8", "Float64", "Timestamp(µs, \"UTC\")", "Utf8"]);
    assert!(in_short(&found).ends_with("|,a,b,NaN,1970-01-01T00:00:01.500Z,00ff|~,say \"x\",-inf,~,"));
}

#[tokio::test]
async fn what_cannot_be_written_is_refused() {
    let refused = |fields: Vec<Field>| async move {
        Csv::new().write(&object("x.csv"), WriteArgs::new(schema(fields))).await.unwrap_err()
    };
    let list = DataType::new_list(DataType::Int8, true);
    for data_type in [
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Struct(vec![Field::new("x", DataType::Int8, true)].into()),
        DataType::Dictionary(Box::new(DataType::Int8), Box::new(list.clone())),
        list,
    ] {
        let fields = vec![Field::new("good", DataType::Int32, true), Field::new("bad", data_type, true)];
        let error = refused(fields).await;
        assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("bad")));
    }
    let number = |name| Field::new(name, DataType::Int32, true);
    for fields in [vec![], vec![number("")], vec![number("a"), number("a")]] {
        assert_eq!(refused(fields).await.kind(), ErrorKind::Unsupported);
    }
    for (name, value, kind) in [
        ("nulls", "true", ErrorKind::InvalidConfig),
        ("skip_rows", "1", ErrorKind::InvalidConfig),
        ("encoding", "latin1", ErrorKind::Unsupported),
    ] {
        let args = WriteArgs {
            options: files::options(&[(name, value)]),
            ..WriteArgs::new(schema(vec![number("a")]))
        };
        assert_eq!(Csv::new().write(&object("x.csv"), args).await.unwrap_err().kind(), kind, "{name}");
    }
    // Values for which the dialect has no spelling.
    let texts = |text: Option<&str>| nullable(vec![Arc::new(StringArray::from(vec![text]))]).unwrap();
    let cases: [(crate::Given, Option<&str>); 5] = [
        (&[("quote", "")], Some("a,b")),
        (&[("quote", "")], Some("")),
        (&[("double_quote", "false")], Some("a\"b")),
        (&[("quoted_nulls", "true")], Some("")),
        (&[("blank_lines", "skip")], None),
    ];
    for (options, text) in cases {
        let error = written(&csv(options), &texts(text), "x.csv").await.map(drop).unwrap_err();
        assert_eq!(
            (error.kind(), error.context("column")),
            (ErrorKind::InvalidInput, Some("c0")),
            "{options:?}"
        );
    }
}
