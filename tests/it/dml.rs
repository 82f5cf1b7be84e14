//! Changes in SQL over every log, against DuckDB: the same statements, in the same order, change the same rows.

mod refused;
mod shapes;
mod together;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use stitchwork::core::{CreateArgs, PartitionField};
use stitchwork::tables::{OverwriteArgs, Table};
use stitchwork_tests::lake::{Lake, versions};
use stitchwork_tests::layers::LOGS;
use stitchwork_tests::oracle::{Oracles, read_parquet};
use stitchwork_tests::rows::{of_table, stream, texts};

/// What DuckDB is told before the statements: the tables, and a function that it calls otherwise.
const SETUP: [&str; 4] = [
    "create macro named_struct(k, a, l, b) as struct_pack(name := a, age := b)",
    "create table lake.ns.pets (id bigint not null, kind varchar, n integer, price decimal(10, 2), day date, \
     seen timestamptz, ok boolean, owner struct(name varchar, age bigint), tags varchar[])",
    "create table lake.ns.nothing as from lake.ns.pets",
    "create table lake.ns.news (id bigint, kind varchar, n integer, gone boolean)",
];

fn pets() -> SchemaRef {
    let owner = Fields::from(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("age", DataType::Int64, true),
    ]);
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("kind", DataType::Utf8, true),
        Field::new("n", DataType::Int32, true),
        Field::new("price", DataType::Decimal128(10, 2), true),
        Field::new("day", DataType::Date32, true),
        Field::new("seen", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("owner", DataType::Struct(owner), true),
        Field::new_list("tags", Field::new_list_field(DataType::Utf8, true), true),
    ]))
}

fn news() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("n", DataType::Int32, true),
        Field::new("gone", DataType::Boolean, true),
    ]))
}

/// The tables of the statements, the first two partitioned by `kind` or not.
async fn make(lake: &Lake, parted: bool) {
    for (name, schema) in [("pets", pets()), ("nothing", pets()), ("news", news())] {
        let mut create = CreateArgs::new(schema);
        if parted && name != "news" {
            create.partitioning = vec![PartitionField::identity("kind")];
        }
        lake.create(name, create).await.unwrap();
    }
}

/// The statements of the file, each with the table that it changes.
fn statements() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/dml/statements.sql");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let text = format!("{}\n", lines.join("\n"));
    let statements = text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty());
    let table = |sql: &str| {
        let from = sql.find("lake.ns.").unwrap();
        let rest = &sql[from + "lake.ns.".len()..];
        rest.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
    };
    statements.map(|sql| (sql.to_owned(), table(sql))).collect()
}

/// What DuckDB makes of the statements: how many rows each changes, and the table's rows after it.
async fn by_duckdb(oracles: &Oracles, statements: &[(String, String)]) -> Vec<(u64, Vec<RecordBatch>)> {
    let folder = tempfile::tempdir().unwrap();
    let setup = SETUP.iter().map(|sql| serde_json::json!({ "sql": sql }));
    let changes = statements
        .iter()
        .map(|(sql, table)| serde_json::json!({ "sql": sql, "table": format!("lake.ns.{table}") }));
    let all = serde_json::Value::Array(setup.chain(changes).collect());
    let file = folder.path().join("statements.json");
    std::fs::write(&file, all.to_string()).unwrap();
    let args = [file.display().to_string(), folder.path().display().to_string()];
    let printed = oracles.run("dml.py", &[&args[0], &args[1]]).unwrap();
    let counts: Vec<Option<u64>> = serde_json::from_str(&printed).unwrap();
    let mut outcome = Vec::new();
    for (number, count) in counts.iter().enumerate().skip(SETUP.len()) {
        let rows = read_parquet(&folder.path().join(format!("{number}.parquet"))).await.unwrap();
        outcome.push((count.unwrap(), rows));
    }
    outcome
}

/// How the first rows that only one side has differ.
fn difference(ours: &[String], theirs: &[String]) -> String {
    let only = |a: &[String], b: &[String]| {
        let only: Vec<&String> = a.iter().filter(|row| !b.contains(row)).take(3).collect();
        format!("{only:#?}")
    };
    format!("{} rows, only here {}; only there {}", ours.len(), only(ours, theirs), only(theirs, ours))
}

/// Runs one statement and says what is other than it must be.
async fn step(
    lake: &Lake,
    table: &Table,
    sql: &str,
    name: &str,
    theirs: &(u64, Vec<RecordBatch>),
) -> Vec<String> {
    let (count, rows) = theirs;
    let mut wrong = Vec::new();
    let before = versions(table).await.unwrap();
    match lake.change(sql).await {
        Ok(ours) if ours == *count => {}
        Ok(ours) => wrong.push(format!("{ours} rows changed, not {count}")),
        Err(e) => wrong.push(format!("{e:?}")),
    }
    let ours = lake.rows(&format!("select * from lake.ns.{name}")).await.unwrap();
    let rows = texts(rows).unwrap();
    if ours != rows {
        wrong.push(difference(&ours, &rows));
    }
    // A change is one commit, and what changes nothing is none.
    let after = versions(table).await.unwrap();
    let commits = after.len() - before.len();
    if commits != usize::from(*count > 0) {
        let made: Vec<&str> = after.iter().take(commits).map(|v| v.operation.as_str()).collect();
        wrong.push(format!("{commits} commits: {made:?}"));
    }
    wrong
}

async fn compare(lake: &Lake, parted: bool, theirs: &[(u64, Vec<RecordBatch>)]) {
    make(lake, parted).await;
    let mut wrong = Vec::new();
    for ((sql, name), theirs) in statements().iter().zip(theirs) {
        let table = lake.place.open(name).await.unwrap();
        let found = step(lake, &table, sql, name, theirs).await;
        if found.is_empty() {
            continue;
        }
        wrong.push(format!("{sql}\n    {}", found.join("\n    ")));
        // The next statement begins where DuckDB is, so that each mistake is shown once.
        let rows = concat_batches(&theirs.1[0].schema(), &theirs.1).unwrap();
        table.overwrite(stream(rows), OverwriteArgs::default()).await.unwrap();
    }
    assert!(wrong.is_empty(), "{}, partitioned: {parted}\n{}", lake.place, wrong.join("\n\n"));

    // Somebody who opens the tables anew sees the same.
    let last = |name: &str| statements().iter().rposition(|(_, table)| table == name).unwrap();
    for name in ["pets", "nothing", "news"] {
        let table = lake.place.open(name).await.unwrap();
        assert_eq!(of_table(&table).await.unwrap(), texts(&theirs[last(name)].1).unwrap(), "{}", lake.place);
    }
}

async fn as_duckdb(test: &str, log: &str) {
    let Some(oracles) = Oracles::find(test) else { return };
    let statements = statements();
    let theirs = by_duckdb(&oracles, &statements).await;
    assert_eq!(theirs.len(), statements.len());
    for parted in [false, true] {
        compare(&Lake::new(log, "sqlite", "file").await.unwrap(), parted, &theirs).await;
    }
    compare(&Lake::new(log, "memory", "memory").await.unwrap(), false, &theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delta_changes_as_duckdb_does() {
    as_duckdb("delta_changes_as_duckdb_does", "delta").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn iceberg_changes_as_duckdb_does() {
    as_duckdb("iceberg_changes_as_duckdb_does", "iceberg").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_change_as_duckdb_does() {
    as_duckdb("files_change_as_duckdb_does", "files").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_found_through_the_catalog_without_being_declared() {
    for log in LOGS.into_iter().chain(["files"]) {
        let lake = Lake::new(log, "sqlite", "file").await.unwrap();
        make(&lake, false).await;
        let stranger = lake.stranger().await.unwrap();
        let tables = texts(&stranger.sql("show tables").await.unwrap()).unwrap();
        let name = |table: &str| format!("table_catalog=lake|table_name={table}|table_schema=ns");
        assert_eq!(tables, ["news", "nothing", "pets"].map(name), "{log}");
        lake.change("insert into lake.ns.news values (1, 'one', null, null)").await.unwrap();
        stranger.sql("insert into lake.ns.news values (2, 'two', 2, true)").await.unwrap();
        let all = "select id, kind from lake.ns.news";
        assert_eq!(lake.rows(all).await.unwrap(), ["id=1|kind=one", "id=2|kind=two"], "{log}");
        stranger.sql("delete from lake.ns.news where id = 1").await.unwrap();
        assert_eq!(lake.rows(all).await.unwrap(), ["id=2|kind=two"], "{log}");
        // A table that is made while the session lives is there at the next query.
        lake.create("later", CreateArgs::new(news())).await.unwrap();
        stranger.sql("insert into lake.ns.later select * from lake.ns.news").await.unwrap();
        assert_eq!(lake.rows("select id from lake.ns.later").await.unwrap(), ["id=2"], "{log}");
    }
}
