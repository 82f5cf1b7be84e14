//! Where the rows of a page are that nobody has named.

use stitchwork_core::{Error, Result};

use super::{Kind, Node, Outline};
use crate::Partial;

/// The rows are looked for down to this depth when no selector says where they are.
const DEEPEST_ROWS: usize = 3;
/// The names of row lists that APIs commonly use; they win over others at the same depth.
const ROW_NAMES: [&str; 11] = [
    "data", "items", "results", "entries", "records", "rows", "entities", "payload", "content", "objects",
    "values",
];

/// The names of lists that are about a page, and its rows only where there is no other list.
const ASIDES: [&str; 5] = ["warnings", "messages", "link", "links", "included"];

impl Outline {
    /// The path of the rows that nobody has named, and what they are: the only list of objects at the least depth, or the
    /// only one there with a name that such lists have. A guess between two would lose one of them.
    /// Beside errors there are none, unless that is `partial`.
    pub(crate) fn find_rows(&self, partial: Partial) -> Result<&Node> {
        let ask = |message: &str| {
            Error::invalid_data(format!("{message}; set `data_selector` (`$` for the page itself)"))
                .with_context("found", self.keys())
        };
        let is_of_errors = |node: &Node| node.path.len() == 1 && node.name() == "errors";
        let tells = self.nodes.iter().any(|node| is_of_errors(node) && node.first.is_some());
        if tells && partial == Partial::Error {
            return Err(ask("the page tells of errors, which `on_errors: include` takes for granted"));
        }
        if let Some(rows) = self.paired_rows()? {
            return Ok(rows);
        }
        let fits = |node: &&Node| node.may_have_rows();
        let is_list =
            |node: &&Node| node.kind == Kind::Array && node.path.len() <= DEEPEST_ROWS && !is_of_errors(node);
        let is_aside = |node: &&Node| ASIDES.contains(&node.name().as_str());
        let are_asides = !self.nodes.iter().filter(is_list).any(|node| fits(&node) && !is_aside(&node));
        let lists = || self.nodes.iter().filter(is_list).filter(|node| are_asides || !is_aside(node));
        let Some(depth) = lists().filter(fits).map(|node| node.path.len()).min() else {
            return Err(ask("the page has no list of objects"));
        };
        let is_known = |node: &&Node| node.path.is_empty() || ROW_NAMES.contains(&node.name().as_str());
        let at_depth = || lists().filter(move |node| node.path.len() == depth);
        let names =
            |nodes: Vec<&Node>| nodes.iter().map(|node| node.path.join(".")).collect::<Vec<_>>().join(",");
        // A list of such a name counts even where it holds no objects: the others then are about it.
        let known: Vec<&Node> = at_depth().filter(is_known).collect();
        let all: Vec<&Node> = at_depth().filter(fits).collect();
        let only = match (known.as_slice(), all.as_slice()) {
            ([only], _) => only,
            ([], [only]) if !self.is_a_thing() => only,
            ([], [only]) => {
                return Err(ask("the page is a single object, with a list in it")
                    .with_context("list", only.path.join(".")));
            }
            ([], _) => return Err(ask("the page has several lists").with_context("lists", names(all))),
            (_, _) => return Err(ask("the page has several lists").with_context("lists", names(known))),
        };
        if fits(only) {
            Ok(only)
        } else {
            Err(ask("the list of the page has no objects").with_context("list", names(known)))
        }
    }

    /// Whether the page has a list of objects that may be its rows, or an empty one.
    pub(crate) fn has_list(&self) -> bool {
        self.nodes.iter().any(|node| node.may_have_rows() && !node.is_aside())
    }

    /// Whether the page has a list of objects that are about it.
    pub(crate) fn has_asides(&self) -> bool {
        self.nodes.iter().any(|node| node.first == Some(Kind::Object) && node.is_aside())
    }

    /// Whether the page is an object without any field.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.nodes.as_slice(), [root] if root.kind == Kind::Object)
    }

    /// Whether the page has an id, as what is one row itself has.
    fn is_a_thing(&self) -> bool {
        self.nodes.iter().any(|node| {
            node.path.len() == 1
                && node.kind == Kind::Scalar
                && ["id", "_id", "uuid", "guid"].contains(&node.name().as_str())
        })
    }
}

impl Node {
    /// Whether it has the name of lists that are about a page, or of errors.
    pub(super) fn is_aside(&self) -> bool {
        ASIDES.contains(&self.name().as_str()) || self.name() == "errors"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_not_guessed_between_two_lists() {
        for (body, about) in [
            (r#"{"orders":[],"customers":[{"c":1}]}"#, "orders,customers"),
            (r#"{"0":{"items":[]},"1":{"items":[{"a":1}]}}"#, "0.items,1.items"),
            (r#"{"id":1,"name":"one","tags":[{"t":1}]}"#, "tags"),
            (r#"{"columns":[{"name":"a"}],"rows":[[1,2]]}"#, "rows"),
            (r#"{"errors":[{"code":401}]}"#, ""),
            (r#"{"messages":[{"m":1}],"links":[{"l":1}]}"#, "messages,links"),
            (r#"{"data":[],"errors":["x"]}"#, ""),
        ] {
            let outline = Outline::of(body.as_bytes()).unwrap();
            let error = outline.find_rows(Partial::Error).unwrap_err();
            assert!(error.message().contains("data_selector"), "{body}: {error}");
            let named = error.context("lists").or(error.context("list")).unwrap_or_default();
            assert_eq!(named, about, "{body}: {error}");
        }
    }
}
