//! Where a page tells of itself: around its rows, and in what is about them. Elsewhere it tells of other things, which have
//! their own pages, numbers and flags.

use super::PageInfo;
use super::auto::{is_next, last, plain};
use super::names::{ABOUT_ROWS, LIMITS, OFFSETS, PAGE_NUMBERS};
use crate::json::{Kind, Node, Outline};

/// Of what a value tells, as the names around it have it; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of the rows: it stands around them, or in what has a usual name for it there, or such as `result_info` that tells which
    /// page it is.
    Rows,
    /// Likely of pages, by names that other things have as well.
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
        } else if ABOUT_ROWS.contains(&own.as_str())
            || is_next(own)
            || is_about_pages(own) && has_page(place, outline)
        {
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

/// Whether what stands in one place tells which page it is of.
fn has_page(place: &[String], outline: &Outline) -> bool {
    let beside = outline.nodes.iter().filter(|node| node.place() == place && node.kind == Kind::Scalar);
    beside.into_iter().any(|node| {
        let name = last(node);
        // Many a thing has a number.
        name != "number" && [&PAGE_NUMBERS[..], &OFFSETS, &LIMITS].concat().contains(&name.as_str())
    })
}

impl<'a> PageInfo<'a> {
    /// What the page says itself, and not its only row.
    pub(super) fn own(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        let row = self.row;
        self.outline.nodes.iter().filter(move |node| row.is_none_or(|row| !node.path.starts_with(row)))
    }

    /// What a value tells of.
    pub(super) fn of(&self, node: &Node) -> Of {
        Of::node(node, self.around, self.outline)
    }

    /// Whether a value stands where pages tell of themselves: near their root, or around the rows and in what is about pages,
    /// however deep, as GraphQL has it.
    pub(super) fn is_near(&self, node: &Node) -> bool {
        node.path.len() <= 3 || self.of(node) != Of::Others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::JsonPath;

    #[test]
    fn what_a_value_tells_of_is_seen_by_the_names_around_it() {
        let body = r#"{"a": 1, "meta": {"a": 1, "own_meta": {"a": 1}}, "result_info": {"a": 1, "paging": {"a": 1}},
            "_links": {"next": {"a": 1}}, "page_data": {"a": 1, "limit": 3}, "navigation": {"a": 1}, "page_data_of": {"a": 1}, "next": {"a": 1, "meta": {"a": 1}}, "user": {"a": 1, "limit": 3},
            "book_info": {"a": 1, "number": 7}, "comments": {"a": 1, "paging": {"a": 1}},
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
            ("page_data.a", Of::Rows),
            ("next.a", Of::Rows),
            ("next.meta.a", Of::Rows),
            ("navigation.a", Of::Pages),
            ("page_data_of.a", Of::Pages),
            ("book_info.a", Of::Pages),
            ("user.a", Of::Others),
            ("result_info.a", Of::Pages),
            ("meta.own_meta.a", Of::Pages),
            ("comments.a", Of::Others),
            ("comments.paging.a", Of::Others),
            ("data.labels.pageInfo.a", Of::Others),
        ] {
            let node = outline.get(&JsonPath::parse(path).unwrap()).unwrap();
            assert_eq!(Of::node(node, &around, &outline), of, "{path}");
        }
        for (body, of) in
            [(r#"[{"page": 1}, [{}]]"#, Of::Rows), (r#"{"0": {"page": 1}, "1": [{}]}"#, Of::Others)]
        {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let node = outline.get(&JsonPath::parse("0.page").unwrap()).unwrap();
            assert_eq!(Of::node(node, &[], &outline), of, "{body}");
        }
    }
}
