//! `information_schema`, and the columns of a table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use stitchwork_core::{At, Engine, Error, ErrorKind, Names, QueryArgs, Relation, Result, TableIdent};
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::support::{Changing, Memory, engine, query_error, register, rows, try_rows};

fn table(columns: &[&str]) -> Arc<Memory> {
    let columns = columns.iter().map(|name| {
        let texts = name.starts_with("text");
        let array: ArrayRef = match texts {
            true => Arc::new(StringArray::from(vec!["x"])),
            false => Arc::new(Int64Array::from(vec![1])),
        };
        (*name, array, texts)
    });
    Memory::new(vec![RecordBatch::try_from_iter_with_nullable(columns).unwrap()])
}

async fn lake() -> (DataFusionEngine, Arc<Changing>) {
    let engine = engine();
    register(&engine, "numbers", &table(&["n"])).await;
    register(&engine, "github.issues", &table(&["id", "text"])).await;
    let names = Arc::new(Changing::default());
    for ident in ["ns.t", "a.b.t", "top"] {
        names.0.lock().unwrap().insert(ident.parse().unwrap(), table(&["k"]));
    }
    engine.attach("lake", names.clone()).await.unwrap();
    (engine, names)
}

#[tokio::test]
async fn every_table_is_told_with_its_catalog_and_schema() {
    let (engine, names) = lake().await;
    let listed =
        ["datafusion|github|issues", "datafusion|public|numbers", "lake|a.b|t", "lake|ns|t", "lake||top"];
    assert_eq!(rows(&engine, "show tables").await, listed);
    let told: Vec<_> = listed.iter().map(|name| format!("{name}|BASE TABLE")).collect();
    assert_eq!(rows(&engine, "select * from information_schema.tables").await, told);
    assert_eq!(rows(&engine, "select * from lake.information_schema.tables").await, told[2..]);
    let one = "select table_name from INFORMATION_SCHEMA.TABLES where table_schema = 'ns'";
    assert_eq!(rows(&engine, one).await, ["t"]);
    assert_eq!(rows(&engine, "select * from information_schema.views").await, [""; 0]);
    let schemata = ["datafusion|github", "datafusion|public", "lake|", "lake|a.b", "lake|ns"];
    assert_eq!(rows(&engine, "select * from information_schema.schemata").await, schemata);
    let two = QueryArgs { sql: "select * from information_schema.tables".to_owned(), limit: Some(2) };
    assert_eq!(try_rows(&engine, two).await.unwrap().len(), 2);

    names.0.lock().unwrap().retain(|ident, _| ident.name == "top");
    let count = "select count(*) from information_schema.tables where table_catalog = 'lake'";
    assert_eq!(rows(&engine, count).await, ["1"], "it is asked anew");
}

#[tokio::test]
async fn columns_are_told_in_their_order() {
    let (engine, _) = lake().await;
    let sql = "select * from information_schema.columns where table_schema in ('github', 'a.b')";
    let issues = ["datafusion|github|issues|id|1|NO|Int64", "datafusion|github|issues|text|2|YES|Utf8"];
    assert_eq!(rows(&engine, sql).await, [&issues[..], &["lake|a.b|t|k|1|NO|Int64"]].concat());
    let sql =
        "select table_name from information_schema.columns where column_name = 'k' and ordinal_position = 1";
    assert_eq!(rows(&engine, sql).await, ["t", "t", "top"]);

    assert_eq!(rows(&engine, "show columns from github.issues").await, issues);
    for (name, row) in [
        ("numbers", "datafusion|public|numbers|n|1|NO|Int64"),
        ("lake.top", "lake||top|k|1|NO|Int64"),
        ("lake.a.b.t", "lake|a.b|t|k|1|NO|Int64"),
        ("lake.\"a.b\".t", "lake|a.b|t|k|1|NO|Int64"),
    ] {
        assert_eq!(rows(&engine, &format!("show columns from {name}")).await, [row]);
        assert_eq!(rows(&engine, &format!("show columns in {name}")).await, [row]);
    }
    assert_eq!(rows(&engine, "show columns from information_schema.tables").await.len(), 4);
    let missing = query_error(&engine, "show columns from github.issue").await;
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        (missing.context("table"), missing.context("near")),
        (Some("github.issue"), Some("github.issues"))
    );
}

#[tokio::test]
async fn what_the_schema_lacks_is_refused_with_a_hint() {
    let (engine, names) = lake().await;
    for sql in [
        "select * from information_schema.routines",
        "select * from information_schema.df_settings",
        "select * from lake.information_schema.routines",
        "show columns from information_schema.routines",
        "show all",
        "show functions",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
        assert!(error.to_string().contains("`show tables` and `describe t`"), "{sql}: {error}");
    }
    let error = query_error(&engine, "select nope from information_schema.tables").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    let kept = engine.attach("information_schema", names).await.unwrap_err();
    assert_eq!(kept.kind(), ErrorKind::InvalidInput);
    let ident = TableIdent::new("information_schema", "tables");
    assert_eq!(engine.register(&ident, table(&["n"])).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// Names of which one table cannot be opened, and one was dropped since it was listed.
#[derive(Debug)]
struct Broken;

#[async_trait]
impl Names for Broken {
    async fn relation(&self, ident: &TableIdent, _: &At) -> Result<Option<Arc<dyn Relation>>> {
        match ident.name.as_str() {
            "broken" => Err(Error::invalid_data("its log is damaged")),
            "whole" => Ok(Some(table(&["n"]))),
            _ => Ok(None),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let names = ["whole", "broken", "dropped"].map(|name| Ok(TableIdent::new("ns", name)));
        futures::stream::iter(names).boxed()
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_opened_is_named_and_can_be_left_out() {
    let engine = engine();
    engine.attach("lake", Arc::new(Broken)).await.unwrap();
    assert_eq!(rows(&engine, "select table_name from information_schema.tables").await.len(), 3);
    let error = query_error(&engine, "select * from information_schema.columns").await;
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::InvalidData, Some("lake.ns.broken")));
    for filter in ["table_name <> 'broken'", "table_name = 'whole'", "table_name like 'wh%'"] {
        let sql = format!("select column_name from information_schema.columns where {filter}");
        assert_eq!(rows(&engine, &sql).await, ["n"], "{filter}");
    }
}
