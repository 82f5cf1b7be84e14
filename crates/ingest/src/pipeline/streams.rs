//! Which streams a run reads, and into which tables.

use std::collections::BTreeSet;

use stitchwork_core::{Error, Result, StreamInfo};
use stitchwork_shred::{ShredOptions, TableNamer};

use super::Run;
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
pub(super) fn selected(run: &Run<'_>, discovered: Vec<StreamInfo>) -> Result<Vec<StreamInfo>> {
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
    let selected: Vec<_> = discovered.into_iter().filter(|stream| is_read(run, &stream.name)).collect();
    if run.replaces()
        && run.can_resume()
        && let Some(other) = run.known.values().flatten().find(|stream| !is_read(run, stream))
    {
        return Err(Error::invalid_config(
            "replacing some streams of a source with cursors would lose where the others are; replace all \
             of them, or load these under a pipeline name of their own",
        )
        .with_operation("ingest::streams")
        .with_context("stream", other));
    }
    replaced(run)?;
    Ok(selected)
}

/// Whether a cursor of the source holds for each of the streams. Where only some of them have a field that tells
/// new rows from old ones, the others come whole every time.
pub(super) fn all_resume(selected: &[StreamInfo]) -> bool {
    let with_field = selected.iter().filter(|stream| stream.cursor_field.is_some()).count();
    with_field == 0 || with_field == selected.len()
}

fn is_read(run: &Run<'_>, stream: &str) -> bool {
    let streams = &run.pipeline.streams;
    streams.is_empty() || streams.iter().any(|selected| selected == stream)
}

/// The tables whose rows go when a load replaces.
pub(super) fn replaced(run: &Run<'_>) -> Result<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    if !run.replaces() {
        return Ok(tables);
    }
    for (table, streams) in &run.known {
        match streams.iter().find(|stream| !is_read(run, stream)) {
            None => {
                tables.insert(table.clone());
            }
            Some(other) if streams.iter().any(|stream| is_read(run, stream)) => {
                return Err(Error::invalid_config(
                    "a table has rows of a stream that is not selected, and replacing would remove them; \
                     select that stream too, or give it a table of its own",
                )
                .with_operation("ingest::streams")
                .with_context("table", table)
                .with_context("stream", other));
            }
            Some(_) => {}
        }
    }
    Ok(tables)
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
    options.buffer_bytes = share(run).min(options.buffer_bytes);
    options.batch_bytes = options.batch_bytes.min(options.buffer_bytes).max(1);
    Ok(options)
}

/// A quarter of the budget: for pages of the source on their way, and for rows that are no batch yet. The other
/// half is for open files.
pub(super) fn share(run: &Run<'_>) -> usize {
    usize::try_from(run.destination.config.budget.total() / 4).unwrap_or(usize::MAX)
}
