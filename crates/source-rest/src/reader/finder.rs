//! Where the rows of the pages of a stream are: where the settings say it, or where those of the first page were.

use stitchwork_core::{Error, Result};

use crate::config::{MissingRows, Partial, StreamConfig};
use crate::json::{Kind, Node, Outline, RowsAt, Usual};
use crate::paginator::tells_none;
use crate::path::JsonPath;

/// Finds the rows of each page of a stream.
#[derive(Debug)]
pub(super) struct Finder {
    selector: Option<JsonPath>,
    /// Where the first page had its rows, where nobody has said it: another list of a later page is not taken for them.
    found: Option<JsonPath>,
    /// What becomes of rows beside errors.
    partial: Partial,
    missing: MissingRows,
    /// Whether a load before this one had rows.
    is_known: bool,
    /// What the pages had that had a place for rows, and whether there was one.
    usual: Usual,
    has_usual: bool,
    /// Whether the rows of a page were in a list.
    had_list: bool,
}

impl Finder {
    pub(super) fn new(stream: &StreamConfig, is_known: bool) -> Result<Self> {
        Ok(Self {
            selector: stream.data_selector.as_deref().map(JsonPath::parse).transpose()?,
            found: None,
            partial: stream.on_errors,
            missing: stream.on_missing_rows,
            is_known,
            usual: Usual::default(),
            has_usual: false,
            had_list: false,
        })
    }

    /// Where the settings say that the rows are.
    pub(super) fn selector(&self) -> Option<&JsonPath> {
        self.selector.as_ref()
    }

    /// Where the rows are, where that is known.
    pub(super) fn place(&self) -> Option<&[String]> {
        self.selector.as_ref().or(self.found.as_ref()).map(JsonPath::keys)
    }

    /// The path to what the rows stand in.
    pub(super) fn around(&self) -> &[String] {
        self.place().and_then(<[String]>::split_last).map(|(_, around)| around).unwrap_or_default()
    }

    /// The field that says of a page without rows that it is a failure.
    pub(super) fn failure<'a>(&self, outline: &'a Outline, body: &[u8]) -> Option<&'a Node> {
        outline.failure(body, &self.usual)
    }

    /// Learns from a page that has a place for rows.
    pub(super) fn learn(&mut self, outline: &Outline, body: &[u8]) {
        self.usual.learn(outline, body);
        self.has_usual = true;
    }

    /// Where the rows of a page are.
    ///
    /// # Errors
    /// They may be somewhere else than where they are looked for.
    pub(super) fn find(&mut self, outline: &Outline, body: &[u8], shown_url: &str) -> Result<RowsAt> {
        let at = self.look(outline, body, shown_url)?;
        self.had_list |= matches!(at, RowsAt::Array(_));
        Ok(at)
    }

    fn look(&mut self, outline: &Outline, body: &[u8], shown_url: &str) -> Result<RowsAt> {
        let path = self.selector.as_ref().or(self.found.as_ref());
        let Some(path) = path else { return self.guess(outline, body) };
        // Of what was found a null is no less than nothing.
        let is_there = |node: &&Node| self.selector.is_some() || node.kind != Kind::Null;
        match outline.get(path).filter(is_there) {
            Some(node) if self.may_have_rows(node, outline) => {
                if is_object_of(node, outline, |field| is_object(field) && is_place(field)) {
                    warn_of_map(path, shown_url);
                }
                outline.rows(path)
            }
            Some(_) => Err(Error::invalid_data(
                "the page has no list of objects where a page before it had one; correct `data_selector`, or let the API give \
                 a list on each page",
            )
            .with_context("path", path.keys().join("."))),
            None => match self.usual.new_list(outline) {
                Some(list) if self.missing == MissingRows::Empty => {
                    warn_of_list(path, list, shown_url);
                    Ok(RowsAt::Nowhere)
                }
                Some(list) => Err(elsewhere(path, list)),
                None if self.missing == MissingRows::Empty => Ok(RowsAt::Nowhere),
                None if self.has_usual => self.left_out(outline),
                None => self.left_out_first(path, outline, body, shown_url),
            },
        }
    }

    /// Whether there may be rows in what is where they should be. A list that lost its beginning is written as an object by some
    /// languages, with the places or names of the rows as its keys.
    fn may_have_rows(&self, node: &Node, outline: &Outline) -> bool {
        match self.selector {
            Some(_) => {
                let is_map = is_object_of(node, outline, is_object) || is_object_of(node, outline, is_place);
                !(self.had_list && is_map)
            }
            None => node.may_have_rows(),
        }
    }

    /// Some APIs leave an empty list out or make it null, and say nothing new instead of it.
    fn left_out(&self, outline: &Outline) -> Result<RowsAt> {
        match self.usual.new_field(outline) {
            Some(field) => Err(Error::invalid_data(
                "the page has no rows, and a field that no page with rows had: it is likely to say that the API failed; if \
                 this is how the API ends its pages, let `paginator` know where it says how many there are (`total`, \
                 `total_pages`, `has_more`), or set `on_missing_rows` of the stream to `empty`",
            )
            .with_context("field", field.path.join("."))),
            None => Ok(RowsAt::Nowhere),
        }
    }

    /// A first page that has nothing where the settings say that the rows are. They may be somewhere else, unless it says that
    /// there are none, or has nothing at all.
    fn left_out_first(
        &self,
        path: &JsonPath,
        outline: &Outline,
        body: &[u8],
        shown_url: &str,
    ) -> Result<RowsAt> {
        if !outline.has_list() {
            if outline.is_empty() || tells_none(outline, body, self.around()) {
                return Ok(RowsAt::Nowhere);
            }
            // The cursor stays where it is, so that what did not come now comes with the next load.
            if self.is_known {
                tracing::warn!(
                    url = shown_url,
                    path = path.keys().join("."),
                    "the page has nothing where `data_selector` points, and no list elsewhere, so it is taken for one without \
                     new rows; if that is how the API says it, set `on_missing_rows` of the stream to `empty`"
                );
                return Ok(RowsAt::Nowhere);
            }
        }
        outline.rows(path)
    }

    /// Looks for the rows of a first page.
    fn guess(&mut self, outline: &Outline, body: &[u8]) -> Result<RowsAt> {
        let is_none = !outline.has_list()
            && (self.missing == MissingRows::Empty || outline.has_asides() && tells_none(outline, body, &[]));
        if is_none {
            return Ok(RowsAt::Nowhere);
        }
        outline.rows(self.found.insert(outline.find_rows(self.partial)?.json_path()))
    }
}

/// Whether something is an object with fields, all of them such.
fn is_object_of(node: &Node, outline: &Outline, fits: impl Fn(&Node) -> bool) -> bool {
    let mut fields = outline.fields(&node.path).peekable();
    is_object(node) && fields.peek().is_some() && fields.all(fits)
}

fn is_object(node: &Node) -> bool {
    node.kind == Kind::Object
}

/// Whether the key of a field is the place of a row.
fn is_place(field: &Node) -> bool {
    field.path.last().is_some_and(|key| key.parse::<u64>().is_ok())
}

fn warn_of_map(path: &JsonPath, shown_url: &str) {
    tracing::warn!(
        url = shown_url,
        path = path.keys().join("."),
        "where the rows should be there is an object whose keys are numbers, which is taken for one row; if each of its fields is \
         a row, let the API give a list"
    );
}

fn warn_of_list(path: &JsonPath, list: &Node, shown_url: &str) {
    tracing::warn!(
        url = shown_url,
        path = path.keys().join("."),
        list = list.path.join("."),
        "the page has nothing where its rows should be, and a list of objects elsewhere; if that has the rows, correct \
         `data_selector`"
    );
}

fn elsewhere(path: &JsonPath, list: &Node) -> Error {
    Error::invalid_data(
        "the page has nothing where its rows should be, and a list of objects elsewhere, in which they may be; correct \
         `data_selector`, or, if it has no rows, set `on_missing_rows` of the stream to `empty`",
    )
    .with_context("path", path.keys().join("."))
    .with_context("list", list.path.join("."))
}
