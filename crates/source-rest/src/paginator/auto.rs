//! Tells from the first page how the API pages, in the order in which the signs are the surer ones: a `Link` header, a
//! link in the JSON, a number of pages, a cursor, an offset. Without a sign there is one page.

use serde_json::Value;
use stitchwork_core::{Error, Result};

use super::about::Of;
use super::config::{next, page};
use super::names::{
    ABOUT_ROWS, COUNTS, CURSORS, HEADER, LAST, LIMITS, MAYBE_TOTALS, MORE, MORE_ASKED, MORE_OF, NEXT,
    OFFSETS, OTHER_TOTALS, PAGE_COUNTS, PAGE_NUMBERS, SIZES, TOTALS,
};
use super::{PageInfo, Way, link, said};
use crate::SendIn;
use crate::json::{Kind, Node, Outline};
use crate::path::JsonPath;

pub(super) fn detect(info: &PageInfo<'_>) -> Result<Way> {
    if link::find(info.links, &next()).is_some() {
        return Ok(Way::HeaderLink { rel: next(), has_more: None });
    }
    if says_end(info, None) {
        return Ok(Way::Single);
    }
    if let Some(way) = [Of::Rows, Of::Pages, Of::Others].into_iter().find_map(|of| way(info, of)) {
        return Ok(way);
    }
    // Rows that nobody would fetch must not go unnoticed.
    let total = said::all_rows(info);
    let sign = flag(info).or_else(|| hint(info).filter(|_| sure_total(info).is_none()));
    let of_total = || total.as_ref().filter(|total| total.all > info.rows).map(|total| total.place.clone());
    // Where no number of all rows is told, or one that is none, another one may be it.
    let of_other = || {
        let other = named(info, &MAYBE_TOTALS).filter(|node| info.of(node) == Of::Rows);
        let mut more = other.filter(|node| number(node, info).is_some_and(|all| all > info.rows));
        let is_none = sure_total(info).is_none_or(|total| total < info.rows);
        more.next().filter(|_| is_none).map(|node| node.path.join("."))
    };
    if let Some(sign) = sign.or_else(of_total).or_else(of_other) {
        return Err(Error::invalid_data(
            "the page says that there is more, but not how to get it; set `paginator` to how the API pages (`page_number` or \
             `offset` with the names of its parameters, `cursor`, `json_link`, `last_row`), or to `single` to take this page \
             only",
        )
        .with_context("says_more", sign)
        .with_context("rows", info.rows)
        .with_context("total", total.map_or_else(|| "unknown".to_owned(), |total| total.all.to_string())));
    }
    // A `count` may be that of the page.
    let has_total =
        info.told.total.is_some() || totals(info).any(|node| is_sure(node) && number(node, info).is_some());
    // A null says something too: there is no next page.
    let says = |node: &Node| {
        let word = last(node);
        is_next(&word) || word == "done" && answer(node, info).is_some() || says_more(node, info).is_some()
    };
    let mut words = info.own().filter(|node| info.is_near(node));
    if !has_total && info.links.is_empty() && !words.any(says) {
        warn_of_round(info);
    }
    Ok(Way::Single)
}

/// The way to the next page that is told of there.
fn way(info: &PageInfo<'_>, of: Of) -> Option<Way> {
    let there = |node: &&Node| info.of(node) == of;
    if let Some(node) = nodes(info).filter(|node| is_link(node, info)).find(there) {
        return Some(Way::JsonLink { path: node.json_path(), has_more: None });
    }
    let beside = |count: &Node| {
        let numbers = named(info, &PAGE_NUMBERS).filter(|node| node.place() == count.place());
        numbers.into_iter().find_map(|node| number(node, info))
    };
    // A thing has a number of pages too, which is no sign of others where it is one.
    let is_count = |node: &&Node| match number(node, info) {
        Some(pages) => of == Of::Rows || pages > 1 || beside(node).is_some(),
        None => false,
    };
    if let Some(node) = named(info, &PAGE_COUNTS).filter(there).find(is_count) {
        let first = beside(node).or_else(|| page_number(info)).unwrap_or(1);
        let total_pages = node.json_path().into();
        return Some(Way::PageNumber {
            first,
            page: first,
            param: page(),
            send_in: SendIn::Query,
            total_pages,
        });
    }
    let mut cursors = nodes(info).filter_map(|node| Some((node, cursor_param(node, info)?)));
    if let Some((node, param)) = cursors.find(|(node, _)| there(node)) {
        return Some(Way::Cursor { path: node.json_path(), param, send_in: SendIn::Query, has_more: None });
    }
    offset(info, of)
}

/// The sizes that APIs give their pages where nobody asks for one.
const PAGE_SIZES: [u64; 15] = [10, 15, 20, 25, 30, 40, 50, 60, 100, 200, 250, 500, 1000, 2000, 5000];

/// A page without any sign, that is as large as pages usually are, may well be the first one of many.
fn warn_of_round(info: &PageInfo<'_>) {
    if PAGE_SIZES.contains(&info.rows) {
        tracing::warn!(
            url = info.shown_url,
            rows = info.rows,
            "the first page has as many rows as a page often has, and does not say whether there are more, so it is \
             taken for the only page; if there are more, set `paginator` (such as `page_number` or `offset`), and \
             `single` if there are none"
        );
    }
}

/// The number that a page gives itself.
pub(super) fn page_number(info: &PageInfo<'_>) -> Option<u64> {
    named(info, &PAGE_NUMBERS).find_map(|node| number(node, info))
}

/// Where a page says that there are more.
pub(super) fn flag(info: &PageInfo<'_>) -> Option<String> {
    let node = more(info).next();
    let header = || info.told.next_page.then(|| HEADER.to_owned());
    node.map(|node| node.path.join(".")).or_else(header)
}

/// Whether a page says that it is the last one.
pub(super) fn says_end(info: &PageInfo<'_>, lead: Option<&JsonPath>) -> bool {
    ends(info, lead).next().is_some() && flag(info).is_none()
}

/// The places where a page says that there is more.
pub(super) fn more<'a>(info: &PageInfo<'a>) -> impl Iterator<Item = &'a Node> {
    nodes(info).filter(|node| says_more(node, info) == Some(true))
}

/// The places where a page says that there is no more: around the rows, in what is about them, and beside what leads on.
/// Elsewhere it is other things that end, for which no row may be passed over.
pub(super) fn ends<'a>(info: &PageInfo<'a>, lead: Option<&JsonPath>) -> impl Iterator<Item = &'a Node> {
    let is_beside = move |node: &Node| {
        lead.and_then(|path| path.keys().split_last()).is_some_and(|(_, around)| around == node.place())
    };
    let ends = nodes(info).filter(|node| says_more(node, info) == Some(false));
    ends.filter(move |node| is_beside(node) || info.of(node) == Of::Rows)
}

/// What a value answers to the question whether there is more, where it is asked that.
fn says_more(node: &Node, info: &PageInfo<'_>) -> Option<bool> {
    // A number is that of the last page or row there, and a yes or no under other names; among links it is one.
    let is_place = |name: &str| match name {
        "last" => parent(node) == "links" || number(node, info).is_some(),
        "lastpage" => number(node, info).is_some(),
        _ => false,
    };
    match last(node).as_str() {
        // Many a thing is done, and only a page that is not has another one.
        "done" => answer(node, info).filter(|done| !done).map(|done| !done),
        word if LAST.contains(&word) && !is_place(word) => answer(node, info).map(|is_last| !is_last),
        word if is_more(word) => answer(node, info),
        word if word.strip_prefix("hasmore").is_some_and(|rest| rest == plain(info.name)) => {
            answer(node, info)
        }
        // `commentsHasMore` and `has_more_comments` may be of something else, and must not end the rows.
        word if word.contains("hasmore") => answer(node, info).filter(|more| *more),
        _ => None,
    }
}

/// Whether a page says anywhere that it is done.
pub(super) fn is_done(info: &PageInfo<'_>) -> bool {
    nodes(info).any(|node| last(node) == "done" && answer(node, info) == Some(true))
}

/// Whether a value that has said that there is more says so no longer.
pub(super) fn takes_back(node: &Node, info: &PageInfo<'_>) -> bool {
    answer(node, info).is_some() && says_more(node, info) != Some(true)
}

/// A yes or no, as it may be written.
pub(super) fn answer(node: &Node, info: &PageInfo<'_>) -> Option<bool> {
    match node.value(info.body)? {
        Value::Bool(answer) => Some(answer),
        Value::Number(answer) if answer.as_u64() == Some(0) => Some(false),
        Value::Number(answer) if answer.as_u64() == Some(1) => Some(true),
        Value::String(answer) => answer.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// What leads to a next page in a way that is not known here: something under a name for it, and a cursor by another name.
fn hint(info: &PageInfo<'_>) -> Option<String> {
    let leads = |node: &&Node| {
        let (name, parent) = (last(node), parent(node));
        // An offset of nothing is that of the first page, which it says of itself.
        let is_text = text(node, info).is_some() && number(node, info) != Some(0);
        let is_lead = is_text || number(node, info).is_some_and(|number| number > 0);
        is_lead && (is_next(&name) || is_next(&parent))
            || is_text && around(node).any(|name| ["continue", "lastevaluatedkey"].contains(&name.as_str()))
            // `paging.cursors.after` stands on the last page as well.
            || is_text && CURSORS.contains(&name.as_str()) && parent != "cursors"
    };
    nodes(info).find(leads).or_else(|| link_in_list(info)).map(|node| node.path.join("."))
}

/// A list of links with the relation `next` among them, as OGC's APIs and those of Spring have it.
fn link_in_list<'a>(info: &PageInfo<'a>) -> Option<&'a Node> {
    let lists = info
        .own()
        .filter(|node| node.kind == Kind::Array && ["link", "links"].contains(&last(node).as_str()));
    lists.into_iter().find(|node| {
        let text = info.body.get(node.range.clone()).unwrap_or_default();
        let links: Vec<Value> = serde_json::from_slice(text).unwrap_or_default();
        let is_next =
            |link: &Value| ["rel", "relation"].iter().any(|key| link.get(*key) == Some(&"next".into()));
        links.iter().any(is_next)
    })
}

/// Whether a value has a name by which pages tell of themselves and of others.
pub(crate) fn tells_of_pages(node: &Node) -> bool {
    let name = last(node);
    let is_number = [&PAGE_COUNTS[..], &PAGE_NUMBERS, &TOTALS].concat().contains(&name.as_str());
    is_number || is_next(&name) || is_more(&name)
}

/// Whether a name is that of what leads to the next page.
pub(super) fn is_next(name: &str) -> bool {
    name.strip_prefix("next").is_some_and(|rest| NEXT.contains(&rest) || is_locator(rest))
}

/// Whether a name is that of a link.
fn is_locator(name: &str) -> bool {
    ["link", "url", "uri", "href"].iter().any(|kind| name.ends_with(kind))
}

/// Whether a name asks whether there is more: `has_more`, `more_records`, `moreItemsInCollection`, `is_there_more`. Not
/// `more_info` and `show_more`, which are about something else.
fn is_more(name: &str) -> bool {
    let rest = MORE_ASKED.iter().find_map(|asked| name.strip_prefix(asked)?.strip_prefix("more"));
    let is_of_rows = |rest: &str| rest.is_empty() || MORE_OF.iter().any(|rows| rest.starts_with(rows));
    MORE.contains(&name) || rest.is_some_and(is_of_rows)
}

/// What says for certain that there is a next page: a flag, a link or a cursor. Not a number of rows, which may be that of
/// others too.
pub(super) fn sign(info: &PageInfo<'_>) -> Option<String> {
    flag(info).or_else(|| lead(info))
}

/// What leads to a next page: a link, or else a cursor.
pub(super) fn lead(info: &PageInfo<'_>) -> Option<String> {
    let cursor = || nodes(info).find(|node| cursor_param(node, info).is_some());
    linked(info).or_else(|| cursor().map(|node| node.path.join(".")))
}

/// What leads to a next page by its address.
pub(super) fn linked(info: &PageInfo<'_>) -> Option<String> {
    let link = link::find(info.links, &next()).map(|_| "the header Link".to_owned());
    link.or_else(|| nodes(info).find(|node| is_link(node, info)).map(|node| node.path.join(".")))
}

/// A first page that tells its offset, its limit and how many rows there are is asked for the others by the same names.
fn offset(info: &PageInfo<'_>, of: Of) -> Option<Way> {
    let there = |node: &&Node| info.of(node) == of;
    let start = named(info, &OFFSETS).filter(there).find(|node| number(node, info) == Some(0))?;
    let size =
        named(info, &LIMITS).filter(there).find(|node| number(node, info).is_some_and(|size| size > 0))?;
    let total = totals(info).find(|node| number(node, info).is_some_and(|total| total > info.rows))?;
    let name = |node: &Node| node.path.last().cloned().unwrap_or_default();
    Some(Way::Offset {
        limit: number(size, info)?,
        first: 0,
        offset: 0,
        params: [name(start), name(size)],
        send_in: SendIn::Query,
        total: total.json_path().into(),
    })
}

/// How many rows there are in all, as the page says where it speaks of no less than that.
pub(super) fn sure_total(info: &PageInfo<'_>) -> Option<u64> {
    largest_total(info, is_sure)
}

/// The same where it can be nothing else: a mere `total` is the number of pages in some APIs, as in those that jqGrid reads,
/// unless they say how many rows a page has.
pub(super) fn unmistakable_total(info: &PageInfo<'_>) -> Option<u64> {
    let has_size = || named(info, &SIZES).any(|node| info.of(node) == Of::Rows);
    largest_total(info, |node| is_sure(node) && (last(node) != "total" || has_size()))
}

/// The largest of such numbers of rows, and of that in a header.
fn largest_total(info: &PageInfo<'_>, is_one: impl Fn(&Node) -> bool) -> Option<u64> {
    let numbers = totals(info).filter(|node| is_one(node)).filter_map(|node| number(node, info));
    numbers.chain(info.told.total).max()
}

/// Whether a number of rows is none of the page alone, as a `count` may be.
pub(super) fn is_sure(node: &Node) -> bool {
    last(node) != "count"
}

/// What may be the number of all rows.
pub(super) fn totals<'a>(info: &PageInfo<'a>) -> impl Iterator<Item = &'a Node> {
    let all = || nodes(info).filter(|node| is_total(node) && info.of(node) == Of::Rows);
    // Beside a usual name others may be of something else, unless that one may be of the page alone.
    let is_usual = |node: &&Node| {
        let name = last(node);
        is_sure(node) && name != "itemcount" && !OTHER_TOTALS.contains(&name.as_str())
    };
    let has_usual = all().any(|node| is_usual(&node));
    all().filter(move |node| !has_usual || is_usual(node))
}

/// Whether a name is that of the number of all rows; also `total.value`, as Elasticsearch has it, and `meta.hits`, as the New
/// York Times has it: `hits` around the rows may be those on a web page.
fn is_total(node: &Node) -> bool {
    match last(node).as_str() {
        "value" => TOTALS.contains(&parent(node).as_str()),
        "hits" => ABOUT_ROWS.contains(&parent(node).as_str()),
        name => TOTALS.contains(&name) || OTHER_TOTALS.contains(&name),
    }
}

/// Whether a page without a list says by each number of rows that it tells that there are none.
pub(crate) fn tells_none(outline: &Outline, body: &[u8], around: &[String]) -> bool {
    let is_own = |node: &&Node| Of::node(node, around, outline) != Of::Others;
    let is_number = |node: &&Node| is_total(node) || COUNTS.contains(&last(node).as_str());
    let numbers = outline.nodes.iter().filter(is_number).filter(is_own);
    let mut numbers = numbers.filter_map(|node| super::whole(&node.value(body)?)).peekable();
    numbers.peek().is_some() && numbers.all(|number| number == 0)
}

/// The scalars of the page that may tell of it, the shallowest first.
pub(super) fn nodes<'a>(info: &PageInfo<'a>) -> impl Iterator<Item = &'a Node> {
    let scalars = info.own().filter(|node| node.kind == Kind::Scalar);
    let mut nodes: Vec<&Node> = scalars.filter(|node| info.is_near(node)).collect();
    nodes.sort_by_key(|node| node.path.len());
    nodes.into_iter()
}

pub(super) fn named<'a>(
    info: &PageInfo<'a>,
    names: &'static [&'static str],
) -> impl Iterator<Item = &'a Node> {
    nodes(info).filter(|node| names.contains(&last(node).as_str()))
}

/// A name as the lists above have it: `@odata.nextLink` is `nextlink`.
pub(super) fn plain(name: &str) -> String {
    // The vocabulary before a name; that of `acme:next-order` is nobody else's.
    let name =
        ["@odata.", "hydra:", "opensearch:"].iter().find_map(|of| name.strip_prefix(of)).unwrap_or(name);
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) fn last(node: &Node) -> String {
    node.path.last().map(|name| plain(name)).unwrap_or_default()
}

fn parent(node: &Node) -> String {
    node.place().last().map(|name| plain(name)).unwrap_or_default()
}

/// The names of what a value stands in.
fn around(node: &Node) -> impl Iterator<Item = String> {
    node.place().iter().rev().map(|name| plain(name))
}

fn text(node: &Node, info: &PageInfo<'_>) -> Option<String> {
    match node.value(info.body)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

pub(super) fn number(node: &Node, info: &PageInfo<'_>) -> Option<u64> {
    super::whole(&node.value(info.body)?)
}

/// `next`, `next_url`, `@odata.nextLink`, `links.next`, `next.href`, `paging.next.link` with a URL, an absolute path or a
/// query in it.
fn is_link(node: &Node, info: &PageInfo<'_>) -> bool {
    let (name, parent) = (last(node), parent(node));
    let named = name.starts_with("next")
        || (matches!(name.as_str(), "href" | "url" | "uri" | "link") && parent.starts_with("next"));
    named && text(node, info).is_some_and(|text| text.starts_with("http") || text.starts_with(['/', '?']))
}

/// The parameter that takes a cursor back, as APIs that name it so call it.
fn cursor_param(node: &Node, info: &PageInfo<'_>) -> Option<String> {
    if text(node, info).is_none() && number(node, info).is_none() {
        return None;
    }
    let own = node.path.last()?;
    let param = match last(node).as_str() {
        "next" | "nextcursor" => "cursor",
        "nextpage" => "page",
        "nextoffset" => "offset",
        "nextpagetoken" if own.contains('_') => "page_token",
        "nextpagetoken" => "pageToken",
        "nexttoken" | "continuationtoken" => own,
        "nextmarker" => "marker",
        "after" if parent(node) == "next" => "after",
        _ => return None,
    };
    Some(param.to_owned())
}
