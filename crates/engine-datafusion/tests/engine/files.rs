//! Files of a plan: constants, mapping, statistics, stores.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{
    DataFile, Engine, ErrorKind, FieldMapping, MapBy, PHYSICAL_NAME, QueryArgs, Scalar, col, collect,
};

use crate::support::{Files, engine, engines, field, query_error, register, rows};

pub(crate) fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

pub(crate) fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(schema(fields), arrays).unwrap()
}

pub(crate) fn ints(name: &str, values: impl IntoIterator<Item = i64>) -> (Field, ArrayRef) {
    (Field::new(name, DataType::Int64, true), Arc::new(Int64Array::from_iter_values(values)))
}

pub(crate) fn texts(name: &str, values: &[&str]) -> (Field, ArrayRef) {
    (Field::new(name, DataType::Utf8, true), Arc::new(StringArray::from(values.to_vec())))
}

#[tokio::test]
async fn constants_stand_in_for_columns() {
    let mut files = Files::new(schema(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("p", DataType::Utf8, true),
        Field::new("q", DataType::Int32, true),
    ]));
    files.write("memory:a", &batch(vec![ints("n", 0..3)])).await.constants =
        vec![(1, "x".into()), (2, Scalar::from(1_i32))];
    files.write("memory:b", &batch(vec![ints("n", 3..5)])).await.constants =
        vec![(1, Scalar::null(&DataType::Utf8)), (2, Scalar::from(2_i32))];
    // This file has the column itself; and what another one holds is not to be believed.
    files.write("memory:c", &batch(vec![ints("n", 5..7), texts("p", &["y", "z"])])).await.constants =
        vec![(2, Scalar::from(3_i32))];
    let wrong = batch(vec![ints("n", [7]), texts("p", &["wrong"])]);
    files.write("memory:d", &wrong).await.constants =
        vec![(1, "right".into()), (2, Scalar::null(&DataType::Int32))];
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        assert_eq!(
            rows(&engine, "select * from t").await,
            ["0|x|1", "1|x|1", "2|x|1", "3||2", "4||2", "5|y|3", "6|z|3", "7|right|"]
        );
        for (sql, expected) in [
            ("select count(*), count(p), count(q), min(p), max(q) from t", vec!["8|6|7|right|3"]),
            ("select count(p) from t", vec!["6"]),
            ("select count(q) from t", vec!["7"]),
            ("select n from t where p = 'x' and n > 0", vec!["1", "2"]),
            ("select n from t where p is null", vec!["3", "4"]),
            ("select n from t where p = 'wrong' or q = 3", vec!["5", "6"]),
            ("select p from t where q is null", vec!["right"]),
            ("select p, count(*) from t group by p", vec!["right|1", "x|3", "y|1", "z|1", "|2"]),
            ("select q, p from t where n = 6", vec!["3|z"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
    }
}

/// A table whose columns were renamed, widened, added and dropped; `old` is a file of before.
fn evolved() -> (SchemaRef, RecordBatch, RecordBatch) {
    let inner_old =
        Fields::from(vec![field("x", DataType::Int32, 11, None), field("gone", DataType::Int32, 12, None)]);
    let xs: ArrayRef = Arc::new(Int32Array::from(vec![10, 20, 30]));
    let s_old =
        StructArray::new(inner_old.clone(), vec![xs.clone(), xs], Some(vec![true, false, true].into()));
    let old = batch(vec![
        (field("a", DataType::Int32, 1, None), Arc::new(Int32Array::from(vec![1, 2, 3]))),
        (field("b", DataType::Utf8, 2, None), Arc::new(StringArray::from(vec!["p", "q", "r"]))),
        (field("s", s_old.data_type().clone(), 3, None), Arc::new(s_old)),
    ]);
    let inner = Fields::from(vec![
        field("d", DataType::Utf8, 13, Some("dd")),
        field("y", DataType::Int64, 11, None),
        field("e", DataType::Int64, 14, None),
    ]);
    let table = schema(vec![
        field("id", DataType::Int64, 1, None),
        field("a", DataType::Utf8, 2, None),
        field("b", DataType::Int64, 7, None),
        field("since", DataType::Int32, 8, Some("42")),
        field("s", DataType::Struct(inner.clone()), 3, None),
    ]);
    let s = StructArray::new(
        inner,
        vec![
            Arc::new(StringArray::from(vec![Some("new"), None])),
            Arc::new(Int64Array::from(vec![1 << 40, 5])),
            Arc::new(Int64Array::from(vec![6, 7])),
        ],
        None,
    );
    let new = RecordBatch::try_new(
        table.clone(),
        vec![
            Arc::new(Int64Array::from(vec![1 << 40, 5])),
            Arc::new(StringArray::from(vec!["p", "z"])),
            Arc::new(Int64Array::from(vec![Some(9), None])),
            Arc::new(Int32Array::from(vec![Some(43), None])),
            Arc::new(s),
        ],
    )
    .unwrap();
    (table, old, new)
}

const EVOLVED: [(&str, &[&str]); 14] = [
    (
        "select id, a, b, since, s['y'], s['d'], s['e'] from t",
        &[
            "1099511627776|p|9|43|1099511627776|new|6",
            "1|p||42|10|dd|",
            "2|q||42|||",
            "3|r||42|30|dd|",
            "5|z|||5||7",
        ],
    ),
    ("select id from t where a = 'p'", &["1", "1099511627776"]),
    ("select id from t where id > 2", &["1099511627776", "3", "5"]),
    ("select id from t where b is null", &["1", "2", "3", "5"]),
    ("select id from t where b = 9", &["1099511627776"]),
    ("select id from t where since = 42", &["1", "2", "3"]),
    ("select id from t where since is null", &["5"]),
    ("select id from t where s['y'] = 10", &["1"]),
    ("select id from t where s['y'] > 20", &["1099511627776", "3"]),
    ("select id from t where s['d'] = 'dd'", &["1", "3"]),
    ("select id from t where s is null", &["2"]),
    ("select id from t where s['e'] is null", &["1", "2", "3"]),
    ("select id from t where s['d'] is null and id < 5", &["2"]),
    ("select s from t where id in (1, 2)", &["", "{d: dd, y: 10, e: }"]),
];

#[tokio::test]
async fn columns_are_found_by_id() {
    let (table, old, new) = evolved();
    let mut files = Files::new(table);
    files.mapping = FieldMapping::new(MapBy::FieldId);
    files.write("memory:old", &old).await;
    files.write("memory:new", &new).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        for (sql, expected) in EVOLVED {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
    }
}

#[tokio::test]
async fn columns_are_found_by_physical_name() {
    let physical = |name: &str, physical: &str, data_type: DataType| {
        Field::new(name, data_type, true)
            .with_metadata([(PHYSICAL_NAME.to_owned(), physical.to_owned())].into())
    };
    let inner = Fields::from(vec![physical("x", "col-3", DataType::Int64)]);
    let mut files = Files::new(schema(vec![
        physical("a", "col-1", DataType::Int64),
        physical("s", "col-2", DataType::Struct(inner)),
        physical("later", "col-4", DataType::Utf8),
    ]));
    files.mapping = FieldMapping::new(MapBy::PhysicalName);
    let inner = Fields::from(vec![Field::new("col-3", DataType::Int64, true)]);
    let s = StructArray::new(inner, vec![ints("", 7..10).1], None);
    let (s_field, s): (Field, ArrayRef) = (Field::new("col-2", s.data_type().clone(), true), Arc::new(s));
    files.write("memory:f", &batch(vec![(s_field, s), ints("col-1", 1..4)])).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        assert_eq!(rows(&engine, "select a, s['x'], later from t").await, ["1|7|", "2|8|", "3|9|"]);
        assert_eq!(rows(&engine, "select a, s from t where s['x'] >= 8 and a < 3").await, ["2|{x: 8}"]);
    }
}

#[tokio::test]
async fn a_column_that_must_not_be_null_is_missed() {
    let mut files = Files::new(schema(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("m", DataType::Int64, false),
    ]));
    files.write("memory:f", &batch(vec![ints("n", 0..3)])).await;
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    assert_eq!(query_error(&engine, "select m from t").await.kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn equal_paths_in_different_stores_are_different_files() {
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f").to_str().unwrap().to_owned();
    files.write(&format!("memory:{path}"), &batch(vec![ints("n", [1, 2, 3])])).await;
    files.write(&path, &batch(vec![ints("n", [4, 5, 6])])).await;
    assert_eq!(files.files[0].file.size, files.files[1].file.size);
    let other = {
        let mut files = Files::new(files.schema.clone());
        files.write(&format!("memory:{path}"), &batch(vec![ints("n", [7, 8, 9])])).await;
        Arc::new(files)
    };
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    register(&engine, "u", &other).await;
    for _ in 0..2 {
        assert_eq!(rows(&engine, "select * from t").await, ["1", "2", "3", "4", "5", "6"]);
        assert_eq!(rows(&engine, "select * from u").await, ["7", "8", "9"]);
        assert_eq!(rows(&engine, "select * from u where n > 8").await, ["9"]);
    }
}

#[tokio::test]
async fn a_missing_file_is_not_found_and_named() {
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    files.write("memory:a/f", &batch(vec![ints("n", 0..3)])).await.file.location = "memory:a/g".to_owned();
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    let error = query_error(&engine, "select * from t").await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("memory:///a/g"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_parquet_is_invalid_data() {
    use stitchwork_core::object_store::ObjectStoreExt;
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    files.write("memory:f", &batch(vec![ints("n", 0..3)])).await;
    let object = files.stores.resolve("memory:f").unwrap();
    let garbage = vec![7_u8; usize::try_from(files.files[0].file.size).unwrap()];
    object.store.put(&object.path, garbage.into()).await.unwrap();
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    assert_eq!(query_error(&engine, "select * from t").await.kind(), ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_format_that_the_engine_cannot_read_is_streamed() {
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    files.files = vec![stitchwork_core::PlannedFile {
        file: DataFile { location: "memory:f.json".into(), format: "json".into(), ..DataFile::default() },
        constants: vec![],
    }];
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    let error = query_error(&engine, "select * from t").await;
    assert!(error.to_string().contains("only read by plan"), "the scan was asked: {error}");
}

#[tokio::test]
async fn what_the_query_needs_reaches_the_plan() {
    let mut files = Files::new(schema(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("t", DataType::Utf8, true),
    ]));
    files.write("memory:a", &batch(vec![ints("n", 0..500), texts("t", &["x"; 500])])).await;
    let files = Arc::new(files);
    let engine = engine();
    register(&engine, "t", &files).await;
    assert_eq!(rows(&engine, "select n from t where t = 'x' and n >= 498").await, ["498", "499"]);
    assert_eq!(rows(&engine, "select n from t limit 3").await.len(), 3);
    {
        let seen = files.seen.lock().unwrap();
        assert_eq!(seen[0].predicate, Some(col("t").eq("x").and(col("n").gt_eq(498_i64))));
        assert_eq!(seen[0].limit, None);
        assert_eq!((&seen[1].projection, seen[1].limit), (&Some(vec![0]), Some(3)));
    }
    let plan = engine.explain(QueryArgs::new("select n from t where n >= 498")).await.unwrap().plan;
    assert!(plan.contains("DataSourceExec") && plan.contains("predicate=n@"), "{plan}");
    assert!(!plan.contains("FilterExec"), "filters are evaluated by the reader: {plan}");
    let analyzed = rows(&engine, "explain analyze select n from t where n >= 498").await.join("\n");
    assert!(analyzed.contains("row_groups_pruned_statistics=5 total → 1 matched"), "{analyzed}");
}

#[tokio::test]
async fn row_groups_are_left_out_by_renamed_and_widened_columns() {
    let mut files = Files::new(schema(vec![field("new", DataType::Int64, 1, None)]));
    files.mapping = FieldMapping::new(MapBy::FieldId);
    let old: ArrayRef = Arc::new(Int32Array::from_iter_values(0..500));
    files.write("memory:a", &batch(vec![(field("old", DataType::Int32, 1, None), old)])).await;
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    let analyzed = rows(&engine, "explain analyze select new from t where new >= 498").await.join("\n");
    assert!(analyzed.contains("row_groups_pruned_statistics=5 total → 1 matched"), "{analyzed}");
    assert!(analyzed.contains("output_rows=2,"), "{analyzed}");
}

#[tokio::test]
async fn a_table_without_files_is_empty() {
    let files = Arc::new(Files::new(schema(vec![Field::new("n", DataType::Int64, true)])));
    let engine = engine();
    register(&engine, "t", &files).await;
    assert_eq!(rows(&engine, "select count(*), sum(n) from t").await, ["0|"]);
    assert!(rows(&engine, "select * from t where n = 1").await.is_empty());
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_broken_data() {
    let folder = tempfile::tempdir().unwrap();
    let location = format!("file://{}/cut.parquet", folder.path().display());
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    let whole = files.write(&location, &batch(vec![ints("n", 0..500)])).await.file.size;
    let (files, path) = (Arc::new(files), folder.path().join("cut.parquet"));
    let bytes = std::fs::read(&path).unwrap();
    for kept in [whole - 1, whole / 2, 100, 4, 0] {
        std::fs::write(&path, &bytes[..usize::try_from(kept).unwrap()]).unwrap();
        for engine in engines() {
            register(&engine, "t", &files).await;
            let error = query_error(&engine, "select sum(n) from t").await;
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{kept} of {whole}: {error:?}");
            assert!(error.to_string().contains("cut.parquet"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_damaged_page_is_told_with_its_file() {
    let mut files = Files::new(schema(vec![Field::new("n", DataType::Int64, true)]));
    for name in ["memory:whole.parquet", "memory:damaged.parquet"] {
        files.write(name, &batch(vec![ints("n", 0..500)])).await;
    }
    let object = files.stores.resolve("memory:damaged.parquet").unwrap();
    let mut bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec();
    // What lies behind the magic number is the first page; the footer stays whole.
    bytes[4..40].fill(0xff);
    object.store.put(&object.path, bytes.into()).await.unwrap();
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        let error = query_error(&engine, "select sum(n) from t").await;
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
        assert_eq!(error.context("location"), Some("memory:///damaged.parquet"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_schema_is_told_with_its_file() {
    let whole = batch(vec![ints("n", 0..5)]);
    let mut files = Files::new(whole.schema());
    files.write("memory:damaged.parquet", &whole).await;
    let object = files.stores.resolve("memory:damaged.parquet").unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec();
    // The Arrow schema in the footer is a text in base64, of which one character after the other becomes another.
    let name = b"ARROW:schema";
    let start = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len() + 3;
    let text = bytes[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
    let end = start + text.count();
    let files = Arc::new(files);
    let mut gave_up = 0;
    for place in start..end {
        let mut damaged = bytes.clone();
        damaged[place] = if damaged[place] == b'A' { b'/' } else { b'A' };
        object.store.put(&object.path, damaged.into()).await.unwrap();
        // Another engine keeps no footer.
        let engine = engine();
        register(&engine, "t", &files).await;
        let found = async { collect(engine.query(QueryArgs::new("select n from t")).await?).await };
        let Err(error) = found.await else { continue };
        gave_up += usize::from(error.context("why").is_some());
        assert!(matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput), "{place}: {error}");
    }
    assert!(gave_up > 0, "the reader of {} characters never gave up", end - start);
}
