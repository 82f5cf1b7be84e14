//! Relations without a plan.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use stitchwork_core::{Engine, Error, ErrorKind, QueryArgs, col, collect};

use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};

use crate::support::{Memory, engine, engines, query_error, register, rows, try_rows};

fn batch() -> RecordBatch {
    let a: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4)]));
    let t: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, Some("y"), Some("x")]));
    RecordBatch::try_from_iter_with_nullable(vec![("a", a, true), ("t", t, true)]).unwrap()
}

#[tokio::test]
async fn a_registered_relation_is_queried_by_its_name() {
    for engine in engines() {
        let relation = Memory::new(vec![batch(), batch()]);
        register(&engine, "t", &relation).await;
        register(&engine, "deep.er.t", &relation).await;
        assert_eq!(rows(&engine, "select count(*), count(a), sum(a) from t").await, ["8|6|14"]);
        assert_eq!(rows(&engine, "select t, count(*) from t group by t").await, ["x|4", "y|2", "|2"]);
        assert_eq!(rows(&engine, "select count(*) from deep.er.t").await, ["8"]);
        assert_eq!(rows(&engine, "select count(*) from \"deep.er\".t").await, ["8"]);
        assert_eq!(rows(&engine, "select count(*) from datafusion.deep.er.t").await, ["8"]);
        register(&engine, "t", &Memory::new(vec![batch()])).await;
        assert_eq!(rows(&engine, "select count(*) from t").await, ["4"]);
    }
}

#[tokio::test]
async fn filter_projection_and_limit_reach_the_relation() {
    let engine = engine();
    let relation = Memory::new(vec![batch()]);
    register(&engine, "t", &relation).await;
    assert_eq!(rows(&engine, "select a from t where a > 1 and a * 2 < 7 and t is null").await, ["2"]);
    assert_eq!(rows(&engine, "select a from t limit 2").await.len(), 2);
    assert_eq!(rows(&engine, "select count(*) from t where t = 'x'").await, ["2"]);
    let seen = relation.seen.lock().unwrap();
    let parts = seen[0].predicate.clone().unwrap().into_conjuncts();
    assert!(parts.contains(&col("a").gt(1_i64)) && parts.contains(&col("t").is_null()), "{parts:?}");
    assert_eq!((&seen[1].projection, seen[1].limit), (&Some(vec![0]), Some(2)));
    assert_eq!(seen[2].predicate, Some(col("t").eq("x")));
    assert_eq!(seen[2].limit, None);
}

#[tokio::test]
async fn results_keep_their_views_where_that_is_asked_for() {
    let config = DataFusionConfig { view_results: true, ..DataFusionConfig::default() };
    let engine = DataFusionEngine::new(config).unwrap();
    register(&engine, "t", &Memory::new(vec![batch()])).await;
    let stream = engine.query(QueryArgs::new("select t, upper(t) as u, a from t order by a")).await.unwrap();
    let types: Vec<_> = stream.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Utf8View, DataType::Utf8View, DataType::Int64]);
    assert!(
        collect(stream).await.unwrap().iter().all(|batch| batch.schema().field(0).data_type() == &types[0])
    );
    assert_eq!(rows(&engine, "select t from t where a = 4").await, ["x"]);
}

#[tokio::test]
async fn results_have_plain_types() {
    for engine in engines() {
        register(&engine, "t", &Memory::new(vec![batch()])).await;
        for sql in ["select t from t", "select t || 'a' as t from t", "select upper(t) as t from t"] {
            let stream = engine.query(QueryArgs::new(sql)).await.unwrap();
            let schema = stream.schema();
            assert_eq!(schema.field(0).data_type(), &DataType::Utf8, "{sql}");
            assert!(collect(stream).await.unwrap().iter().all(|batch| batch.schema() == schema));
        }
    }
}

#[tokio::test]
async fn a_limit_in_the_arguments_holds() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![batch(), batch()])).await;
    for (sql, expected) in
        [("select * from t", 3), ("select * from t limit 1", 1), ("select a from t order by a", 3)]
    {
        let args = QueryArgs { sql: sql.to_owned(), limit: Some(3) };
        assert_eq!(try_rows(&engine, args).await.unwrap().len(), expected, "{sql}");
    }
    let none = QueryArgs { sql: "select * from t".to_owned(), limit: Some(0) };
    assert!(try_rows(&engine, none).await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_of_the_relation_survive() {
    let engine = engine();
    let mut relation = Memory::bare(vec![batch()]);
    relation.error = Some(|| Error::new(ErrorKind::PermissionDenied, "no").with_context("who", "me"));
    register(&engine, "t", &Arc::new(relation)).await;
    for sql in ["select * from t", "select count(*) from t", "select a from t order by a limit 1"] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{sql}: {error:?}");
        assert!(error.to_string().contains("who=me"), "{error}");
    }
}

#[tokio::test]
async fn an_explanation_reads_nothing() {
    let engine = engine();
    let relation = Memory::new(vec![batch()]);
    register(&engine, "t", &relation).await;
    let plan = engine.explain(QueryArgs::new("select a from t where a = 1")).await.unwrap().plan;
    assert!(plan.contains("RelationExec") && plan.contains("\"a\" = 1"), "{plan}");
    assert!(relation.seen.lock().unwrap().is_empty());
    assert!(!rows(&engine, "explain select a from t").await.is_empty());
    let error = engine.explain(QueryArgs::new("selekt")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_query_above_the_memory_limit_says_so() {
    let config = DataFusionConfig { memory_limit: Some(50_000), ..DataFusionConfig::default() };
    let engine = DataFusionEngine::new(config).unwrap();
    let join =
        "select count(*) from generate_series(1, 200000) a(n) join generate_series(1, 200000) b(m) on n = m";
    let error = query_error(&engine, join).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("memory_limit"), "{error}");
}

#[tokio::test]
async fn rows_that_a_query_cannot_compute_are_its_mistake() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![batch()])).await;
    for sql in ["select 1 / (a - 1) from t", "select cast(t as bigint) from t"] {
        assert_eq!(query_error(&engine, sql).await.kind(), ErrorKind::InvalidInput, "{sql}");
    }
    assert_eq!(rows(&engine, "describe t").await, ["a|Int64|YES", "t|Utf8View|YES"]);
}
