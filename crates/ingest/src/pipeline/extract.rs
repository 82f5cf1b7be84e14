//! From the messages of a source to loads.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::TryStreamExt;
use stitchwork_core::{Cursor, DataFile, Error, ErrorKind, Message, OpenArgs, Result, Rows, StreamInfo};
use stitchwork_shred::{ShredOptions, Shredder, TableBatch, TableNamer, normalize};

use super::Run;
use crate::config::{Disposition, Progress};
use crate::manifest::LoadManifest;
use crate::state::surely_nothing;

/// Reads the source to its end, with a commit at every checkpoint that the policy asks for.
pub(super) async fn run(run: &mut Run<'_>) -> Result<()> {
    let replace = run.pipeline.disposition == Disposition::Replace;
    let streams = run.source.discover().await?;
    let args = OpenArgs {
        streams: run.pipeline.streams.clone(),
        cursor: if replace { None } else { run.cursor.clone() },
        part: None,
        budget: Some(run.destination.config.budget.clone()),
    };
    let mut messages = run.source.open(args).await?;
    let mut load = Load::begin(run, &streams, replace).await?;
    loop {
        let result = match messages.try_next().await {
            Ok(Some(message)) => load.take(run, message).await,
            Ok(None) => break,
            Err(e) => Err(e),
        };
        match result {
            Ok(None) => {}
            Ok(Some(cursor)) => {
                load.cursor = Some(cursor);
                // A replacement must appear as a whole, so it is one load whatever its size.
                if !replace && load.is_due(run) {
                    load = load.commit(run).await?.next(run, &streams).await?;
                }
            }
            Err(e) => {
                run.tables.abort(&[]).await;
                return Err(e
                    .with_context("pipeline", &run.pipeline.name)
                    .with_context("load", run.next_load));
            }
        }
    }
    load.commit(run).await?;
    Ok(())
}

/// A load under way.
struct Load {
    started: Instant,
    replace: bool,
    shredders: BTreeMap<String, Shredder>,
    options: BTreeMap<String, ShredOptions>,
    rows: u64,
    bytes: u64,
    written: u64,
    cursor: Option<Cursor>,
    before: (u64, u64, u64),
}

/// What a load leaves to the next one.
struct Ended {
    totals: (u64, u64, u64),
}

impl Ended {
    async fn next(self, run: &mut Run<'_>, streams: &[StreamInfo]) -> Result<Load> {
        let mut load = Load::begin(run, streams, false).await?;
        load.before = self.totals;
        Ok(load)
    }
}

impl Load {
    async fn begin(run: &mut Run<'_>, streams: &[StreamInfo], replace: bool) -> Result<Self> {
        let mut load = Self {
            started: Instant::now(),
            replace,
            shredders: BTreeMap::new(),
            options: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            written: 0,
            cursor: None,
            before: (0, 0, 0),
        };
        let known = fixed_tables(run).await?;
        for stream in streams {
            let options = shred_options(run, stream)?;
            let mut shredder = Shredder::new(options.clone())?;
            for name in &known {
                shredder.add_schema(name, run.tables.schema(name).await?)?;
            }
            load.shredders.insert(stream.name.clone(), shredder);
            load.options.insert(stream.name.clone(), options);
        }
        Ok(load)
    }

    /// Takes one message; gives back the cursor of a checkpoint.
    async fn take(&mut self, run: &mut Run<'_>, message: Message) -> Result<Option<Cursor>> {
        match message {
            Message::Rows { stream, rows: Rows::Json(json), .. } => {
                let shredder = self.shredder(&stream)?;
                let rows = shredder.push(&json).map_err(|e| e.with_context("stream", &stream))?;
                let batches = shredder.take_full();
                self.count(run, rows, json.len() as u64);
                self.write(run, &stream, batches).await?;
            }
            Message::Rows { stream, rows: Rows::Arrow(batch), .. } => {
                let table = self.arrow_table(&stream)?;
                self.count(run, batch.num_rows() as u64, batch.get_array_memory_size() as u64);
                let batches = vec![TableBatch { table: table.into(), parent: None, batch }];
                self.write(run, &stream, batches).await?;
            }
            Message::Checkpoint(cursor) => return Ok(Some(cursor)),
            Message::Schema { .. } => {}
            other => {
                return Err(Error::unsupported("the pipeline cannot take this kind of message yet")
                    .with_context(
                        "message",
                        format!("{other:?}").split([' ', '{']).next().unwrap_or_default(),
                    ));
            }
        }
        Ok(None)
    }

    fn shredder(&mut self, stream: &str) -> Result<&mut Shredder> {
        self.shredders.get_mut(stream).ok_or_else(|| {
            Error::invalid_data("the source sends rows of a stream that it has not discovered")
                .with_context("stream", stream)
        })
    }

    /// The table of a stream whose rows are batches already: the name is the same for all of them.
    fn arrow_table(&self, stream: &str) -> Result<String> {
        match self.options.get(stream) {
            Some(options) if options.table == TableNamer::fixed(stream) => Ok(normalize(stream)),
            Some(_) => Err(Error::invalid_config(
                "rows that come as Arrow batches go to the table of their stream's name; give no template",
            )
            .with_context("stream", stream)),
            None => Err(Error::invalid_data("the source sends rows of a stream that it has not discovered")
                .with_context("stream", stream)),
        }
    }

    fn count(&mut self, run: &Run<'_>, rows: u64, bytes: u64) {
        self.rows += rows;
        self.bytes += bytes;
        run.tell(&Progress::Extracted { rows: self.before.0 + self.rows, bytes: self.before.1 + self.bytes });
    }

    async fn write(&mut self, run: &mut Run<'_>, stream: &str, batches: Vec<TableBatch>) -> Result<()> {
        for TableBatch { table, batch, .. } in batches {
            run.known.entry(table.to_string()).or_insert_with(|| stream.to_owned());
            // A child's name is its parent's and more, so the separators tell the depth.
            let depth = table.matches("__").count();
            run.tables.write(&table, depth, &batch, run.next_load).await?;
            self.written += batch.num_rows() as u64;
            run.tell(&Progress::Written { rows: self.before.2 + self.written });
        }
        Ok(())
    }

    fn is_due(&self, run: &Run<'_>) -> bool {
        let policy = run.pipeline.policy;
        self.rows > 0
            && (self.rows >= policy.rows
                || self.bytes >= policy.bytes
                || self.started.elapsed() >= policy.interval)
    }

    /// Writes the manifest and commits every table. Without any row, and with the cursor where it was,
    /// nothing happens at all.
    async fn commit(mut self, run: &mut Run<'_>) -> Result<Ended> {
        let totals = |load: &Self| {
            (load.before.0 + load.rows, load.before.1 + load.bytes, load.before.2 + load.written)
        };
        let moved = self.cursor.is_some() && self.cursor != run.cursor;
        if self.rows == 0 && !self.replace && !moved {
            return Ok(Ended { totals: totals(&self) });
        }
        if let Err(e) = self.drain(run).await {
            run.tables.abort(&[]).await;
            return Err(e);
        }
        let replaced: Vec<String> = if self.replace {
            let selected = &run.pipeline.streams;
            let known =
                run.known.iter().filter(|(_, stream)| selected.is_empty() || selected.contains(stream));
            let open = run.tables.names();
            known.map(|(table, _)| table.clone()).filter(|table| open.contains(table)).collect()
        } else {
            vec![]
        };
        let shares = run.tables.finish_files(&replaced).await?;
        let (tables, files): (Vec<_>, Vec<Vec<DataFile>>) = shares.into_iter().unzip();
        let files = files.concat();
        let manifest = LoadManifest {
            rows: self.rows,
            cursor: self.cursor.clone().or_else(|| run.cursor.clone()).map(|Cursor(value)| value),
            tables,
            known: run.known.clone(),
            ..LoadManifest::new(&run.pipeline.name, run.next_load)
        };
        if let Err(e) = run.state.write(&manifest).await {
            if surely_nothing(&e) {
                run.tables.abort(&files).await;
            }
            return Err(e);
        }
        run.next_load += 1;
        run.cursor = manifest.cursor.clone().map(Cursor);
        let report = run.commit(&manifest).await?;
        if self.rows > 0 || self.replace {
            run.loads.push(report);
        }
        Ok(Ended { totals: totals(&self) })
    }

    /// Writes what the shredders still hold.
    async fn drain(&mut self, run: &mut Run<'_>) -> Result<()> {
        for (stream, shredder) in std::mem::take(&mut self.shredders) {
            if shredder.rows() > 0 {
                let (batches, _) = shredder.finish()?;
                self.write(run, &stream, batches).await?;
            }
        }
        Ok(())
    }
}

/// The tables that are there, whoever made them: their columns are fixed, and rows that go there must fit.
async fn fixed_tables(run: &mut Run<'_>) -> Result<Vec<String>> {
    if run.first_load {
        run.first_load = false;
        let mut names = run.destination.tables().await?;
        names.extend(run.known.keys().cloned());
        for name in names {
            match run.tables.get(&name).await {
                Ok(_) => {}
                // Not a table, one that was dropped meanwhile, or one of a kind that we cannot write anyway.
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::InvalidData
                    ) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(run.tables.names())
}

fn shred_options(run: &Run<'_>, stream: &StreamInfo) -> Result<ShredOptions> {
    let own = run.pipeline.options.get(&stream.name).cloned().unwrap_or_default();
    let namer = match &own.table {
        Some(template) => TableNamer::parse(template)?,
        None => TableNamer::fixed(&stream.name),
    };
    let mut options = ShredOptions::new(&stream.name, namer, run.next_load);
    options.primary_key =
        if own.primary_key.is_empty() { stream.primary_key.clone() } else { own.primary_key };
    options.max_table_nesting = own.max_table_nesting;
    let budget = usize::try_from(run.destination.config.budget.total()).unwrap_or(usize::MAX);
    options.buffer_bytes = (budget / 4).min(options.buffer_bytes);
    options.batch_bytes = options.batch_bytes.min(options.buffer_bytes);
    Ok(options)
}
