//! Finds the parts of a page in its bytes, so that rows are passed on as they came.

mod failure;
mod guess;
mod inside;
mod rows;

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};
use serde_json::Value;
use stitchwork_core::{Error, Result};

pub(crate) use self::failure::{Usual, failed, incomplete};
pub(crate) use self::rows::{RowSpan, row_spans, wrap_rows};
use crate::path::JsonPath;

/// Objects below this depth are not looked into.
pub(crate) const DEEPEST: usize = 32;
/// What kind of value stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Null,
    Scalar,
}

impl Kind {
    fn of(peek: Peek) -> Self {
        match peek {
            Peek::Object => Self::Object,
            Peek::Array => Self::Array,
            Peek::Null => Self::Null,
            _ => Self::Scalar,
        }
    }
}

/// A value outside of arrays.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
    /// The kind of the first item of an array.
    first: Option<Kind>,
}

/// All values of a page that are outside of arrays, with their places, and those inside that were asked for.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) nodes: Vec<Node>,
    /// Whether it is a list of what is told of the page and of its rows.
    is_pair: bool,
}

/// Where the rows of a page are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowsAt {
    /// An array of rows.
    Array(Range<usize>),
    /// One row.
    Object(Range<usize>),
    /// There are none.
    Nowhere,
}

impl Outline {
    /// Reads a page once, from its first to its last byte.
    pub(crate) fn of(body: &[u8]) -> Result<Self> {
        let mut nodes = vec![];
        let mut jiter = Jiter::new(body);
        let read = walk(&mut jiter, body, &mut vec![], &mut nodes).and_then(|()| jiter.finish());
        read.map_err(|error| broken(&error, body))?;
        let mut outline = Self { nodes, is_pair: false };
        outline.open_pair(body)?;
        Ok(outline)
    }

    pub(crate) fn get(&self, path: &JsonPath) -> Option<&Node> {
        self.nodes.iter().rev().find(|node| node.path == path.keys())
    }

    /// The scalar at a path; `Null` for one that is null.
    pub(crate) fn scalar(&self, body: &[u8], path: &JsonPath) -> Option<Value> {
        self.get(path).and_then(|node| node.value(body))
    }

    /// What is at the path of the rows.
    pub(crate) fn rows(&self, path: &JsonPath) -> Result<RowsAt> {
        let node = self.get(path).ok_or_else(|| {
            let message = "the page has nothing where `data_selector` points; correct it, or, if the API leaves the list out \
                 where it would be empty, set `on_missing_rows` of the stream to `empty`";
            Error::invalid_data(message)
                .with_context("path", path.keys().join("."))
                .with_context("found", self.keys())
        })?;
        match node.kind {
            Kind::Array => Ok(RowsAt::Array(node.range.clone())),
            // What some servers write for an empty list.
            Kind::Object if self.fields(path.keys()).next().is_none() => Ok(RowsAt::Nowhere),
            Kind::Object => Ok(RowsAt::Object(node.range.clone())),
            Kind::Null => Ok(RowsAt::Nowhere),
            Kind::Scalar => {
                Err(Error::invalid_data("where the rows should be there is neither a list nor an object")
                    .with_context("path", node.path.join(".")))
            }
        }
    }

    /// The fields of an object.
    pub(crate) fn fields<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.path.len() > path.len() && node.place() == path)
    }

    /// The keys of the root, for messages.
    fn keys(&self) -> String {
        let keys: Vec<&str> =
            self.nodes.iter().filter(|n| n.path.len() == 1).take(20).map(|n| n.path[0].as_str()).collect();
        keys.join(",")
    }
}

impl Node {
    /// Where it is.
    pub(crate) fn json_path(&self) -> JsonPath {
        JsonPath::of(&self.path.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The path to what it stands in.
    pub(crate) fn place(&self) -> &[String] {
        self.path.split_last().map(|(_, around)| around).unwrap_or_default()
    }

    /// Whether it is a list that has objects, or nothing.
    pub(crate) fn may_have_rows(&self) -> bool {
        self.kind == Kind::Array && matches!(self.first, None | Some(Kind::Object))
    }

    /// Its own name in lower case; empty for the root.
    fn name(&self) -> String {
        self.path.last().map(|name| name.to_ascii_lowercase()).unwrap_or_default()
    }

    /// The value, where it is a scalar or null.
    pub(crate) fn value(&self, body: &[u8]) -> Option<Value> {
        match self.kind {
            Kind::Null | Kind::Scalar => serde_json::from_slice(body.get(self.range.clone())?).ok(),
            Kind::Object | Kind::Array => None,
        }
    }
}

fn walk(
    jiter: &mut Jiter<'_>,
    body: &[u8],
    path: &mut Vec<String>,
    nodes: &mut Vec<Node>,
) -> std::result::Result<(), JiterError> {
    let peek = jiter.peek()?;
    let (kind, start, place) = (Kind::of(peek), jiter.current_index(), nodes.len());
    nodes.push(Node { path: path.clone(), kind, range: start..start, first: None });
    if kind == Kind::Object && path.len() < DEEPEST {
        let mut key = jiter.known_object()?.map(str::to_owned);
        while let Some(name) = key {
            path.push(name);
            walk(jiter, body, path, nodes)?;
            path.pop();
            key = jiter.next_key()?.map(str::to_owned);
        }
    } else {
        jiter.known_skip(peek)?;
    }
    let range = start..jiter.current_index();
    let first =
        if kind == Kind::Array { first_kind(body.get(range.clone()).unwrap_or_default()) } else { None };
    if let Some(node) = nodes.get_mut(place) {
        (node.range, node.first) = (range, first);
    }
    Ok(())
}

fn first_kind(array: &[u8]) -> Option<Kind> {
    Jiter::new(array).next_array().ok().flatten().map(Kind::of)
}

fn broken(error: &JiterError, body: &[u8]) -> Error {
    let position = jiter::LinePosition::find(body, error.index);
    let message = if body.trim_ascii().is_empty() {
        "the answer is empty, where a page of JSON is wanted: see whether the path and the parameters of the stream are \
         those of the API, or ask it for JSON by a header `Accept: application/json`"
            .to_owned()
    } else {
        format!("the page is no valid JSON: {}", error.error_type)
    };
    Error::invalid_data(message).with_context("line", position.line).with_context("column", position.column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(body: &str, selector: Option<&str>) -> Option<String> {
        let outline = Outline::of(body.as_bytes()).unwrap();
        let path = match selector {
            Some(text) => JsonPath::parse(text).unwrap(),
            None => outline.find_rows(crate::Partial::Error).ok()?.json_path(),
        };
        match outline.rows(&path).ok()? {
            RowsAt::Array(range) | RowsAt::Object(range) => Some(body[range].to_owned()),
            RowsAt::Nowhere => Some(String::new()),
        }
    }

    #[test]
    fn the_rows_are_where_the_selector_points_or_the_shallowest_list_is() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(rows(r#" [ {"a":1} ] "#, None), some(r#"[ {"a":1} ]"#));
        assert_eq!(rows("[]", None), some("[]"));
        assert_eq!(rows(r#"{"n":1,"deep":{"x":[{}]},"list":[{"a":[]}]}"#, None), some(r#"[{"a":[]}]"#));
        assert_eq!(rows(r#"{"errors":[],"items":[]}"#, None), some("[]"));
        assert_eq!(rows(r#"{"warnings":[{"w":1}],"orders":[{"id":1}]}"#, None), some(r#"[{"id":1}]"#));
        assert_eq!(rows(r#"{"customers":[{"c":1}],"data":[]}"#, None), some("[]"));
        assert_eq!(rows(r#"{"tags":["a"],"found":[{"e":1}]}"#, None), some(r#"[{"e":1}]"#));
        assert_eq!(rows(r#"{"tags":["a"]}"#, None), None);
        assert_eq!(rows(r#"{"a":{"b":[1]},"items":[]}"#, Some("a.b")), some("[1]"));
        assert_eq!(rows(r#"{"a":1}"#, Some("$")), some(r#"{"a":1}"#));
        assert_eq!(rows(r#"{"a":null}"#, Some("a")), some(""));
        assert_eq!(rows(r#"{"a":1}"#, Some("a")), None);
        assert_eq!(rows(r#"{"a":1}"#, Some("b")), None);
    }

    #[test]
    fn broken_pages_are_told_with_their_place() {
        for body in ["", "{", "[{]", "{\"a\":1}{", "[1,]", "<html>"] {
            let error = Outline::of(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidData, "{body}");
            assert!(error.context("line").is_some());
            assert_eq!(error.message().contains("the answer is empty"), body.is_empty(), "{error}");
        }
    }
}
