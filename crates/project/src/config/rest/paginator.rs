//! How the next page of a stream is found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Shorthand;

/// How the next page of a stream is found: its type, or its type with settings. What is left out is as the source has
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Paginator {
    /// Told by the first page: a `Link` header, a link in the JSON, a number of pages, a cursor, or a single page.
    Auto,
    /// There is one page.
    Single,
    /// A `Link` header.
    HeaderLink {
        /// The relation of the next page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rel: Option<String>,
        /// Where a boolean says whether there are more pages. Where nothing is, the first page without rows is the end,
        /// whatever else was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        has_more: Option<String>,
    },
    /// A URL in the JSON.
    JsonLink {
        /// Where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        path: Option<String>,
        /// Where a boolean says whether there are more pages. Where nothing is, the first page without rows is the end,
        /// whatever else was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        has_more: Option<String>,
    },
    /// A token in the JSON that the next request gives back.
    Cursor {
        /// Where it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        path: Option<String>,
        /// The parameter that takes it back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<String>,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where a boolean says whether there are more pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        has_more: Option<String>,
    },
    /// A value of the last row of a page, which the next request gives back: rows after this one, as Stripe has it. The
    /// pages end with an empty one, or with one that says so at `has_more`.
    LastRow {
        /// Where the value is in a row; `id` when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        path: Option<String>,
        /// The parameter that takes it; `starting_after` when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<String>,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where a boolean says whether there are more pages.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        has_more: Option<String>,
    },
    /// The number of rows to skip.
    Offset {
        /// The offset of the first page: 0 when left out, or 1 where the API counts rows from one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<u64>,
        /// The rows that each page is asked to have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        limit: Option<u64>,
        /// The parameter of the rows to skip.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset_param: Option<String>,
        /// The parameter of the rows wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_param: Option<String>,
        /// Whether the parameters go into the query or are paths in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where the number of all rows is; pages are read until an empty one where it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        total: Option<String>,
    },
    /// The number of the page.
    PageNumber {
        /// The number of the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<u64>,
        /// The parameter of the number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<String>,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where the number of all pages is; pages are read until an empty one where it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("x-stitchwork-check" = "json_path"))]
        total_pages: Option<String>,
    },
}

impl Shorthand for Paginator {
    const KEY: &'static str = "type";
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendIn {
    /// Into the query of the URL, by name.
    #[default]
    Query,
    /// Into the JSON body, by path.
    Body,
}
