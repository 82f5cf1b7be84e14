//! The main job from a file: events as JSON lines become tables with child tables.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use stitchwork::core::{Info, Message, Op, OpenArgs, Part, Rows, Source, SourceCapabilities, StreamInfo};
use stitchwork::{Error, Result, pipeline, table};
use stitchwork_events_server::EventGenerator;

use crate::{Measured, data};

/// How much of the file is one message.
const CHUNK: u64 = 1 << 20;

/// Writes events as JSON lines.
pub(crate) fn make(file: &str, count: usize) -> Result<serde_json::Value> {
    let path = Path::new(file);
    let wrong = |e| data::failed("the file cannot be written", path, e);
    let mut out = BufWriter::new(File::create(path).map_err(wrong)?);
    let generator = EventGenerator::new(1);
    for index in 0..count {
        writeln!(out, "{}", generator.event(index)).map_err(wrong)?;
    }
    out.flush().map_err(wrong)?;
    Ok(serde_json::json!({ "events": count }))
}

/// Loads them into a table of each type of event.
pub(crate) async fn run(file: &str, folder: &str, log: &str) -> Result<serde_json::Value> {
    let measured = Measured::start();
    let report = pipeline("events")
        .source(Lines { path: file.into() })
        .destination(table(log, format!("{folder}/{log}")))
        .table_name("events", "{type}")
        .run()
        .await?;
    Ok(measured.end(serde_json::json!({ "rows": report.rows() })))
}

/// The lines of a file, some at a time.
#[derive(Debug, Clone)]
struct Lines {
    path: PathBuf,
}

impl Lines {
    /// Whole lines of about a mebibyte; empty at the end.
    fn next(&self, reader: &mut BufReader<File>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let wrong = |e| data::failed("the file cannot be read", &self.path, e);
        reader.by_ref().take(CHUNK).read_to_end(&mut bytes).map_err(wrong)?;
        if bytes.last().is_some_and(|last| *last != b'\n') {
            reader.read_until(b'\n', &mut bytes).map_err(wrong)?;
        }
        Ok(bytes)
    }
}

#[async_trait]
impl Source for Lines {
    fn info(&self) -> Info {
        Info { scheme: "lines", name: "JSON lines".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { repeatable: true, ..SourceCapabilities::default() }
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        Ok(vec![StreamInfo { name: "events".to_owned(), ..StreamInfo::default() }])
    }

    async fn parts(&self, _args: &OpenArgs) -> Result<Vec<Part>> {
        Ok(vec![Part::default()])
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        if args.cursor.is_some() {
            return Err(Error::unsupported("a file of lines is read whole"));
        }
        let file =
            File::open(&self.path).map_err(|e| data::failed("the file cannot be read", &self.path, e))?;
        let state = (self.clone(), BufReader::new(file));
        Ok(stream::try_unfold(state, |(lines, mut reader)| async move {
            let bytes = lines.next(&mut reader)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let rows = Message::Rows { stream: "events".to_owned(), rows: Rows::Json(bytes), op: Op::Insert };
            Ok(Some((rows, (lines, reader))))
        })
        .boxed())
    }
}
