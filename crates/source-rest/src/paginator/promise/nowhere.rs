//! Pages with rows that are the last ones by their link, their cursor or their number, though they say that there are more:
//! the rows behind them would be missed in silence.

use stitchwork_core::{Error, Result};

use super::super::about::Of;
use super::super::names::HEADER;
use super::super::said::{self, Number, Said};
use super::super::{PageInfo, Way, auto, link};
use super::Promise;
use crate::json::Node;

impl Promise {
    /// Whether the stream may end with this page, which has rows, and from which no link and no cursor leads on. A number of
    /// rows that is not reached is but a warning: some rows may have gone, or not been asked for.
    ///
    /// # Errors
    /// The page says that there are more; or it is the first one, and has another way to them.
    pub(in super::super) fn check_nowhere(&self, page: &PageInfo<'_>, way: &Way) -> Result<()> {
        if let Way::PageNumber { .. } = way {
            return Self::check_number(page, way);
        }
        let is_led = matches!(way, Way::HeaderLink { .. } | Way::JsonLink { .. } | Way::Cursor { .. });
        if !is_led || page.says_last(way.sign()) || self.is_deaf(page, way) {
            return Ok(());
        }
        let said = Said::of(page, way);
        let total = said.rows.as_ref().filter(|rows| rows.is_sure).or(self.rows.as_ref());
        let total = total.filter(|rows| rows.is_sure);
        // What the settings name is asked first, and the number of all rows says more than any flag.
        if total.is_some_and(|rows| rows.all == page.read) || !own_more(page, way) && says_last(page, way) {
            return Ok(());
        }
        if let Some(sign) = said.more.or_else(|| other_way(page, way)) {
            return Err(left_out(&sign));
        }
        if let Some(total) = total.filter(|rows| rows.all > page.read && !is_absent(page, way)) {
            warn(page, total);
        }
        Ok(())
    }
}

impl Promise {
    /// Whether the stream may end with this page, which has rows and the last number, where that is one of the page.
    ///
    /// # Errors
    /// The page says that there are more.
    fn check_number(page: &PageInfo<'_>, way: &Way) -> Result<()> {
        let total = said::all_rows(page).filter(|rows| rows.is_sure);
        if total.as_ref().is_some_and(|total| total.all == page.read) || says_last(page, way) {
            return Ok(());
        }
        let is_own = |node: &&Node| auto::last(node) != "done" && page.of(node) == Of::Rows;
        let sign = auto::more(page).find(is_own).map(|node| node.path.join("."));
        match sign.or_else(|| (page.told.more == Some(true)).then(|| HEADER.to_owned())) {
            Some(sign) => Err(more_than_told(&sign)),
            None => {
                total.filter(|total| total.all > page.read).iter().for_each(|total| warn(page, total));
                Ok(())
            }
        }
    }
}

/// Whether the page says that there are more where the settings look for it.
fn own_more(page: &PageInfo<'_>, way: &Way) -> bool {
    way.sign().is_some_and(|path| page.says(path) == Some(true))
}

/// Whether the page says anywhere that it is the last one, by more than by a link that is false.
fn says_last(page: &PageInfo<'_>, way: &Way) -> bool {
    page.told.more == Some(false) || auto::ends(page, way.lead()).any(|node| auto::last(node) != "next")
}

/// Another way to the next page than that by a `Link`, which one page alone does not have: it shows that the first page is not
/// the only one. That of a key that is missing is looked for where it is.
fn other_way(page: &PageInfo<'_>, way: &Way) -> Option<String> {
    let Way::HeaderLink { rel, .. } = way else { return None };
    if !page.is_first || link::leads_nowhere(page.links, rel) {
        return None;
    }
    page.told.next_page.then(|| HEADER.to_owned()).or_else(|| auto::lead(page))
}

/// Whether the first page has nothing where the next one should be named, which is warned of there.
fn is_absent(page: &PageInfo<'_>, way: &Way) -> bool {
    let (Way::JsonLink { path, .. } | Way::Cursor { path, .. }) = way else { return false };
    page.is_first && page.outline.get(path).is_none()
}

fn left_out(sign: &str) -> Error {
    Error::invalid_data(
        "the page says that there are more, but its link or cursor leads to none; run again later, correct where the \
         `paginator` looks for it (`path`, `rel`), or, if what the page says is nothing to go by, point `has_more` of the \
         `paginator` to where nothing is (`single` takes the first page only)",
    )
    .with_context("says_more", sign)
}

fn more_than_told(sign: &str) -> Error {
    Error::invalid_data(
        "the page says that there are more, but has the last number that the API has told; correct `total_pages` of \
         `page_number`, or, if the flag is nothing to go by, point `total_pages` to where nothing is, so that the first page \
         without rows is the end",
    )
    .with_context("says_more", sign)
}

fn warn(page: &PageInfo<'_>, total: &Number) {
    tracing::warn!(
        url = page.shown_url,
        field = total.place,
        told = total.all,
        read = page.read,
        "no link, no cursor and no number leads on, though the API has told of more rows than were read; if they are none \
         that have gone or were not asked for, correct the `paginator`, and if the number is nothing to go by, point its \
         `has_more` (`total_pages` of `page_number`) to where nothing is"
    );
}
