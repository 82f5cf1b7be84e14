//! What a run has done.

use std::collections::BTreeMap;

use stitchwork_core::Cursor;

/// A table's share of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Rows that came.
    pub rows: u64,
    /// Data files that came.
    pub files: u64,
    /// Bytes of those files.
    pub bytes: u64,
}

/// One load: everything between two commits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadReport {
    /// Its id; ids of a pipeline only grow.
    pub id: i64,
    /// Rows from the source.
    pub rows: u64,
    /// What each table got.
    pub tables: BTreeMap<String, TableReport>,
}

/// A run of a pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunReport {
    /// The load of an earlier run that was interrupted and has been finished first.
    pub recovered: Option<i64>,
    /// Whether the source was not read at all: it, or a stream of it, comes whole every time, and the interrupted load that
    /// has been finished was a whole reading. Another run loads it again.
    pub unread: bool,
    /// The loads of this run; none when there was nothing new, or when the source was not read.
    pub loads: Vec<LoadReport>,
    /// Tables that were made.
    pub new_tables: Vec<String>,
    /// Columns that were added to tables, as `table.column`; a field inside of one by its path, `table.column.field`.
    pub new_columns: Vec<String>,
    /// The cursor that the next run goes on from.
    pub cursor: Option<Cursor>,
}

impl RunReport {
    /// Rows from the source, over all loads.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.loads.iter().map(|load| load.rows).sum()
    }

    /// What each table got, over all loads.
    #[must_use]
    pub fn tables(&self) -> BTreeMap<String, TableReport> {
        let mut total: BTreeMap<String, TableReport> = BTreeMap::new();
        for (name, table) in self.loads.iter().flat_map(|load| &load.tables) {
            let sum = total.entry(name.clone()).or_default();
            sum.rows += table.rows;
            sum.files += table.files;
            sum.bytes += table.bytes;
        }
        total
    }
}
