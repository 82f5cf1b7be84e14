//! Options: how a folder without manifest is read.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Fields};
use stitchwork_core::{Error, Options, Result, check_options};

use crate::evolve::check_partition_type;
use crate::types::{fields_from_json, type_of_word};

const FORMAT: &str = "format";
const HIVE: &str = "hive";
const PARTITION_TYPES: &str = "partition_types";
const SCHEMA: &str = "schema";
const SCHEMA_FROM: &str = "schema_from";
const UNKNOWN_FILES: &str = "unknown_files";

/// How a folder without manifest is read. A table with manifest says itself what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// The format of all files, whatever the endings of their names.
    pub(crate) format: Option<String>,
    /// Folders named `key=value` are only folders.
    pub(crate) plain: bool,
    /// The types of partition columns that are not to be inferred.
    pub(crate) partition_types: BTreeMap<String, DataType>,
    /// The columns, in place of those that the files have.
    pub(crate) schema: Option<Fields>,
    /// Only the first file is asked for its columns.
    pub(crate) first_only: bool,
    /// Files of no known format are left out.
    pub(crate) ignore_unknown: bool,
}

impl Config {
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        check_options(options, &[FORMAT, HIVE, PARTITION_TYPES, SCHEMA, SCHEMA_FROM, UNKNOWN_FILES])?;
        let schema = match options.get(SCHEMA) {
            None => None,
            Some(text) => {
                let json =
                    serde_json::from_str(text).map_err(|e| wrong(SCHEMA, text, "JSON").with_source(e))?;
                let fields = fields_from_json(&json);
                Some(fields.map_err(|e| wrong(SCHEMA, text, "an array of columns").with_source(e))?)
            }
        };
        let mut partition_types = BTreeMap::new();
        if let Some(text) = options.get(PARTITION_TYPES) {
            for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
                let typed = pair.rsplit_once(':').and_then(|(name, word)| Some((name, type_of_word(word)?)));
                let (name, data_type) = typed
                    .ok_or_else(|| wrong(PARTITION_TYPES, pair, "column:type,… with types like int64"))?;
                check_partition_type(name, &data_type)?;
                partition_types.insert(name.to_owned(), data_type);
            }
        }
        Ok(Self {
            format: options.get(FORMAT).cloned(),
            plain: !choice(options, HIVE, ["true", "false"])?,
            partition_types,
            schema,
            first_only: !choice(options, SCHEMA_FROM, ["all", "first"])?,
            ignore_unknown: !choice(options, UNKNOWN_FILES, ["refuse", "ignore"])?,
        })
    }
}

/// Whether an option has the first of two values, which is what it has when it is not there.
fn choice(options: &Options, key: &'static str, values: [&str; 2]) -> Result<bool> {
    match options.get(key) {
        None => Ok(true),
        Some(value) if value == values[0] => Ok(true),
        Some(value) if value == values[1] => Ok(false),
        Some(value) => Err(wrong(key, value, &values.join(" or "))),
    }
}

fn wrong(key: &'static str, value: &str, wanted: &str) -> Error {
    Error::invalid_config("the option has no such value")
        .with_context("option", key)
        .with_context("value", value)
        .with_context("wanted", wanted)
}
