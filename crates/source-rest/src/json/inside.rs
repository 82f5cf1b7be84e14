//! Values inside of lists: those that a number in a path names, and the two of a page that is a list of what is told of it and
//! of its rows, as the World Bank has it.

use std::ops::Range;

use jiter::{Jiter, JiterError};
use stitchwork_core::{Error, Result};

use super::{Kind, Node, Outline, broken, first_kind, walk};
use crate::paginator::tells_of_pages;
use crate::path::JsonPath;

/// Where the two of such a page are.
const ABOUT: &str = "0";
const ROWS: &str = "1";

impl Outline {
    /// Adds what is inside of lists on the way to these paths.
    pub(crate) fn open(&mut self, body: &[u8], paths: &[JsonPath]) -> Result<()> {
        for keys in paths.iter().map(JsonPath::keys) {
            for depth in 1..=keys.len() {
                let Some((item, list)) = keys.get(..depth).and_then(<[String]>::split_last) else { continue };
                let Some(index) = item.parse::<usize>().ok().filter(|_| !self.has(keys, depth)) else {
                    continue;
                };
                let is_list = |node: &&Node| node.path == list && node.kind == Kind::Array;
                let Some(list) = self.nodes.iter().rev().find(is_list).map(|list| list.range.clone()) else {
                    continue;
                };
                if let Some((_, place)) = items(body, &list, index.saturating_add(1)).get(index) {
                    self.add(body, place.clone(), keys.get(..depth).unwrap_or_default())?;
                }
            }
        }
        Ok(())
    }

    fn has(&self, keys: &[String], depth: usize) -> bool {
        self.nodes.iter().any(|node| keys.get(..depth).is_some_and(|keys| node.path == keys))
    }

    /// Adds the two of a page that is a list of an object and of a list of objects, or of null.
    pub(super) fn open_pair(&mut self, body: &[u8]) -> Result<()> {
        let Some(root) = self.nodes.first().filter(|root| root.first == Some(Kind::Object)) else {
            return Ok(());
        };
        let both = items(body, &root.range, 3);
        let [(Kind::Object, about), (Kind::Array | Kind::Null, rows)] = both.as_slice() else {
            return Ok(());
        };
        if matches!(first_kind(body.get(rows.clone()).unwrap_or_default()), None | Some(Kind::Object)) {
            self.add(body, about.clone(), &[ABOUT.to_owned()])?;
            self.add(body, rows.clone(), &[ROWS.to_owned()])?;
            self.is_pair = true;
        }
        Ok(())
    }

    /// Whether a value stands beside the rows of such a page.
    pub(crate) fn is_beside(&self, node: &Node) -> bool {
        self.is_pair && matches!(node.path.as_slice(), [about, _] if about == ABOUT)
    }

    /// The rows of such a page.
    ///
    /// # Errors
    /// Nothing tells that it is one.
    pub(super) fn paired_rows(&self) -> Result<Option<&Node>> {
        let rows = self.nodes.iter().find(|node| node.path == [ROWS]).filter(|_| self.is_pair);
        if self.nodes.iter().any(|node| self.is_beside(node) && tells_of_pages(node)) {
            return Ok(rows);
        }
        // Nulls are rows of their own in some lists.
        match rows.filter(|rows| rows.kind == Kind::Array) {
            Some(_) => Err(Error::invalid_data(
                "the page is a list of an object and a list; set `data_selector` (`1` for that list, `$` for the page itself)",
            )),
            None => Ok(None),
        }
    }

    /// Adds a value that is inside of a list, and what is in it.
    fn add(&mut self, body: &[u8], place: Range<usize>, path: &[String]) -> Result<()> {
        let (start, known) = (place.start, self.nodes.len());
        let value = body.get(place).unwrap_or_default();
        walk(&mut Jiter::new(value), value, &mut path.to_vec(), &mut self.nodes)
            .map_err(|error| broken(&error, value))?;
        for node in self.nodes.iter_mut().skip(known) {
            node.range = node.range.start + start..node.range.end + start;
        }
        Ok(())
    }
}

/// The first items of a list, with their kinds and places.
fn items(body: &[u8], list: &Range<usize>, most: usize) -> Vec<(Kind, Range<usize>)> {
    let mut items = vec![];
    // The list was read before, so that nothing in it is broken.
    let _ = each(body.get(list.clone()).unwrap_or_default(), most, |kind, item| {
        items.push((kind, item.start + list.start..item.end + list.start));
    });
    items
}

fn each(
    list: &[u8],
    most: usize,
    mut take: impl FnMut(Kind, Range<usize>),
) -> std::result::Result<(), JiterError> {
    let mut jiter = Jiter::new(list);
    let mut next = jiter.next_array()?;
    for _ in 0..most {
        let Some(peek) = next else { break };
        let start = jiter.current_index();
        jiter.known_skip(peek)?;
        take(Kind::of(peek), start..jiter.current_index());
        next = jiter.array_step()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Partial;
    use crate::json::RowsAt;

    fn rows(body: &str, path: &str) -> Option<String> {
        let path = JsonPath::parse(path).unwrap();
        let mut outline = Outline::of(body.as_bytes()).unwrap();
        outline.open(body.as_bytes(), std::slice::from_ref(&path)).unwrap();
        match outline.rows(&path).ok()? {
            RowsAt::Array(range) | RowsAt::Object(range) => Some(body[range].to_owned()),
            RowsAt::Nowhere => None,
        }
    }

    #[test]
    fn a_number_in_a_path_is_an_index_of_a_list() {
        let some = |text: &str| Some(text.to_owned());
        let body = r#"{"a": [ {"b":1}, {"b": [ {"c":2} ], "d":[[1, 2],[3]]} ], "0":{"1":[{"e":1}]}}"#;
        assert_eq!(rows(body, "a.0"), some(r#"{"b":1}"#));
        assert_eq!(rows(body, "a.1.b"), some(r#"[ {"c":2} ]"#));
        assert_eq!(rows(body, "$.a.1.b.0"), some(r#"{"c":2}"#));
        assert_eq!(rows(body, "a.1.d.0"), some("[1, 2]"));
        assert_eq!(rows(body, "0.1"), some(r#"[{"e":1}]"#), "keys may be numbers too");
        for nothing in
            ["a.2", "a.0.b", "a.b", "a.-1", "a.1.b.1", "a.99999999999999999999", "a.18446744073709551615"]
        {
            assert_eq!(rows(body, nothing), None, "{nothing}");
        }
        assert_eq!(rows(r#" [ 1 , [{"x":1}] ] "#, "1"), some(r#"[{"x":1}]"#));
    }

    #[test]
    fn a_list_of_an_object_and_a_list_has_its_rows_in_that() {
        let found = |body: &str| {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let rows = outline.find_rows(Partial::Error).map(|rows| rows.path.join("."));
            rows.map_err(|error| error.to_string())
        };
        for rows in ["[{}]", "[]", "null"] {
            assert_eq!(found(&format!(r#"[{{"page":1,"pages":5}},{rows}]"#)).unwrap(), "1", "{rows}");
        }
        for usual in [
            r#"[{"page":1},{"page":2}]"#,
            r#"[{"page":1},[1,2]]"#,
            r#"[{"page":1},[{}],{}]"#,
            r#"[{"page":1}]"#,
            r#"[{"id":1},null]"#,
            "[]",
        ] {
            assert_eq!(found(usual).unwrap(), "", "{usual}");
        }
        assert!(found(r#"[{"id":1},[{"id":2}]]"#).unwrap_err().contains("`1` for that list"));
    }
}
