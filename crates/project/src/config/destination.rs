//! Where to load, and how tables are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use stitchwork_core::{Error, PartitionField, Result, Transform};

use super::Options;
use crate::Text;

/// The name of a destination, or a destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there are a few of them in a project")]
pub enum DestinationRef {
    /// The name of one of `destinations`.
    Name(#[schemars(extend("x-stitchwork-ref" = "destinations"))] String),
    /// A destination of the pipeline's own.
    Inline(Destination),
}

/// A folder of tables of one log, named by a catalog where one is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The log of new tables (`delta`, `iceberg`, `files`).
    #[schemars(extend("x-stitchwork-name" = "log"))]
    pub log: String,
    /// The folder of the tables: a path, which starts at the folder of this file, or a URL (`s3://bucket/data`).
    #[schemars(extend("x-stitchwork-location" = true))]
    pub location: Text,
    /// The catalog that names the tables: one of `catalogs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-ref" = "catalogs"))]
    pub catalog: Option<String>,
    /// The namespace of the tables in the catalog, its levels joined by dots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-check" = "namespace"))]
    pub namespace: Option<String>,
    /// Properties of new tables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// How new tables are partitioned: for each by its name a list of columns, or of functions of them
    /// (`{events: [day(created_at), "bucket(16, id)"], users: [country]}`). Delta has no functions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("examples" = [{"events": ["day(created_at)", "bucket(16, id)"], "users": ["country"]}]))]
    pub partition_by: BTreeMap<String, Vec<PartitionBy>>,
    /// How data files are written.
    #[serde(default)]
    pub write: WriteOptions,
}

impl Destination {
    /// The levels of the namespace.
    #[must_use]
    pub fn namespace(&self) -> Vec<String> {
        self.namespace.iter().flat_map(|levels| levels.split('.')).map(str::to_owned).collect()
    }

    /// How new tables are partitioned, by their name.
    #[must_use]
    pub fn partitioning(&self) -> BTreeMap<String, Vec<PartitionField>> {
        let fields = |list: &Vec<PartitionBy>| list.iter().map(|by| by.0.clone()).collect();
        self.partition_by.iter().map(|(table, list)| (table.clone(), fields(list))).collect()
    }
}

/// How data files are written; what is left out is as the table operations have it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WriteOptions {
    /// The format of new data files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-name" = "format"))]
    pub format: Option<String>,
    /// Options of the format by name (`compression`).
    #[serde(skip_serializing_if = "Options::is_empty")]
    pub format_options: Options,
    /// A data file is closed when it has reached this many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub target_file_bytes: Option<u64>,
    /// How many files of different partitions are open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_open_files: Option<usize>,
    /// How many files a scan opens ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_ahead: Option<usize>,
    /// How often an operation that lost against a conflicting commit is done again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_retries: Option<u32>,
    /// The most bytes that a run holds in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub memory_bytes: Option<u64>,
    /// Key-value pairs for the metadata of each data file, where its format has such.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub file_metadata: BTreeMap<String, String>,
}

/// One field of a partitioning: a column, or a function of one as Iceberg's SQL writes it (`day(created_at)`,
/// `bucket(16, id)`, `truncate(4, name)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBy(pub PartitionField);

impl PartitionBy {
    /// Reads a field.
    ///
    /// # Errors
    /// `InvalidConfig` for what is none.
    pub fn parse(text: &str) -> Result<Self> {
        let fail = || {
            Error::invalid_config(
                "this is no partition field; write a column, year, month, day or hour of one (day(created_at)), \
                 bucket(16, id) or truncate(4, name)",
            )
        };
        let text = text.trim();
        let Some((function, arguments)) = text.split_once('(') else {
            return if text.is_empty() || text.contains([')', ',']) {
                Err(fail())
            } else {
                Ok(Self(PartitionField::identity(text)))
            };
        };
        let arguments = arguments.strip_suffix(')').ok_or_else(fail)?;
        let (width, column) = match arguments.split_once(',') {
            Some((width, column)) => (Some(width.trim().parse::<u32>().map_err(|_| fail())?), column.trim()),
            None => (None, arguments.trim()),
        };
        if column.is_empty() || column.contains(['(', ')', ',']) || width == Some(0) {
            return Err(fail());
        }
        let transform = match (function.trim(), width) {
            ("identity", None) => Transform::Identity,
            ("year" | "years", None) => Transform::Year,
            ("month" | "months", None) => Transform::Month,
            ("day" | "days", None) => Transform::Day,
            ("hour" | "hours", None) => Transform::Hour,
            ("bucket", Some(count)) => Transform::Bucket(count),
            ("truncate", Some(width)) => Transform::Truncate(width),
            _ => return Err(fail()),
        };
        Ok(Self(PartitionField::new(column, transform)))
    }

    fn written(&self) -> String {
        let column = self.0.source.path.join(".");
        match &self.0.transform {
            Transform::Identity => column,
            Transform::Bucket(count) => format!("bucket({count}, {column})"),
            Transform::Truncate(width) => format!("truncate({width}, {column})"),
            other => format!("{other}({column})"),
        }
    }
}

impl Serialize for PartitionBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for PartitionBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|e| de::Error::custom(e.message()))
    }
}

impl JsonSchema for PartitionBy {
    fn schema_name() -> Cow<'static, str> {
        "PartitionBy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A column, or a function of one: day(created_at), bucket(16, id), truncate(4, name).",
            "x-stitchwork-check": "partition",
        })
    }
}
