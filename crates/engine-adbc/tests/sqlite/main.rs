//! SQLite as an engine: what its contract does not say.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

#[path = "../duckdb/support.rs"]
mod support;

use std::sync::Arc;

use arrow::compute::cast;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use stitchwork_core::{Engine, ErrorKind, QueryArgs, Result, TableIdent, collect};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile};
use stitchwork_testkit::MemoryRelation;

async fn sqlite(test: &str) -> Option<AdbcEngine> {
    let driver = support::driver(Profile::Sqlite, test)?;
    Some(AdbcEngine::open(Profile::Sqlite, AdbcConfig::new(driver)).await.unwrap())
}

async fn register(engine: &AdbcEngine, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    engine.register(&TableIdent::bare("t"), Arc::new(MemoryRelation::from(batch))).await.unwrap();
}

async fn rows(engine: &AdbcEngine, sql: &str) -> Result<Vec<RecordBatch>> {
    collect(engine.query(QueryArgs::new(sql)).await?).await
}

async fn count(engine: &AdbcEngine, sql: &str) -> Result<i64> {
    Ok(rows(engine, sql).await?[0].column(0).as_primitive::<Int64Type>().value(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nan_is_refused_by_name_and_never_a_null() {
    let Some(engine) = sqlite("a_nan_is_refused_by_name_and_never_a_null").await else { return };
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN)]));
    let dictionary = |key, value| DataType::Dictionary(Box::new(key), Box::new(value));
    for stored_as in [
        DataType::Float64,
        DataType::Float32,
        DataType::Float16,
        dictionary(DataType::Int8, DataType::Float64),
        dictionary(DataType::Int32, DataType::Float32),
    ] {
        let column = cast(&floats, &stored_as).unwrap();
        register(&engine, vec![("id", ids.clone()), ("f", column.clone())]).await;
        for sql in
            ["select f from t", "select count(*) from t where f > 0", "select sum(id) from t where not f = 5"]
        {
            let error = rows(&engine, sql).await.unwrap_err();
            let got = (error.kind(), error.context("column"));
            assert_eq!(got, (ErrorKind::Unsupported, Some("f")), "{stored_as}, {sql}: {error:?}");
            assert!(error.to_string().contains("NaN"), "{error}");
        }
        // Rows and columns that are not asked for do no harm.
        assert_eq!(count(&engine, "select count(*) from t").await.unwrap(), 3);
        assert_eq!(count(&engine, "select count(f) from t where id < 3").await.unwrap(), 1);
        assert_eq!(count(&engine, "select id from t where f is null").await.unwrap(), 2, "{stored_as}");
        assert_eq!(count(&engine, "select count(*) from t where f is null").await.unwrap(), 1, "{stored_as}");
        // Nor do rows that are no NaN; a null is a null.
        register(&engine, vec![("id", ids.slice(0, 2)), ("f", column.slice(0, 2))]).await;
        assert_eq!(count(&engine, "select id from t where f is null").await.unwrap(), 2, "{stored_as}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floats_inside_of_others_are_refused_with_their_column() {
    let Some(engine) = sqlite("floats_inside_of_others_are_refused_with_their_column").await else { return };
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    let list = cast(&floats, &DataType::new_list(DataType::Float64, true)).unwrap();
    let fields = Fields::from(vec![Field::new("x", DataType::Float64, true)]);
    let structs: ArrayRef = Arc::new(arrow_array::StructArray::new(fields, vec![floats], None));
    for column in [list, structs] {
        register(&engine, vec![("c", column)]).await;
        let error = rows(&engine, "select c from t").await.unwrap_err();
        assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("c")), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn infinities_and_the_largest_numbers_come_back() {
    let Some(engine) = sqlite("infinities_and_the_largest_numbers_come_back").await else { return };
    let numbers =
        [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.1, -0.0];
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..8));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
    register(&engine, vec![("id", ids), ("f", floats)]).await;
    let got = rows(&engine, "select f from t order by id").await.unwrap();
    let got: Vec<Option<f64>> =
        got.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().iter()).collect();
    assert_eq!(got, numbers.map(Some));
    // The same number, but for its sign.
    assert!(got[7].unwrap().is_sign_positive());
    assert_eq!(count(&engine, "select count(*) from t where f > 1.7e308").await.unwrap(), 2);
    assert_eq!(count(&engine, "select count(*) from t where f = 9e999").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_only_in_case_are_refused() {
    let Some(engine) = sqlite("names_that_differ_only_in_case_are_refused").await else { return };
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    register(&engine, vec![("Id", number.clone()), ("n", number.clone()), ("iD", number.clone())]).await;
    let error = rows(&engine, "select id from t").await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("iD")), "{error:?}");
    assert_eq!(error.context("other_column"), Some("Id"));
    assert_eq!(count(&engine, "select n from t").await.unwrap(), 1);
    register(&engine, vec![("ä", number.clone()), ("Ä", number)]).await;
    assert_eq!(rows(&engine, "select \"ä\", \"Ä\" from t").await.unwrap()[0].num_columns(), 2);
}

#[test]
fn rows_outlive_the_engine_and_its_driver() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let kept = runtime.block_on(async {
        let driver = support::driver(Profile::Sqlite, "rows_outlive_the_engine_and_its_driver")?;
        // Batches that are passed on as the driver gives them.
        let config = AdbcConfig { batch_rows: 256, ..AdbcConfig::new(driver) };
        let engine = AdbcEngine::open(Profile::Sqlite, config).await.unwrap();
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..20_000).map(|n| format!("text {n}"))));
        register(&engine, vec![("text", texts)]).await;
        Some(rows(&engine, "select text from t").await.unwrap())
    });
    drop(runtime);
    let Some(kept) = kept else { return };
    let texts: Vec<&str> =
        kept.iter().flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten()).collect();
    assert_eq!((texts.len(), texts[19_999]), (20_000, "text 19999"));
    drop(kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_a_type_does_no_harm_unless_it_is_named() {
    let Some(engine) = sqlite("a_column_without_a_type_does_no_harm_unless_it_is_named").await else {
        return;
    };
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    for data_type in [
        DataType::Decimal128(20, 2),
        DataType::Decimal256(50, 2),
        DataType::UInt64,
        DataType::Duration(TimeUnit::Second),
    ] {
        let column = cast(&ids, &data_type).unwrap();
        register(&engine, vec![("id", ids.clone()), ("c", column)]).await;
        for sql in ["select * from t", "select c from t", "select cast(c as text) from t"] {
            let error = rows(&engine, sql).await.unwrap_err();
            let told = (error.kind(), error.context("column"), error.context("type").map(str::to_owned));
            let expected = (ErrorKind::Unsupported, Some("c"), Some(data_type.to_string()));
            assert_eq!(told, expected, "{sql}: {error:?}");
            // What it advises works, as the next lines say.
            assert!(error.message().contains("name only other columns"), "{error}");
        }
        assert_eq!(count(&engine, "select id from t order by id").await.unwrap(), 1, "{data_type}");
        assert_eq!(count(&engine, "select count(*) from t").await.unwrap(), 2, "{data_type}");
    }
    // A time in coarser units is a text as well.
    let time = cast(&cast(&ids, &DataType::Int32).unwrap(), &DataType::Time32(TimeUnit::Second)).unwrap();
    register(&engine, vec![("c", time)]).await;
    let found = rows(&engine, "select c from t").await.unwrap();
    assert_eq!(found[0].column(0).as_string::<i32>().value(0), "00:00:01");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_no_utf8_is_refused_with_its_row() {
    let Some(engine) = sqlite("a_text_that_is_no_utf8_is_refused_with_its_row").await else { return };
    let error = rows(&engine, "select 'ü' as a union all select cast(x'fc' as text)").await.unwrap_err();
    let told = (error.kind(), error.context("column"), error.context("row"));
    assert_eq!(told, (ErrorKind::InvalidData, Some("a"), Some("1")), "{error:?}");
    let bytes = rows(&engine, "select cast(cast(x'fc' as text) as blob) as a").await.unwrap();
    assert_eq!(bytes[0].column(0).as_binary::<i32>().value(0), [0xfc]);
}
