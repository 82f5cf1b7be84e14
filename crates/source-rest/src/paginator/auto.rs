//! Tells from the first page how the API pages, in the order in which the signs are the surer ones: a `Link` header, a
//! link in the JSON, a number of pages, a cursor. Without a sign there is one page.

use serde_json::Value;
use stitchwork_core::{Error, Result};

use super::{PageInfo, Pager, link, next, page};
use crate::SendIn;
use crate::json::{Kind, Node};
use crate::path::JsonPath;

const PAGE_COUNTS: [&str; 5] = ["total_pages", "totalpages", "page_count", "pagecount", "pages"];
const PAGE_NUMBERS: [&str; 4] = ["page", "current_page", "currentpage", "page_number"];
const CURSORS: [&str; 6] =
    ["next_cursor", "nextcursor", "next_page_token", "nextpagetoken", "next_token", "nexttoken"];
const TOTALS: [&str; 5] = ["total", "total_count", "totalcount", "total_results", "totalresults"];
const MORE: [&str; 2] = ["has_more", "hasmore"];

pub(super) fn detect(info: &PageInfo<'_>) -> Result<Pager> {
    if link::find(info.links, &next()).is_some() {
        return Ok(Pager::HeaderLink { rel: next() });
    }
    if let Some(node) = nodes(info).find(|node| is_link(node, info)) {
        return Ok(Pager::JsonLink { path: path(node) });
    }
    if let Some(node) = named(info, &PAGE_COUNTS).find(|node| number(node, info).is_some()) {
        let first = named(info, &PAGE_NUMBERS).find_map(|node| number(node, info)).unwrap_or(1);
        let total_pages = path(node);
        return Ok(Pager::PageNumber {
            first,
            page: first,
            param: page(),
            send_in: SendIn::Query,
            total_pages,
        });
    }
    if let Some((node, param)) = nodes(info).find_map(|node| Some((node, cursor_param(node, info)?))) {
        return Ok(Pager::Cursor { path: path(node), param, send_in: SendIn::Query, has_more: None });
    }
    // Rows that nobody would fetch must not go unnoticed.
    let more = named(info, &MORE).any(|node| node.value(info.body) == Some(Value::Bool(true)));
    let total = named(info, &TOTALS).filter_map(|node| number(node, info)).max();
    if more || total.is_some_and(|total| total > info.rows) {
        return Err(Error::invalid_data(
            "the page says that there is more, but not how to get it; set `paginator` (`single` to take this page only)",
        )
        .with_context("rows", info.rows)
        .with_context("total", total.map_or_else(|| "unknown".to_owned(), |total| total.to_string())));
    }
    Ok(Pager::Single)
}

/// The scalars of the page, the shallowest first.
fn nodes<'a>(info: &PageInfo<'a>) -> impl Iterator<Item = &'a Node> {
    let mut nodes: Vec<&Node> =
        info.outline.nodes.iter().filter(|node| node.kind == Kind::Scalar && node.path.len() <= 3).collect();
    nodes.sort_by_key(|node| node.path.len());
    nodes.into_iter()
}

fn named<'a>(info: &PageInfo<'a>, names: &'static [&'static str]) -> impl Iterator<Item = &'a Node> {
    nodes(info).filter(|node| names.contains(&last(node).as_str()))
}

fn last(node: &Node) -> String {
    node.path.last().map(|name| name.to_ascii_lowercase()).unwrap_or_default()
}

fn parent(node: &Node) -> String {
    let place = node.path.len().checked_sub(2);
    place.and_then(|place| node.path.get(place)).map(|name| name.to_ascii_lowercase()).unwrap_or_default()
}

fn text(node: &Node, info: &PageInfo<'_>) -> Option<String> {
    match node.value(info.body)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn number(node: &Node, info: &PageInfo<'_>) -> Option<u64> {
    node.value(info.body)?.as_u64()
}

/// `next`, `next_url`, `links.next`, `next.href`, `paging.next.url` with a URL or an absolute path in it.
fn is_link(node: &Node, info: &PageInfo<'_>) -> bool {
    let (name, parent) = (last(node), parent(node));
    let named =
        name.starts_with("next") || (matches!(name.as_str(), "href" | "url") && parent.starts_with("next"));
    named && text(node, info).is_some_and(|text| text.starts_with("http") || text.starts_with('/'))
}

/// The parameter that takes a cursor back, as APIs that name it so call it.
fn cursor_param(node: &Node, info: &PageInfo<'_>) -> Option<String> {
    text(node, info)?;
    let name = last(node);
    let param = match name.as_str() {
        _ if CURSORS.contains(&name.as_str()) => match name.as_str() {
            "next_page_token" => "page_token",
            "nextpagetoken" => "pageToken",
            "next_token" => "next_token",
            "nexttoken" => "nextToken",
            _ => "cursor",
        },
        "next" => "cursor",
        _ => return None,
    };
    Some(param.to_owned())
}

fn path(node: &Node) -> JsonPath {
    let keys: Vec<&str> = node.path.iter().map(String::as_str).collect();
    JsonPath::of(&keys)
}
