//! Names of columns and of tables that DuckDB's SQL takes in its own way.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field, Fields};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use stitchwork_core::{At, Engine, ErrorKind, Names, Relation, Result, TableIdent};
use stitchwork_testkit::MemoryRelation;

use crate::files::{Files, all_rows, explain, register, rows};
use crate::native::one;
use crate::support::duckdb;

/// A struct with these fields.
fn structs(names: &[&str]) -> ArrayRef {
    let fields: Fields = names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
    let columns =
        (0_i64..).map(|n| Arc::new(Int64Array::from(vec![n])) as ArrayRef).take(names.len()).collect();
    Arc::new(StructArray::new(fields, columns, None))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_only_in_case_are_refused_at_every_depth() {
    let test = "names_that_differ_only_in_case_are_refused_at_every_depth";
    let Some(engine) = duckdb(test, |_| ()).await else { return };
    let odd = structs(&["x", "y", "X"]);
    let field = |name: &str, column: &ArrayRef| Arc::new(Field::new(name, column.data_type().clone(), true));
    let inside: ArrayRef =
        Arc::new(StructArray::new(Fields::from(vec![field("s", &odd)]), vec![odd.clone()], None));
    let list = DataType::List(field("element", &odd));
    let list = arrow::compute::cast(&odd, &list).unwrap();
    for (column, path, other) in
        [(odd, "v.X", "v.x"), (inside, "v.s.X", "v.s.x"), (list, "v.element.X", "v.element.x")]
    {
        let batch = one(column);
        let in_memory = MemoryRelation::from(batch.clone());
        let in_files = Files::of(&batch.schema(), std::slice::from_ref(&batch));
        let relations: [Arc<dyn Relation>; 2] = [Arc::new(in_memory), Arc::new(in_files)];
        for relation in relations {
            engine.register(&TableIdent::bare("t"), relation).await.unwrap();
            for sql in ["select v from t", "select * from t", "from t"] {
                let error = rows(&engine, sql).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
                assert_eq!(
                    (error.context("column"), error.context("other_column")),
                    (Some(path), Some(other))
                );
                assert!(error.to_string().contains("rename"), "{error}");
            }
            assert_eq!(rows(&engine, "select count(*) from t").await.unwrap(), ["1"]);
        }
    }
    // Columns of the table itself.
    let number: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let batch = RecordBatch::try_from_iter([("Id", number.clone()), ("n", number.clone()), ("id", number)]);
    register(&engine, Files::of(&batch.as_ref().unwrap().schema(), &[batch.unwrap()])).await;
    for sql in [
        "select * from t",
        "from t",
        "select \"Id\" from t",
        "select sum(\"id\") from t",
        "select max(t.id) from t",
    ] {
        let error = rows(&engine, sql).await.unwrap_err();
        let told = (error.kind(), error.context("column"), error.context("other_column"));
        assert_eq!(told, (ErrorKind::Unsupported, Some("id"), Some("Id")), "{sql}: {error:?}");
    }
    assert_eq!(rows(&engine, "select n from t").await.unwrap(), ["7"]);
    assert_eq!(rows(&engine, "select count(*) from t").await.unwrap(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_elsewhere_do_no_harm() {
    let Some(engine) = duckdb("names_that_differ_in_case_elsewhere_do_no_harm", |_| ()).await else { return };
    // A field of the file that the table has not.
    let (file, table) = (one(structs(&["x", "X"])), one(structs(&["x"])));
    let files = register(&engine, Files::of(&table.schema(), &[file])).await;
    assert_eq!(all_rows(&engine, &files).await.unwrap(), files.rows());
    // Letters whose case DuckDB does not know.
    for names in [["ä", "Ä"], ["ß", "ẞ"], ["k", "\u{212a}"]] {
        let batch = one(structs(&names));
        engine.register(&TableIdent::bare("t"), Arc::new(MemoryRelation::from(batch))).await.unwrap();
        let sql = format!("select v.\"{}\" as a, v.\"{}\" as b from t", names[0], names[1]);
        assert_eq!(rows(&engine, &sql).await.unwrap(), ["0 | 1"], "{names:?}");
    }
}

/// One table in the namespace `path`, whose name is a path.
#[derive(Debug)]
struct Paths(Arc<dyn Relation>);

#[async_trait]
impl Names for Paths {
    async fn relation(&self, ident: &TableIdent, _at: &At) -> Result<Option<Arc<dyn Relation>>> {
        let known = ident.namespace == ["path"] && ident.name == "data/sales/";
        Ok(known.then(|| self.0.clone()))
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        stream::empty().boxed()
    }
}

/// DuckDB knows nothing of attached names, and would speak of a catalog that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_attached_names_lack_is_told_by_its_name() {
    let Some(engine) = duckdb("a_table_that_attached_names_lack_is_told_by_its_name", |_| ()).await else {
        return;
    };
    let relation = Arc::new(MemoryRelation::from(one(structs(&["x"]))));
    engine.attach("project", Arc::new(Paths(relation))).await.unwrap();
    for sql in [
        "select * from project.path.nope",
        "pivot project.path.nope on year using sum(sum)",
        "from (pivot project.path.nope on year)",
        "summarize project.path.nope",
        "unpivot project.path.nope on a, b",
        "explain pivot project.path.nope on year",
    ] {
        let error = rows(&engine, sql).await.unwrap_err();
        let told = (error.kind(), error.context("table"));
        assert_eq!(told, (ErrorKind::NotFound, Some("project.path.nope")), "{sql}: {error:?}");
    }
    let explained = engine.explain(stitchwork_core::QueryArgs::new("pivot project.path.nope on year"));
    assert_eq!(explained.await.unwrap_err().kind(), ErrorKind::NotFound);
    // The error of a query that has nothing to do with them stays as it is.
    let error = rows(&engine, "pivot nope on year").await.unwrap_err();
    assert_eq!(error.context("table"), None, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_found_in_sql_that_begins_with_them() {
    let Some(engine) = duckdb("tables_are_found_in_sql_that_begins_with_them", |_| ()).await else { return };
    let years: ArrayRef = Arc::new(Int64Array::from(vec![2024, 2024, 2025]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a"]));
    let sums: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("year", years), ("name", names), ("sum", sums)]).unwrap();
    let files = Files::of(&batch.schema(), std::slice::from_ref(&batch));
    let relations: [Arc<dyn Relation>; 2] = [Arc::new(files), Arc::new(MemoryRelation::from(batch))];
    for relation in relations {
        engine.attach("project", Arc::new(Paths(relation))).await.unwrap();
        let t = "project.path.\"data/sales/\"";
        let all = ["2024 | a | 1", "2024 | b | 2", "2025 | a | 3"].as_slice();
        let wide = ["a | 1 | 3", "b | 2 | ∅"].as_slice();
        for (sql, expected) in [
            (format!("from {t}"), all),
            (format!("from {t} select sum where year = 2025"), ["3"].as_slice()),
            (format!("from {t} s select s.name, sum(s.sum) group by all order by all limit 1"), &["a | 4"]),
            (format!("select max(sum) from (from {t} where name = 'b')"), &["2"]),
            (format!("with s as (from {t} select sum) from s select max(sum)"), &["3"]),
            (
                format!("select sum from {t} where year = 2025 union all from {t} select 9 limit 2"),
                &["3", "9"],
            ),
            (format!("pivot {t} on year using sum(sum) group by name"), wide),
            (format!("pivot_wider {t} on year using sum(sum) group by name"), wide),
            (format!("pivot {t} on year in (2024, 2025) using sum(sum) group by name"), wide),
            (format!("from (pivot {t} on year using sum(sum) group by name)"), wide),
            (format!("with p as (pivot {t} on year using sum(sum) group by name) from p"), wide),
            (format!("select * from {t} pivot (sum(sum) for year in (2024, 2025) group by name)"), wide),
            (
                format!(
                    "select name, value from (unpivot {t} on sum, year into name kind value value) where kind = 'sum'"
                ),
                &["a | 1", "a | 3", "b | 2"],
            ),
            (format!("select column_name from (describe {t})"), &["name", "sum", "year"]),
            (format!("select column_name from (summarize {t})"), &["name", "sum", "year"]),
        ] {
            let got = rows(&engine, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(got, expected, "{sql}");
        }
        assert!(!explain(&engine, &format!("from {t}")).await.is_empty());
        let error = rows(&engine, "from project.path.\"gone/\" select sum").await.unwrap_err();
        assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("project.path.gone/")));
    }
}
