//! The settings of a paginator.

use serde::{Deserialize, Serialize};
use stitchwork_core::Result;

use super::Pager;
use crate::SendIn;

/// How the next page of a stream is found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Paginator {
    /// Told by the first page: a `Link` header, a link in the JSON, a number of pages, a cursor, an offset, or a single page.
    #[default]
    Auto,
    /// There is one page.
    Single,
    /// A `Link` header (RFC 8288).
    HeaderLink {
        /// The relation of the next page.
        #[serde(default = "next")]
        rel: String,
        /// Where a boolean says whether there are more pages. Where nothing is, the first page without rows is the end,
        /// whatever else was told.
        #[serde(default)]
        has_more: Option<String>,
    },
    /// A URL in the JSON.
    JsonLink {
        /// Where it is.
        #[serde(default = "next")]
        path: String,
        /// Where a boolean says whether there are more pages. Where nothing is, the first page without rows is the end,
        /// whatever else was told.
        #[serde(default)]
        has_more: Option<String>,
    },
    /// A token in the JSON that the next request gives back.
    Cursor {
        /// Where it is.
        #[serde(default = "cursors_next")]
        path: String,
        /// The parameter that takes it back.
        #[serde(default = "cursor")]
        param: String,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where a boolean says whether there are more pages.
        #[serde(default)]
        has_more: Option<String>,
    },
    /// A value of the last row of a page, which the next request gives back: rows after this one. The pages end with an
    /// empty one, or with one that says so at `has_more`.
    LastRow {
        /// Where the value is in a row.
        #[serde(default = "id")]
        path: String,
        /// The parameter that takes it.
        #[serde(default = "starting_after")]
        param: String,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where a boolean says whether there are more pages.
        #[serde(default)]
        has_more: Option<String>,
    },
    /// The number of rows to skip.
    Offset {
        /// The offset of the first page: 0, or 1 where the API counts rows from one.
        #[serde(default)]
        first: u64,
        /// The rows that each page is asked to have.
        #[serde(default = "hundred")]
        limit: u64,
        /// The parameter of the rows to skip.
        #[serde(default = "offset")]
        offset_param: String,
        /// The parameter of the rows wanted.
        #[serde(default = "limit")]
        limit_param: String,
        /// Whether the parameters go into the query or are paths in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where the number of all rows is; pages are read until an empty one where it is missing.
        #[serde(default = "total")]
        total: String,
    },
    /// The number of the page.
    PageNumber {
        /// The number of the first page.
        #[serde(default = "one")]
        first: u64,
        /// The parameter of the number.
        #[serde(default = "page")]
        param: String,
        /// Whether the parameter goes into the query or is a path in the JSON body.
        #[serde(default)]
        send_in: SendIn,
        /// Where the number of all pages is; pages are read until an empty one where it is missing.
        #[serde(default = "total_pages")]
        total_pages: String,
    },
}

macro_rules! defaults {
    ($($name:ident = $value:literal),*) => {
        $(pub(super) fn $name() -> String { $value.to_owned() })*
    };
}

defaults!(
    next = "next",
    cursors_next = "cursors.next",
    cursor = "cursor",
    id = "id",
    starting_after = "starting_after",
    offset = "offset",
    limit = "limit",
    total = "total",
    page = "page",
    total_pages = "total_pages"
);

fn hundred() -> u64 {
    100
}

fn one() -> u64 {
    1
}

impl Paginator {
    /// A `Link` header with the relation `next`.
    #[must_use]
    pub fn header_link() -> Self {
        Self::HeaderLink { rel: next(), has_more: None }
    }

    /// A URL at a path.
    #[must_use]
    pub fn json_link(path: impl Into<String>) -> Self {
        Self::JsonLink { path: path.into(), has_more: None }
    }

    /// A token at a path, given back as a parameter of the query.
    #[must_use]
    pub fn cursor(path: impl Into<String>, param: impl Into<String>) -> Self {
        Self::Cursor { path: path.into(), param: param.into(), send_in: SendIn::Query, has_more: None }
    }

    /// A value of the last row, given back as a parameter of the query until a page is empty.
    #[must_use]
    pub fn last_row(path: impl Into<String>, param: impl Into<String>) -> Self {
        Self::LastRow { path: path.into(), param: param.into(), send_in: SendIn::Query, has_more: None }
    }

    /// `offset` and `limit` in the query, with the number of all rows at `total` where there is one.
    #[must_use]
    pub fn offset(limit: u64) -> Self {
        Self::Offset {
            first: 0,
            limit,
            offset_param: offset(),
            limit_param: self::limit(),
            send_in: SendIn::Query,
            total: total(),
        }
    }

    /// `page` in the query from 1, with the number of all pages at `total_pages` where there is one.
    #[must_use]
    pub fn page_number() -> Self {
        Self::PageNumber { first: 1, param: page(), send_in: SendIn::Query, total_pages: total_pages() }
    }

    pub(crate) fn validate(&self) -> Result<()> {
        Pager::new(self).map(|_| ())
    }
}
