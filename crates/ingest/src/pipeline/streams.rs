//! Which streams a run reads, and into which tables.

use std::collections::BTreeMap;

use stitchwork_core::{Error, Result, StreamInfo};
use stitchwork_shred::{ShredOptions, TableNamer, table_name};

use super::{Run, replaced};
use crate::config::StreamOptions;
use crate::destination::is_no_table;

/// The table of a stream's rows.
pub(super) fn namer(stream: &str, options: &StreamOptions) -> Result<TableNamer> {
    match &options.table {
        Some(template) => TableNamer::parse(template).map_err(|e| e.with_context("stream", stream)),
        None => Ok(TableNamer::fixed(stream)),
    }
}

/// The streams that the run reads. A name that the source does not know is most likely a typing error, and
/// would be ignored without a word.
pub(super) async fn selected(run: &mut Run<'_>, discovered: Vec<StreamInfo>) -> Result<Vec<StreamInfo>> {
    run.discovered = discovered.iter().map(|stream| stream.name.clone()).collect();
    let pipeline = run.pipeline;
    for name in pipeline.streams.iter().chain(pipeline.options.keys()) {
        if !discovered.iter().any(|stream| stream.name == *name) {
            let known: Vec<_> = discovered.iter().map(|stream| stream.name.as_str()).collect();
            return Err(Error::invalid_config("the source has no stream of this name")
                .with_operation("ingest::streams")
                .with_context("stream", name)
                .with_context("known", known.join(",")));
        }
    }
    let selected: Vec<_> = discovered.iter().filter(|stream| is_read(run, &stream.name)).cloned().collect();
    if run.replaces()
        && run.can_resume()
        && let Some(other) = run
            .known
            .values()
            .flatten()
            .find(|stream| run.discovered.contains(*stream) && !is_read(run, stream))
    {
        return Err(Error::invalid_config(
            "replacing some streams of a source with cursors would lose where the others are; replace all \
             of them, or load these under a pipeline name of their own",
        )
        .with_operation("ingest::streams")
        .with_context("stream", other));
    }
    replaced::check(run).await?;
    replaced::refuse_left(run)?;
    apart(run, &discovered)?;
    Ok(selected)
}

/// What says the table of a stream: its template, or its name.
pub(super) fn table_text<'a>(run: &'a Run<'_>, stream: &'a str) -> &'a str {
    run.pipeline.options.get(stream).and_then(|options| options.table.as_deref()).unwrap_or(stream)
}

/// Refuses streams whose tables become one although nobody has said so: names differ, and are the same when they are
/// normalized. Streams that were read by an earlier run count as well.
fn apart(run: &Run<'_>, discovered: &[StreamInfo]) -> Result<()> {
    let mut tables: BTreeMap<String, &str> = BTreeMap::new();
    for stream in discovered {
        let text = table_text(run, &stream.name);
        let table = table_name(text);
        let has_rows = || run.known.get(&table).is_some_and(|streams| streams.contains(&stream.name));
        // Where the table depends on the row, the rows tell.
        if text.contains(['{', '}']) || !(is_read(run, &stream.name) || has_rows()) {
            continue;
        }
        match tables.get(&table) {
            Some(other) if table_text(run, other) != text => {
                return Err(mixed(run, other, &stream.name, &table));
            }
            Some(_) => {}
            None => {
                tables.insert(table, &stream.name);
            }
        }
    }
    Ok(())
}

/// Takes down whose rows go to a table, and refuses those of another stream that was not told to share it.
pub(super) fn claim(run: &mut Run<'_>, stream: &str, table: &str) -> Result<()> {
    match run.writers.get(table) {
        Some(first) if first == stream || table_text(run, first) == table_text(run, stream) => Ok(()),
        Some(first) => Err(mixed(run, first, stream, table)),
        None => {
            run.writers.insert(table.to_owned(), stream.to_owned());
            Ok(())
        }
    }
}

fn mixed(run: &Run<'_>, first: &str, second: &str, table: &str) -> Error {
    Error::invalid_config(
        "the rows of two streams would go to one table, since its name is the same when it is normalized; give one of \
         them another table name, or both the very same one to have their rows in one table",
    )
    .with_operation("ingest::streams")
    .with_context("stream", first)
    .with_context("table_name", table_text(run, first))
    .with_context("other_stream", second)
    .with_context("other_table_name", table_text(run, second))
    .with_context("table", table)
}

/// Whether a cursor of the source holds for each of the streams. Where only some of them have a field that tells
/// new rows from old ones, the others come whole every time.
pub(super) fn all_resume(selected: &[StreamInfo]) -> bool {
    let with_field = selected.iter().filter(|stream| stream.cursor_field.is_some()).count();
    with_field == 0 || with_field == selected.len()
}

pub(super) fn is_read(run: &Run<'_>, stream: &str) -> bool {
    let streams = &run.pipeline.streams;
    streams.is_empty() || streams.iter().any(|selected| selected == stream)
}

/// Opens the tables that are there, whoever made them: their columns are fixed, and rows that go there must
/// fit.
pub(super) async fn open_tables(run: &mut Run<'_>) -> Result<()> {
    let mut names = run.destination.tables().await?;
    names.extend(run.known.keys().cloned());
    for name in names {
        match run.tables.get(&name).await {
            Err(e) if !is_no_table(&e) => return Err(e.with_context("table", name)),
            _ => {}
        }
    }
    Ok(())
}

/// How the rows of a stream become tables.
pub(super) fn shred_options(run: &Run<'_>, stream: &StreamInfo) -> Result<ShredOptions> {
    let own = run.pipeline.options.get(&stream.name).cloned().unwrap_or_default();
    let namer = namer(&stream.name, &own)?;
    // Ids of rows come from the load and the place in it, so those of two pipelines would be the same.
    let identity = format!("{}/{}", run.pipeline.name, stream.name);
    let mut options = ShredOptions::new(identity, namer, run.next_load);
    options.primary_key =
        if own.primary_key.is_empty() { stream.primary_key.clone() } else { own.primary_key };
    options.max_table_nesting = own.max_table_nesting;
    options.max_tables = own.max_tables.unwrap_or(options.max_tables);
    options.buffer_bytes = buffer_bytes(run).min(options.buffer_bytes);
    options.batch_bytes = options.batch_bytes.min(options.buffer_bytes).max(1);
    Ok(options)
}

/// A quarter of the budget, for pages of the source on their way. A half is for open files.
pub(super) fn page_bytes(run: &Run<'_>) -> u64 {
    run.destination.config.budget.total() / 4
}

/// An eighth of the budget, for rows that are no batch yet. What is left is for what nobody counts: the buffers between the two,
/// and what the allocator keeps.
pub(super) fn buffer_bytes(run: &Run<'_>) -> usize {
    usize::try_from(run.destination.config.budget.total() / 8).unwrap_or(usize::MAX)
}
