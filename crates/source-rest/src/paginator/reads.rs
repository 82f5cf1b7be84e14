//! What is read in a page at the paths that the settings name.

use serde_json::Value;
use stitchwork_core::{Error, Result};
use url::Url;

use super::{PageInfo, absent, auto, no_text, whole};
use crate::json::{Node, row_spans};
use crate::path::JsonPath;

impl PageInfo<'_> {
    pub(super) fn scalar(&self, path: &JsonPath) -> Option<Value> {
        self.outline.scalar(self.body, path).filter(|value| !value.is_null())
    }

    pub(super) fn number(&self, path: &JsonPath) -> Option<u64> {
        whole(&self.scalar(path)?)
    }

    /// Whether the page says that it is the last one. Silence, and what is no answer to this question, do not.
    pub(super) fn says_last(&self, has_more: Option<&JsonPath>) -> bool {
        has_more.is_some_and(|path| self.says(path) == Some(false))
    }

    /// What the page answers at a path to the question whether there are more.
    pub(super) fn says(&self, has_more: &JsonPath) -> Option<bool> {
        auto::answer(self.outline.get(has_more)?, self)
    }

    /// A text or number that leads to the next page; none on the last one.
    ///
    /// # Errors
    /// What is there is neither; or nothing is there, although there are more pages.
    pub(super) fn lead(&self, path: &JsonPath) -> Result<Option<Value>> {
        match self.outline.get(path) {
            None => absent::check(self, path).map(|()| None),
            Some(node) => match node.value(self.body) {
                Some(Value::String(text)) if text.is_empty() => Ok(None),
                Some(Value::Null | Value::Bool(false)) => Ok(None),
                Some(lead @ (Value::String(_) | Value::Number(_))) => Ok(Some(lead)),
                // What some servers write for nothing.
                None if self.is_hollow(node) => Ok(None),
                _ => Err(no_text(path)),
            },
        }
    }

    /// Whether it is a list or an object without anything in it.
    pub(super) fn is_hollow(&self, node: &Node) -> bool {
        let text = self.body.get(node.range.clone()).unwrap_or_default();
        text.iter().filter(|byte| !byte.is_ascii_whitespace()).count() == 2
    }

    pub(super) fn link(&self, text: &str) -> Result<Url> {
        self.url
            .join(text)
            .map_err(|e| Error::invalid_data("the link to the next page is no URL").with_source(e))
    }

    /// The value at a path of the last row; none for a page without rows.
    pub(super) fn last_value(&self, path: &JsonPath) -> Result<Option<Value>> {
        // A page that is a row itself is most likely the only one.
        let value = if let Some(row) = self.row.filter(|row| !row.is_empty()) {
            let keys: Vec<&str> = row.iter().chain(path.keys()).map(String::as_str).collect();
            self.scalar(&JsonPath::of(&keys))
        } else if self.array.is_empty() {
            return Ok(None);
        } else {
            let Some(row) = row_spans(self.array, std::slice::from_ref(path))?.pop() else { return Ok(None) };
            let value = row.values.into_iter().next().flatten().and_then(|range| self.array.get(range));
            value.and_then(|value| serde_json::from_slice(value).ok())
        };
        match value {
            Some(value @ (Value::String(_) | Value::Number(_))) => Ok(Some(value)),
            _ => Err(Error::invalid_data(
                "the last row of the page has neither text nor a number where the value for the next page should be",
            )
            .with_context("path", path.keys().join("."))),
        }
    }
}
