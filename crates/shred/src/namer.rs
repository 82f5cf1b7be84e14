//! The name of a row's table, by expression over the row.

use std::fmt;
use std::str::FromStr;

use jiter::{Jiter, Peek};
use stitchwork_core::{Error, Result};

use crate::name::table_name;

/// What a missing field is called where the template has no default.
const UNKNOWN: &str = "unknown";

/// Says into which table a row goes: a fixed name, or a template over the row's fields.
///
/// In a template, `{field}` stands for the text of a field, `{a.b}` for one in an object, and `{field|default}`
/// has a text for rows where the field is missing, null, empty or nested; without it that text is `unknown`. The
/// whole is then made a name by [`table_name`], so `github_{type}` makes `github_push_event` of a `PushEvent`.
///
/// ```
/// # use stitchwork_shred::TableNamer;
/// let namer: TableNamer = "github_{payload.kind|other}".parse()?;
/// assert_eq!(namer.to_string(), "github_{payload.kind|other}");
/// assert!(TableNamer::parse("github_{type").is_err());
/// # Ok::<(), stitchwork_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNamer {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field { path: Vec<String>, default: Option<String> },
}

impl TableNamer {
    /// The same table for all rows.
    #[must_use]
    pub fn fixed(name: &str) -> Self {
        Self { pieces: vec![Piece::Text(name.to_owned())] }
    }

    /// Reads a template.
    ///
    /// # Errors
    /// `InvalidConfig` when it is empty, or a brace has no partner, or a field has no name.
    pub fn parse(template: &str) -> Result<Self> {
        let broken = |message: &str| {
            Error::invalid_config(message)
                .with_operation("shred::table_namer")
                .with_context("template", template)
        };
        let mut pieces = vec![];
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (text, tail) = rest.split_at(at);
            let Some(tail) = tail.strip_prefix('{') else {
                return Err(broken("a table name template has a `}` without `{`"));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            let Some((field, tail)) = tail.split_once('}') else {
                return Err(broken("a table name template has a `{` without `}`"));
            };
            let (path, default) = match field.split_once('|') {
                Some((path, default)) => (path, Some(default.trim().to_owned())),
                None => (field, None),
            };
            let path = split_path(path.trim());
            if path.iter().any(String::is_empty) {
                return Err(broken("a table name template has a field without a name"));
            }
            pieces.push(Piece::Field { path, default });
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.is_empty() {
            return Err(broken("a table name template is empty"));
        }
        Ok(Self { pieces })
    }

    /// The paths of the fields, in the order of the template.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Field { path, .. } => Some(path),
        })
    }

    /// The table's name from the JSON text of the fields, in the order of the paths.
    pub(crate) fn name<'a>(&self, values: impl IntoIterator<Item = Option<&'a str>>) -> String {
        let mut values = values.into_iter();
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Field { default, .. } => {
                    let text = values.next().flatten().and_then(scalar_text).filter(|text| !text.is_empty());
                    name.push_str(text.as_deref().or(default.as_deref()).unwrap_or(UNKNOWN));
                }
            }
        }
        table_name(&name)
    }
}

/// The parts of a path with dots.
pub(crate) fn split_path(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// The text of a value that is neither null nor nested.
fn scalar_text(json: &str) -> Option<String> {
    let mut jiter = Jiter::new(json.as_bytes());
    match jiter.peek().ok()? {
        Peek::String => jiter.known_str().ok().map(str::to_owned),
        Peek::Null | Peek::Array | Peek::Object => None,
        _ => Some(json.to_owned()),
    }
}

impl FromStr for TableNamer {
    type Err = Error;

    fn from_str(template: &str) -> Result<Self> {
        Self::parse(template)
    }
}

impl fmt::Display for TableNamer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Field { path, default: None } => write!(f, "{{{}}}", path.join("."))?,
                Piece::Field { path, default: Some(default) } => {
                    write!(f, "{{{}|{default}}}", path.join("."))?
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_values() {
        let namer = TableNamer::parse("github_{type|other}_{a.b}").unwrap();
        assert_eq!(namer.paths().count(), 2);
        let name = |first, second| namer.name([first, second]);
        assert_eq!(name(Some(r#""PushEvent""#), Some("7")), "github_push_event_7");
        assert_eq!(name(Some(r#""Push\u0045vent""#), Some("true")), "github_push_event_true");
        assert_eq!(name(Some("null"), Some("[1]")), "github_other_unknown");
        assert_eq!(name(Some(r#""""#), None), "github_other_unknown");
        assert_eq!(TableNamer::fixed("Some Events").name([]), "some_events");
        let name = TableNamer::parse("{type}").unwrap().name([Some(r#""_delta_log""#)]);
        assert!(name.starts_with("table_delta_log_"), "{name}");
    }

    #[test]
    fn broken_templates_are_refused() {
        for template in ["", "a_{b", "a}_b", "{}", "{a..b}", "{|x}"] {
            let error = TableNamer::parse(template).unwrap_err();
            assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidConfig, "{template:?}");
        }
    }
}
