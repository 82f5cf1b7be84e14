//! Where a page tells of itself: around its rows, and in what is about them. Elsewhere it tells of other things, which have
//! their own pages, numbers and flags.

use super::PageInfo;
use super::auto::{is_next, plain};
use super::names::ABOUT_ROWS;
use crate::json::{Node, Outline};

/// Of what a value tells, as the names around it have it; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the rows: it stands around them, or in what has a usual name for it there.
    Rows,
    /// Likely of pages, by names such as `result_info`, which other things have as well.
    Pages,
    /// Of something else, such as `comments.paging` and `labels.pageInfo`.
    Others,
}

impl Of {
    /// What a value tells of where the rows stand in `around`.
    pub(crate) fn node(node: &Node, around: &[String], outline: &Outline) -> Self {
        let place = node.place();
        if around.starts_with(place) || outline.is_beside(node) {
            return Self::Rows;
        }
        let inside = (1..=place.len()).filter_map(|depth| place.get(..depth));
        let names = inside.filter(|keys| !around.starts_with(keys)).filter_map(<[String]>::last);
        let names: Vec<String> = names.map(|name| plain(name)).collect();
        let Some((own, above)) = names.split_last() else { return Self::Rows };
        if !above.iter().all(|name| is_about_pages(name)) {
            Self::Others
        } else if ABOUT_ROWS.contains(&own.as_str()) || is_next(own) {
            Self::Rows
        } else if is_about_pages(own) {
            Self::Pages
        } else {
            Self::Others
        }
    }
}

fn is_about_pages(name: &str) -> bool {
    ABOUT_ROWS.contains(&name)
        || is_next(name)
        || ["meta", "pagin", "nav", "cursor"].iter().any(|part| name.contains(part))
        || name.starts_with("page")
        || name.ends_with("info")
}

impl PageInfo<'_> {
    /// What a value tells of.
    pub(super) fn of(&self, node: &Node) -> Of {
        Of::node(node, self.around, self.outline)
    }

    /// Whether a value stands where pages tell of themselves: near their root, or around the rows and in what is about them
    /// there, however deep, as GraphQL has it.
    pub(super) fn is_near(&self, node: &Node) -> bool {
        let place = node.place();
        let beside = || place.split_last().is_some_and(|(_, beside)| self.around.starts_with(beside));
        let is_about = || place.last().is_some_and(|name| ABOUT_ROWS.contains(&plain(name).as_str()));
        node.path.len() <= 3 || self.around.starts_with(place) || is_about() && beside()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::JsonPath;

    #[test]
    fn what_a_value_tells_of_is_seen_by_the_names_around_it() {
        let body = r#"{"a": 1, "meta": {"a": 1, "own_meta": {"a": 1}}, "result_info": {"a": 1, "paging": {"a": 1}},
            "_links": {"next": {"a": 1}}, "comments": {"a": 1, "paging": {"a": 1}},
            "data": {"a": 1, "pageInfo": {"a": 1}, "labels": {"pageInfo": {"a": 1}}, "orders": {"nodes": [{}]}}}"#;
        let outline = Outline::of(body.as_bytes()).unwrap();
        let around = ["data".to_owned(), "orders".to_owned()];
        for (path, of) in [
            ("a", Of::Rows),
            ("data.a", Of::Rows),
            ("meta.a", Of::Rows),
            ("_links.next.a", Of::Rows),
            ("data.pageInfo.a", Of::Rows),
            ("result_info.paging.a", Of::Rows),
            ("result_info.a", Of::Pages),
            ("meta.own_meta.a", Of::Pages),
            ("comments.a", Of::Others),
            ("comments.paging.a", Of::Others),
            ("data.labels.pageInfo.a", Of::Others),
        ] {
            let node = outline.get(&JsonPath::parse(path).unwrap()).unwrap();
            assert_eq!(Of::node(node, &around, &outline), of, "{path}");
        }
    }
}
