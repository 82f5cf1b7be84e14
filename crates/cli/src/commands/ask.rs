//! Commands that ask the engine.

use std::io::Read;

use futures::TryStreamExt;
use stitchwork::{Error, Result};

use crate::args::{SqlArgs, TableArgs};
use crate::commands::Context;
use crate::commands::info::cleared;
use crate::exit::Failure;
use crate::output::Output;
use crate::rows::{Cell, Rows};
use crate::session::Asker;
use crate::sql::{quoted_if_needed, statements};

/// `stitchwork sql`, with a query or with queries on stdin.
pub(super) async fn sql(context: &Context, args: SqlArgs) -> Result<(), Failure> {
    let text = match args.query {
        Some(query) => query,
        None => stdin().await?,
    };
    let statements = statements(&text);
    if statements.is_empty() {
        return Err(Failure::Usage(
            "there is no query; write one after `sql`, or send it to stdin".to_owned(),
        ));
    }
    if statements.len() > 1 && !context.output.takes_several() {
        return Err(Failure::Usage(
            "this format holds one result, and there are several queries; choose --output ndjson, csv or table"
                .to_owned(),
        ));
    }
    let asker = context.asker().await?;
    for statement in statements {
        let count = context.answer(&asker, &context.output, statement, args.limit).await?;
        if count == 0 {
            context.console.remark("no rows");
        }
    }
    Ok(())
}

/// All that comes in on stdin.
async fn stdin() -> Result<String, Failure> {
    let read = || {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|e| Error::unexpected("stdin cannot be read").with_source(e))?;
    Ok(read.map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Error::invalid_input("what comes from stdin is no text in UTF-8"),
        _ => Error::from(e).with_context("reading", "stdin"),
    })?)
}

/// `stitchwork tables`
pub(super) async fn tables(context: &Context) -> Result<(), Failure> {
    context.workspace.required()?;
    let asker = context.asker().await?;
    let (names, failed) = match table_names(&asker).await {
        Ok(names) => (names, vec![]),
        // A place that cannot be reached hides none of the others.
        Err(_) => reachable(&asker).await,
    };
    let mut rows = Rows::new(&[("table", Cell::Text(None))]);
    for name in names {
        rows.push([name.into()]);
    }
    if !rows.is_empty() || failed.is_empty() {
        context.output.write(rows.into_stream()?).await?;
    }
    Failure::of(failed)
}

/// The tables of every name of the project that can be listed, and why the others cannot.
async fn reachable(asker: &Asker) -> (Vec<String>, Vec<Error>) {
    let (mut names, mut failed) = (vec![], vec![]);
    for (name, listed) in asker.list().await {
        match listed {
            Err(e) => failed.push(e.with_context("name", name)),
            Ok(tables) => names.extend(tables.into_iter().map(|table| {
                let catalog = Some(name.clone()).filter(|name| *name != asker.vocabulary().catalog);
                let parts = catalog.into_iter().chain(table.namespace).chain([table.name]);
                parts.map(|part| quoted_if_needed(&part)).collect::<Vec<_>>().join(".")
            })),
        }
    }
    names.sort();
    (names, failed)
}

/// Every table of the project, as it is written in SQL, sorted.
pub(crate) async fn table_names(asker: &Asker) -> Result<Vec<String>> {
    let mut names = vec![];
    let mut found = asker.ask("show tables", None).await?;
    while let Some(batch) = found.try_next().await? {
        let texts: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| arrow_cast::cast(column, &arrow_schema::DataType::Utf8))
            .collect();
        for row in 0..batch.num_rows() {
            let mut parts = vec![];
            for text in &texts {
                let text = text.as_ref().map_err(|e| Error::unexpected(e.to_string()))?;
                parts.push(arrow_cast::display::array_value_to_string(text, row)?);
            }
            // A table of the project file goes by its name alone.
            if parts.first() == Some(&asker.vocabulary().catalog) {
                parts.remove(0);
            }
            let parts = parts.iter().filter(|part| !part.is_empty());
            names.push(parts.map(|part| quoted_if_needed(part)).collect::<Vec<_>>().join("."));
        }
    }
    names.sort();
    Ok(names)
}

/// `stitchwork show`
pub(super) async fn show(context: &Context, args: &TableArgs) -> Result<(), Failure> {
    let asker = context.asker().await?;
    let table = asker.target(&args.table)?;
    let query = format!("select * from {}", table.sql());
    if context.answer(&asker, &context.output, &query, Some(args.limit)).await? == 0 {
        context.console.remark("no rows");
    }
    Ok(())
}

/// `stitchwork history`
pub(super) async fn history(context: &Context, args: &TableArgs) -> Result<(), Failure> {
    let asker = context.asker().await?;
    let table = asker.target(&args.table)?;
    let query = format!("select * from {}", table.sql_with("$history"));
    context.answer(&asker, &context.output, &query, Some(args.limit)).await?;
    Ok(())
}

/// `stitchwork schema TABLE`
pub(super) async fn schema(context: &Context, table: &str) -> Result<(), Failure> {
    let asker = context.asker().await?;
    columns(&asker, table, &context.output).await
}

/// Writes the columns of a table.
pub(crate) async fn columns(asker: &Asker, table: &str, output: &Output) -> Result<(), Failure> {
    let table = asker.target(table)?;
    let empty = asker.ask(&format!("select * from {}", table.sql()), Some(0)).await?;
    let mut rows = Rows::new(&[
        ("column", Cell::Text(None)),
        ("type", Cell::Text(None)),
        ("nullable", Cell::Flag(None)),
    ]);
    for field in empty.schema().fields() {
        let nullable = Cell::Flag(Some(field.is_nullable()));
        rows.push([field.name().as_str().into(), field.data_type().to_string().into(), nullable]);
    }
    output.write(rows.into_stream()?).await?;
    Ok(())
}

/// `stitchwork info TABLE`
pub(super) async fn info(context: &Context, table: &str) -> Result<(), Failure> {
    let asker = context.asker().await?;
    let table = asker.target(table)?;
    // One row for each version that can still be read would be too much: the files are those of the newest.
    let files = format!(
        "select count(*) as files, sum(rows) - coalesce(sum(deleted), 0) as rows, sum(bytes) as bytes, \
         min(format) as format, min(location) as first_file from {}",
        table.sql_with("$files")
    );
    let last = format!(
        "select version, timestamp, operation from {} order by timestamp desc, version desc limit 1",
        table.sql_with("$history")
    );
    let query = format!(
        "select h.version, h.timestamp as changed, h.operation, f.files, f.rows, f.bytes, f.format, f.first_file \
         from ({files}) f left join ({last}) h on true"
    );
    let cleared = |rows| cleared(context.console.clone(), rows);
    context.answer_with(&asker, &context.output, &query, None, cleared).await?;
    Ok(())
}
