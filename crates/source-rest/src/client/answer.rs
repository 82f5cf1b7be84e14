//! What an answer means.

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, LINK};
use reqwest::{Response, StatusCode};
use stitchwork_core::{Error, ErrorKind, Result};
use url::Url;

use super::{Client, retry};
use crate::paginator::Told;

/// The bytes of an error's answer that are read.
const EXCERPT_BYTES: u64 = 4_096;

/// An answer that is what was asked for.
#[derive(Debug)]
pub(crate) struct Page {
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) links: Vec<String>,
    pub(crate) told: Told,
    pub(crate) etag: Option<String>,
    pub(crate) body: Body,
}

/// What an answer holds.
#[derive(Debug)]
pub(crate) enum Body {
    /// Text, most likely JSON.
    Text(Vec<u8>),
    /// Nothing at all (204).
    Empty,
    /// What the tag of the request stands for (304).
    Unchanged,
}

/// How one attempt went.
pub(super) enum Attempt {
    Page(Page),
    /// It may go well another time, after a while if the API has named one.
    Again {
        error: Error,
        after: Option<Duration>,
    },
}

/// Reads an answer that is no redirect.
pub(super) async fn read(client: &Client, url: Url, response: Response) -> Result<Attempt> {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let without_body = match status {
        StatusCode::NOT_MODIFIED => Some(Body::Unchanged),
        StatusCode::NO_CONTENT => Some(Body::Empty),
        _ => None,
    };
    if let Some(body) = without_body {
        // Its tag would speak for no rows.
        let (links, told) = (links(&headers), told(&headers));
        return Ok(Attempt::Page(Page { url, links, told, etag: None, body }));
    }
    let is_html = text(CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    if !status.is_success() {
        let excerpt = excerpt(client, response).await;
        return refused(status, &headers, excerpt);
    }
    let mut body = match body(response, client.requests.max_response_bytes).await {
        Ok(body) => body,
        Err(Broken::Lost(error)) => return client.lost(error),
        Err(Broken::TooLarge) => {
            return Err(Error::invalid_data(
                "the answer is too large; ask for smaller pages or raise `max_response_bytes`",
            )
            .with_context("max_response_bytes", client.requests.max_response_bytes));
        }
    };
    if body.starts_with(b"\xef\xbb\xbf") {
        body.drain(..3);
    }
    let Ok(shown) = std::str::from_utf8(&body) else {
        return Err(Error::invalid_data("the answer is not UTF-8"));
    };
    if is_html || shown.trim_start().starts_with('<') {
        return Err(Error::invalid_data(
            "the answer is a page of HTML or XML, not JSON; check the URL and the credentials",
        )
        .with_context("body", client.redactor.excerpt(shown)));
    }
    let (links, told) = (links(&headers), told(&headers));
    Ok(Attempt::Page(Page { url, links, told, etag: text(ETAG), body: Body::Text(body) }))
}

fn links(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
}

/// What headers tell of rows on other pages.
fn told(headers: &HeaderMap) -> Told {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    // The whole of what a part was taken from stands behind a slash (RFC 9110 section 14.4).
    let range = text("content-range");
    let whole = || range.rsplit_once('/').filter(|_| !range.starts_with("bytes"))?.1.parse().ok();
    let total = TOTALS.into_iter().find_map(|name| text(name).parse().ok()).or_else(whole);
    let pages = PAGES.into_iter().find_map(|name| text(name).parse().ok());
    let has_more = text("x-has-more").to_ascii_lowercase().parse().ok();
    // It is there without a number in it on the last page.
    let next_page = || headers.get(NEXT_PAGE).map(|_| !text(NEXT_PAGE).is_empty());
    let more = has_more.or_else(next_page);
    let leads = NEXT.into_iter().any(|name| !text(name).is_empty());
    Told { total, pages, more, next_page: leads || has_more == Some(true) }
}

/// Headers that say how many rows there are in all.
const TOTALS: [&str; 7] = [
    "x-total-count",
    "x-total",
    "x-wp-total",
    "x-total-results",
    "x-pagination-total-count",
    "x-pagination-total",
    "total-count",
];
/// Headers that say how many pages there are in all.
const PAGES: [&str; 3] = ["x-total-pages", "x-wp-totalpages", "x-pagination-total-pages"];
/// Headers that have something in them where there is a next page.
const NEXT: [&str; 3] = [NEXT_PAGE, "x-next-cursor", "x-next-token"];
const NEXT_PAGE: &str = "x-next-page";

/// What an answer that is no success means.
fn refused(status: StatusCode, headers: &HeaderMap, excerpt: String) -> Result<Attempt> {
    let now = SystemTime::now();
    let (after, reset) = (retry::retry_after(headers, now), retry::limit_reset(headers, now));
    // Some APIs say 403 when a rate limit is used up.
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::FORBIDDEN && (after.is_some() || reset.is_some());
    let (kind, message, again) = match status.as_u16() {
        _ if is_limit => (ErrorKind::RateLimited, "the API asks for patience", true),
        401 => (ErrorKind::PermissionDenied, "the API refuses the credentials, or there are none", false),
        403 => (ErrorKind::PermissionDenied, "the credentials do not suffice", false),
        404 | 410 => (ErrorKind::NotFound, "the API has nothing at this URL", false),
        408 | 425 => (ErrorKind::Unavailable, "the API did not take the request in time", true),
        500..=599 => (ErrorKind::Unavailable, "the API fails", true),
        400 | 405 | 409 | 413 | 414 | 415 | 422 => {
            (ErrorKind::InvalidInput, "the API refuses the request", false)
        }
        _ => (ErrorKind::Unexpected, "the API gives an unexpected answer", false),
    };
    let mut error = Error::new(kind, message).with_context("status", status.as_u16());
    if !excerpt.is_empty() {
        error = error.with_context("body", excerpt);
    }
    if !again {
        return Err(error);
    }
    if is_limit && after.is_none() && reset.is_some() {
        error = error.with_context("rate_limit", "used up");
    }
    Ok(Attempt::Again { error, after: after.or(reset.filter(|_| is_limit)) })
}

enum Broken {
    Lost(reqwest::Error),
    TooLarge,
}

async fn body(mut response: Response, most: u64) -> std::result::Result<Vec<u8>, Broken> {
    let expected = response.content_length().unwrap_or_default();
    if expected > most {
        return Err(Broken::TooLarge);
    }
    // What is announced need not come, so only a part of it is reserved at once.
    let mut body = Vec::with_capacity(usize::try_from(expected.min(4 << 20)).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(Broken::Lost)? {
        if (body.len() + chunk.len()) as u64 > most {
            return Err(Broken::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of an answer, for the message of an error.
async fn excerpt(client: &Client, mut response: Response) -> String {
    let mut body = vec![];
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() as u64 >= EXCERPT_BYTES {
            break;
        }
    }
    client.redactor.excerpt(&String::from_utf8_lossy(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_of_other_pages() {
        for (name, value, total, next_page) in [
            ("X-WP-Total", "250", Some(250), false),
            ("Content-Range", "items 0-99/250", Some(250), false),
            ("Content-Range", "0-99/*", None, false),
            ("Content-Range", "bytes 0-99/12345", None, false),
            ("X-Total-Count", "many", None, false),
            ("X-Next-Cursor", "abc", None, true),
            ("X-Next-Page", " ", None, false),
            ("X-Has-More", "True", None, true),
            ("X-Has-More", "false", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(reqwest::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            let told = told(&headers);
            assert_eq!((told.total, told.next_page), (total, next_page), "{name}: {value}");
        }
        for (name, value, pages, more) in [
            ("X-Total-Pages", "3", Some(3), None),
            ("X-Next-Page", "2", None, Some(true)),
            ("X-Next-Page", "", None, Some(false)),
            ("X-Has-More", "False", None, Some(false)),
            ("X-Next-Cursor", "abc", None, None),
        ] {
            let name = reqwest::header::HeaderName::try_from(name).unwrap();
            let told = told(&HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]));
            assert_eq!((told.pages, told.more), (pages, more), "{name}: {value}");
        }
    }
}
