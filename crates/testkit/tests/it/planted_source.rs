//! A source in memory with a bug on demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use stitchwork_core::{
    Cursor, Error, Info, Message, Op, OpenArgs, Part, Result, Rows, Source, SourceCapabilities, StreamInfo,
};
use stitchwork_testkit::source;

use crate::assert_failed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    RepeatsARow,
    SkipsARow,
    IgnoresForeignCursors,
    EndsWithRows,
    IgnoresSelection,
    HidesAStream,
    PartsOverlap,
    NotIncremental,
}

const ROWS: i64 = 30;
const STREAMS: [&str; 2] = ["a", "b"];

#[derive(Debug)]
struct Planted(Bug);

fn row(stream: &str, n: i64) -> Value {
    json!({"id": n, "stream": stream, "text": "Zoë"})
}

#[async_trait]
impl Source for Planted {
    fn info(&self) -> Info {
        Info { scheme: "planted", name: "planted".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { incremental: self.0 != Bug::NotIncremental, parts: true, repeatable: true }
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let known = if self.0 == Bug::HidesAStream { &STREAMS[..1] } else { &STREAMS[..] };
        Ok(known.iter().map(|s| StreamInfo { name: (*s).to_owned(), ..StreamInfo::default() }).collect())
    }

    async fn parts(&self, _: &OpenArgs) -> Result<Vec<Part>> {
        Ok(STREAMS.iter().map(|stream| Part { id: (*stream).to_owned() }).collect())
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        if let Some(unknown) = args.streams.iter().find(|s| !STREAMS.contains(&s.as_str())) {
            return Err(Error::not_found("no such stream").with_context("stream", unknown));
        }
        let mut next = match &args.cursor {
            None => 0,
            Some(_) if self.0 == Bug::NotIncremental => return Err(Error::unsupported("no cursors")),
            Some(Cursor(value)) => match value.get("next").and_then(Value::as_i64) {
                Some(next) => next,
                None if self.0 == Bug::IgnoresForeignCursors => 0,
                None => return Err(Error::invalid_input("not a cursor of this source")),
            },
        };
        if args.cursor.is_some() {
            match self.0 {
                Bug::RepeatsARow if next > 0 && next < ROWS => next -= 1,
                Bug::SkipsARow => next += 1,
                _ => {}
            }
        }
        let mut messages = vec![];
        let part = args.part.as_ref().map(|part| part.id.as_str()).filter(|_| self.0 != Bug::PartsOverlap);
        while next < ROWS {
            let end = (next + 4).min(ROWS);
            for stream in STREAMS {
                let selected = args.streams.is_empty() || args.streams.iter().any(|s| s == stream);
                if (selected || self.0 == Bug::IgnoresSelection) && part.is_none_or(|part| part == stream) {
                    let rows: Vec<Value> = (next..end).map(|n| row(stream, n)).collect();
                    let rows = Rows::Json(serde_json::to_vec(&rows).unwrap());
                    messages.push(Message::Rows { stream: stream.to_owned(), rows, op: Op::Insert });
                }
            }
            next = end;
            if self.0 != Bug::NotIncremental {
                messages.push(Message::Checkpoint(Cursor(json!({"next": next}))));
            }
        }
        if messages.is_empty() && self.0 != Bug::NotIncremental {
            messages.push(Message::Checkpoint(Cursor(json!({"next": next}))));
        }
        if self.0 == Bug::EndsWithRows {
            messages.pop();
        }
        Ok(stream::iter(messages.into_iter().map(Ok)).boxed())
    }
}

async fn failures(bug: Bug) -> Vec<(&'static str, String)> {
    let make = || async move {
        let rows: BTreeMap<_, _> =
            STREAMS.iter().map(|s| ((*s).to_owned(), (0..ROWS).map(|n| row(s, n)).collect())).collect();
        Ok(source::Subject::new(Arc::new(Planted(bug)), rows))
    };
    source::SUITE.failures(make).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_fails_its_clauses_and_no_others() {
    let planted: [(Bug, &[&str]); 9] = [
        (Bug::None, &[]),
        (Bug::RepeatsARow, &["source::open::resumes_after_checkpoint"]),
        (Bug::SkipsARow, &["source::open::resumes_after_checkpoint"]),
        (Bug::IgnoresForeignCursors, &["source::open::broken_cursor_is_invalid"]),
        (Bug::EndsWithRows, &["source::open::ends_with_checkpoint", "source::open::nothing_new"]),
        (Bug::IgnoresSelection, &["source::open::selected_streams"]),
        (Bug::HidesAStream, &["source::discover::names_streams"]),
        (Bug::PartsOverlap, &["source::parts::make_up_the_whole"]),
        (Bug::NotIncremental, &[]),
    ];
    for (bug, expected) in planted {
        assert_failed(&bug, &failures(bug).await, expected);
    }
}
