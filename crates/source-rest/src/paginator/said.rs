//! What a page says of the pages behind it.

use super::about::Of;
use super::names::{CURSORS, HEADER, PAGE_COUNTS};
use super::{PageInfo, Way, auto, link, whole};
use crate::json::{Kind, Node};
use crate::path::JsonPath;

/// What a page says of the pages behind it. A link or a cursor alone is none of it: many APIs have one on each page.
#[derive(Debug)]
pub(super) struct Said {
    /// Where it says that there are more.
    pub(super) more: Option<String>,
    /// Whether it says that there are none.
    pub(super) ends: bool,
    pub(super) rows: Option<Number>,
    pub(super) pages: Option<Number>,
}

/// How many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    pub(super) all: u64,
    /// Where that stands.
    pub(super) place: String,
    /// Whether it is none of the page alone, as a `count` may be.
    pub(super) is_sure: bool,
}

impl Number {
    fn new(all: u64, node: Option<&Node>) -> Self {
        let place = node.map_or_else(|| HEADER.to_owned(), place);
        Self { all, place, is_sure: node.is_none_or(auto::is_sure) }
    }
}

impl Said {
    pub(super) fn of(page: &PageInfo<'_>, way: &Way) -> Self {
        let own = way.flag();
        let own_more = || own.filter(|path| page.says(path) == Some(true)).map(|path| path.keys().join("."));
        let header = || (page.told.more == Some(true)).then(|| HEADER.to_owned());
        let in_body = || flag(page).map(place);
        let pages = all_pages(page).map(|(all, node)| (all, Some(node)));
        Self {
            more: own_more().or_else(in_body).or_else(header),
            ends: page.told.more == Some(false) || says_end(page, own, way),
            rows: all_rows(page),
            pages: pages.or(page.told.pages.map(|all| (all, None))).map(|(all, node)| Number::new(all, node)),
        }
    }
}

fn place(node: &Node) -> String {
    node.path.join(".")
}

/// Where a page says that there are more. Of the things around and beside the rows some are not done, too.
fn flag<'a>(page: &PageInfo<'a>) -> Option<&'a Node> {
    auto::more(page).find(|node| auto::last(node).starts_with("has") || page.of(node) != Of::Others)
}

/// Whether the page says that it is the last one: by a flag, by nothing where the next one is named, or by a link that
/// leads nowhere.
fn says_end(page: &PageInfo<'_>, own: Option<&JsonPath>, way: &Way) -> bool {
    page.says_last(own)
        || auto::ends(page, way.lead()).next().is_some()
        || auto::is_done(page)
        || page.own().any(|node| is_blank_lead(node, page) && page.is_near(node))
        || leads_nowhere(page, way)
}

/// Whether a node has a name for what leads to the next page, and nothing in it.
fn is_blank_lead(node: &Node, page: &PageInfo<'_>) -> bool {
    let name = auto::last(node);
    let is_lead = auto::is_next(&name) || CURSORS.contains(&name.as_str());
    let is_blank = || match node.kind {
        Kind::Null => true,
        Kind::Scalar => node.value(page.body).is_some_and(|value| value == "" || value == false),
        Kind::Object | Kind::Array => page.is_hollow(node),
    };
    is_lead && is_blank()
}

/// Whether the paginator's own way to the next page is there and has no end but this one.
fn leads_nowhere(page: &PageInfo<'_>, way: &Way) -> bool {
    match way {
        Way::HeaderLink { rel, .. } => link::leads_nowhere(page.links, rel),
        Way::JsonLink { path, .. } | Way::Cursor { path, .. } => {
            let lead = page.outline.get(path).map(|_| page.lead(path));
            matches!(lead, Some(Ok(lead)) if lead.as_ref().is_none_or(|lead| whole(lead) == Some(0)))
        }
        _ => false,
    }
}

/// How many rows there are in all, as the page says.
pub(super) fn all_rows(page: &PageInfo<'_>) -> Option<Number> {
    let named = auto::totals(page).filter_map(|node| Some((auto::number(node, page)?, Some(node))));
    let numbers = named.chain(page.told.total.map(|total| (total, None)));
    numbers.map(|(all, node)| Number::new(all, node)).max_by_key(|number| (number.all, number.is_sure))
}

fn all_pages<'a>(page: &PageInfo<'a>) -> Option<(u64, &'a Node)> {
    let mut counts = auto::named(page, &PAGE_COUNTS).filter(|node| page.of(node) == Of::Rows);
    counts.find_map(|node| Some((auto::number(node, page)?, node)))
}
