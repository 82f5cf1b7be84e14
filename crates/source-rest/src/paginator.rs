//! How the next page is found.

mod about;
mod absent;
mod auto;
mod config;
mod link;
mod names;
mod own_number;
mod promise;
mod reads;
mod said;
mod sign;
mod total;

use serde_json::Value;
use stitchwork_core::{Error, Result};
use url::Url;

use crate::SendIn;
use crate::auth::set_param;
use crate::json::Outline;
use crate::path::JsonPath;
pub(crate) use auto::{tells_none, tells_of_pages};
pub use config::Paginator;
use own_number::OwnNumber;
use promise::Promise;
use total::Total;

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
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageInfo<'a> {
    /// Where the page came from, which relative links refer to.
    pub(crate) url: &'a Url,
    /// The same without secrets, for messages.
    pub(crate) shown_url: &'a str,
    /// The `Link` headers.
    pub(crate) links: &'a [String],
    pub(crate) body: &'a [u8],
    pub(crate) outline: &'a Outline,
    /// The list of its rows, where it is one.
    pub(crate) array: &'a [u8],
    /// The path to what its rows stand in.
    pub(crate) around: &'a [String],
    /// The name of their list.
    pub(crate) name: &'a str,
    /// The path of the object that is its only row; what that says, it says of itself.
    pub(crate) row: Option<&'a [String]>,
    /// The number of its rows.
    pub(crate) rows: u64,
    /// The number of rows so far, with those of this page.
    pub(crate) read: u64,
    pub(crate) told: Told,
    /// Whether it is the first page, which shows whether the settings fit the API.
    pub(crate) is_first: bool,
}

/// What headers tell of the rows that there are beside those of the page.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    /// How many there are in all.
    pub(crate) total: Option<u64>,
    /// How many pages there are in all.
    pub(crate) pages: Option<u64>,
    /// What they answer to the question whether there are more pages.
    pub(crate) more: Option<bool>,
    /// Whether there is a next page, or something that leads to one.
    pub(crate) next_page: bool,
}

/// A whole number, as it may be written.
fn whole(value: &Value) -> Option<u64> {
    let of_float =
        |number: f64| (number.fract() == 0.0).then(|| format!("{number:.0}").parse().ok()).flatten();
    match value {
        Value::Number(number) => number.as_u64().or_else(|| of_float(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The state of a paginator over the pages of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Pager {
    way: Way,
    promise: Promise,
    own_number: OwnNumber,
}

/// How it comes from page to page.
#[derive(Debug, Clone)]
enum Way {
    Auto,
    Single,
    HeaderLink { rel: String, has_more: Option<JsonPath> },
    JsonLink { path: JsonPath, has_more: Option<JsonPath> },
    Cursor { path: JsonPath, param: String, send_in: SendIn, has_more: Option<JsonPath> },
    LastRow { path: JsonPath, param: String, send_in: SendIn, has_more: Option<JsonPath> },
    Offset { limit: u64, first: u64, offset: u64, params: [String; 2], send_in: SendIn, total: Total },
    PageNumber { first: u64, page: u64, param: String, send_in: SendIn, total_pages: Total },
}

impl Pager {
    pub(crate) fn new(config: &Paginator) -> Result<Self> {
        Ok(Self { way: Way::new(config)?, promise: Promise::default(), own_number: OwnNumber::default() })
    }

    /// Where it looks for something in pages.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &JsonPath> {
        self.way.lead().into_iter().chain(self.way.sign())
    }

    /// Whether it counts rows or pages, for which an API may give the same page for ever.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.way, Way::Offset { .. } | Way::PageNumber { .. })
    }

    /// Whether the page that comes again is that behind the last one, which some APIs give for each number from there on: it goes
    /// by the number of the page, and all rows that were told of have come.
    pub(crate) fn has_all(&self, read: u64) -> bool {
        matches!(self.way, Way::PageNumber { .. }) && self.promise.is_kept(read)
    }

    /// Adds to the first request what the paginator needs there.
    pub(crate) fn begin(&self, request: &mut PageRequest) -> Result<()> {
        self.way.begin(request)
    }

    /// The request for the next page; none after the last one.
    ///
    /// # Errors
    /// Nothing leads to the next page, though there is one; the page has no rows, though more was told; or it is the one
    /// before.
    pub(crate) fn next(&mut self, request: &PageRequest, page: &PageInfo<'_>) -> Result<Option<PageRequest>> {
        let next = self.way.next(request, page, self.promise.is_reached(page))?;
        let named = |e: Error| e.with_context("paginator", self.way.name());
        if let Way::PageNumber { page: number, .. } = &self.way
            && !self.promise.is_deaf(page, &self.way)
        {
            // It is that of the next page already.
            self.own_number.check(page, number.saturating_sub(1)).map_err(named)?;
        }
        if next.is_none() {
            let ends = match page.rows {
                0 => self.promise.check_end(page, &self.way),
                _ => self.promise.check_nowhere(page, &self.way),
            };
            ends.map_err(named)?;
        }
        self.promise.learn(page, &self.way);
        Ok(next)
    }
}

impl Way {
    fn new(config: &Paginator) -> Result<Self> {
        let path = JsonPath::parse;
        let flag = |has_more: Option<String>| has_more.as_deref().map(path).transpose();
        Ok(match config.clone() {
            Paginator::Auto => Self::Auto,
            Paginator::Single => Self::Single,
            Paginator::HeaderLink { rel, has_more } => Self::HeaderLink { rel, has_more: flag(has_more)? },
            Paginator::JsonLink { path: next, has_more } => {
                Self::JsonLink { path: path(&next)?, has_more: flag(has_more)? }
            }
            Paginator::Cursor { path: next, param, send_in, has_more } => {
                Self::Cursor { path: path(&next)?, param, send_in, has_more: flag(has_more)? }
            }
            Paginator::LastRow { path: value, param, send_in, has_more } => {
                Self::LastRow { path: path(&value)?, param, send_in, has_more: flag(has_more)? }
            }
            Paginator::Offset { limit: 0, .. } => {
                return Err(Error::invalid_config("a page by offset has a limit larger than zero"));
            }
            Paginator::Offset { first, limit, offset_param, limit_param, send_in, total } => {
                let params = [offset_param, limit_param];
                Self::Offset { limit, first, offset: first, params, send_in, total: path(&total)?.into() }
            }
            Paginator::PageNumber { first, param, send_in, total_pages } => Self::PageNumber {
                first,
                page: first,
                param,
                send_in,
                total_pages: path(&total_pages)?.into(),
            },
        })
    }

    /// The type by which settings name it.
    fn name(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Single => "single",
            Self::HeaderLink { .. } => "header_link",
            Self::JsonLink { .. } => "json_link",
            Self::Cursor { .. } => "cursor",
            Self::LastRow { .. } => "last_row",
            Self::Offset { .. } => "offset",
            Self::PageNumber { .. } => "page_number",
        }
    }

    /// What was told, what was read and where it was told, when the pages end too early.
    fn missing(&self) -> Option<(u64, u64, String)> {
        match self {
            Self::Offset { first, offset, total, .. } => total.missing(offset.saturating_sub(*first)),
            // The page that ends them has no rows, and is none of those that were read.
            Self::PageNumber { first, page, total_pages, .. } => {
                total_pages.missing(page.saturating_sub(*first).saturating_sub(1))
            }
            _ => None,
        }
    }

    fn begin(&self, request: &mut PageRequest) -> Result<()> {
        match self {
            Self::Offset { limit, offset, params: [offset_param, limit_param], send_in, .. } => {
                request.set(*send_in, limit_param, (*limit).into())?;
                request.set(*send_in, offset_param, (*offset).into())
            }
            Self::PageNumber { page, param, send_in, .. } => request.set(*send_in, param, (*page).into()),
            _ => Ok(()),
        }
    }

    /// The request for the next page, where all rows that were told of may be read.
    fn next(
        &mut self,
        request: &PageRequest,
        page: &PageInfo<'_>,
        is_reached: bool,
    ) -> Result<Option<PageRequest>> {
        if let Self::Auto = self {
            *self = auto::detect(page)?;
        }
        // Who has pointed elsewhere listens to no header; and one with a number of rows may tell of the page alone.
        let is_usual = self.sign().is_none();
        let in_header = page.told.pages.filter(|_| is_usual);
        let mut next = request.clone();
        match self {
            Self::Auto | Self::Single => return Ok(None),
            // Some have a link always, which leads to pages without rows for ever.
            Self::HeaderLink { .. } | Self::JsonLink { .. } | Self::Cursor { .. } if is_reached => {
                return Ok(None);
            }
            // Where the settings say where to look, nothing else is listened to.
            Self::JsonLink { path, has_more: None } | Self::Cursor { path, has_more: None, .. }
                if auto::says_end(page, Some(path)) =>
            {
                return Ok(None);
            }
            Self::HeaderLink { has_more, .. }
            | Self::JsonLink { has_more, .. }
            | Self::Cursor { has_more, .. }
            | Self::LastRow { has_more, .. }
                if page.says_last(has_more.as_ref()) =>
            {
                return Ok(None);
            }
            Self::HeaderLink { rel, .. } => match link::find(page.links, rel) {
                Some(link) => next.url = page.link(&link)?,
                None => return Ok(None),
            },
            Self::JsonLink { path, .. } => match page.lead(path)? {
                Some(Value::String(link)) => next.url = page.link(&link)?,
                Some(_) => return Err(no_text(path)),
                None => return Ok(None),
            },
            Self::Cursor { path, param, send_in, .. } => match page.lead(path)? {
                // From there the pages would begin again.
                Some(token) if whole(&token) == Some(0) => return Ok(None),
                Some(token) => next.set(*send_in, param, token)?,
                None => return Ok(None),
            },
            Self::LastRow { path, param, send_in, .. } => match page.last_value(path)? {
                Some(value) => next.set(*send_in, param, value)?,
                None => return Ok(None),
            },
            Self::Offset { first, offset, params: [offset_param, _], send_in, total, .. } => {
                // An API may give fewer rows than asked for, so the rows that came are counted, not the limit.
                *offset = offset.saturating_add(page.rows);
                if total.is_reached(offset.saturating_sub(*first), page, None) {
                    return Ok(None);
                }
                next.set(*send_in, offset_param, (*offset).into())?;
            }
            Self::PageNumber { first, page: number, param, send_in, total_pages } => {
                *number = number.saturating_add(1);
                // A page without rows is none of those that were read.
                let read = number.saturating_sub(*first).saturating_sub(u64::from(page.rows == 0));
                if total_pages.is_reached(read, page, in_header)
                    || is_usual && total_pages.all_came(read, page)
                {
                    return Ok(None);
                }
                next.set(*send_in, param, (*number).into())?;
            }
        }
        // The last page of some leads to itself.
        Ok(Some(next).filter(|next| page.rows > 0 || next != request))
    }
}

fn no_text(path: &JsonPath) -> Error {
    Error::invalid_data("what should lead to the next page is neither text nor a number")
        .with_context("path", path.keys().join("."))
}

#[cfg(test)]
mod tests;
