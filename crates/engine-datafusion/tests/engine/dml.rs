//! Changes.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use stitchwork_core::{Engine, ErrorKind, QueryArgs, col};
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::support::{Editable, Memory, engine, query_error, register, rows};

async fn setup() -> (DataFusionEngine, Arc<Memory>) {
    let n: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(2), None]));
    let t: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
    let batch = RecordBatch::try_from_iter_with_nullable(vec![("n", n, true), ("t", t, true)]).unwrap();
    let mut memory = Memory::bare(vec![batch]);
    memory.editable = true;
    let memory = Arc::new(memory);
    let engine = engine();
    register(&engine, "t", &Arc::new(Editable(memory.clone()))).await;
    (engine, memory)
}

#[tokio::test]
async fn rows_are_inserted() {
    let (engine, _) = setup().await;
    assert_eq!(rows(&engine, "insert into t values (7, 'x'), (8, 'y')").await, ["2"]);
    assert_eq!(rows(&engine, "insert into t (t) select t || '!' from t where n > 1").await, ["3"]);
    assert_eq!(
        rows(&engine, "select * from t").await,
        ["1|a", "2|b", "7|x", "8|y", "|b!", "|c", "|x!", "|y!"]
    );
    assert_eq!(rows(&engine, "insert overwrite t select * from t where n = 1").await, ["1"]);
    assert_eq!(rows(&engine, "select * from t").await, ["1|a"]);
}

#[tokio::test]
async fn a_query_may_begin_with_from() {
    let (engine, _) = setup().await;
    assert_eq!(rows(&engine, "from t").await, ["1|a", "2|b", "|c"]);
    assert_eq!(rows(&engine, "from t where n = 1").await, ["1|a"]);
    assert_eq!(rows(&engine, "from t select t where n = 1").await, ["a"]);
    assert_eq!(rows(&engine, "with x as (from t where n > 1) from x union all from x").await, ["2|b", "2|b"]);
    assert_eq!(rows(&engine, "insert into t (n, t) from t where n = 1").await, ["1"]);
    assert_eq!(rows(&engine, "select count(*) from (from t)").await, ["4"]);
}

#[tokio::test]
async fn rows_are_deleted_by_what_can_be_said_whole() {
    let (engine, memory) = setup().await;
    assert_eq!(rows(&engine, "delete from t where n = 1 + 1").await, ["1"]);
    assert_eq!(rows(&engine, "delete from t where t in ('a', 'z') and n < 2.0").await, ["1"]);
    assert_eq!(rows(&engine, "select * from t").await, ["|c"]);
    assert_eq!(rows(&engine, "delete from t").await, ["1"]);
    let deleted = memory.deleted.lock().unwrap();
    assert_eq!(deleted[0], Some(col("n").eq(2_i32)));
    assert_eq!(deleted[2], None);
}

#[tokio::test]
async fn a_delete_may_name_its_table() {
    let (engine, memory) = setup().await;
    assert_eq!(rows(&engine, "delete from t as Q where q.n = 2 and \"q\".t = 'b'").await, ["1"]);
    assert_eq!(rows(&engine, "delete from t t where t.n = 1").await, ["1"]);
    assert_eq!(rows(&engine, "select * from t").await, ["|c"]);
    memory.deleted.lock().unwrap().clear();
    let error = query_error(&engine, "delete from t q where exists (select 1 from t where t.n = q.n)").await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = query_error(&engine, "delete from t q where r.n = 1").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(memory.deleted.lock().unwrap().is_empty());
    assert_eq!(rows(&engine, "delete from t q").await, ["1"]);
}

#[tokio::test]
async fn a_delete_that_cannot_be_said_whole_deletes_nothing() {
    let (engine, memory) = setup().await;
    for sql in [
        "delete from t where n in (select 1)",
        "delete from t where exists (select 1 from t x where x.n = 5)",
        "delete from t where n = 1 and t = upper(t)",
        "delete from t where n = 1 limit 1",
        "update t set n = 1",
        "merge into t using (select 1 as n) s on t.n = s.n when matched then delete",
        "replace into t values (1, 'a')",
    ] {
        let error = query_error(&engine, sql).await;
        assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput), "{sql}: {error:?}");
    }
    assert!(memory.deleted.lock().unwrap().is_empty());
    assert_eq!(rows(&engine, "select count(*) from t").await, ["3"]);
    assert_eq!(rows(&engine, "truncate table t").await, ["3"]);
    assert_eq!(rows(&engine, "select count(*) from t").await, ["0"]);
}

#[tokio::test]
async fn what_cannot_be_edited_says_so() {
    let (engine, memory) = setup().await;
    register(&engine, "fixed", &memory).await;
    for sql in ["insert into fixed values (1, 'a')", "delete from fixed"] {
        let error = query_error(&engine, sql).await;
        assert_eq!((error.kind(), error.context("table")), (ErrorKind::Unsupported, Some("fixed")), "{sql}");
    }
    let plan = engine.explain(QueryArgs::new("delete from t where n = 1")).await.unwrap().plan;
    assert!(plan.contains("Delete"), "{plan}");
    assert_eq!(rows(&engine, "select count(*) from t").await, ["3"]);
}
