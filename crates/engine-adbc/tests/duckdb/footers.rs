//! Files that are alike to Arrow, and not to DuckDB.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, TimeUnit};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use stitchwork_testkit::batches;

use crate::files::{Files, all_rows, explain, register, rows};
use crate::native::{nested, one, schema};
use crate::support::duckdb;

/// A column `v` of texts that are what is given in brackets, alone and within structs and lists.
fn messages(annotation: &str) -> [String; 2] {
    let leaf = |name: &str| format!("optional binary {name} ({annotation});");
    let inner = format!(
        "optional group s {{ {x} }} optional group l (LIST) {{ repeated group list {{ optional group element {{ {x} }} }} }}",
        x = leaf("x")
    );
    [format!("message m {{ {} }}", leaf("v")), format!("message m {{ optional group v {{ {inner} }} }}")]
}

#[tokio::test(flavor = "multi_thread")]
async fn json_beside_text_is_text_in_whatever_order() {
    let Some(engine) = duckdb("json_beside_text_is_text_in_whatever_order", |_| ()).await else { return };
    let json: ArrayRef = Arc::new(StringArray::from(vec![Some(r#"{"a":  1}"#), None, Some("\"q\"")]));
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("no {JSON"), None, Some("\"q\"")]));
    let (as_json, as_text) = (messages("JSON"), messages("UTF8"));
    for (place, columns) in
        [[json.clone(), text.clone()], [nested(&json), nested(&text)]].into_iter().enumerate()
    {
        let [json, text] = columns.map(one);
        let table = json.schema();
        for order in [[true, false, true], [false, true, false], [true, true, true]] {
            let mut files = Files::new(table.clone());
            for is_json in order {
                let (batch, messages) = if is_json { (&json, &as_json) } else { (&text, &as_text) };
                files.add_as(batch, &messages[place]);
            }
            let files = register(&engine, files).await;
            // The second time the footers are known.
            for _ in 0..2 {
                let got = all_rows(&engine, &files).await.unwrap();
                assert_eq!(batches::difference(&got, &files.rows()), None, "{order:?}");
            }
            let plan = explain(&engine, "select * from t").await;
            assert!(plan.contains("READ_PARQUET"), "{order:?} is streamed: {plan}");
            // Files of one kind are read together.
            let kinds = if order.iter().all(|json| *json) { 1 } else { 2 };
            assert_eq!(plan.matches("Function:").count(), kinds, "{order:?}: {plan}");
            let column = if place == 0 { "v" } else { "v.s.x" };
            let texts = order.iter().filter(|json| !**json).count();
            for (value, expected) in [("no {JSON", texts), (r#"{"a":  1}"#, 3 - texts), ("\"q\"", 3)] {
                let sql = format!("select count(*) as n from t where {column} = '{value}'");
                assert_eq!(rows(&engine, &sql).await.unwrap(), [expected.to_string()], "{order:?}, {sql}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_files_are_told_apart() {
    let Some(engine) = duckdb("hundreds_of_files_are_told_apart", |_| ()).await else { return };
    let json = one(Arc::new(StringArray::from(vec!["[1]"])));
    let text = one(Arc::new(StringArray::from(vec!["no [JSON"])));
    let (as_json, as_text) = (&messages("JSON")[0], &messages("UTF8")[0]);
    let mut files = Files::new(json.schema());
    // More than one question is about, the odd one among the last.
    for number in 0..300 {
        let odd = [1, 298].contains(&number);
        files.add_as(if odd { &text } else { &json }, if odd { as_text } else { as_json });
    }
    let files = register(&engine, files).await;
    assert_eq!(batches::difference(&all_rows(&engine, &files).await.unwrap(), &files.rows()), None);
    assert_eq!(explain(&engine, "select * from t").await.matches("Function:").count(), 2);
}

/// The nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// Timestamps of 96 bits, which no writer of Arrow's makes.
fn old_timestamps(file: File, nanos: &[i64]) {
    let message = Arc::new(parse_message_type("message m { required int96 v; }").unwrap());
    let mut writer = SerializedFileWriter::new(file, message, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<Int96> = nanos
        .iter()
        .map(|nanos| {
            // The nanoseconds of the day in two halves, and the day since the year 4713 before Christ.
            let (day, of_day) = (nanos.div_euclid(DAY), nanos.rem_euclid(DAY));
            let half = |number: i64| u32::try_from(number).unwrap();
            let mut value = Int96::new();
            value.set_data(half(of_day & 0xffff_ffff), half(of_day >> 32), half(day + 2_440_588));
            value
        })
        .collect();
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nanoseconds_of_other_files_are_not_cut_off() {
    let Some(engine) = duckdb("nanoseconds_of_other_files_are_not_cut_off", |_| ()).await else { return };
    let nanos = [1_000_000_001, DAY + 7];
    let column: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanos.to_vec()));
    let batch = one(column);
    for old_first in [true, false] {
        let mut files = Files::new(schema(&DataType::Timestamp(TimeUnit::Nanosecond, None)));
        for old in [old_first, !old_first] {
            if old {
                files.add_with(&batch, |file| old_timestamps(file, &nanos));
            } else {
                files.add(&batch, 10);
            }
        }
        let files = register(&engine, files).await;
        let got = all_rows(&engine, &files).await.unwrap();
        assert_eq!(batches::difference(&got, &files.rows()), None, "old first: {old_first}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn geometries_beside_bytes_are_bytes_in_whatever_order() {
    let Some(engine) = duckdb("geometries_beside_bytes_are_bytes_in_whatever_order", |_| ()).await else {
        return;
    };
    // A point; DuckDB would refuse what is none.
    let mut point = vec![1, 1, 0, 0, 0];
    point.extend([1.0_f64, 2.0].iter().flat_map(|number| number.to_le_bytes()));
    let geo = |column: &str| {
        let description = format!(
            r#"{{"version": "1.0.0", "primary_column": "{column}", "columns": {{"{column}": {{"encoding": "WKB", "geometry_types": []}}}}}}"#
        );
        WriterProperties::builder()
            .set_key_value_metadata(Some(vec![KeyValue::new("geo".to_owned(), description)]))
    };
    let batch = |column: &str| {
        let values: ArrayRef = Arc::new(BinaryArray::from_vec(vec![point.as_slice()]));
        RecordBatch::try_from_iter([("v", values.clone()), (column, values)]).unwrap()
    };
    for order in [[true, false], [false, true]] {
        for geometry in ["v", "other"] {
            let mut files = Files::new(schema(&DataType::Binary));
            for is_geometry in order {
                let batch = batch("other");
                if is_geometry {
                    files.add_with(&batch, |file| {
                        let properties = Some(geo(geometry).build());
                        let mut writer =
                            parquet::arrow::ArrowWriter::try_new(file, batch.schema(), properties).unwrap();
                        writer.write(&batch).unwrap();
                        writer.close().unwrap();
                    });
                } else {
                    files.add(&batch, 10);
                }
            }
            let files = register(&engine, files).await;
            let got = all_rows(&engine, &files).await.unwrap();
            assert_eq!(batches::difference(&got, &files.rows()), None, "{order:?}");
            // Only a column that is read matters.
            let native = explain(&engine, "select * from t").await.contains("READ_PARQUET");
            assert_eq!(native, geometry == "other", "{order:?}");
        }
    }
}
