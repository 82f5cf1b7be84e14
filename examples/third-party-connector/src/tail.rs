//! A source: the lines of a file that grows.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::json;
use stitchwork_core::{
    Cursor, Error, Info, Message, Op, OpenArgs, OpenUrl, Part, Result, Rows, Source, SourceCapabilities,
    StreamInfo, check_options,
};

const STREAM: &str = "lines";
/// A checkpoint follows each batch of as many lines, so that a load that breaks off goes on from there.
const BATCH: usize = 1000;

/// The whole lines of a file, in order; opened with a cursor, those that were written since.
#[derive(Debug, Clone)]
pub struct Tail {
    path: String,
}

impl Tail {
    pub(crate) fn open(open: OpenUrl) -> Result<Arc<dyn Source>> {
        check_options(&open.options, &[])?;
        match open.url.strip_prefix("tail://") {
            Some(path) if path.starts_with('/') => Ok(Arc::new(Self { path: path.to_owned() })),
            _ => Err(Error::invalid_config("write tail:///absolute/path").with_context("url", &open.url)),
        }
    }

    /// The message of the next lines, and where they end; nothing at the end of the file.
    fn next(&self, reader: &mut BufReader<File>, mut offset: u64) -> Result<Option<(Message, u64)>> {
        let (mut rows, mut line) = (Vec::new(), String::new());
        for _ in 0..BATCH {
            line.clear();
            let read = reader.read_line(&mut line).map_err(|e| self.error(e, offset))?;
            // A line without its end is still being written: it comes the next time, whole.
            let Some(text) = line.strip_suffix('\n') else { break };
            rows.push(json!({ "offset": offset, "text": text }));
            offset += read as u64;
        }
        let bytes = serde_json::to_vec(&rows).map_err(|e| Error::unexpected(e.to_string()))?;
        let rows_of = |rows| Message::Rows { stream: STREAM.to_owned(), rows, op: Op::Insert };
        Ok((!rows.is_empty()).then(|| (rows_of(Rows::Json(bytes)), offset)))
    }

    fn error(&self, error: std::io::Error, offset: u64) -> Error {
        Error::from(error).with_context("file", &self.path).with_context("offset", offset)
    }
}

#[async_trait]
impl Source for Tail {
    fn info(&self) -> Info {
        Info { scheme: "tail", name: "Lines of a file".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { incremental: true, repeatable: true, ..SourceCapabilities::default() }
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let primary_key = vec!["offset".to_owned()];
        Ok(vec![StreamInfo { name: STREAM.to_owned(), primary_key, ..StreamInfo::default() }])
    }

    async fn parts(&self, _args: &OpenArgs) -> Result<Vec<Part>> {
        Ok(vec![Part::default()])
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        if let Some(unknown) = args.streams.iter().find(|name| *name != STREAM) {
            return Err(Error::not_found("the only stream is `lines`").with_context("stream", unknown));
        }
        let mut file = File::open(&self.path).map_err(|e| self.error(e, 0))?;
        let length = file.metadata().map_err(|e| self.error(e, 0))?.len();
        let start = match &args.cursor {
            None => 0,
            Some(Cursor(at)) => {
                at.get("offset").and_then(|o| o.as_u64()).filter(|o| *o <= length).ok_or_else(|| {
                    Error::invalid_input("the cursor is no offset in the file").with_context("cursor", at)
                })?
            }
        };
        file.seek(SeekFrom::Start(start)).map_err(|e| self.error(e, start))?;
        let state = (self.clone(), BufReader::new(file), start, false);
        let messages = stream::unfold(state, |(tail, mut reader, offset, done)| async move {
            if done {
                return None;
            }
            let checkpoint = |offset| Ok(Message::Checkpoint(Cursor(json!({ "offset": offset }))));
            let (said, offset, done) = match tail.next(&mut reader, offset) {
                Ok(Some((rows, end))) => (vec![Ok(rows), checkpoint(end)], end, false),
                Ok(None) => (vec![checkpoint(offset)], offset, true),
                Err(error) => (vec![Err(error)], offset, true),
            };
            Some((stream::iter(said), (tail, reader, offset, done)))
        });
        Ok(messages.flatten().boxed())
    }
}
