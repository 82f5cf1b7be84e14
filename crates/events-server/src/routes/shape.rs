//! The forms in which a page is written, one for each way of paging that APIs have.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::auth::API_KEY_PARAM;
use crate::page::{self, Invalid, Query, Selection};
use crate::server::Shared;

/// A way of paging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An array, and the other pages in the `Link` header.
    Links,
    /// `{"items": […], "next": url or null}`.
    JsonLink,
    /// `{"data": […], "cursors": {"next": text or null}}`.
    Cursor,
    /// `{"results": […], "total": n}`.
    Offset,
    /// `{"items": […], "total_pages": n}`.
    PageNumber,
}

/// A page that is ready to be sent.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) body: Bytes,
    pub(super) events: usize,
    pub(super) link: Option<String>,
    pub(super) etag: String,
}

impl Shape {
    /// Makes the page that a request asks for.
    pub(super) fn page(self, shared: &Shared, query: &Query, path: &str) -> Result<Page, Invalid> {
        // One reading of the length, so that the parts of an answer agree while the stream grows.
        let end = shared.stream.len();
        let first = query.since()?.map_or(0, |since| shared.stream.first_at_or_after(end, since));
        let selection = Selection { first, end, newest_first: query.newest_first()? };
        let (number, size) = (query.page(), query.per_page());
        let address = |set: &[(&str, &str)]| query.address(&shared.base, path, set, API_KEY_PARAM);
        let numbered = (number - 1).saturating_mul(size);
        let pages = selection.pages(size);
        let mut link = None;
        let (events, body) = match self {
            Self::Links => {
                let parts: Vec<String> = page::relations(number, pages)
                    .into_iter()
                    .map(|(name, page)| {
                        format!("<{}>; rel=\"{name}\"", address(&[("page", &page.to_string())]))
                    })
                    .collect();
                link = (!parts.is_empty()).then(|| parts.join(", "));
                let items = events(shared, &selection, numbered, size);
                (items.len(), Value::Array(items))
            }
            Self::JsonLink => {
                let next = (number < pages).then(|| address(&[("page", &(number + 1).to_string())]));
                let items = events(shared, &selection, numbered, size);
                (items.len(), json!({"items": items, "next": next}))
            }
            Self::Cursor => {
                let offset = query.get("cursor").map_or(Ok(0), decode_cursor)?;
                let items = events(shared, &selection, offset, size);
                let after = offset.saturating_add(items.len());
                let next = (after < selection.total()).then(|| encode_cursor(after));
                (items.len(), json!({"data": items, "cursors": {"next": next}}))
            }
            Self::Offset => {
                let items = events(shared, &selection, query.offset(), query.limit());
                (items.len(), json!({"results": items, "total": selection.total()}))
            }
            Self::PageNumber => {
                let items = events(shared, &selection, numbered, size);
                (items.len(), json!({"items": items, "total_pages": pages}))
            }
        };
        let body = Bytes::from(body.to_string());
        // The links belong to the tag: a full page that was the last one gets a next one when the stream grows.
        let mut hasher = DefaultHasher::new();
        (&body, &link).hash(&mut hasher);
        let etag = format!("W/\"{:016x}{:x}\"", hasher.finish(), body.len());
        Ok(Page { body, events, link, etag })
    }
}

fn events(shared: &Shared, selection: &Selection, offset: usize, size: usize) -> Vec<Value> {
    selection.indices(offset, size).into_iter().map(|index| shared.stream.event(index)).collect()
}

/// A cursor is a place in the selection that clients must take as it is.
fn encode_cursor(place: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("place:{place}"))
}

fn decode_cursor(cursor: &str) -> Result<usize, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let place =
        text.as_deref().and_then(|text| text.strip_prefix("place:")).and_then(|place| place.parse().ok());
    place.ok_or_else(|| Invalid {
        field: "cursor",
        message: format!("{cursor:?} is no cursor of this server"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        assert_eq!(decode_cursor(&encode_cursor(1_234)), Ok(1_234));
        assert_eq!(decode_cursor("7").unwrap_err().field, "cursor");
    }
}
