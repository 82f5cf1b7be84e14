//! What a request asks for, and the addresses of the pages around the answer.

use std::ops::Range;

use url::{Url, form_urlencoded};

use crate::timeline;

/// The events on a page when the request does not say, and at most; both as GitHub has them.
const DEFAULT_SIZE: usize = 30;
const LARGEST_SIZE: usize = 100;

/// The parameters of a request for events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// A parameter that cannot be understood: its name and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) field: &'static str,
    pub(crate) message: String,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A count; GitHub takes the default for what is no number, or zero, and the largest for what is larger.
    fn size(&self, name: &str) -> usize {
        let size = self.get(name).and_then(|text| text.parse().ok()).filter(|size| *size > 0);
        size.unwrap_or(DEFAULT_SIZE).min(LARGEST_SIZE)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    pub(crate) fn per_page(&self) -> usize {
        self.size("per_page")
    }

    pub(crate) fn limit(&self) -> usize {
        self.size("limit")
    }

    /// The number of the page, from 1.
    pub(crate) fn page(&self) -> usize {
        self.number("page").unwrap_or(1).max(1)
    }

    pub(crate) fn offset(&self) -> usize {
        self.number("offset").unwrap_or(0)
    }

    /// The second from which on events are wanted.
    pub(crate) fn since(&self) -> Result<Option<i64>, Invalid> {
        let Some(text) = self.get("since").filter(|text| !text.is_empty()) else { return Ok(None) };
        match timeline::parse_second(text) {
            Some(second) => Ok(Some(second)),
            None => Err(Invalid { field: "since", message: format!("{text:?} is not an RFC 3339 time") }),
        }
    }

    /// Whether the newest events come first.
    pub(crate) fn newest_first(&self) -> Result<bool, Invalid> {
        match self.get("direction") {
            None | Some("" | "asc") => Ok(false),
            Some("desc") => Ok(true),
            Some(other) => {
                Err(Invalid { field: "direction", message: format!("{other:?} is neither asc nor desc") })
            }
        }
    }

    /// The address of the same request with some parameters set, and one that is secret left out.
    pub(crate) fn address(&self, base: &Url, path: &str, set: &[(&str, &str)], secret: &str) -> String {
        let mut url = base.clone();
        url.set_path(path);
        let kept =
            self.pairs.iter().filter(|(key, _)| key != secret && !set.iter().any(|(name, _)| name == key));
        url.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(set);
        url.into()
    }
}

/// The events that a request ranges over: a part of the stream, in one of two directions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    /// The first event of the stream that is wanted.
    pub(crate) first: usize,
    /// The length of the stream.
    pub(crate) end: usize,
    pub(crate) newest_first: bool,
}

impl Selection {
    /// How many events are selected.
    pub(crate) fn total(&self) -> usize {
        self.end.saturating_sub(self.first)
    }

    /// The indices in the stream of the selected events from `offset` on, `size` at most.
    pub(crate) fn indices(&self, offset: usize, size: usize) -> Vec<usize> {
        let Range { start, end } = offset.min(self.total())..offset.saturating_add(size).min(self.total());
        if self.newest_first {
            (start..end).map(|place| self.end - 1 - place).collect()
        } else {
            (start..end).map(|place| self.first + place).collect()
        }
    }

    /// The number of pages of a size.
    pub(crate) fn pages(&self, size: usize) -> usize {
        self.total().div_ceil(size.max(1))
    }
}

/// The relations of a `Link` header (RFC 8288) for one page, as GitHub orders them, with their page numbers.
pub(crate) fn relations(page: usize, pages: usize) -> Vec<(&'static str, usize)> {
    let mut relations = Vec::new();
    if page > 1 {
        // Before a page beyond the end comes the last one that there is.
        relations.push(("prev", (page - 1).min(pages.max(1))));
    }
    if page < pages {
        relations.push(("next", page + 1));
        relations.push(("last", pages));
    }
    if page > 1 {
        relations.push(("first", 1));
    }
    relations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_pages_are_read_as_github_does() {
        let sizes =
            [("", 30), ("per_page=7", 7), ("per_page=500", 100), ("per_page=0", 30), ("per_page=x", 30)];
        for (query, size) in sizes {
            assert_eq!(Query::parse(query).per_page(), size, "{query}");
        }
        assert_eq!(Query::parse("page=0").page(), 1);
        assert_eq!(Query::parse("page=-3").page(), 1);
        assert_eq!(Query::parse("page=12").page(), 12);
        assert_eq!(Query::parse("since=2024-01-01T00%3A00%3A00Z").since(), Ok(Some(1_704_067_200)));
        assert_eq!(Query::parse("since=now").since().unwrap_err().field, "since");
        assert_eq!(Query::parse("direction=desc").newest_first(), Ok(true));
        assert_eq!(Query::parse("direction=up").newest_first().unwrap_err().field, "direction");
    }

    #[test]
    fn a_selection_is_cut_into_pages() {
        let rising = Selection { first: 3, end: 10, newest_first: false };
        assert_eq!(rising.indices(0, 5), [3, 4, 5, 6, 7]);
        assert_eq!(rising.indices(5, 5), [8, 9]);
        assert!(rising.indices(7, 5).is_empty());
        assert!(rising.indices(usize::MAX, usize::MAX).is_empty());
        assert_eq!((rising.pages(5), rising.pages(7), rising.pages(8)), (2, 1, 1));
        let falling = Selection { newest_first: true, ..rising };
        assert_eq!(falling.indices(0, 5), [9, 8, 7, 6, 5]);
        assert_eq!(falling.indices(5, 5), [4, 3]);
    }

    #[test]
    fn relations_are_those_that_exist() {
        assert!(relations(1, 1).is_empty());
        assert!(relations(1, 0).is_empty());
        assert_eq!(relations(1, 3), [("next", 2), ("last", 3)]);
        assert_eq!(relations(2, 3), [("prev", 1), ("next", 3), ("last", 3), ("first", 1)]);
        assert_eq!(relations(3, 3), [("prev", 2), ("first", 1)]);
        assert_eq!(relations(9, 3), [("prev", 3), ("first", 1)]);
    }

    #[test]
    fn addresses_keep_the_other_parameters_and_drop_the_secret() {
        let base = Url::parse("http://127.0.0.1:80").unwrap();
        let query = Query::parse("since=2024-01-01T00%3A00%3A00Z&page=1&api_key=secret");
        let address = query.address(&base, "/events", &[("page", "2")], "api_key");
        assert_eq!(address, "http://127.0.0.1/events?since=2024-01-01T00%3A00%3A00Z&page=2");
    }
}
