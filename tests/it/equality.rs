//! Rows that are deleted by key in Iceberg tables of others, by columns that the tables have no more: read by both
//! engines and without one.

use std::sync::Arc;

use stitchwork::core::{At, TableIdent};
use stitchwork::tables::{Table, TableConfig, TableRef};
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
    for name in ["dropped", "absent", "widened", "nested", "partitioned"] {
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
