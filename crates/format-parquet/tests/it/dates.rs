//! Milliseconds that are called a date: days in the file for every reader, and milliseconds again for us.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Date64Array, DictionaryArray, FixedSizeListArray, Int32Array, ListArray, MapArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields};
use stitchwork_core::{Error, ErrorKind, Format, ReadArgs, Scalar, WriteArgs, col};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::files::{local, object, options};
use stitchwork_testkit::peers::Python;

use crate::data;

const DAY: i64 = 86_400_000;

fn field(name: &str) -> Field {
    Field::new(name, DataType::Date64, true)
}

fn structs(child: ArrayRef, nulls: Option<NullBuffer>) -> StructArray {
    StructArray::new(Fields::from(vec![field("d")]), vec![child], nulls)
}

/// Three rows of days, flat and at every kind of depth; `odd` takes the place of the last row's days.
fn batch(odd: i64) -> RecordBatch {
    let days = |values: Vec<Option<i64>>| Arc::new(Date64Array::from(values)) as ArrayRef;
    let flat = days(vec![Some(-DAY), None, Some(odd)]);
    let offsets = || OffsetBuffer::from_lengths([1, 0, 2]);
    let inner = days(vec![Some(-DAY), Some(0), Some(odd)]);
    let list = ListArray::new(Arc::new(field("item")), offsets(), inner.clone(), None);
    let pairs = days(vec![Some(0), Some(0), None, None, Some(DAY), Some(odd)]);
    let fixed = FixedSizeListArray::new(Arc::new(field("item")), 2, pairs, None);
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let entries = Fields::from(vec![Field::new("keys", DataType::Utf8, false), field("values")]);
    let map = MapArray::new(
        Arc::new(Field::new("entries", DataType::Struct(entries.clone()), false)),
        offsets(),
        StructArray::new(entries, vec![keys, inner], None),
        None,
        false,
    );
    let repeated = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![Some(0), None, Some(1)]),
        // A value that no row has is none.
        days(vec![Some(-DAY), Some(odd), Some(1)]),
    );
    let columns: [(&str, ArrayRef); 6] = [
        ("flat", flat.clone()),
        ("inside", Arc::new(structs(flat, None))),
        ("list", Arc::new(list)),
        ("fixed", Arc::new(fixed)),
        ("map", Arc::new(map)),
        ("repeated", Arc::new(repeated)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

#[tokio::test]
async fn days_are_days_in_the_file_and_milliseconds_again() {
    let object = object("dates.parquet");
    let rows = batch(19_000 * DAY);
    let summary = data::write(&object, std::slice::from_ref(&rows), options(&[])).await;
    assert_eq!(data::read(&object, ReadArgs::default()).await, rows);
    let bound = |days: i64| Some(Scalar::from_array(&Date64Array::from(vec![days * DAY]), 0).unwrap());
    for path in [vec!["flat"], vec!["inside", "d"]] {
        let path = stitchwork_core::Column { path: path.into_iter().map(str::to_owned).collect() };
        assert_eq!(summary.stats.columns[&path].min, bound(-1));
        assert_eq!(summary.stats.columns[&path].max, bound(19_000));
    }
    let predicate = Some(col("flat").gt(bound(19_000).unwrap()));
    assert_eq!(data::read(&object, ReadArgs { predicate, ..ReadArgs::default() }).await.num_rows(), 0);
    // Without the arrow schema there is only what Parquet says.
    data::write(&object, std::slice::from_ref(&rows), options(&[("arrow_schema", "false")])).await;
    let found = Parquet::new().infer_schema(&object).await.unwrap();
    assert_eq!(found.field_with_name("flat").unwrap().data_type(), &DataType::Date32);
    let args = ReadArgs { schema: Some(rows.schema()), ..ReadArgs::default() };
    let found = data::read(&object, args).await;
    for name in ["flat", "inside", "list", "fixed", "map"] {
        assert_eq!(found.column_by_name(name), rows.column_by_name(name), "{name}");
    }
}

async fn refused(rows: &RecordBatch) -> Error {
    let object = object("odd.parquet");
    let mut writer = Parquet::new().write(&object, WriteArgs::new(rows.schema())).await.unwrap();
    writer.write(&rows.slice(0, 2)).await.unwrap();
    let error = writer.write(&rows.slice(2, 1)).await.unwrap_err();
    assert!(object.fetch_size().await.is_err(), "nothing is there");
    error
}

#[tokio::test]
async fn a_value_that_is_no_whole_day_is_refused_at_every_depth() {
    for odd in [DAY + 1, -1, i64::MAX / DAY * DAY] {
        let rows = batch(odd);
        for (place, field) in rows.schema().fields().iter().enumerate() {
            let error = refused(&rows.project(&[place]).unwrap()).await;
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.context("column"), Some(field.name().as_str()));
            assert_eq!(error.context("row"), Some("2"), "{error}");
            assert_eq!(error.context("value"), Some(odd.to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn what_a_null_hides_is_no_value() {
    let days: ArrayRef = Arc::new(Date64Array::from(vec![Some(DAY), Some(1)]));
    let shown = NullBuffer::from(vec![true, false]);
    let list = ListArray::new(
        Arc::new(field("item")),
        OffsetBuffer::from_lengths([1, 1]),
        days.clone(),
        Some(shown.clone()),
    );
    let columns: [(&str, ArrayRef); 2] = [("s", Arc::new(structs(days, Some(shown)))), ("l", Arc::new(list))];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let object = object("hidden.parquet");
    data::write(&object, std::slice::from_ref(&rows), options(&[])).await;
    let found = data::read(&object, ReadArgs::default()).await;
    assert_eq!(found.column(0).null_count(), 1);
    assert_eq!(found.column(1).null_count(), 1);
}

/// What pyarrow and DuckDB see of a file, and of it beside one that pyarrow has written.
const PEERS: &str = r#"
import datetime, sys
import duckdb, pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
ours, theirs = sys.argv[1:]
day = datetime.date(2022, 1, 8)
columns = pq.ParquetFile(ours).schema
assert {str(columns.column(i).logical_type) for i in range(len(columns))} == {"Date", "String"}, columns
table = pq.read_table(ours)
assert table["flat"].to_pylist() == [datetime.date(1969, 12, 31), None, day], table["flat"]
assert table["list"].to_pylist()[2] == [datetime.date(1970, 1, 1), day], table["list"]
seen = duckdb.sql(f"select flat, inside.d, list[2], fixed[2], repeated from '{ours}'")
assert [str(type) for type in seen.types] == ["DATE"] * 5, seen.types
assert seen.fetchall()[2] == (day,) * 5
pq.write_table(pa.table({"flat": pa.array([day], pa.date64())}), theirs)
assert ds.dataset([theirs, ours]).to_table(columns=["flat"])["flat"].to_pylist()[0] == day
assert sorted(ds.dataset([ours, theirs]).to_table(columns=["flat"])["flat"].drop_null().to_pylist())[-1] == day
both = duckdb.sql(f"select count(*) from read_parquet(['{ours}', '{theirs}']) where flat = date '2022-01-08'")
assert both.fetchall() == [(2,)]
"#;

#[tokio::test]
async fn pyarrow_and_duckdb_see_dates() {
    let Some(python) = Python::find("pyarrow_and_duckdb_see_dates", &["pyarrow", "duckdb"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (ours, theirs): (_, &Path) = (at("ours.parquet"), &at("theirs.parquet"));
    data::write(&local(&ours).unwrap(), &[batch(19_000 * DAY)], options(&[])).await;
    python.run([Path::new("-c"), Path::new(PEERS), &ours, theirs]).unwrap();
    // Theirs in milliseconds, as it says it has, for us.
    let found = data::read(&local(theirs).unwrap(), ReadArgs::default()).await;
    assert_eq!(found.column(0).data_type(), &DataType::Date64);
}
