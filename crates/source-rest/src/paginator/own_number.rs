//! The number that a page gives itself. Where it stays as it was, the API does not know the parameter of the page, and gives
//! the first page for ever, though its rows may differ a little each time.

use stitchwork_core::{Error, Result};

use super::about::Of;
use super::names::PAGE_NUMBERS;
use super::{PageInfo, auto};
use crate::json::Node;
use crate::path::JsonPath;

/// Where pages say their number, and what the page before has said.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnNumber(Option<(JsonPath, u64)>);

impl OwnNumber {
    /// Takes in a page that was asked for by this number.
    ///
    /// # Errors
    /// It says that it is the page before.
    pub(super) fn check(&mut self, page: &PageInfo<'_>, asked: u64) -> Result<()> {
        // Pages are counted from none or from one, whatever they are asked for by.
        let fits = |number: &u64| number.abs_diff(asked) <= 1;
        if page.rows == 0 {
            return Ok(());
        }
        if page.is_first {
            let first = first(page).filter(|(_, number)| fits(number));
            self.0 = first.map(|(node, number)| (node.json_path(), number));
            return Ok(());
        }
        let Some((path, before)) = self.0.take() else { return Ok(()) };
        let Some(now) = page.number(&path) else { return Ok(()) };
        if now == before {
            return Err(stuck(&path, now, asked));
        }
        self.0 = Some((path, now)).filter(|(_, number)| fits(number));
        Ok(())
    }
}

/// The number that a first page gives itself. One of its rows is not that.
fn first<'a>(page: &PageInfo<'a>) -> Option<(&'a Node, u64)> {
    let mut numbers = auto::named(page, &PAGE_NUMBERS).filter(|node| page.of(node) == Of::Rows);
    let (node, number) = numbers.find_map(|node| Some((node, auto::number(node, page)?)))?;
    Some((node, number)).filter(|(node, number)| auto::last(node) != "number" || *number != page.rows)
}

fn stuck(path: &JsonPath, number: u64, asked: u64) -> Error {
    Error::invalid_data(
        "the page says that it is the one before, which would come twice: the API does not know the parameter of the page; \
         set `paginator` to `page_number` with the `param` that it knows (`single` takes one page only), or, if that number \
         is nothing to go by, point `total_pages` of `page_number` to where nothing is",
    )
    .with_context("field", path.keys().join("."))
    .with_context("number", number)
    .with_context("asked", asked)
}
