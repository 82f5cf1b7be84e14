//! A YAML document as a tree in which everything has its place.
//!
//! It is read event by event, so that its depth, its size and what its aliases stand for are bounded before memory is
//! taken, and so that more than the first mistake is found.

mod build;
mod scalar;

use std::str::Utf8Error;

use saphyr_parser::{Event, Marker, Parser, ScanError, StrInput};

use crate::{Diagnostics, Place};
use build::Builder;
pub(crate) use scalar::{Kind, Scalar};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A value and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Node {
    /// A mapping without entries.
    pub(crate) fn empty() -> Self {
        Self { place: Place { line: 1, column: 1 }, content: Content::Map(vec![]) }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.kind() == Kind::Null)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// The text of a scalar that is a string.
    pub(crate) fn text(&self) -> Option<&str> {
        self.scalar().filter(|scalar| scalar.kind() == Kind::Text).map(|scalar| scalar.text.as_str())
    }

    /// What it is, in words.
    pub(crate) fn found(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) => scalar.kind().as_str(),
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }
}

/// Reads a document. What is wrong with it goes to the diagnostics; `None` when there is no tree at all.
pub(crate) fn parse(text: &[u8], diagnostics: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let message = format!("the file is too large; a project file has {MAX_BYTES} bytes at most");
        diagnostics.add(Place { line: 1, column: 1 }, message);
        return None;
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            diagnostics.add(broken_at(text, error), "the file is no UTF-8 from here on");
            return None;
        }
    };
    let mut builder = Builder::new(diagnostics);
    for event in Parser::new(StrInput::new(text)) {
        let (event, span) = match event {
            Ok(found) => found,
            Err(error) => {
                builder.fail(place(error.marker()), syntax(&error));
                return None;
            }
        };
        if !builder.take(event, place(&span.start)) {
            return None;
        }
    }
    Some(builder.finish())
}

/// The parser's own words, which quote nothing of the file.
fn syntax(error: &ScanError) -> String {
    format!("this is no YAML: {}", error.info())
}

fn place(marker: &Marker) -> Place {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: count(marker.line().max(1)), column: count(marker.col().saturating_add(1)) }
}

fn broken_at(text: &[u8], error: Utf8Error) -> Place {
    let good = text.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or("");
    let line = good.matches('\n').count() + 1;
    let column = good.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: count(line), column: count(column) }
}

/// Whether an event begins or ends a document.
fn is_frame(event: &Event<'_>) -> bool {
    matches!(event, Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd)
}

#[cfg(test)]
mod tests;
