//! From the messages of a source to loads.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use stitchwork_core::{Budget, Cursor, DataFile, Error, Message, Op, OpenArgs, Result, Rows, StreamInfo};
use stitchwork_shred::{JsonRows, Shredder, TableBatch, table_name};

use super::{Run, replaced, streams};
use crate::config::Progress;
use crate::load::check_there;
use crate::manifest::{LoadManifest, ManifestTable};
use crate::mutation::Mutation;
use crate::state::surely_nothing;

/// A load that was under way for so long looks whether its files are still there before it names them.
const LONG: Duration = Duration::from_secs(60 * 60);

/// Reads the source to its end, with a commit at every checkpoint that the policy asks for.
pub(super) async fn run(run: &mut Run<'_>) -> Result<()> {
    let discovered = run.source.discover().await?;
    let selected = streams::selected(run, discovered).await?;
    let resumable = run.can_resume() && streams::all_resume(&selected);
    if run.recovered.is_some() && !resumable && !run.replaces() {
        // What always comes whole has come with the load that was just finished.
        run.unread = true;
        return Ok(());
    }
    streams::open_tables(run).await?;
    run.check_state().await?;
    if resumable && !run.replaces() && run.cursor.is_none() && !run.known.is_empty() {
        tracing::warn!(
            pipeline = run.pipeline.name,
            "the source is incremental and the earlier loads were not, so that this one has every row again beside \
             those that are there; from the next one on it is only what is new (`replace` takes the new rows for the \
             old ones)"
        );
    }
    let args = OpenArgs {
        streams: run.pipeline.streams.clone(),
        cursor: if run.replaces() { None } else { run.cursor.clone() },
        part: None,
        // A budget of its own: whoever waits for bytes here must not wait for those that a file holds.
        budget: Some(Budget::new(streams::page_bytes(run))),
    };
    let mut messages = run.source.open(args).await?;
    // A replacement must appear as a whole, so it is one load whatever its size. Where a source cannot be
    // opened in the middle, a run that ended between two loads could not be taken up either.
    let whole = run.replaces() || !resumable;
    let mut load = Load::begin(run, &selected).await?;
    loop {
        let step = match messages.try_next().await {
            Ok(Some(message)) => load.take(run, message).await,
            Ok(None) => break,
            Err(e) => Err(e),
        };
        match step {
            Ok(()) if !whole && load.is_due(run) => {
                load = load.commit(run).await?.next(run, &selected).await?;
            }
            Ok(()) => {}
            Err(e) => return Err(give_up(run, e).await),
        }
    }
    if resumable && load.unmarked > 0 {
        let e = Error::invalid_data(
            "the source has ended with rows after its last checkpoint, so that the next run would load them again",
        )
        .with_operation("ingest::extract");
        return Err(give_up(run, e).await);
    }
    load.commit(run).await?;
    Ok(())
}

/// Removes what the load has written so far.
async fn give_up(run: &mut Run<'_>, error: Error) -> Error {
    run.tables.abort(&[]).await;
    error.with_context("pipeline", &run.pipeline.name).with_context("load", run.next_load)
}

/// How much a run or a load has handled.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    rows: u64,
    bytes: u64,
    written: u64,
}

/// A load under way.
struct Load {
    started: Instant,
    shredders: BTreeMap<String, Shredder>,
    /// How many bytes all shredders together may hold.
    buffer_bytes: usize,
    totals: Totals,
    /// What the loads before have handled, for those who watch.
    before: Totals,
    /// Rows since the last checkpoint.
    unmarked: u64,
    cursor: Option<Cursor>,
    at_checkpoint: bool,
}

/// What a load leaves to the next one.
struct Ended {
    totals: Totals,
}

impl Ended {
    async fn next(self, run: &mut Run<'_>, streams: &[StreamInfo]) -> Result<Load> {
        Ok(Load { before: self.totals, ..Load::begin(run, streams).await? })
    }
}

impl Load {
    async fn begin(run: &mut Run<'_>, selected: &[StreamInfo]) -> Result<Self> {
        let mut shredders = BTreeMap::new();
        // Tables that are there keep their columns, be they older than the run or made by its last load.
        let tables = run.tables.names();
        for stream in selected {
            let mut shredder = Shredder::new(streams::shred_options(run, stream)?)?;
            for name in &tables {
                let schema = run.tables.schema(name).await?;
                match shredder.add_schema(name, schema) {
                    // A table of somebody else may have any columns, as long as no row goes there.
                    Err(e) if run.known.contains_key(name) => return Err(e.with_context("table", name)),
                    _ => {}
                }
                if let Some(owners) = run.owners.get(name) {
                    shredder.add_owners(name, owners.clone());
                }
            }
            shredders.insert(stream.name.clone(), shredder);
        }
        Ok(Self {
            started: Instant::now(),
            shredders,
            buffer_bytes: streams::buffer_bytes(run),
            totals: Totals::default(),
            before: Totals::default(),
            unmarked: 0,
            cursor: None,
            at_checkpoint: false,
        })
    }

    async fn take(&mut self, run: &mut Run<'_>, message: Message) -> Result<()> {
        self.at_checkpoint = false;
        match message {
            Message::Rows { stream, rows, op: Op::Insert } => {
                if !self.shredders.contains_key(&stream) {
                    return Err(Error::invalid_data(
                        "the source sends rows of a stream that it has not discovered, or that was not asked for",
                    )
                    .with_context("stream", stream));
                }
                match rows {
                    Rows::Json(json) => self.take_json(run, &stream, &json).await,
                    Rows::Arrow(batch) => {
                        let table = arrow_table(run, &stream)?.into();
                        self.count(run, batch.num_rows() as u64, batch.get_array_memory_size() as u64);
                        self.write(run, &stream, vec![TableBatch { table, parent: None, batch }]).await
                    }
                    _ => Err(refuse("rows of an unknown shape", &stream)),
                }
            }
            Message::Rows { stream, op, .. } => Err(refuse(&format!("{op:?}"), &stream)),
            Message::Truncate { stream } => Err(refuse("Truncate", &stream)),
            Message::Checkpoint(cursor) => {
                self.unmarked = 0;
                self.cursor = Some(cursor);
                self.at_checkpoint = true;
                Ok(())
            }
            Message::Schema { .. } => Ok(()),
            _ => Err(refuse("a message of an unknown kind", "")),
        }
    }

    /// Shreds a page, and writes each batch as soon as it is complete: a page may become much larger than it is.
    async fn take_json(&mut self, run: &mut Run<'_>, stream: &str, json: &[u8]) -> Result<()> {
        let rows_of = |load: &Self| load.shredders.get(stream).map_or(0, Shredder::rows);
        let before = rows_of(self);
        let mut rows = JsonRows::new(json);
        let mut more = true;
        while more {
            let Some(shredder) = self.shredders.get_mut(stream) else { break };
            more = shredder.push_some(&mut rows)?;
            let batches = shredder.take_full();
            self.write(run, stream, batches).await?;
        }
        self.count(run, rows_of(self) - before, json.len() as u64);
        self.keep_within(run).await
    }

    /// Writes the largest table of the fullest shredder while all together hold too much.
    async fn keep_within(&mut self, run: &mut Run<'_>) -> Result<()> {
        loop {
            let held: usize = self.shredders.values().map(Shredder::buffered_bytes).sum();
            let fullest = self.shredders.iter_mut().max_by_key(|(_, shredder)| shredder.buffered_bytes());
            let Some((stream, shredder)) = fullest.filter(|(_, s)| held > self.buffer_bytes && s.rows() > 0)
            else {
                return Ok(());
            };
            let stream = stream.clone();
            let batches = shredder.flush_largest()?;
            if batches.is_empty() {
                return Ok(());
            }
            self.write(run, &stream, batches).await?;
        }
    }

    fn count(&mut self, run: &Run<'_>, rows: u64, bytes: u64) {
        self.totals.rows += rows;
        self.totals.bytes += bytes;
        self.unmarked += rows;
        let (rows, bytes) = (self.before.rows + self.totals.rows, self.before.bytes + self.totals.bytes);
        run.tell(&Progress::Extracted { rows, bytes });
    }

    async fn write(&mut self, run: &mut Run<'_>, stream: &str, batches: Vec<TableBatch>) -> Result<()> {
        for TableBatch { table, batch, .. } in batches {
            streams::claim(run, stream, &table)?;
            let known = run.known.entry(table.to_string()).or_default();
            if !known.contains(stream) {
                known.insert(stream.to_owned());
            }
            run.tables.write(&table, &batch, run.next_load).await?;
            self.totals.written += batch.num_rows() as u64;
            run.tell(&Progress::Written { rows: self.before.written + self.totals.written });
        }
        Ok(())
    }

    /// Whether the last message was a checkpoint at which the policy wants a commit.
    fn is_due(&self, run: &Run<'_>) -> bool {
        let policy = run.pipeline.policy;
        self.at_checkpoint
            && self.totals.rows > 0
            && (self.totals.rows >= policy.rows
                || self.totals.bytes >= policy.bytes
                || self.started.elapsed() >= policy.interval)
    }

    /// Writes the manifest and commits every table. Without any row, and with the cursor where it was,
    /// nothing happens at all.
    async fn commit(mut self, run: &mut Run<'_>) -> Result<Ended> {
        let ended = Ended {
            totals: Totals {
                rows: self.before.rows + self.totals.rows,
                bytes: self.before.bytes + self.totals.bytes,
                written: self.before.written + self.totals.written,
            },
        };
        let moved = self.cursor.is_some() && self.cursor != run.cursor;
        if self.totals.rows == 0 && !run.replaces() && !moved {
            return Ok(ended);
        }
        let shares = match self.close(run).await {
            Ok(shares) => shares,
            Err(e) => return Err(give_up(run, e).await),
        };
        let (tables, files): (Vec<_>, Vec<Vec<DataFile>>) = shares.into_iter().unzip();
        if self.started.elapsed() >= LONG
            && let Err(e) = check_there(run.destination.registry.stores(), &files.concat()).await
        {
            run.tables.abort(&files.concat()).await;
            return Err(give_up(run, e).await);
        }
        // Rows of a replacement were read from the beginning, so the former cursor says nothing about them.
        let before = run.cursor.clone().filter(|_| !run.replaces());
        let manifest = LoadManifest {
            rows: self.totals.rows,
            cursor: self.cursor.take().or(before).map(|Cursor(value)| value),
            tables,
            destination: Some(run.destination.described()),
            known: run.known.clone(),
            left: run.left.clone(),
            owners: run.owners.clone(),
            ..LoadManifest::new(&run.pipeline.name, run.next_load)
        };
        if let Err(e) = run.state.write(&manifest, run.pipeline.planted).await {
            // Files that a manifest may name are never removed.
            if surely_nothing(&e) {
                run.tables.abort(&files.concat()).await;
            }
            return Err(e);
        }
        // From here on the load is finished by this run or the next one, and no error undoes anything.
        run.next_load = run.next_load.saturating_add(1);
        run.cursor = manifest.cursor.clone().map(Cursor);
        let mistaken = run.has(Mutation::FilesRemoved).then(|| files.concat());
        let written = manifest.tables.iter().map(|table| table.name.clone()).zip(files).collect();
        let located =
            |e: Error| e.with_context("pipeline", &run.pipeline.name).with_context("load", manifest.load);
        let report = match run.commit(&manifest, written).await {
            Ok(report) => report,
            Err(e) => {
                let e = located(e);
                if let Some(files) = mistaken {
                    run.tables.abort(&files).await;
                }
                return Err(e);
            }
        };
        if self.totals.rows > 0 || run.replaces() {
            run.loads.push(report);
        }
        Ok(ended)
    }

    /// Writes what the shredders still hold and closes every file.
    async fn close(&mut self, run: &mut Run<'_>) -> Result<Vec<(ManifestTable, Vec<DataFile>)>> {
        for (stream, shredder) in std::mem::take(&mut self.shredders) {
            if shredder.rows() > 0 {
                for (table, owners) in shredder.owners() {
                    // A table that was dropped and made anew may have its columns from other keys than before.
                    run.owners.entry(table).or_default().extend(owners);
                }
                let (batches, _) = shredder.finish()?;
                self.write(run, &stream, batches).await?;
            }
        }
        let replaced = replaced::settle(run).await?;
        run.tables.finish_files(&replaced).await
    }
}

fn refuse(message: &str, stream: &str) -> Error {
    Error::unsupported(
        "the pipeline cannot apply this message of the source; it takes rows that are inserted",
    )
    .with_operation("ingest::extract")
    .with_context("message", message)
    .with_context("stream", stream)
}

/// The table of a stream whose rows are batches already: one name for all of them.
fn arrow_table(run: &Run<'_>, stream: &str) -> Result<String> {
    match run.pipeline.options.get(stream).and_then(|options| options.table.as_deref()) {
        None => Ok(table_name(stream)),
        Some(name) if !name.contains(['{', '}']) => Ok(table_name(name)),
        Some(template) => Err(Error::invalid_config(
            "the rows of the stream come as Arrow batches, which go to one table: give it a name without fields",
        )
        .with_operation("ingest::extract")
        .with_context("stream", stream)
        .with_context("template", template)),
    }
}
