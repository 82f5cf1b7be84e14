//! Sources: the outside world as messages.

use std::fmt::Debug;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Budget, Info, Result};

/// What a source can do beyond giving all its rows. All false by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceCapabilities {
    /// Opened with a cursor of its own, it gives only what is new since.
    pub incremental: bool,
    /// `parts` may give more than one.
    pub parts: bool,
    /// Opened twice without a cursor, it gives the same rows.
    pub repeatable: bool,
}

/// How far a source has been read: whatever the source wants to know the next time, as JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor(pub serde_json::Value);

/// A stream that a source has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Its columns, where they are known beforehand.
    pub schema: Option<SchemaRef>,
    /// The fields that identify a row.
    pub primary_key: Vec<String>,
    /// The field that tells new rows from old ones.
    pub cursor_field: Option<String>,
}

/// A share of the work that can be opened on its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part {
    /// What the source knows it by.
    pub id: String,
}

/// What to open.
#[derive(Debug, Clone, Default)]
pub struct OpenArgs {
    /// The streams to read; all when empty.
    pub streams: Vec<String>,
    /// The cursor of the last checkpoint that was kept; `None` reads from the beginning.
    pub cursor: Option<Cursor>,
    /// The part to read; everything when `None`.
    pub part: Option<Part>,
    /// What messages in flight are accounted against; unlimited when `None`.
    pub budget: Option<Budget>,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Op {
    /// It is there.
    #[default]
    Insert,
    /// It is gone.
    Delete,
}

/// Rows in one of the two shapes that sources have.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Rows {
    /// UTF-8 JSON: an array of objects, or objects one after the other (NDJSON).
    Json(Vec<u8>),
    /// A batch.
    Arrow(RecordBatch),
}

/// What a source says. Messages of many streams may interleave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Message {
    /// The columns of a stream, from here on.
    Schema {
        /// The stream.
        stream: String,
        /// Its columns.
        schema: SchemaRef,
    },
    /// Rows of a stream.
    Rows {
        /// The stream.
        stream: String,
        /// The rows.
        rows: Rows,
        /// What happened to them.
        op: Op,
    },
    /// Opened with this cursor, the source goes on after all messages before this one. It covers every stream.
    Checkpoint(Cursor),
    /// What the stream held before is void.
    Truncate {
        /// The stream.
        stream: String,
    },
}

/// The outside world as messages.
/// # For users
/// Give a source to a pipeline; it opens it with the cursor that the last load has kept.
/// # For implementors
/// Clauses, each tested by `stitchwork_testkit::source`:
/// - `source::discover::names_streams`: every stream of a message is among the discovered ones.
/// - `source::open::all_rows`: opened without a cursor, every row comes.
/// - `source::open::selected_streams`: only rows of the selected streams come; an unknown one is `NotFound`.
/// - `source::open::ends_with_checkpoint`: with `incremental`, the last message is a checkpoint.
/// - `source::open::resumes_after_checkpoint`: with `incremental`, what comes before a checkpoint and what
///   comes when opened with its cursor make up all rows, none twice.
/// - `source::open::nothing_new`: with `incremental`, the last cursor gives no rows while nothing is new.
/// - `source::open::broken_cursor_is_invalid`: a cursor that is not the source's own is `InvalidInput` or
///   `InvalidData`, not ignored. Sources that are not `incremental` refuse any cursor as `Unsupported`.
/// - `source::parts::make_up_the_whole`: the rows of all parts are the rows of the source.
#[async_trait]
pub trait Source: Debug + Send + Sync + 'static {
    /// Who this is.
    fn info(&self) -> Info;
    /// What this can do.
    fn capabilities(&self) -> SourceCapabilities;

    /// The streams.
    /// # Errors
    /// What the other side says.
    async fn discover(&self) -> Result<Vec<StreamInfo>>;

    /// The work divided; one part is an answer.
    /// # Errors
    /// What the other side says.
    async fn parts(&self, args: &OpenArgs) -> Result<Vec<Part>>;

    /// Starts to read.
    /// # Errors
    /// `NotFound` for an unknown stream, `InvalidInput` for a foreign cursor; then what the other side says.
    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>>;
}
