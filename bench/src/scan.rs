//! The same queries by the same engine: over a table of ours, and over its files alone.

use std::path::Path;
use std::sync::Arc;

use cpu_time::ProcessTime;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use stitchwork::core::{BatchStreamAdapter, CreateArgs};
use stitchwork::engine_datafusion::{DataFusionConfig, DataFusionEngine};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork::{Error, Result, Session, table};

use crate::{Measured, data};

/// What is asked, `{}` being the table: a whole scan, groups, a few rows that statistics find, and rows as they are.
const QUERIES: [(&str, &str); 4] = [
    ("sum", "select count(id), sum(price), min(at), max(note) from {}"),
    ("group", "select city, count(*) as n, sum(price) from {} group by city order by n desc, city limit 10"),
    ("few", "select id, price, note from {} where id between 1000000 and 1000100"),
    ("rows", "select * from {} where price > 20000000"),
];
/// How often each query is asked.
const TIMES: usize = 3;
/// How many files the rows lie in.
const FILES: usize = 8;

/// Makes a table of the rows of a file, of several appends.
pub(crate) async fn make(file: &str, folder: &str, log: &str) -> Result<serde_json::Value> {
    let batches = data::load(file)?;
    let registry = stitchwork::registry()?;
    let reference = TableRef::at(log, format!("file://{folder}/{log}/rows"));
    let create = CreateArgs::new(data::schema());
    let made = Table::create(&registry, &reference, create, TableConfig::default()).await?;
    for share in batches.chunks(batches.len().div_ceil(FILES).max(1)) {
        let rows = BatchStreamAdapter::from_batches(data::schema(), share.to_vec());
        made.append(rows, AppendArgs::default()).await?;
    }
    Ok(serde_json::json!({ "batches": batches.len() }))
}

/// Who is asked, and in which types.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// DataFusion, of the table's files alone. It gives texts as views.
    Bare,
    /// We, with views as well.
    Table,
    /// We, with plain texts, as we give them by default.
    Plain,
}

/// Asks the queries of the table in `log`.
pub(crate) async fn run(folder: &str, log: &str, side: Side) -> Result<serde_json::Value> {
    let mut measured = Measured::start();
    let rows = match side {
        Side::Bare => alone(folder, log, &mut measured).await?,
        Side::Table => ours(folder, log, true, &mut measured).await?,
        Side::Plain => ours(folder, log, false, &mut measured).await?,
    };
    Ok(measured.end(serde_json::json!({ "rows": rows })))
}

async fn ours(folder: &str, log: &str, view_results: bool, measured: &mut Measured) -> Result<usize> {
    let config = DataFusionConfig { view_results, ..DataFusionConfig::default() };
    let session = Session::with_engine(Arc::new(DataFusionEngine::new(config)?));
    let session = session.attach("lake", table(log, format!("{folder}/{log}"))).await?;
    ask("lake.rows", measured, async |query| {
        Ok(session.query(query).await?.map_ok(|batch| batch.num_rows()).boxed())
    })
    .await
}

async fn alone(folder: &str, log: &str, measured: &mut Measured) -> Result<usize> {
    let failed = |error| Error::unexpected("DataFusion alone fails").with_source(error);
    let context = SessionContext::new();
    let files = data::parquet_files(&Path::new(folder).join(log).join("rows"))?;
    let frame = context.read_parquet(files, ParquetReadOptions::default()).await.map_err(failed)?;
    context.register_table("rows", frame.into_view()).map_err(failed)?;
    ask("rows", measured, async |query| {
        let rows = context.sql(query).await.map_err(failed)?.execute_stream().await.map_err(failed)?;
        Ok(rows.map_ok(|batch| batch.num_rows()).map_err(failed).boxed())
    })
    .await
}

/// Asks every query of the rows of this name, as often as each is asked; how many rows came.
async fn ask(
    name: &str,
    measured: &mut Measured,
    run: impl AsyncFn(&str) -> Result<BoxStream<'static, Result<usize>>>,
) -> Result<usize> {
    let mut rows = 0;
    for (part, query) in QUERIES {
        let query = query.replace("{}", name);
        let cpu = ProcessTime::now();
        for _ in 0..TIMES {
            let mut counts = run(&query).await?;
            while let Some(count) = counts.try_next().await? {
                rows += count;
            }
        }
        measured.part(part, cpu);
    }
    Ok(rows)
}
