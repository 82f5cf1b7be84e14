//! How a pipeline loads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What happens to the rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disposition {
    /// They stay.
    #[default]
    Append,
    /// They go, in the same commit in which the new ones come; the source is read from its beginning.
    Replace,
}

/// When a run commits what it has so far. Only a checkpoint of the source can be a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPolicy {
    /// At the next checkpoint after this many rows.
    pub rows: u64,
    /// At the next checkpoint after this many bytes of rows.
    pub bytes: u64,
    /// At the next checkpoint after this long.
    pub interval: Duration,
}

impl Default for CommitPolicy {
    fn default() -> Self {
        Self { rows: 500_000, bytes: 512 << 20, interval: Duration::from_secs(60) }
    }
}

/// How the rows of one stream become tables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamOptions {
    /// The table of a row, as a template over its fields (`github_{type}`); the stream's name when `None`.
    pub table: Option<String>,
    /// The fields that identify a row; the source's own when empty.
    pub primary_key: Vec<String>,
    /// Lists below this depth stay JSON text in their parent instead of becoming tables.
    pub max_table_nesting: Option<usize>,
    /// The most tables that the rows of one load make, child tables included; as the shredder has it when `None`.
    pub max_tables: Option<usize>,
}

/// What a run is doing, for progress bars and logs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// An interrupted load is finished first.
    Recovering {
        /// Its id.
        load: i64,
    },
    /// Rows came from the source.
    Extracted {
        /// Rows since the run began.
        rows: u64,
        /// Bytes since the run began.
        bytes: u64,
    },
    /// Rows went into data files.
    Written {
        /// Rows of all tables, child tables included, since the run began.
        rows: u64,
    },
    /// A table is committed.
    Committing {
        /// The load.
        load: i64,
        /// The table.
        table: String,
        /// How many tables the load has.
        tables: usize,
    },
    /// A load is finished.
    Committed {
        /// The load.
        load: i64,
        /// Its rows from the source.
        rows: u64,
    },
}

/// Is told what a run is doing.
#[derive(Clone)]
pub struct ProgressFn(pub Arc<dyn Fn(&Progress) + Send + Sync>);

impl ProgressFn {
    /// Calls a function.
    #[must_use]
    pub fn new(f: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    pub(crate) fn tell(&self, progress: &Progress) {
        (self.0)(progress);
    }
}

impl Default for ProgressFn {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for ProgressFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressFn")
    }
}
