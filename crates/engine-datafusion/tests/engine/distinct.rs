//! `is [not] distinct from` binds as the other forms of `is` do.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine, SqlDialect};

use crate::changeable::Changeable;
use crate::support::{engine, register, rows};

const DIALECTS: [SqlDialect; 6] = [
    SqlDialect::Generic,
    SqlDialect::PostgreSql,
    SqlDialect::DuckDb,
    SqlDialect::Databricks,
    SqlDialect::Snowflake,
    SqlDialect::BigQuery,
];

#[tokio::test]
async fn what_follows_is_no_part_of_the_right_side() {
    for dialect in DIALECTS {
        let engine =
            DataFusionEngine::new(DataFusionConfig { dialect, ..DataFusionConfig::default() }).unwrap();
        // As PostgreSQL and DuckDB answer them.
        for (sql, expected) in [
            ("true is distinct from false and false", "false"),
            ("false is not distinct from true or true", "true"),
            ("false and true is distinct from false or true", "true"),
            ("not true is distinct from false and false", "false"),
            ("not true is distinct from false or true", "true"),
            ("true is distinct from not true and false", "false"),
            ("true is distinct from (false and false)", "true"),
            ("(true is distinct from false) and false", "false"),
            ("1 is distinct from 1 + 1 and 2 is not distinct from 1 * 2", "true"),
            ("true is distinct from 1 = 2 and false", "false"),
            ("true is distinct from 2 between 1 and 3 or true", "true"),
            ("2 between 1 and 3 is distinct from false and false", "false"),
            ("1 is distinct from null is null", "false"),
            ("null is not distinct from null and null is null", "true"),
            ("case when true is distinct from false and false then 1 else 2 end = 2", "true"),
            ("case 1 is distinct from 2 when true then true is distinct from false and false end", "false"),
            ("coalesce(true is distinct from false and false, true)", "false"),
        ] {
            assert_eq!(rows(&engine, &format!("select {sql} as x")).await, [expected], "{dialect:?}: {sql}");
        }
    }
}

#[tokio::test]
async fn deletes_and_updates_reach_the_rows_that_are_meant() {
    let batch = {
        let id: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        let flag: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(true), Some(false)]));
        RecordBatch::try_from_iter_with_nullable(vec![("id", id, true), ("flag", flag, true)]).unwrap()
    };
    let engine = engine();
    register(&engine, "t", &Changeable::new(batch)).await;
    assert_eq!(rows(&engine, "select id from t where flag is distinct from false and id = 1").await, ["1"]);
    assert_eq!(rows(&engine, "delete from t where flag is distinct from false and id = 1").await, ["1"]);
    assert_eq!(rows(&engine, "select id from t").await, ["2", "3"]);
    let update = "update t set id = id * 10 where id = 2 or flag is not distinct from true and id = 3";
    assert_eq!(rows(&engine, update).await, ["1"]);
    assert_eq!(rows(&engine, "select id from t").await, ["20", "3"]);
    let merge = "merge into t using (select 3 as id) s on t.flag is not distinct from false and t.id = s.id \
                 when matched and t.flag is distinct from null and false then delete \
                 when matched then update set id = 30";
    assert_eq!(rows(&engine, merge).await, ["1"]);
    assert_eq!(rows(&engine, "select id from t").await, ["20", "30"]);
}
