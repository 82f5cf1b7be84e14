//! Parquet files that DuckDB reads on its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::buffer::OffsetBuffer;
use arrow_array::{
    Array, ArrayRef, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use stitchwork_core::{Column, StatsFor};
use stitchwork_testkit::batches;

use crate::files::{Files, all_rows, explain, register, rows, spoil_others};
use crate::support::duckdb;

pub(crate) fn one(column: ArrayRef) -> RecordBatch {
    RecordBatch::try_new(schema(column.data_type()), vec![column]).unwrap()
}

pub(crate) fn schema(data_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("v", data_type.clone(), true)]))
}

/// A struct of the column and a list of such structs.
pub(crate) fn nested(column: &ArrayRef) -> ArrayRef {
    let inner = Fields::from(vec![Field::new("x", column.data_type().clone(), true)]);
    let structs: ArrayRef = Arc::new(StructArray::new(inner, vec![column.clone()], None));
    let element = Arc::new(Field::new("element", structs.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(vec![1; column.len()]);
    let list: ArrayRef = Arc::new(ListArray::new(element, offsets, structs.clone(), None));
    let fields = [("s", &structs), ("l", &list)]
        .map(|(name, column)| Arc::new(Field::new(name, column.data_type().clone(), true)));
    Arc::new(StructArray::new(Fields::from(fields.to_vec()), vec![structs, list], None))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_types_are_not_read_in_the_types_of_the_first() {
    let Some(engine) = duckdb("files_of_other_types_are_not_read_in_the_types_of_the_first", |_| ()).await
    else {
        return;
    };
    let decimal = |value: i128, precision, scale| -> ArrayRef {
        let column = Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale);
        Arc::new(column.unwrap())
    };
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1]));
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_000_000_001]));
    let pairs: [(ArrayRef, ArrayRef); 5] = [
        (Arc::new(Float32Array::from(vec![0.5])), Arc::new(Float64Array::from(vec![0.1]))),
        (micros, nanos),
        (Arc::new(Int32Array::from(vec![7])), Arc::new(Int64Array::from(vec![1 << 40]))),
        (decimal(150, 5, 2), decimal(99_999, 10, 4)),
        (Arc::new(Int32Array::from(vec![7])), Arc::new(Float64Array::from(vec![0.1]))),
    ];
    for (narrow, wide) in pairs {
        for (narrow, wide) in [(narrow.clone(), wide.clone()), (nested(&narrow), nested(&wide))] {
            let table = schema(wide.data_type());
            let files = [one(narrow.clone()), one(wide.clone()), one(narrow)];
            for order in [[0, 1, 2], [1, 0, 2]] {
                let files = Files::of(&table, &order.map(|place: usize| files[place].clone()));
                let files = register(&engine, files).await;
                let got = rows(&engine, "select * from t").await.unwrap();
                assert_eq!(batches::difference(&got, &files.rows()), None, "{}", wide.data_type());
            }
            let plan = explain(&engine, "select * from t").await;
            assert!(plan.contains("READ_PARQUET"), "{} is streamed: {plan}", wide.data_type());
            // Files of one type are read together.
            assert_eq!(plan.matches("Function:").count(), 2, "{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cast_that_would_round_is_left_to_arrow() {
    let Some(engine) = duckdb("a_cast_that_would_round_is_left_to_arrow", |_| ()).await else { return };
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    for (from, to) in units.iter().flat_map(|from| units.map(|to| (*from, to))) {
        for zones in [(None, None), (Some("UTC"), Some("UTC")), (Some("UTC"), None), (None, Some("UTC"))] {
            let of = |unit, zone: Option<&str>| DataType::Timestamp(unit, zone.map(Into::into));
            let numbers = Int64Array::from(vec![-1_501, -1_500, -1, 499, 500, 999, 1_999]);
            let column = arrow::compute::cast(&numbers, &of(from, zones.0)).unwrap();
            let files = Files::of(&schema(&of(to, zones.1)), &[one(column)]);
            let files = register(&engine, files).await;
            let got = rows(&engine, "select v::timestamp_ns as v from t").await;
            match got {
                Ok(got) => {
                    let local = |text: &String| text.trim_end_matches('Z').to_owned();
                    let mut want: Vec<_> = files.rows().iter().map(local).collect();
                    want.sort();
                    assert_eq!(got, want, "{from:?} to {to:?}, {zones:?}");
                }
                // DuckDB has no such timestamps, however they come.
                Err(error) => {
                    let lost = (to, zones.1.is_some()) == (TimeUnit::Nanosecond, true);
                    assert!(lost, "{from:?} to {to:?}, {zones:?}: {error:?}");
                }
            }
        }
    }
}

/// What Arrow has and Parquet holds.
fn types() -> Vec<DataType> {
    let utc: Option<Arc<str>> = Some("UTC".into());
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let mut types = vec![
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal32(7, 3),
        DataType::Decimal64(12, 3),
        DataType::Decimal128(5, 2),
        DataType::Decimal128(12, 2),
        DataType::Decimal128(20, 3),
        DataType::Decimal256(20, 3),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::FixedSizeBinary(8),
        DataType::Null,
    ];
    for unit in units {
        types.extend([DataType::Timestamp(unit, None), DataType::Timestamp(unit, utc.clone())]);
        types.push(DataType::Duration(unit));
    }
    let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int32), Box::new(values));
    types.extend([dictionary(DataType::Utf8), dictionary(DataType::Int64)]);
    types.push(dictionary(DataType::Timestamp(TimeUnit::Second, None)));
    types
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_read_natively_or_streamed_with_the_same_values() {
    let test = "every_type_is_read_natively_or_streamed_with_the_same_values";
    let Some(engine) = duckdb(test, |_| ()).await else { return };
    let mut roads: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for data_type in types() {
        // No zero byte, which no text of DuckDB's that comes by Arrow has a place for.
        let numbers = [Some(1), None, Some(7), Some(99)];
        let flat = batches::column(&data_type, &numbers).unwrap();
        let nested = nested(&flat);
        let mut road = None;
        for column in [flat, nested] {
            let files = Files::of(&schema(column.data_type()), &[one(column.clone())]);
            let files = register(&engine, files).await;
            let kind = match all_rows(&engine, &files).await {
                Ok(got) => {
                    assert_eq!(batches::difference(&got, &files.rows()), None, "{}", column.data_type());
                    if explain(&engine, "select * from t").await.contains("READ_PARQUET") {
                        "native"
                    } else {
                        "streamed"
                    }
                }
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        stitchwork_core::ErrorKind::Unsupported,
                        "{data_type}: {error:?}"
                    );
                    "refused"
                }
            };
            assert_eq!(*road.get_or_insert(kind), kind, "{data_type}, inside of others");
        }
        roads.entry(road.unwrap()).or_default().push(data_type.to_string());
    }
    let streamed = "Float16, Decimal32(7, 3), Decimal64(12, 3), Decimal256(20, 3), Date64, Time32(s), Time32(ms), \
                    FixedSizeBinary(8), Null, Timestamp(s), Timestamp(s, \"UTC\"), Duration(s), \
                    Timestamp(ms, \"UTC\"), Duration(ms), Duration(µs), Dictionary(Int32, Timestamp(s))";
    assert_eq!(roads["streamed"].join(", "), streamed);
    // DuckDB has these in microseconds, and the numbers are whole ones of nanoseconds.
    assert_eq!(roads["refused"].join(", "), "Time64(ns), Timestamp(ns, \"UTC\"), Duration(ns)");
    assert_eq!(roads["native"].len(), types().len() - 19);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nan_is_found_by_any_filter() {
    let Some(engine) = duckdb("a_nan_is_found_by_any_filter", |_| ()).await else { return };
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let wide: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]));
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), Some(f32::NAN), None]));
    let widened: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), Some(f32::NAN), None]));
    let inner = Fields::from(vec![Field::new("x", DataType::Float64, true)]);
    let inside: ArrayRef = Arc::new(StructArray::new(inner, vec![wide.clone()], None));
    let fields = |widened: DataType| {
        let fields = [("id", ids.data_type()), ("d", wide.data_type()), ("f", narrow.data_type())];
        let mut fields: Vec<_> =
            fields.into_iter().map(|(name, of)| Field::new(name, of.clone(), true)).collect();
        fields.push(Field::new("w", widened, true));
        fields.push(Field::new("s", inside.data_type().clone(), true));
        Arc::new(Schema::new(fields))
    };
    let columns = vec![ids.clone(), wide.clone(), narrow.clone(), widened, inside.clone()];
    let batch = RecordBatch::try_new(fields(DataType::Float32), columns).unwrap();
    let register = |nans: Option<u64>| {
        let mut files = Files::of(&fields(DataType::Float64), std::slice::from_ref(&batch));
        if let Some(nans) = nans {
            files.say_nans("d", nans);
        }
        register(&engine, files)
    };
    for nans in [None, Some(1)] {
        let files = register(nans).await;
        for column in ["d", "f", "w", "s.x"] {
            for filter in
                ["{} > 5", "{} >= 5", "{} <> 1.0", "{} = 'NaN'", "not ({} <= 5)", "{} in ('nan'::double, 7)"]
            {
                let filter = filter.replace("{}", column);
                let got = rows(&engine, &format!("select id from t where {filter}")).await.unwrap();
                assert_eq!(got, ["2"], "{filter}");
            }
            for sql in [
                "select id from t order by {} desc nulls last limit 1",
                "select id from t join (select 'nan'::double as k) on {} = k",
                "select id from t join (select 5::double as k) on {} > k",
                "select id from t where {} = (select max({}) from t)",
            ] {
                let sql = sql.replace("{}", column);
                assert_eq!(rows(&engine, &sql).await.unwrap(), ["2"], "{sql}");
            }
        }
        assert!(explain(&engine, "select * from t").await.contains("READ_PARQUET"));
        let asked = files.asked.lock().unwrap().last().unwrap().stats.clone();
        assert_eq!(asked, StatsFor::Columns(["d", "f", "w", "s"].map(Column::new).to_vec()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_are_left_out_by_the_bounds_of_columns() {
    let Some(engine) = duckdb("row_groups_are_left_out_by_the_bounds_of_columns", |_| ()).await else {
        return;
    };
    let fields = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("number", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
    ];
    let ids: ArrayRef = Arc::new((0..10_000_i64).map(Some).collect::<Int64Array>());
    let numbers: ArrayRef = Arc::new((0..10_000).map(|n| Some(f64::from(n))).collect::<Float64Array>());
    let texts: ArrayRef = Arc::new((0..10_000).map(|n| Some(format!("{n:05}"))).collect::<StringArray>());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![ids, numbers, texts]).unwrap();
    for nans in [None, Some(0)] {
        for (filter, group, known) in [
            ("id >= 9500", 9, true),
            ("text >= '09500'", 9, true),
            ("id = 9500 and number > 0", 9, true),
            ("number < 500", 0, true),
            ("number = 77", 0, true),
            // A NaN might be in any of them.
            ("number >= 9500", 9, nans.is_some()),
        ] {
            let mut files = Files::new(batch.schema());
            spoil_others(&files.add(&batch, 1000), group);
            if let Some(nans) = nans {
                files.say_nans("number", nans);
            }
            register(&engine, files).await;
            let sql = format!("select max(id), max(number), max(text) from t where {filter}");
            let got = rows(&engine, &sql).await;
            assert_eq!(got.is_ok(), known, "{filter}, {nans:?} NaNs: {got:?}");
        }
    }
}
