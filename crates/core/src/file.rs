//! Data files, delete files and what is known about them.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::{Column, Relation, Scalar, Statistics};

/// What is known about one column over a set of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnStats {
    /// A value that none is below.
    pub min: Option<Scalar>,
    /// A value that none is above.
    pub max: Option<Scalar>,
    /// Whether `min` and `max` are values that occur, rather than shortened or rounded bounds.
    pub exact: bool,
    /// The number of nulls.
    pub nulls: Option<u64>,
    /// The number of NaNs, which `min` and `max` leave out.
    pub nans: Option<u64>,
    /// The number of values, nulls and the elements of lists included.
    pub values: Option<u64>,
    /// The bytes that the column takes in the file.
    pub bytes: Option<u64>,
}

impl ColumnStats {
    /// Of a column that has one value in all of its `rows` rows, such as that of a partition.
    pub fn constant(value: &Scalar, rows: Option<u64>) -> Self {
        if value.is_null() {
            return Self { nulls: rows, ..Self::default() };
        }
        let nan = value.data_type().is_floating() && value.to_string().ends_with("NaN");
        let bound = (!nan).then(|| value.clone());
        let (min, max) = (bound.clone(), bound);
        Self { min, max, exact: true, nulls: Some(0), nans: Some(u64::from(nan)), ..Self::default() }
    }

    /// Whether values may lie outside of the bounds because they are NaN.
    pub fn may_hide_nan(&self) -> bool {
        let floating = self.min.as_ref().or(self.max.as_ref()).is_some_and(|v| v.data_type().is_floating());
        floating && self.nans != Some(0)
    }
}

/// A text that no text with the first `cut` bytes of `text` is below, or with `upper` above: a short bound for
/// statistics. `None` where nothing that short is above, or `cut` is inside of a character.
pub fn text_bound(text: &str, cut: usize, upper: bool) -> Option<String> {
    let mut bound = text.get(..cut)?.to_owned();
    if !upper {
        return Some(bound);
    }
    // The last character that has a successor is replaced by it.
    while let Some(last) = bound.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            bound.push(next);
            return Some(bound);
        }
    }
    None
}

/// The statistics of a file, by column in the names of the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileStats {
    /// The number of rows in the file, deleted ones included.
    pub rows: Option<u64>,
    /// Statistics of the columns that have some; leaves of structs by their path.
    pub columns: BTreeMap<Column, ColumnStats>,
}

impl Statistics for FileStats {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        self.columns.get(column).cloned()
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }
}

/// How many rows of a file are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deleted {
    /// None: there is nothing to ask the snapshot for.
    #[default]
    Nothing,
    /// Exactly this many, at known positions.
    Exactly(u64),
    /// Some; how many is only known after [`crate::Snapshot::deletes`].
    Unknown,
}

/// What only the log understands about a file, carried along untouched.
pub type Native = Arc<dyn Any + Send + Sync>;

/// A file with rows of a table.
#[derive(Clone, Default)]
pub struct DataFile {
    /// Where it lies: an absolute location that [`crate::Stores`] resolves, as it is, without URL encoding.
    pub location: String,
    /// The name of its format (`parquet`).
    pub format: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its rows, deleted ones included. `None` where the log does not know.
    pub rows: Option<u64>,
    /// The id of the partitioning that it was written with.
    pub spec: i32,
    /// Its values, one per field of that partitioning, of the transform's result type; null is a null scalar.
    pub partition: Vec<Scalar>,
    /// Statistics of the columns that the caller asked for.
    pub stats: Option<Arc<FileStats>>,
    /// Byte offsets at which the file can be split for parallel reading.
    pub split_offsets: Vec<u64>,
    /// How many of its rows are deleted.
    pub deleted: Deleted,
    /// When it was written, in milliseconds since 1970, where the log knows.
    pub modified_ms: Option<i64>,
    /// What only the log understands; comes back unchanged in [`crate::Changes`].
    pub native: Option<Native>,
}

debug_fields!(DataFile: location, rows, size, partition, deleted);

/// An object that says which rows of data files are deleted.
#[derive(Clone, Default)]
pub struct DeleteFile {
    /// Where it lies; empty where the log keeps the deletes inside the commit.
    pub location: String,
    /// Its size in bytes.
    pub size: u64,
    /// The number of deleted rows it names.
    pub rows: u64,
    /// What only the log understands.
    pub native: Option<Native>,
}

debug_fields!(DeleteFile: location, rows);

/// The deletes of one data file, resolved.
#[derive(Debug, Clone, Default)]
pub struct Deletes {
    /// Positions in the file, counted from 0, that are deleted.
    pub positions: Option<Arc<RoaringTreemap>>,
    /// Sets of keys whose rows are deleted; the same `Arc` for every file that a set touches.
    pub equality: Vec<Arc<EqualityDeletes>>,
}

/// Rows are deleted when they equal a row of `keys` in all of `columns`; null equals null.
#[derive(Debug, Clone)]
pub struct EqualityDeletes {
    /// The columns, in the names of the table.
    pub columns: Vec<Column>,
    /// The keys: a relation with one field per column, in their order.
    pub keys: Arc<dyn Relation>,
}
