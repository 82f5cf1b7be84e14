//! What the pages with rows have told of more. Where a page without rows comes instead, and does not say that it is the end,
//! the API is likely to have failed to give them: taken for the end, they would be passed over for ever.

mod nowhere;

use stitchwork_core::{Error, Result};

use super::said::{self, Number, Said};
use super::{PageInfo, Way, auto};
use crate::json::Node;

/// What the last page with rows has told of more, and how far the stream has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Promise {
    /// Where it has said that there are more.
    flag: Option<String>,
    /// The numbers that were told last; some APIs tell them once.
    rows: Option<Number>,
    pages: Option<Number>,
    read_pages: u64,
    /// How many rows the last page with rows had.
    last_rows: u64,
    /// Whether a page had something where the settings look for it.
    has_sign: bool,
}

impl Promise {
    /// Takes in a page behind which the stream goes on, or which has rows.
    pub(super) fn learn(&mut self, page: &PageInfo<'_>, way: &Way) {
        self.read_pages += 1;
        self.has_sign |= has_sign(page, way);
        if page.rows == 0 {
            return;
        }
        self.last_rows = page.rows;
        let said = Said::of(page, way);
        let is_last = |all: u64| auto::page_number(page).is_some_and(|number| number >= all);
        // A count that may be that of the page alone takes nothing back.
        let is_known = self.knows_all();
        self.rows = said.rows.filter(|rows| rows.is_sure || !is_known).or(self.rows.take());
        self.pages = said.pages.or(self.pages.take()).filter(|pages| !is_last(pages.all));
        // Newer than a number that some page before has told.
        if auto::says_end(page, way.lead()) || page.told.more == Some(false) {
            (self.rows, self.pages) = (None, None);
        }
        self.flag = said.more;
    }

    /// Whether a number of all rows was told that is none of a page alone.
    fn knows_all(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.is_sure)
    }

    /// Whether so many rows are all that a page has told of for certain.
    pub(super) fn is_kept(&self, read: u64) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.is_sure && rows.all == read)
    }

    /// Whether a page has no rows and tells that all were read. A `count` may be that of the page, which says nothing of the
    /// pages behind it; it is one of all rows where the page before told the same, and had fewer.
    pub(super) fn is_reached(&self, page: &PageInfo<'_>) -> bool {
        let is_of_all =
            |now: &Number| self.rows.as_ref().is_some_and(|rows| *rows == *now && rows.all > self.last_rows);
        let is_told = || {
            auto::sure_total(page).is_some_and(|total| total <= page.read)
                || said::all_rows(page).is_some_and(|now| now.all == page.read && is_of_all(&now))
        };
        page.rows == 0 && is_told()
    }

    /// Whether the stream may end with this page, which has no rows.
    ///
    /// # Errors
    /// More was told, and the page does not take it back.
    pub(super) fn check_end(&self, page: &PageInfo<'_>, way: &Way) -> Result<()> {
        if let Some((told, read, field)) = way.missing().filter(|_| !page.is_first) {
            return Err(broken(told, read, &field));
        }
        if self.is_deaf(page, way) || matches!(way, Way::Auto | Way::Single) {
            return Ok(());
        }
        let said = Said::of(page, way);
        if self.takes_back(&said, page) {
            return Ok(());
        }
        if let Some(field) = &said.more {
            return Err(broken("more", page.read, field));
        }
        if said.ends {
            return Ok(());
        }
        self.check_kept(&said, page)
    }

    /// Whether the very flag that said that there are more says something else.
    fn is_taken_back(&self, page: &PageInfo<'_>) -> bool {
        let is_it = |node: &Node| self.flag.as_ref().is_some_and(|flag| node.path.join(".") == *flag);
        page.own().any(|node| is_it(node) && auto::takes_back(node, page))
    }

    /// Whether somebody has pointed to where nothing is, who wants no promise to be kept.
    pub(super) fn is_deaf(&self, page: &PageInfo<'_>, way: &Way) -> bool {
        way.sign().is_some() && !self.has_sign && !has_sign(page, way)
    }

    /// Whether a page without rows says that there are no more than were read, or fewer than before.
    fn takes_back(&self, said: &Said, page: &PageInfo<'_>) -> bool {
        // A number elsewhere may be one of something else.
        let is_same =
            |now: &Number, before: &Number| now.place == before.place || now.is_sure && before.is_sure;
        let is_less = |now: &Number, before: &Option<Number>| {
            before.as_ref().is_some_and(|before| is_same(now, before) && now.all < before.all)
        };
        // A count may be that of this page, or of the rows that pages have at most.
        let rows = said.rows.as_ref().filter(|rows| rows.is_sure || rows.all > 0);
        rows.is_some_and(|rows| rows.is_sure && rows.all <= page.read || is_less(rows, &self.rows))
            || said.pages.as_ref().is_some_and(|pages| {
                said.more.is_none() && (pages.all <= self.read_pages || is_less(pages, &self.pages))
            })
    }

    /// Whether everything came that a page has told of.
    fn check_kept(&self, said: &Said, page: &PageInfo<'_>) -> Result<()> {
        if page.read == 0 {
            // The numbers of a stream without new rows may be those of all.
            return Ok(());
        }
        let is_known = self.knows_all();
        let now = said.rows.as_ref().filter(|rows| rows.all > 0 && (rows.is_sure || !is_known));
        if let Some(rows) = now.or(self.rows.as_ref()) {
            if rows.all > page.read {
                return Err(broken(rows.all, page.read, &rows.place));
            }
            // A flag that is always there says less; a number that is less than what came is that of something else.
            if rows.is_sure && rows.all == page.read {
                return Ok(());
            }
        }
        if let Some(pages) = said.pages.as_ref().or(self.pages.as_ref())
            && pages.all > self.read_pages
        {
            return Err(broken(pages.all, self.read_pages, &pages.place));
        }
        match &self.flag {
            Some(field) if !self.is_taken_back(page) => Err(broken("more", page.read, field)),
            _ => Ok(()),
        }
    }
}

/// Whether a page has something where the settings look for what it says.
fn has_sign(page: &PageInfo<'_>, way: &Way) -> bool {
    way.sign().is_some_and(|path| page.outline.get(path).is_some())
}

fn broken(told: impl ToString, read: u64, field: &str) -> Error {
    Error::invalid_data(
        "the page has no rows, though the API has told of more than were read; run again later, or, if what it told is \
         nothing to go by, point `has_more` (`total` of `offset`, `total_pages` of `page_number`) of the `paginator` to \
         where nothing is, so that the first page without rows is the end",
    )
    .with_context("field", field)
    .with_context("told", told.to_string())
    .with_context("read", read)
}
