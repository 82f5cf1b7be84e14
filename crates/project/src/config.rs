//! What a project file says, as data. These structs are the one list of its keys: the check of a file and the schema
//! for editors are made from them.

mod destination;
mod options;
mod rest;
mod shorthand;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, OpenUrl, Result};

use crate::check::has_slashes;
use crate::{Resolver, Text};
pub use destination::{Destination, DestinationRef, PartitionBy, WriteOptions};
pub use options::Options;
pub use rest::{
    Auth, Boundary, Incremental, KeyLocation, Method, Missing, MissingRows, Paginator, Partial, Requests,
    RestSource, RestStream, RowOrder, SendIn, SourceSettings,
};
pub use shorthand::OneOrManyTexts;
pub(crate) use shorthand::{OneOrMany, Short, Shorthand};

/// A project: what is loaded, where to, and what SQL can ask.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The version of the file's layout; 1 is the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1))]
    pub version: Option<u32>,
    /// The profile that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The engine that answers SQL: its name, or its name with settings.
    #[serde(deserialize_with = "Short::read")]
    #[schemars(with = "Short<Engine>")]
    pub engine: Engine,
    /// Options of object stores, by scheme (`s3://`) or by root (`s3://bucket`), which goes before its scheme.
    #[schemars(extend("x-stitchwork-keys" = "store"))]
    pub stores: BTreeMap<String, Options>,
    /// Catalogs, which give tables their names. SQL knows the tables of each as `name.namespace.table`.
    pub catalogs: BTreeMap<String, Catalog>,
    /// Places to load into, for pipelines to name. SQL knows the tables of each as `name.table`.
    pub destinations: BTreeMap<String, Destination>,
    /// Pipelines, each with its source and its destination.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// Tables and files that SQL knows by a name of their own.
    pub tables: BTreeMap<String, Table>,
}

/// The engine that answers SQL: its name, or its name with settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The name of the engine (`datafusion`, `duckdb`).
    #[serde(rename = "type")]
    #[schemars(extend("x-stitchwork-name" = "engine"))]
    pub kind: String,
    /// The database that it is, where it is one of its own (`postgresql://user@host/database`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-scheme" = "engine"))]
    pub url: Option<Text>,
    /// Its settings by name (`memory_limit`, `driver`).
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
}

impl Shorthand for Engine {
    const KEY: &'static str = "type";
}

impl Default for Engine {
    fn default() -> Self {
        Self { kind: "datafusion".to_owned(), url: None, options: Options::default() }
    }
}

impl Engine {
    /// What a registry opens it by.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere.
    pub fn open_url(&self, resolver: &Resolver) -> Result<OpenUrl> {
        let url = match &self.url {
            Some(url) => url.resolve(resolver)?.into_exposed(),
            None => format!("{}:", self.kind),
        };
        Ok(OpenUrl { url, options: self.options.resolve(resolver)? })
    }
}

/// A catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Where it is: `sqlite:///data/catalog.db`, `postgres://user@host/database`, `memory:`.
    #[schemars(extend("x-stitchwork-scheme" = "catalog"))]
    pub url: Text,
    /// Its options by name (`catalog_name`).
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
}

impl Catalog {
    /// What a registry opens it by.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere.
    pub fn open_url(&self, resolver: &Resolver) -> Result<OpenUrl> {
        let url = self.url.resolve(resolver)?.into_exposed();
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        has_slashes(scheme, rest, true).map_err(|message| {
            Error::invalid_config(message)
                .with_context("at", format!("{}:{}", resolver.file(), self.url.place()))
        })?;
        Ok(OpenUrl { url, options: self.options.resolve(resolver)? })
    }
}

/// A pipeline: what is loaded, where to, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// What is loaded.
    pub source: Source,
    /// Where to: the name of one of `destinations`, or a destination of its own.
    pub destination: DestinationRef,
    /// What happens to the rows that are there already.
    #[serde(default)]
    pub write_disposition: WriteDisposition,
    /// Only these streams of the source are loaded; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// When a long run commits what it has so far.
    #[serde(default)]
    pub commit: Commit,
}

impl Pipeline {
    /// How the rows of each stream become tables, for the streams that the file says something of.
    #[must_use]
    pub fn stream_tables(&self) -> BTreeMap<&str, StreamTables> {
        match &self.source {
            Source::Rest(rest) => {
                rest.streams.iter().map(|stream| (stream.name.as_str(), stream.tables())).collect()
            }
            Source::Url(url) => {
                url.streams.iter().map(|(name, tables)| (name.as_str(), tables.clone())).collect()
            }
        }
    }
}

/// What happens to the rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WriteDisposition {
    /// They stay, and new rows are added.
    #[default]
    Append,
    /// They go in the same commit in which the new ones come; the source is read from its beginning.
    Replace,
}

/// When a long run commits what it has so far; what is left out is as the pipeline runtime has it. Only a checkpoint
/// of the source can be a commit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Commit {
    /// At the next checkpoint after this many rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub rows: Option<u64>,
    /// At the next checkpoint after this many bytes of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub bytes: Option<u64>,
    /// At the next checkpoint after this many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 31_536_000.0))]
    pub interval_seconds: Option<f64>,
}

/// What is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there are a few of them in a project")]
pub enum Source {
    /// A REST API.
    Rest(RestSource),
    /// Any source that is registered for the scheme of a URL.
    Url(UrlSource),
}

/// Any source that is registered for the scheme of a URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UrlSource {
    /// The URL, whose scheme names the source.
    #[schemars(extend("x-stitchwork-scheme" = "source"))]
    pub url: Text,
    /// Its options by name.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// How the rows of its streams become tables, by the streams' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub streams: BTreeMap<String, StreamTables>,
}

impl UrlSource {
    /// What a registry opens it by.
    ///
    /// # Errors
    /// `InvalidConfig` for a reference that leads nowhere.
    pub fn open_url(&self, resolver: &Resolver) -> Result<OpenUrl> {
        Ok(OpenUrl {
            url: self.url.resolve(resolver)?.into_exposed(),
            options: self.options.resolve(resolver)?,
        })
    }
}

/// How the rows of a stream become tables.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StreamTables {
    /// The table of each row, as a template over its fields (`github_{type}`); the stream's name when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-check" = "table_name"))]
    pub table_name: Option<String>,
    /// The fields that identify a row; the source's own when left out.
    #[serde(with = "OneOrMany", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany")]
    pub primary_key: Vec<String>,
    /// Lists below this depth stay JSON text in their parent instead of becoming tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_table_nesting: Option<usize>,
    /// The most tables that the rows of one load make, child tables included: beyond them lists stay JSON text, and a
    /// table that `table_name` asks for is an error. 1,000 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tables: Option<usize>,
}

/// A table of a log, or files that are read as one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Where it is: the folder of a table; for files a path, a pattern (`data/*.csv`), a folder, or several of them.
    #[schemars(extend("x-stitchwork-location" = true))]
    pub location: OneOrManyTexts,
    /// The log of the table (`delta`, `iceberg`, `files`); without it, the files themselves are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-name" = "log"))]
    pub log: Option<String>,
    /// The format of the files; by the endings of their names when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-name" = "format"))]
    pub format: Option<String>,
    /// Which columns files have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// Options by name: those of `log`, or else those of `format` (`delimiter`, `header` and so on of `csv`). A value may be a
    /// list (`null_texts: ['', NA]`).
    #[serde(default, deserialize_with = "Options::with_lists", skip_serializing_if = "Options::is_empty")]
    #[schemars(with = "BTreeMap<String, OneOrManyTexts>")]
    pub options: Options,
}

/// Which columns several files have that are read as one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    /// Those of all files, in a type that holds the values of all.
    #[default]
    Merged,
    /// Those of the first file; the others are not asked before they are read.
    First,
}
