//! Reading a source to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::TryStreamExt;
use serde_json::Value;
use stitchwork_core::{Cursor, Error, Message, OpenArgs, Result, Rows, Source};

use crate::{Failure, Outcome};

/// Rows by stream.
pub(super) type ByStream = BTreeMap<String, Vec<Value>>;

/// What a source has said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub rows: ByStream,
    /// Each checkpoint with the rows before it.
    pub checkpoints: Vec<(ByStream, Cursor)>,
    pub streams: BTreeSet<String>,
    pub ends_with_checkpoint: bool,
}

pub(super) async fn read(source: &Arc<dyn Source>, args: OpenArgs) -> Result<Said> {
    let mut messages = source.open(args).await?;
    let mut said = Said::default();
    while let Some(message) = messages.try_next().await? {
        said.ends_with_checkpoint = false;
        match message {
            Message::Schema { stream, .. } => {
                said.streams.insert(stream);
            }
            Message::Rows { stream, rows, .. } => {
                said.streams.insert(stream.clone());
                said.rows.entry(stream).or_default().extend(parse(rows)?);
            }
            Message::Checkpoint(cursor) => {
                said.checkpoints.push((said.rows.clone(), cursor));
                said.ends_with_checkpoint = true;
            }
            Message::Truncate { stream } => {
                said.rows.remove(&stream);
                said.streams.insert(stream);
            }
            other => {
                return Err(Error::unexpected(format!("the testkit does not know the message {other:?}")));
            }
        }
    }
    Ok(said)
}

fn parse(rows: Rows) -> Result<Vec<Value>> {
    let broken = |e: serde_json::Error| Error::invalid_data("the rows are no JSON").with_source(e);
    let bytes = match rows {
        Rows::Json(bytes) => bytes,
        Rows::Arrow(batch) => {
            let mut writer = arrow_json::LineDelimitedWriter::new(Vec::new());
            writer.write(&batch)?;
            writer.finish()?;
            writer.into_inner()
        }
        other => return Err(Error::unexpected(format!("the testkit does not know the rows {other:?}"))),
    };
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>() {
        match value.map_err(broken)? {
            Value::Array(rows) => found.extend(rows),
            row => found.push(row),
        }
    }
    Ok(found)
}

/// A value as text that does not depend on the order of keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, String> = fields.iter().map(|(k, v)| (k, canonical(v))).collect();
            format!("{sorted:?}")
        }
        Value::Array(items) => format!("{:?}", items.iter().map(canonical).collect::<Vec<_>>()),
        plain => plain.to_string(),
    }
}

/// Whether two sets of rows are the same, whatever their order.
pub(super) fn compare(what: &str, got: &ByStream, want: &ByStream) -> Outcome {
    let streams: BTreeSet<&String> = got.keys().chain(want.keys()).collect();
    for stream in streams {
        let texts = |rows: &ByStream| {
            let mut texts: Vec<String> = rows.get(stream).into_iter().flatten().map(canonical).collect();
            texts.sort();
            texts
        };
        if let Some(difference) = crate::batches::difference(&texts(got), &texts(want)) {
            return Err(Failure::new(format!("{what}, stream {stream:?}: {difference}")));
        }
    }
    Ok(())
}
