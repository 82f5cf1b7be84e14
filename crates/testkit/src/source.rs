//! The suite of [`Source`].

mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde_json::{Value, json};
use stitchwork_core::{Cursor, ErrorKind, OpenArgs, Result, Source};

use crate::failure::{ensure, refused};
use crate::suite::clauses;
use crate::{Failure, Outcome, Suite};

use read::{Said, compare, read};

/// What the trials are given.
#[derive(Clone)]
pub struct Subject {
    /// The source. It is opened many times and must have the same rows each time while a trial runs.
    pub source: Arc<dyn Source>,
    /// The rows of every stream, in any order, as JSON.
    pub rows: BTreeMap<String, Vec<Value>>,
    /// What must live as long as the source: a server, a folder.
    pub guard: Arc<dyn std::any::Any + Send + Sync>,
}

impl Subject {
    /// A source that has these rows by stream.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, rows: BTreeMap<String, Vec<Value>>) -> Self {
        Self { source, rows, guard: Arc::new(()) }
    }

    /// The same, keeping something alive as long as the trial runs.
    #[must_use]
    pub fn with_guard(mut self, guard: impl std::any::Any + Send + Sync) -> Self {
        self.guard = Arc::new(guard);
        self
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "source::discover::names_streams" => names_streams,
    "source::open::all_rows" => all_rows,
    "source::open::selected_streams" => selected_streams,
    "source::open::ends_with_checkpoint" => ends_with_checkpoint,
    "source::open::resumes_after_checkpoint" => resumes_after_checkpoint,
    "source::open::nothing_new" => nothing_new,
    "source::open::broken_cursor_is_invalid" => broken_cursor_is_invalid,
    "source::parts::make_up_the_whole" => make_up_the_whole,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}

fn needs_increments(subject: &Subject) -> Outcome {
    if subject.source.capabilities().incremental {
        return Ok(());
    }
    Err(Failure::skipped("the source is not incremental"))
}

fn from(cursor: &Cursor) -> OpenArgs {
    OpenArgs { cursor: Some(cursor.clone()), ..OpenArgs::default() }
}

/// Contract: every stream of a message is among the discovered ones, each of which is named once.
async fn names_streams(subject: Subject) -> Outcome {
    let mut names: Vec<String> = subject.source.discover().await?.into_iter().map(|s| s.name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    ensure!(names.len() == count, "a stream is discovered twice: {names:?}");
    let said = read(&subject.source, OpenArgs::default()).await?;
    let known = said.streams.iter().chain(subject.rows.keys());
    for stream in known {
        ensure!(names.contains(stream), "the stream {stream:?} is not among the discovered {names:?}");
    }
    Ok(())
}

/// Contract: opened without a cursor, every row comes, as often as it is there; with `repeatable` again.
async fn all_rows(subject: Subject) -> Outcome {
    let times = if subject.source.capabilities().repeatable { 2 } else { 1 };
    for time in 0..times {
        let said = read(&subject.source, OpenArgs::default()).await?;
        compare(&format!("reading everything, time {time}"), &said.rows, &subject.rows)?;
    }
    Ok(())
}

/// Contract: only rows of the selected streams come; an unknown one is `NotFound`.
async fn selected_streams(subject: Subject) -> Outcome {
    for (name, rows) in &subject.rows {
        let args = OpenArgs { streams: vec![name.clone()], ..OpenArgs::default() };
        let said = read(&subject.source, args).await?;
        let want = BTreeMap::from([(name.clone(), rows.clone())]);
        compare(&format!("reading the stream {name:?}"), &said.rows, &want)?;
        ensure!(said.streams.iter().all(|s| s == name), "asked for {name:?} came {:?}", said.streams);
    }
    let args = OpenArgs { streams: vec!["no such stream".to_owned()], ..OpenArgs::default() };
    let result = read(&subject.source, args).await;
    refused("an unknown stream", result, &[ErrorKind::NotFound])?;
    Ok(())
}

/// Contract: with `incremental`, the last message is a checkpoint. Without, there is none.
async fn ends_with_checkpoint(subject: Subject) -> Outcome {
    let said = read(&subject.source, OpenArgs::default()).await?;
    if !subject.source.capabilities().incremental {
        let count = said.checkpoints.len();
        ensure!(count == 0, "{count} checkpoints of a source that cannot resume");
        return Ok(());
    }
    ensure!(said.ends_with_checkpoint, "the last message is no checkpoint");
    Ok(())
}

/// Contract: with `incremental`, what comes before a checkpoint and what comes when opened with its cursor
/// make up all rows, none twice. Tried with every checkpoint, or a dozen of many.
async fn resumes_after_checkpoint(subject: Subject) -> Outcome {
    needs_increments(&subject)?;
    let whole = read(&subject.source, OpenArgs::default()).await?;
    let step = whole.checkpoints.len().div_ceil(12).max(1);
    for (before, cursor) in whole.checkpoints.iter().step_by(step) {
        // A cursor is kept as text between two loads.
        let kept =
            Cursor(serde_json::from_str(&cursor.0.to_string()).map_err(|e| Failure::new(e.to_string()))?);
        let after = read(&subject.source, from(&kept)).await?;
        let mut together = before.clone();
        for (stream, rows) in after.rows {
            together.entry(stream).or_default().extend(rows);
        }
        compare(&format!("before and after {:?}", cursor.0), &together, &subject.rows)?;
    }
    Ok(())
}

/// Contract: with `incremental`, opened with the last cursor there are no rows, as long as nothing is new;
/// and there is a checkpoint that can be opened again.
async fn nothing_new(subject: Subject) -> Outcome {
    needs_increments(&subject)?;
    let mut said: Said = read(&subject.source, OpenArgs::default()).await?;
    for time in 0..3 {
        let Some((_, cursor)) = said.checkpoints.last() else {
            return Err(Failure::new(format!("there is no checkpoint at time {time}")));
        };
        said = read(&subject.source, from(cursor)).await?;
        let rows: usize = said.rows.values().map(Vec::len).sum();
        ensure!(rows == 0, "{rows} rows came although nothing was new, at time {time}");
    }
    Ok(())
}

/// Contract: a cursor that is not the source's own is `InvalidInput` or `InvalidData`, not ignored. Sources
/// that are not `incremental` refuse any cursor as `Unsupported`.
async fn broken_cursor_is_invalid(subject: Subject) -> Outcome {
    let kinds: &[ErrorKind] = if subject.source.capabilities().incremental {
        &[ErrorKind::InvalidInput, ErrorKind::InvalidData]
    } else {
        &[ErrorKind::Unsupported]
    };
    for value in [json!({"somebody": "else's"}), json!("text"), json!(17), json!([1, 2]), json!(true)] {
        let result = read(&subject.source, from(&Cursor(value.clone()))).await;
        refused(&format!("the cursor {value}"), result, kinds)?;
    }
    Ok(())
}

/// Contract: the rows of all parts are the rows of the source; without `parts` there is at most one.
async fn make_up_the_whole(subject: Subject) -> Outcome {
    let parts = subject.source.parts(&OpenArgs::default()).await?;
    let declared = subject.source.capabilities().parts;
    ensure!(declared || parts.len() <= 1, "{} parts, which the source does not declare", parts.len());
    let mut together: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for part in parts {
        let said = read(&subject.source, OpenArgs { part: Some(part), ..OpenArgs::default() }).await?;
        for (stream, rows) in said.rows {
            together.entry(stream).or_default().extend(rows);
        }
    }
    compare("the parts together", &together, &subject.rows)
}
