//! The suite of [`Engine`].

mod changes;
mod fixture;
mod names;

use std::future::Future;
use std::sync::Arc;

use stitchwork_core::{Engine, ErrorKind, QueryArgs, Result, TableIdent, col, collect};

use crate::batches::{plain, sorted_row_texts};
use crate::failure::{ensure, refusal, refused};
use crate::suite::clauses;
use crate::{MemoryRelation, Outcome, Suite, unique};

use fixture::{expect_rows, register, rows, seen};

/// What the trials are given.
pub type Subject = Arc<dyn Engine>;

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "engine::query::registered_relation" => registered_relation,
    "engine::query::attached_names" => names::attached_names,
    "engine::query::streams_from_scan" => streams_from_scan,
    "engine::query::predicate_reaches_the_relation" => predicate_reaches,
    "engine::query::projection_reaches_the_relation" => projection_reaches,
    "engine::query::unknown_table_is_named" => unknown_table_is_named,
    "engine::query::broken_sql_is_invalid_input" => broken_sql,
    "engine::query::errors_of_the_relation_survive" => errors_survive,
    "engine::query::limit" => limit,
    "engine::query::time_travel" => changes::time_travel,
    "engine::change::reaches_the_editor" => changes::reach_the_editor,
    "engine::change::all_or_nothing" => changes::change_all_or_nothing,
    "engine::register::replaces" => replaces,
    "engine::explain::has_a_plan" => has_a_plan,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}

/// Contract: a registered relation is queried by its name, bare or with a namespace.
async fn registered_relation(engine: Subject) -> Outcome {
    let batch = plain(1, 0, 100)?;
    for ident in [TableIdent::bare(unique("t")), TableIdent::new(unique("ns"), unique("t"))] {
        engine.register(&ident, Arc::new(MemoryRelation::from(batch.clone()))).await?;
        let sql = format!("select id, flag, number, text from {ident}");
        expect_rows(&engine, &sql, std::slice::from_ref(&batch)).await?;
        let counted = rows(&engine, &format!("select count(*) from {ident} where id >= 50")).await?;
        ensure!(sorted_row_texts(&counted)? == ["50"], "50 of 100 rows are counted as {counted:?}");
    }
    Ok(())
}

/// Contract: a relation without a plan is read by its scan.
async fn streams_from_scan(engine: Subject) -> Outcome {
    let batches = [plain(1, 0, 3000)?, plain(2, 3000, 1)?, plain(3, 3001, 500)?];
    let relation = Arc::new(MemoryRelation::new(batches[0].schema(), batches.to_vec()));
    let ident = register(&engine, relation.clone()).await?;
    expect_rows(&engine, &format!("select * from {ident}"), &batches).await?;
    ensure!(!relation.scans().is_empty(), "rows came although the relation was not scanned");
    Ok(())
}

/// Contract: a simple filter arrives in `ScanArgs::predicate`, and the result is filtered whatever arrives.
async fn predicate_reaches(engine: Subject) -> Outcome {
    let batch = plain(1, 0, 200)?;
    let cases = [
        ("id > 150", col("id").gt(150_i64)),
        ("id = 7", col("id").eq(7_i64)),
        ("text = 'plain'", col("text").eq("plain")),
        ("number < 0.5 and id <= 100", col("number").lt(0.5).and(col("id").lt_eq(100_i64))),
        ("text is null", col("text").is_null()),
    ];
    for (sql, predicate) in cases {
        let relation = Arc::new(MemoryRelation::from(batch.clone()));
        let ident = register(&engine, relation.clone()).await?;
        let keep = predicate.passes(&batch)?;
        let want = arrow_select::filter::filter_record_batch(&batch, &keep)?;
        expect_rows(&engine, &format!("select * from {ident} where {sql}"), &[want]).await?;
        let asked = seen(&relation)?.predicate;
        let Some(asked) = asked else {
            return Err(crate::Failure::new(format!("the filter {sql} does not arrive at the relation")));
        };
        // It may be spelt in another way, but must let the same rows pass.
        ensure!(asked.passes(&batch)? == keep, "the filter {sql} arrives as {asked}");
    }
    Ok(())
}

/// Contract: unused columns are not asked for; none at all where rows are only counted.
async fn projection_reaches(engine: Subject) -> Outcome {
    let batch = plain(1, 0, 20)?;
    for (sql, used) in [
        ("select text from {} ", vec![3]),
        ("select number, id from {}", vec![0, 2]),
        ("select id from {} where text is not null", vec![0, 3]),
        ("select count(*) from {}", vec![]),
    ] {
        let relation = Arc::new(MemoryRelation::from(batch.clone()));
        let ident = register(&engine, relation.clone()).await?;
        let sql = sql.replace("{}", &ident.to_string());
        rows(&engine, &sql).await?;
        let asked = seen(&relation)?.projection;
        let fits = asked.as_ref().is_some_and(|places| places.iter().all(|place| used.contains(place)));
        ensure!(fits, "{sql}: the columns {asked:?} are asked for, while {used:?} are used");
    }
    Ok(())
}

/// Contract: an unknown table is `NotFound` or `InvalidInput`, with its name.
async fn unknown_table_is_named(engine: Subject) -> Outcome {
    let name = unique("missing");
    let kinds = [ErrorKind::NotFound, ErrorKind::InvalidInput];
    let error = refusal("an unknown table", rows(&engine, &format!("select * from {name}")).await, &kinds)?;
    ensure!(format!("{error:?}").contains(&name), "the error does not name {name}: {error:?}");
    Ok(())
}

/// Contract: SQL that does not parse is `InvalidInput`, and so is a column that is not there; explained or
/// run.
async fn broken_sql(engine: Subject) -> Outcome {
    let ident = register(&engine, Arc::new(MemoryRelation::from(plain(1, 0, 2)?))).await?;
    let broken = [
        "selec 1".to_owned(),
        String::new(),
        format!("select no_such_column from {ident}"),
        format!("select * from {ident} where"),
    ];
    for sql in broken {
        let what = format!("the query {sql:?}");
        refused(&what, rows(&engine, &sql).await, &[ErrorKind::InvalidInput])?;
        let explained = engine.explain(QueryArgs::new(sql.clone())).await;
        refused(&format!("explaining {sql:?}"), explained, &[ErrorKind::InvalidInput])?;
    }
    Ok(())
}

/// Contract: the kind of a relation's error is the query's, also when rows came before it.
async fn errors_survive(engine: Subject) -> Outcome {
    let kinds =
        [ErrorKind::PermissionDenied, ErrorKind::InvalidData, ErrorKind::Unavailable, ErrorKind::NotFound];
    for kind in kinds {
        let relation = MemoryRelation::from(plain(1, 0, 10)?).failing(kind);
        let ident = register(&engine, Arc::new(relation)).await?;
        for sql in [format!("select * from {ident}"), format!("select sum(id) from {ident}")] {
            refused(&format!("{sql:?} over a relation that fails"), rows(&engine, &sql).await, &[kind])?;
        }
    }
    Ok(())
}

/// Contract: no more rows than `QueryArgs::limit` come, and as many as there are.
async fn limit(engine: Subject) -> Outcome {
    let batches: Vec<_> =
        (0..5).map(|n| plain(n, 100 * n as i64, 100)).collect::<std::result::Result<_, _>>()?;
    let relation = MemoryRelation::new(batches[0].schema(), batches);
    let ident = register(&engine, Arc::new(relation)).await?;
    for (limit, want) in [(Some(0), 0), (Some(1), 1), (Some(150), 150), (Some(9999), 500), (None, 500)] {
        let args = QueryArgs { sql: format!("select id from {ident}"), limit };
        let got = collect(engine.query(args).await?).await?;
        let count: usize = got.iter().map(arrow_array::RecordBatch::num_rows).sum();
        ensure!(count == want, "{count} rows came with the limit {limit:?} of 500");
    }
    Ok(())
}

/// Contract: a name can be registered again, for a new relation with other columns.
async fn replaces(engine: Subject) -> Outcome {
    let batch = plain(1, 0, 10)?;
    let ident = register(&engine, Arc::new(MemoryRelation::from(batch.clone()))).await?;
    let sql = format!("select * from {ident}");
    expect_rows(&engine, &sql, &[batch]).await?;
    let other = plain(2, 100, 3)?.project(&[3, 0])?;
    engine.register(&ident, Arc::new(MemoryRelation::from(other.clone()))).await?;
    expect_rows(&engine, &sql, &[other]).await
}

/// Contract: an explanation is not empty and runs nothing.
async fn has_a_plan(engine: Subject) -> Outcome {
    let relation = Arc::new(MemoryRelation::from(plain(1, 0, 10)?));
    let ident = register(&engine, relation.clone()).await?;
    let explanation =
        engine.explain(QueryArgs::new(format!("select sum(id) from {ident} where id > 3"))).await?;
    ensure!(!explanation.plan.trim().is_empty(), "the explanation is empty");
    ensure!(relation.scans().is_empty(), "explaining a query has scanned its relation");
    Ok(())
}
