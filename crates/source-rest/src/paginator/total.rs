//! Numbers of all rows or pages, where the settings say that they are.

use super::names::{HEADER, PAGE_NUMBERS};
use super::{PageInfo, auto};
use crate::json::Node;
use crate::path::JsonPath;

/// Where a page says how many rows or pages there are, and how many a page has told of.
#[derive(Debug, Clone)]
pub(super) struct Total {
    pub(super) path: JsonPath,
    told: Option<u64>,
    /// Whether a header has told it.
    is_in_header: bool,
    /// Whether it is the number of the last page, where the first one has the number 0.
    is_from_zero: bool,
    /// How many rows the first page had.
    first_rows: u64,
}

impl From<JsonPath> for Total {
    fn from(path: JsonPath) -> Self {
        Self { path, told: None, is_in_header: false, is_from_zero: false, first_rows: 0 }
    }
}

impl Total {
    /// Whether the pages end with this one, after so many rows or pages: with the number that was told last, in the page or, where
    /// it has none, in a header; or with a page without rows.
    pub(super) fn is_reached(&mut self, read: u64, page: &PageInfo<'_>, header: Option<u64>) -> bool {
        if page.is_first {
            self.is_from_zero = self.is_from_zero(page);
        }
        // Where all rows came, there is no page behind the one of that number, whatever it means; the total of a page is that
        // of its own rows in some APIs.
        let is_of_all = |total: u64| total <= page.read && (page.rows == 0 || total > page.rows);
        let all_came = || auto::sure_total(page).is_some_and(is_of_all);
        let more = u64::from(self.is_from_zero && !all_came());
        let now =
            page.number(&self.path).filter(|_| !self.is_least(page)).map(|all| all.saturating_add(more));
        // A number that is less than what came is that of something else.
        let of_all = |all: &u64| *all >= read;
        if let Some(now) = now.filter(of_all) {
            (self.told, self.is_in_header) = (Some(now), false);
        } else if let Some(now) = header.filter(of_all) {
            (self.told, self.is_in_header) = (Some(now), true);
        }
        page.rows == 0 || self.told.is_some_and(|all| read >= all)
    }

    /// Whether no number of pages was told, and all rows have come that a page tells of, which are more than its own. Where it
    /// tells of them by a mere `total`, that may be the number of pages: a page that is not as full as the first one is the
    /// last in any case, and behind so many pages there is none.
    pub(super) fn all_came(&mut self, pages: u64, page: &PageInfo<'_>) -> bool {
        if page.is_first {
            self.first_rows = page.rows;
        }
        if self.told.is_some() {
            return false;
        }
        let is_it = |total: &u64| *total == page.read && *total > page.rows;
        if auto::unmistakable_total(page).is_some_and(|total| is_it(&total)) {
            return true;
        }
        let total = auto::sure_total(page);
        if total.is_some_and(|total| total > page.rows && total < page.read && pages >= total) {
            tracing::warn!(
                url = page.shown_url,
                total,
                rows = page.read,
                "more rows came than `total` says, so that it is taken for the number of pages, of which this is the last; if \
                 rows came twice, let `total_pages` of `page_number` point to the number of pages, or use another paginator"
            );
            return true;
        }
        total.is_some_and(|total| is_it(&total) && page.rows < self.first_rows)
    }

    /// Whether there may be more than so many, as Elasticsearch says of ten thousand.
    fn is_least(&self, page: &PageInfo<'_>) -> bool {
        let around = self.path.keys().split_last().map(|(_, around)| around).unwrap_or_default();
        let is_it = |node: &Node| node.place() == around && auto::last(node) == "relation";
        page.own().any(|node| is_it(node) && node.value(page.body).is_some_and(|relation| relation == "gte"))
    }

    /// Whether a first page calls itself 0 beside the number of the last page, which is then one less than how many there are.
    fn is_from_zero(&self, page: &PageInfo<'_>) -> bool {
        let Some((name, around)) = self.path.keys().split_last() else { return false };
        let is_beside = |node: &&Node| node.place() == around;
        let own = auto::named(page, &PAGE_NUMBERS).filter(is_beside);
        let mut own = own.filter_map(|node| auto::number(node, page)).peekable();
        auto::plain(name) == "lastpage" && own.peek().is_some() && own.all(|number| number == 0)
    }

    /// What was told, what was read and where it was told, where that is more.
    pub(super) fn missing(&self, read: u64) -> Option<(u64, u64, String)> {
        let told = self.told.filter(|all| read < *all)?;
        let place = if self.is_in_header { HEADER.to_owned() } else { self.path.keys().join(".") };
        Some((told, read, place))
    }
}
