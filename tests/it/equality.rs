//! Rows that are deleted by key in Iceberg tables of others, by columns that the tables have no more: read by both
//! engines and without one.

use std::sync::Arc;

use stitchwork::catalog_memory::MemoryCatalog;
use stitchwork::core::{At, Catalog, Entry, ErrorKind, Pointer, TableIdent, col};
use stitchwork::tables::{DeleteArgs, Table, TableConfig, TableRef};
use stitchwork_engine_adbc::Profile;
use stitchwork_tests::drivers;
use stitchwork_tests::oracle::{Oracles, read_parquet};
use stitchwork_tests::rows::{of_table, texts};

use crate::duckdb::{Engines, rows};

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_by_columns_that_are_gone_or_nested_stay_deleted() {
    let test = "rows_deleted_by_columns_that_are_gone_or_nested_stay_deleted";
    let (Some(oracles), Some(driver)) = (Oracles::find(test), drivers::find(Profile::DuckDb, test)) else {
        return;
    };
    for name in ["dropped", "absent", "widened", "nested", "partitioned", "longs"] {
        let folder = tempfile::tempdir().unwrap();
        let (place, out) = (folder.path().display().to_string(), folder.path().join("expected.parquet"));
        let said = oracles.run("write_equality.py", &[name, &place, &out.display().to_string()]).unwrap();
        let metadata = said.trim().trim_start_matches("metadata=");
        let expected = texts(&read_parquet(&out).await.unwrap()).unwrap();

        let registry = stitchwork::registry().unwrap();
        let reference = TableRef::at("iceberg", metadata);
        let table = Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
        assert_eq!(of_table(&table).await.unwrap(), expected, "{name}");
        let engines = Engines::new(&registry, &driver).await;
        let relation = Arc::new(table.relation(At::Latest).await.unwrap());
        engines.register(&TableIdent::bare("t"), relation).await;
        for engine in [&engines.datafusion, &engines.duckdb] {
            let seen = rows(engine.as_ref(), "select * from t").await.unwrap();
            assert_eq!(seen, expected, "{name} by {}", engine.info().scheme);
        }
        engines.agree("select id from t where id > 2").await;
        assert!(engines.is_native("select * from t").await, "{name} is streamed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_by_a_column_that_no_schema_tells_of_are_refused_by_its_id() {
    let test = "rows_deleted_by_a_column_that_no_schema_tells_of_are_refused_by_its_id";
    let Some(oracles) = Oracles::find(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (place, out) = (folder.path().display().to_string(), folder.path().join("expected.parquet"));
    let said = oracles.run("write_equality.py", &["widened", &place, &out.display().to_string()]).unwrap();
    let path = said.trim().trim_start_matches("metadata=file://");
    // As a writer that expires snapshots forgets the schemas that only these had.
    let mut metadata: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let current = metadata["current-schema-id"].clone();
    metadata["schemas"].as_array_mut().unwrap().retain(|schema| schema["schema-id"] == current);
    std::fs::write(path, metadata.to_string()).unwrap();

    let registry = stitchwork::registry().unwrap();
    let reference = TableRef::at("iceberg", format!("file://{path}"));
    let table = Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
    let error = of_table(&table).await.unwrap_err();
    assert_eq!((error.kind(), error.context("field_id")), (ErrorKind::InvalidData, Some("2")), "{error:?}");
    assert!(error.context("delete_file").is_some_and(|file| file.contains("by-hand")), "{error:?}");
    assert!(error.to_string().contains("no schema in the table's metadata has"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_such_deletes_is_changed_and_what_they_deleted_stays_so() {
    let test = "a_table_with_such_deletes_is_changed_and_what_they_deleted_stays_so";
    let Some(oracles) = Oracles::find(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (place, out) = (folder.path().display().to_string(), folder.path().join("expected.parquet"));
    let said = oracles.run("write_equality.py", &["widened", &place, &out.display().to_string()]).unwrap();
    let ident = TableIdent::new("ns", "t");
    let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new());
    let entry = Entry {
        ident: ident.clone(),
        log: "iceberg".to_owned(),
        location: String::new(),
        pointer: Some(Pointer(said.trim().trim_start_matches("metadata=").to_owned())),
        properties: Default::default(),
    };
    catalog.create(entry).await.unwrap();
    let registry = stitchwork::registry().unwrap();
    let reference = TableRef::at("iceberg", "").named(catalog, ident);
    let open = async || Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
    // Of the ids 3, 4 and 6 that are left, one by position in a file that keys delete rows of, and one alone in its own.
    open().await.delete(DeleteArgs { predicate: Some(col("id").eq(4_i64)), tag: None }).await.unwrap();
    assert_eq!(of_table(&open().await).await.unwrap(), ["id=3", "id=6"]);
    open().await.delete(DeleteArgs { predicate: Some(col("id").lt(5_i64)), tag: None }).await.unwrap();
    assert_eq!(of_table(&open().await).await.unwrap(), ["id=6"]);
}
