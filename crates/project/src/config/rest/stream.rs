//! The streams of a REST API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Paginator, SendIn};
use crate::Text;
use crate::config::{OneOrMany, Options, Short, Shorthand, StreamTables};

/// One stream of a REST API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestStream {
    /// The name of the stream.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The path below the base URL; the name when left out. It may have a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// Parameters in the query of the first request. A key belongs into `auth`.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub params: Options,
    /// The JSON body of a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Where the rows are in a page: `items`, `a.b`, `$`. When left out they are the shallowest list of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-check" = "json_path"))]
    pub data_selector: Option<String>,
    /// How the next page is found; as for the source when left out.
    #[serde(default, deserialize_with = "Short::read_some", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short<Paginator>>")]
    pub paginator: Option<Paginator>,
    /// The fields that identify a row.
    #[serde(default, with = "OneOrMany", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "OneOrMany", extend("x-stitchwork-check" = "json_path"))]
    pub primary_key: Vec<String>,
    /// How new rows are told from old ones: the field whose value only grows, or that and more.
    #[serde(default, deserialize_with = "Short::read_some", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short<Incremental>>")]
    pub incremental: Option<Incremental>,
    /// What becomes of the rows of a page that also tells of errors, as GraphQL does.
    #[serde(default)]
    pub on_errors: Partial,
    /// What becomes of a page that has nothing where `data_selector` points, or where the first page had its rows.
    #[serde(default)]
    pub on_missing_rows: MissingRows,
    /// The table of each row, as a template over its fields (`github_{type}`); the stream's name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-stitchwork-check" = "table_name"))]
    pub table_name: Option<String>,
    /// Lists below this depth stay JSON text in their parent instead of becoming tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_table_nesting: Option<usize>,
    /// The most tables that the rows of one load make, child tables included: beyond them lists stay JSON text, and a
    /// table that `table_name` asks for is an error. 1,000 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tables: Option<usize>,
}

impl RestStream {
    /// How its rows become tables.
    pub(crate) fn tables(&self) -> StreamTables {
        StreamTables {
            table_name: self.table_name.clone(),
            primary_key: self.primary_key.clone(),
            max_table_nesting: self.max_table_nesting,
            max_tables: self.max_tables,
        }
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST, for APIs that take their query as a JSON body.
    Post,
}

/// How new rows of a stream are told from old ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incremental {
    /// The field whose value only grows (`created_at`, `meta.version`).
    #[schemars(extend("x-stitchwork-check" = "json_path"))]
    pub cursor_path: String,
    /// The parameter that asks the API for rows from a value on. Without it every page is read, and old rows are
    /// dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_param: Option<String>,
    /// Whether that parameter goes into the query or is a path in the JSON body.
    #[serde(default)]
    pub start_in: SendIn,
    /// The value of the first load; rows before it are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = ["string", "number", "null"]))]
    pub initial_value: Option<Value>,
    /// Whether the API gives the rows at the start value again.
    #[serde(default)]
    pub boundary: Boundary,
    /// The order in which the API gives rows.
    #[serde(default)]
    pub row_order: RowOrder,
    /// What becomes of rows without a cursor value.
    #[serde(default)]
    pub on_missing: Missing,
}

impl Shorthand for Incremental {
    const KEY: &'static str = "cursor_path";
}

/// Whether rows at the start value are asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// They are, and those that were read before are dropped: nothing is lost when further rows get the same value.
    #[default]
    Closed,
    /// They are not: right only where no two rows share a value.
    Open,
}

/// The order of the rows by their cursor value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    /// Oldest first: a load may be cut off after any page and go on from there.
    Ascending,
    /// Newest first: the pages end at the first old row.
    Descending,
    /// Any order.
    #[default]
    None,
}

/// What becomes of the rows of a page that also tells of errors: others may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Partial {
    /// The page is an error.
    #[default]
    Error,
    /// They are taken, and those that are missing are passed over.
    Include,
}

/// What becomes of a page that has nothing where `data_selector` points, or where the first page had its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingRows {
    /// It is an error, unless it says that there are no rows.
    #[default]
    Error,
    /// It has no rows, as the pages of APIs that leave an empty list out.
    Empty,
}

/// What becomes of rows without a cursor value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// They are an error.
    #[default]
    Error,
    /// They come with every load.
    Include,
}
