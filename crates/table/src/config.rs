//! How tables are written and read.

use std::collections::BTreeMap;

use stitchwork_core::{Budget, Options};

/// Settings of the table operations.
#[derive(Debug, Clone)]
pub struct TableConfig {
    /// The format of new data files, by its name in the registry.
    pub format: String,
    /// Options for the writers of that format (`compression`).
    pub format_options: Options,
    /// A data file is closed when it has reached this many bytes.
    pub target_file_bytes: u64,
    /// How many files of different partitions are open at once.
    pub max_open_files: usize,
    /// How many files a scan opens ahead.
    pub read_ahead: usize,
    /// How often an operation that lost against a conflicting commit is done again from the new snapshot.
    pub conflict_retries: u32,
    /// What everything held in memory is accounted against.
    pub budget: Budget,
    /// Key-value pairs for the metadata of each data file, where its format has such.
    pub file_metadata: BTreeMap<String, String>,
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            format: "parquet".to_owned(),
            format_options: Options::new(),
            target_file_bytes: 128 << 20,
            max_open_files: 32,
            read_ahead: 2,
            conflict_retries: 10,
            budget: Budget::default(),
            file_metadata: BTreeMap::new(),
        }
    }
}
