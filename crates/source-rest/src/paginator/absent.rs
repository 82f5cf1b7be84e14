//! A page without the key that should lead to the next one. Many APIs leave it out on their last page, so that alone it says
//! nothing; on the first page it may also be mistyped, and then the rows of all other pages would be missed silently.

use stitchwork_core::{Error, Result};

use super::{PageInfo, auto};
use crate::json::{Kind, Node};
use crate::path::JsonPath;

/// What is wrong about a first page that has nothing at a path: an error where the key cannot be there, or where the page
/// says that there is more; a warning in all other cases.
pub(super) fn check(page: &PageInfo<'_>, path: &JsonPath) -> Result<()> {
    let said = |error: Error| {
        error.with_context("path", path.keys().join(".")).with_context("found", beside(page, path))
    };
    // Later it is the end, unless the page denies it, for which any end is held against what the pages say.
    if page.rows == 0 || !page.is_first {
        return Ok(());
    }
    if let Some(node) = in_the_way(page, path) {
        return Err(said(Error::invalid_data(
            "the paginator points into something that has no keys; correct its `path`, or set `paginator` to `single` \
             to take one page only",
        ))
        .with_context("at", shown(&node.path)));
    }
    // What the page as a row says of a next one is most likely what is looked for; where the page itself is the row, and has no
    // list of others, all but a link is of something else.
    let is_alone = page.row.is_some_and(<[String]>::is_empty) && !page.outline.has_list();
    let whole = PageInfo { row: None, ..*page };
    let sign = if is_alone { auto::linked(&whole) } else { auto::sign(&whole) };
    if let Some(sign) = sign {
        return Err(said(more()).with_context("says_more", sign));
    }
    if auto::is_done(page) {
        return Ok(());
    }
    tracing::warn!(
        url = page.shown_url,
        path = path.keys().join("."),
        found = beside(page, path),
        "the first page has nothing where the paginator looks for the next one, so it is taken for the only page; \
         if there are more, correct the `path` of the paginator"
    );
    Ok(())
}

fn more() -> Error {
    Error::invalid_data(
        "the page says that there are more, but has nothing where the paginator looks for the next one; correct the \
         `path` of the paginator (`single` takes this page only)",
    )
}

/// The last value on the way to the path, where it is neither an object nor null.
fn in_the_way<'a>(page: &PageInfo<'a>, path: &JsonPath) -> Option<&'a Node> {
    let nodes = &page.outline.nodes;
    let on_the_way =
        |node: &&Node| path.keys().starts_with(&node.path) && node.path.len() < path.keys().len();
    let last = nodes.iter().filter(on_the_way).max_by_key(|node| node.path.len());
    last.filter(|node| matches!(node.kind, Kind::Array | Kind::Scalar))
}

/// The keys of the object that should have the last key, or of the deepest one on the way to it.
fn beside(page: &PageInfo<'_>, path: &JsonPath) -> String {
    let nodes = &page.outline.nodes;
    let parents = path.keys().split_last().map_or(&[][..], |(_, parents)| parents);
    let is_object = |keys: &[String]| nodes.iter().any(|n| n.path == keys && n.kind == Kind::Object);
    let deepest =
        (0..=parents.len()).rev().filter_map(|depth| parents.get(..depth)).find(|keys| is_object(keys));
    let deepest = deepest.unwrap_or_default();
    let inside = |node: &&Node| node.path.len() == deepest.len() + 1 && node.path.starts_with(deepest);
    nodes.iter().filter(inside).take(20).map(|node| shown(&node.path)).collect::<Vec<_>>().join(",")
}

fn shown(path: &[String]) -> String {
    if path.is_empty() { "$".to_owned() } else { path.join(".") }
}
