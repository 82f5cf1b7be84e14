//! Which tables a load replaces, and which stay since nothing of the source goes there any more.

use std::collections::{BTreeMap, BTreeSet};

use stitchwork_core::{Error, Result};
use stitchwork_shred::table_name;

use super::streams::{is_read, table_text};
use super::{Run, others};

/// Where long names are cut to make room for a mark.
const CUT: usize = 244;
/// The length of a mark with its underscore.
const MARK: usize = 11;

/// The tables whose rows go when a load replaces, each with the streams whose rows it may have from then on: those that
/// are read and go there, whether they have a row this time or not.
pub(super) fn tables(run: &Run<'_>) -> Result<BTreeMap<String, BTreeSet<String>>> {
    if !run.replaces() {
        return Ok(BTreeMap::new());
    }
    let tables = targets(run);
    for (table, streams) in run.known.iter().filter(|(table, _)| tables.contains_key(*table)) {
        let stays = |stream: &&String| run.discovered.contains(*stream) && !is_read(run, stream);
        if let Some(other) = streams.iter().find(stays) {
            return Err(Error::invalid_config(
                "a table has rows of a stream that is not selected, and replacing would remove them; \
                 select that stream too, or give it a table of its own",
            )
            .with_operation("ingest::streams")
            .with_context("table", table)
            .with_context("stream", other));
        }
    }
    Ok(tables)
}

/// Whether the load may replace, as far as that is known before the rows.
///
/// # Errors
/// It would remove rows that do not come again with it.
pub(super) async fn check(run: &mut Run<'_>) -> Result<()> {
    let mut tables: BTreeSet<String> = tables(run)?.into_keys().collect();
    let read = run.discovered.iter().filter(|stream| run.replaces() && is_read(run, stream));
    tables.extend(read.filter_map(|stream| root_of(run, stream)));
    others::refuse(run, tables).await
}

/// The tables whose rows go with a load, none where it does not replace. Says which others stay, and keeps whose rows each has
/// from now on.
pub(super) async fn settle(run: &mut Run<'_>) -> Result<BTreeSet<String>> {
    if !run.replaces() {
        return Ok(BTreeSet::new());
    }
    let going = tables(run)?;
    others::refuse(run, going.keys().cloned()).await?;
    let kept = kept(run, &going);
    tell_kept(run, &kept);
    let left = left(run, &kept);
    // Tables that were dropped have nothing left that could go. They were given up by whoever has removed them, and later loads
    // are not to miss them.
    let open = run.tables.names();
    run.left = left;
    run.known.retain(|table, _| open.contains(table));
    let going = going.into_iter().filter(|(table, _)| open.contains(table));
    let mut replaced = BTreeSet::new();
    for (table, streams) in going {
        replaced.insert(table.clone());
        // Rows of streams that go there no more are gone with this.
        run.known.insert(table, streams);
    }
    Ok(replaced)
}

/// The tables of the pipeline to which streams go that are read, each with these.
fn targets(run: &Run<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut names = run.known.clone();
    for stream in &run.discovered {
        // A child table that is there is told by its parent, which may not be.
        if let Some(root) = root_of(run, stream) {
            names.entry(root).or_default().insert(stream.clone());
        }
    }
    let mut targets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // In this order, parents come before their children.
    for (table, streams) in &names {
        let mut writers = writers(run, table, streams);
        // The rows of a child table have lost their parents once those are replaced, whoever's they were.
        if let Some(above) = parent(&names, table).and_then(|parent| targets.get(parent)) {
            writers.extend(above.iter().cloned());
        }
        if !writers.is_empty() {
            targets.insert(table.clone(), writers);
        }
    }
    targets.retain(|table, _| run.known.contains_key(table));
    targets
}

/// The table that this one is a child table of: the longest name that it may be below, since a name may end with an
/// underscore. Where two are possible, it is one that has rows of the same stream.
fn parent<'a>(names: &BTreeMap<String, BTreeSet<String>>, table: &'a str) -> Option<&'a str> {
    let streams = names.get(table)?;
    let places = (1..table.len()).filter(|at| table.get(*at..).is_some_and(|rest| rest.starts_with("__")));
    let above = places.filter_map(|at| table.get(..at)).filter_map(|name| Some((name, names.get(name)?)));
    above.max_by_key(|(name, of)| (!of.is_disjoint(streams), name.len())).map(|(name, _)| name)
}

/// The streams that are read and go to a table of the pipeline by its own name. `streams` are those whose rows it has.
fn writers(run: &Run<'_>, table: &str, streams: &BTreeSet<String>) -> BTreeSet<String> {
    let may_write = |stream: &&String| {
        let Some(root) = root_of(run, stream) else {
            // Where the table depends on the row, it may be any of those that the stream has had.
            return streams.contains(*stream);
        };
        table == root || (streams.contains(*stream) && is_marked(&root, table))
    };
    let read = run.discovered.iter().filter(|stream| is_read(run, stream));
    read.filter(may_write).chain(run.writers.get(table)).cloned().collect()
}

/// The table of a stream, where it is the same for all rows.
fn root_of(run: &Run<'_>, stream: &str) -> Option<String> {
    let options = run.pipeline.options.get(stream);
    let template = options.and_then(|options| options.table.as_deref());
    match template {
        Some(template) if template.contains(['{', '}']) => None,
        _ => Some(table_name(table_text(run, stream))),
    }
}

/// Whether a table may be this one or a child table of it under a name that was cut and has a mark. Names that are short
/// enough have none behind them: ten digits there are those of another table.
fn is_marked(root: &str, table: &str) -> bool {
    let rest = root.get(..CUT).and_then(|cut| table.strip_prefix(cut));
    let Some((mark, below)) = rest.and_then(|rest| rest.split_at_checked(MARK)) else { return false };
    let digits = mark.strip_prefix('_');
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && (below.is_empty() || below.starts_with("__"))
}

/// The streams that have rows in tables which stay, each with these tables.
fn kept<'a>(
    run: &'a Run<'_>,
    replaced: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let there = run.tables.names();
    let mut kept: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, streams) in &run.known {
        if !replaced.contains_key(table) && there.contains(table) {
            streams.iter().for_each(|stream| kept.entry(stream).or_default().push(table));
        }
    }
    kept
}

/// The streams whose tables stay though the cursor of the replacing load does not know them.
fn left(run: &Run<'_>, kept: &BTreeMap<&str, Vec<&str>>) -> BTreeSet<String> {
    // One that has come back and is not selected is no better known than before.
    let is_left = |stream: &&str| {
        !run.discovered.contains(*stream) || (run.left.contains(*stream) && !is_read(run, stream))
    };
    kept.keys().copied().filter(is_left).map(str::to_owned).collect()
}

/// Refuses to append rows of a stream that had left the source when a load replaced: the cursor does not know it, so that
/// all of its rows would come beside those that have stayed.
pub(super) fn refuse_left(run: &Run<'_>) -> Result<()> {
    if run.replaces() || run.left.is_empty() {
        return Ok(());
    }
    let back = run.left.iter().filter(|stream| run.discovered.contains(*stream) && is_read(run, stream));
    let targets = targets(run);
    for stream in back {
        let has_rows =
            run.known.iter().filter(|(_, streams)| streams.contains(stream)).map(|(table, _)| table);
        let goes_there =
            |table: &&String| targets.get(*table).is_some_and(|writers| writers.contains(stream));
        let tables: Vec<_> = has_rows.filter(goes_there).map(String::as_str).collect();
        if !tables.is_empty() {
            return Err(Error::invalid_config(
                "a stream is back that the source did not have when a load replaced: its rows from before have stayed \
                 in these tables, and all of them would come again beside them; load once with `replace` (what the \
                 tables have goes, be they there or removed), give the stream another table, or do not select it",
            )
            .with_operation("ingest::streams")
            .with_context("pipeline", &run.pipeline.name)
            .with_context("stream", stream)
            .with_context("tables", tables.join(",")));
        }
    }
    Ok(())
}

/// Says which tables of the pipeline stay as they are, though the load replaces: nothing of the source goes there.
fn tell_kept(run: &Run<'_>, kept: &BTreeMap<&str, Vec<&str>>) {
    for (&stream, tables) in kept {
        let tables = tables.join(",");
        if !run.discovered.contains(stream) {
            tracing::warn!(
                pipeline = run.pipeline.name,
                stream,
                tables,
                "the source no longer has a stream that these tables have rows of: they stay as they are; where \
                 nobody needs them, remove their folders, and their names in the catalog"
            );
        } else if is_read(run, stream) {
            tracing::warn!(
                pipeline = run.pipeline.name,
                stream,
                tables,
                "the rows of a stream go to another table than before: these tables, which have older ones, stay as they \
                 are; where nobody needs them, remove their folders, and their names in the catalog"
            );
        }
    }
}
