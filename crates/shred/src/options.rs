//! What a shredder is told beforehand.

use stitchwork_core::{Error, Result};

use crate::namer::{TableNamer, split_path};

/// One row may have at most this many bytes of JSON: with `MAX_BATCH_BYTES` it keeps every column below the 2 GiB
/// that Arrow's text offsets reach.
pub(crate) const MAX_ROW_BYTES: usize = 512 << 20;
const MAX_BATCH_BYTES: usize = 1 << 30;
const MAX_DEPTH: usize = 128;

/// What a [`Shredder`](crate::Shredder) is told beforehand.
#[derive(Debug, Clone)]
pub struct ShredOptions {
    /// The stream that the rows are of; it goes into the row ids.
    pub stream: String,
    /// The table of a row.
    pub table: TableNamer,
    /// The fields that identify a row, as paths with dots. When empty, or for a row where one of them is missing or
    /// null, the row's id comes from the load's id and the row's position in the load.
    pub primary_key: Vec<String>,
    /// The load that the rows belong to.
    pub load_id: i64,
    /// The position of the first row within the load: not 0 when a load goes on after a checkpoint.
    pub first_row: u64,
    /// A table's rows become a batch when there are this many.
    pub batch_rows: usize,
    /// A table's rows become a batch when they have this many bytes; at most 1 GiB.
    pub batch_bytes: usize,
    /// When all tables' rows together have more bytes than this, the largest tables' rows become batches early.
    pub buffer_bytes: usize,
    /// Values nested deeper than this, the row being 1, are kept as JSON text; at most 128. The parser itself refuses
    /// more than 200.
    pub max_depth: usize,
    /// Lists below this many levels of child tables are kept as JSON text: 0 makes no child tables.
    pub max_table_nesting: Option<usize>,
    /// A table has at most this many fields; what is beyond is kept as JSON text in one column.
    pub max_columns: usize,
    /// There are at most this many tables; lists beyond are kept as JSON text, rows of further tables are refused.
    pub max_tables: usize,
    /// Strings that are instants become timestamps.
    pub detect_timestamps: bool,
    /// Strings that are dates become dates.
    pub detect_dates: bool,
}

impl ShredOptions {
    /// The defaults for a stream.
    #[must_use]
    pub fn new(stream: impl Into<String>, table: TableNamer, load_id: i64) -> Self {
        Self {
            stream: stream.into(),
            table,
            primary_key: vec![],
            load_id,
            first_row: 0,
            batch_rows: 64 << 10,
            batch_bytes: 8 << 20,
            buffer_bytes: 64 << 20,
            max_depth: 64,
            max_table_nesting: None,
            max_columns: 4096,
            max_tables: 1000,
            detect_timestamps: true,
            detect_dates: false,
        }
    }

    /// Sets the fields that identify a row.
    #[must_use]
    pub fn with_primary_key(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.primary_key = fields.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how large the batches of a table are.
    #[must_use]
    pub fn with_batch_limits(mut self, rows: usize, bytes: usize) -> Self {
        self.batch_rows = rows;
        self.batch_bytes = bytes;
        self
    }

    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |option: &str, valid: &str| {
            Err(Error::invalid_config(format!("{option} must be {valid}")).with_operation("shred::new"))
        };
        if self.batch_rows == 0 {
            return refuse("batch_rows", "at least 1");
        }
        if !(1..=MAX_BATCH_BYTES).contains(&self.batch_bytes) {
            return refuse("batch_bytes", "from 1 to 1073741824");
        }
        if !(1..=MAX_DEPTH).contains(&self.max_depth) {
            return refuse("max_depth", "from 1 to 128");
        }
        if self.max_tables == 0 {
            return refuse("max_tables", "at least 1");
        }
        if self.primary_key.iter().flat_map(|path| split_path(path)).any(|part| part.is_empty()) {
            return refuse("primary_key", "fields with names");
        }
        Ok(())
    }
}
