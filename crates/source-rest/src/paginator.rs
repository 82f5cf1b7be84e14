//! How the next page is found.

mod auto;
mod link;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Error, Result};
use url::Url;

use crate::SendIn;
use crate::auth::set_param;
use crate::json::Outline;
use crate::path::JsonPath;

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
    },
    /// A URL in the JSON.
    JsonLink {
        /// Where it is.
        #[serde(default = "next")]
        path: String,
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
    /// The number of rows to skip.
    Offset {
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
        $(fn $name() -> String { $value.to_owned() })*
    };
}

defaults!(
    next = "next",
    cursors_next = "cursors.next",
    cursor = "cursor",
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
        Self::HeaderLink { rel: next() }
    }

    /// A URL at a path.
    #[must_use]
    pub fn json_link(path: impl Into<String>) -> Self {
        Self::JsonLink { path: path.into() }
    }

    /// A token at a path, given back as a parameter of the query.
    #[must_use]
    pub fn cursor(path: impl Into<String>, param: impl Into<String>) -> Self {
        Self::Cursor { path: path.into(), param: param.into(), send_in: SendIn::Query, has_more: None }
    }

    /// `offset` and `limit` in the query, with the number of all rows at `total` where there is one.
    #[must_use]
    pub fn offset(limit: u64) -> Self {
        Self::Offset {
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

/// A request for a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PageRequest {
    pub(crate) url: Url,
    pub(crate) body: Option<Value>,
}

impl PageRequest {
    /// Sets a parameter in the query or in the body.
    pub(crate) fn set(&mut self, place: SendIn, name: &str, value: Value) -> Result<()> {
        match place {
            SendIn::Query => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                set_param(&mut self.url, name, &text);
            }
            SendIn::Body => {
                JsonPath::parse(name)?
                    .set(self.body.get_or_insert_with(|| Value::Object(Default::default())), value);
            }
        }
        Ok(())
    }
}

/// What a page tells about the next one.
#[derive(Debug)]
pub(crate) struct PageInfo<'a> {
    /// Where the page came from, which relative links refer to.
    pub(crate) url: &'a Url,
    /// The `Link` headers.
    pub(crate) links: &'a [String],
    pub(crate) body: &'a [u8],
    pub(crate) outline: &'a Outline,
    /// The number of its rows.
    pub(crate) rows: u64,
    pub(crate) told: Told,
}

/// What headers tell of the rows that there are beside those of the page.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// How many there are in all.
    pub(crate) total: Option<u64>,
    /// Whether there is a next page.
    pub(crate) next_page: bool,
}

impl PageInfo<'_> {
    fn scalar(&self, path: &JsonPath) -> Option<Value> {
        self.outline.scalar(self.body, path).filter(|value| !value.is_null())
    }

    fn number(&self, path: &JsonPath) -> Option<u64> {
        let value = self.scalar(path)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    fn link(&self, text: &str) -> Result<Url> {
        self.url
            .join(text)
            .map_err(|e| Error::invalid_data("the link to the next page is no URL").with_source(e))
    }
}

/// The state of a paginator over the pages of one stream.
#[derive(Debug, Clone)]
pub(crate) enum Pager {
    Auto,
    Single,
    HeaderLink { rel: String },
    JsonLink { path: JsonPath },
    Cursor { path: JsonPath, param: String, send_in: SendIn, has_more: Option<JsonPath> },
    Offset { limit: u64, offset: u64, params: [String; 2], send_in: SendIn, total: JsonPath },
    PageNumber { first: u64, page: u64, param: String, send_in: SendIn, total_pages: JsonPath },
}

impl Pager {
    pub(crate) fn new(config: &Paginator) -> Result<Self> {
        let path = JsonPath::parse;
        Ok(match config.clone() {
            Paginator::Auto => Self::Auto,
            Paginator::Single => Self::Single,
            Paginator::HeaderLink { rel } => Self::HeaderLink { rel },
            Paginator::JsonLink { path: next } => Self::JsonLink { path: path(&next)? },
            Paginator::Cursor { path: next, param, send_in, has_more } => {
                let has_more = has_more.as_deref().map(path).transpose()?;
                Self::Cursor { path: path(&next)?, param, send_in, has_more }
            }
            Paginator::Offset { limit: 0, .. } => {
                return Err(Error::invalid_config("a page by offset has a limit larger than zero"));
            }
            Paginator::Offset { limit, offset_param, limit_param, send_in, total } => {
                let params = [offset_param, limit_param];
                Self::Offset { limit, offset: 0, params, send_in, total: path(&total)? }
            }
            Paginator::PageNumber { first, param, send_in, total_pages } => {
                Self::PageNumber { first, page: first, param, send_in, total_pages: path(&total_pages)? }
            }
        })
    }

    /// Whether the next page is asked for by counting on, so that an API that does not know the parameter gives the same page
    /// again and again. What the first page has not told yet may be that.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Self::Auto | Self::Offset { .. } | Self::PageNumber { .. })
    }

    /// Adds to the first request what the paginator needs there.
    pub(crate) fn begin(&self, request: &mut PageRequest) -> Result<()> {
        match self {
            Self::Offset { limit, offset, params: [offset_param, limit_param], send_in, .. } => {
                request.set(*send_in, limit_param, (*limit).into())?;
                request.set(*send_in, offset_param, (*offset).into())
            }
            Self::PageNumber { page, param, send_in, .. } => request.set(*send_in, param, (*page).into()),
            _ => Ok(()),
        }
    }

    /// The request for the next page; none after the last one.
    pub(crate) fn next(&mut self, request: &PageRequest, page: &PageInfo<'_>) -> Result<Option<PageRequest>> {
        if let Self::Auto = self {
            *self = auto::detect(page)?;
        }
        let mut next = request.clone();
        match self {
            Self::Auto | Self::Single => return Ok(None),
            Self::HeaderLink { rel } => match link::find(page.links, rel) {
                Some(link) => next.url = page.link(&link)?,
                None => return Ok(None),
            },
            Self::JsonLink { path } => match page.scalar(path) {
                Some(Value::String(link)) if !link.is_empty() => next.url = page.link(&link)?,
                None | Some(Value::String(_) | Value::Bool(false)) => return Ok(None),
                Some(_) => return Err(no_text(path)),
            },
            Self::Cursor { path, param, send_in, has_more } => {
                let ended =
                    has_more.as_ref().is_some_and(|path| page.scalar(path) == Some(Value::Bool(false)));
                match page.scalar(path).filter(|_| !ended) {
                    Some(Value::String(token)) if token.is_empty() => return Ok(None),
                    Some(token @ (Value::String(_) | Value::Number(_))) => {
                        next.set(*send_in, param, token)?
                    }
                    None | Some(Value::Bool(false)) => return Ok(None),
                    Some(_) => return Err(no_text(path)),
                }
            }
            Self::Offset { offset, params: [offset_param, _], send_in, total, .. } => {
                // An API may give fewer rows than asked for, so the rows that came are counted, not the limit.
                *offset = offset.saturating_add(page.rows);
                if page.rows == 0 || page.number(total).is_some_and(|total| *offset >= total) {
                    return Ok(None);
                }
                next.set(*send_in, offset_param, (*offset).into())?;
            }
            Self::PageNumber { first, page: number, param, send_in, total_pages } => {
                *number = number.saturating_add(1);
                let all = page.number(total_pages).map(|pages| first.saturating_add(pages));
                if page.rows == 0 || all.is_some_and(|end| *number >= end) {
                    return Ok(None);
                }
                next.set(*send_in, param, (*number).into())?;
            }
        }
        Ok(Some(next))
    }
}

fn no_text(path: &JsonPath) -> Error {
    Error::invalid_data("what should lead to the next page is neither text nor a number")
        .with_context("path", path.keys().join("."))
}

#[cfg(test)]
mod tests;
