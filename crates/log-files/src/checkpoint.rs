//! Checkpoints: a whole state, so that nobody has to read all commits.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use stitchwork_core::{CommitTag, Error, ErrorKind, Result};
use tokio::io::AsyncWriteExt;

use crate::files::live_files;
use crate::lines::{Add, End, Header, Line, Tag, parse_line, write_line};
use crate::state::{Base, State};
use crate::store::LogStore;
use crate::table::TableMeta;

/// The longest line that is read.
const LONGEST_LINE: usize = 64 << 20;

/// Writes the checkpoint of a state, which then is there whole or not at all.
pub(crate) async fn write(store: &LogStore, state: &Arc<State>) -> Result<()> {
    let path = store.checkpoint_path(state.version);
    let mut writer = BufWriter::new(store.store().clone(), path.clone());
    let written = write_to(&mut writer, store, state).await;
    let finished = match written {
        Ok(()) => writer.shutdown().await.map_err(Error::from),
        Err(error) => {
            // What cannot be removed is invisible, and the first error is the one that tells.
            writer.abort().await.ok();
            Err(error)
        }
    };
    finished.map_err(|e| store.located(&path, e))
}

async fn write_to(writer: &mut BufWriter, store: &LogStore, state: &Arc<State>) -> Result<()> {
    let mut header = Header::commit("checkpoint");
    header.stitchwork = "checkpoint".to_owned();
    header.version = state.version;
    header.time = state.time;
    header.lines = None;
    let mut buffer = Vec::new();
    write_line(&mut buffer, &header)?;
    write_line(&mut buffer, &Line::Table(state.table.line.clone()))?;
    for tag in state.tags.values() {
        write_line(&mut buffer, &Line::Tag(Tag::from(tag)))?;
    }
    let mut lines = 1 + state.tags.len() as u64;
    let mut files = live_files(store, state);
    while let Some(chunk) = files.try_next().await? {
        for add in chunk {
            write_line(&mut buffer, &Line::Add(add))?;
            lines += 1;
        }
        writer.write_all(&buffer).await?;
        buffer.clear();
    }
    write_line(&mut buffer, &Line::End(End { lines }))?;
    writer.write_all(&buffer).await?;
    Ok(())
}

/// The lines of a checkpoint in chunks as they arrive. Ends with an error where the last line is not there.
fn lines(store: &LogStore, version: i64) -> BoxStream<'static, Result<Vec<Parsed>>> {
    let store = store.clone();
    let path = store.checkpoint_path(version);
    let opened = async move {
        let body = store.store().get(&path).await.map_err(|e| store.error(&path, e))?;
        let reader = Reader { version, rest: vec![], header: true, lines: 0, ended: false };
        let body = body.into_stream().map_err({
            let (store, path) = (store.clone(), path.clone());
            move |e| store.error(&path, e)
        });
        let parsed = stream::try_unfold((body.boxed(), reader), |(mut body, mut reader)| async move {
            match body.try_next().await? {
                Some(bytes) => Ok(Some((reader.push(&bytes)?, (body, reader)))),
                None => reader.finish().map(|()| None),
            }
        });
        Ok::<_, Error>(parsed.map_err(move |e: Error| {
            let damaged = e.kind() == ErrorKind::InvalidData;
            let error = store.located(&path, e);
            if damaged {
                error.with_context("remedy", "remove this file: the commits hold all of it")
            } else {
                error
            }
        }))
    };
    stream::once(opened).try_flatten().boxed()
}

enum Parsed {
    Header(Box<Header>),
    Line(Line),
}

/// Cuts the bytes of a checkpoint into lines.
struct Reader {
    version: i64,
    rest: Vec<u8>,
    header: bool,
    lines: u64,
    ended: bool,
}

impl Reader {
    fn push(&mut self, bytes: &Bytes) -> Result<Vec<Parsed>> {
        let mut parsed = Vec::new();
        let mut bytes = bytes.as_ref();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, others) = bytes.split_at(end);
            bytes = others.get(1..).unwrap_or_default();
            if self.rest.is_empty() {
                parsed.extend(self.line(line)?);
            } else {
                self.rest.extend_from_slice(line);
                let line = std::mem::take(&mut self.rest);
                parsed.extend(self.line(&line)?);
            }
        }
        if self.rest.len() + bytes.len() > LONGEST_LINE {
            return Err(Error::invalid_data("a line of a checkpoint does not end"));
        }
        self.rest.extend_from_slice(bytes);
        Ok(parsed)
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Parsed>> {
        if std::mem::take(&mut self.header) {
            let header = Header::parse(line, "checkpoint")?;
            if header.version != self.version {
                return Err(Error::invalid_data("a checkpoint is of another version than its name")
                    .with_context("version", header.version));
            }
            return Ok(Some(Parsed::Header(Box::new(header))));
        }
        match parse_line(line)? {
            _ if self.ended => Err(Error::invalid_data("a checkpoint goes on after its end")),
            Line::End(end) if end.lines == self.lines => {
                self.ended = true;
                Ok(None)
            }
            Line::End(_) => Err(Error::invalid_data("a checkpoint has another number of lines than it says")),
            Line::Remove(_) => Err(Error::invalid_data("a checkpoint removes a file")),
            other => {
                self.lines += 1;
                Ok(Some(Parsed::Line(other)))
            }
        }
    }

    fn finish(&self) -> Result<()> {
        if self.ended && self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::invalid_data("a checkpoint has no end: it is cut short"))
    }
}

/// The files of a checkpoint.
pub(crate) fn files(store: &LogStore, version: i64) -> BoxStream<'static, Result<Vec<Arc<Add>>>> {
    lines(store, version)
        .map_ok(|lines| {
            let adds = lines.into_iter().filter_map(|line| match line {
                Parsed::Line(Line::Add(add)) => Some(add),
                _ => None,
            });
            adds.collect()
        })
        .boxed()
}

/// The state of a checkpoint; its files are not read.
pub(crate) async fn read(store: &LogStore, version: i64) -> Result<State> {
    let (mut time, mut table) = (None, None);
    let mut tags: BTreeMap<String, CommitTag> = BTreeMap::new();
    let mut chunks = lines(store, version);
    'chunks: while let Some(chunk) = chunks.try_next().await? {
        for line in chunk {
            match line {
                Parsed::Header(header) => time = Some(header.time),
                Parsed::Line(Line::Table(line)) => table = Some(TableMeta::new(line)?),
                Parsed::Line(Line::Tag(tag)) => {
                    tags.insert(tag.application.clone(), tag.into());
                }
                // All else stands before the files.
                Parsed::Line(_) => break 'chunks,
            }
        }
    }
    let (Some(time), Some(table)) = (time, table) else {
        let error = Error::invalid_data("a checkpoint does not say what the table is");
        return Err(store.located(&store.checkpoint_path(version), error));
    };
    let (tags, base) = (Arc::new(tags), Base::Checkpoint(version));
    Ok(State { version, time, table: Arc::new(table), tags, base, tail: vec![] })
}
