//! The lines of commits and checkpoints; the README of the crate is their specification.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{CommitTag, Error, Result};

/// The version of the format that is written, and the only one that is read.
const FORMAT: u64 = 1;

/// What the files of the manifest begin with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// `commit` or `checkpoint`.
    pub(crate) stitchwork: String,
    pub(crate) format: u64,
    pub(crate) features: Vec<String>,
    pub(crate) version: i64,
    /// What no other commit has.
    pub(crate) id: String,
    /// In milliseconds since 1970, later than that of the version before.
    pub(crate) time: i64,
    pub(crate) operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<Tag>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) summary: BTreeMap<String, String>,
    /// How many lines follow; a checkpoint says so at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lines: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tag {
    pub(crate) application: String,
    pub(crate) id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payload: Option<Value>,
}

impl From<&CommitTag> for Tag {
    fn from(tag: &CommitTag) -> Self {
        Self { application: tag.application.clone(), id: tag.id, payload: tag.payload.clone() }
    }
}

impl From<Tag> for CommitTag {
    fn from(tag: Tag) -> Self {
        Self { application: tag.application, id: tag.id, payload: tag.payload }
    }
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableLine {
    pub(crate) schema: Value,
    pub(crate) partitioning: Vec<String>,
    pub(crate) properties: BTreeMap<String, String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    pub(crate) path: String,
    pub(crate) format: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) partition: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) splits: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stats: Vec<ColumnLine>,
}

/// Statistics of one column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnLine {
    pub(crate) column: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) exact: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nulls: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nans: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) values: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Table(TableLine),
    Tag(Tag),
    Add(Arc<Add>),
    Remove(Arc<Add>),
    End(End),
}

/// The last line of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    /// How many lines stand between the first one and this one.
    pub(crate) lines: u64,
}

impl Header {
    pub(crate) fn commit(operation: &str) -> Self {
        Self {
            stitchwork: "commit".to_owned(),
            format: FORMAT,
            features: vec![],
            version: 0,
            id: uuid::Uuid::new_v4().to_string(),
            time: 0,
            operation: operation.to_owned(),
            tag: None,
            summary: BTreeMap::new(),
            lines: Some(0),
        }
    }

    /// Reads a first line; what is of a later format is refused by name before anything else is looked at.
    pub(crate) fn parse(line: &[u8], kind: &str) -> Result<Self> {
        let value: Value = parse_line(line)?;
        match value.get("format").and_then(Value::as_u64) {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(Error::unsupported(
                    "the manifest has a later format; use a later version to read it",
                )
                .with_context("format", other)
                .with_context("known", FORMAT));
            }
            None => return Err(Error::invalid_data("the first line of the manifest's file says no format")),
        }
        let features = value.get("features").and_then(Value::as_array);
        if let Some(feature) = features.and_then(|features| features.first()) {
            return Err(Error::unsupported("the table has a feature that is not known here")
                .with_context("feature", feature.as_str().unwrap_or_default()));
        }
        let header: Self = serde_json::from_value(value).map_err(|e| broken(line, e))?;
        if header.stitchwork != kind {
            return Err(Error::invalid_data("a file of the manifest is of another kind than its folder")
                .with_context("kind", header.stitchwork));
        }
        Ok(header)
    }
}

fn broken(line: &[u8], source: serde_json::Error) -> Error {
    let shown: String =
        String::from_utf8_lossy(line.get(..line.len().min(100)).unwrap_or_default()).into_owned();
    Error::invalid_data("a line of the manifest is broken").with_context("line", shown).with_source(source)
}

/// Reads one line.
pub(crate) fn parse_line<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T> {
    serde_json::from_slice(line).map_err(|e| broken(line, e))
}

/// Writes one line with its end.
pub(crate) fn write_line<T: Serialize>(out: &mut Vec<u8>, line: &T) -> Result<()> {
    serde_json::to_writer(&mut *out, line)
        .map_err(|e| Error::unexpected("a line of the manifest cannot be written").with_source(e))?;
    out.push(b'\n');
    Ok(())
}

/// One version of a table.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) header: Header,
    pub(crate) table: Option<TableLine>,
    pub(crate) adds: Vec<Arc<Add>>,
    pub(crate) removes: Vec<Arc<Add>>,
}

impl Commit {
    pub(crate) fn new(operation: &str) -> Self {
        Self { header: Header::commit(operation), table: None, adds: vec![], removes: vec![] }
    }

    /// Everything after the first line, and how many lines that are.
    pub(crate) fn body(&self) -> Result<(Vec<u8>, u64)> {
        let mut out = Vec::new();
        if let Some(table) = &self.table {
            write_line(&mut out, &Line::Table(table.clone()))?;
        }
        for remove in &self.removes {
            write_line(&mut out, &Line::Remove(remove.clone()))?;
        }
        for add in &self.adds {
            write_line(&mut out, &Line::Add(add.clone()))?;
        }
        let lines = usize::from(self.table.is_some()) + self.removes.len() + self.adds.len();
        Ok((out, lines as u64))
    }
}

impl stitchwork_commits::Commit for Commit {
    fn parse(version: i64, _: i64, bytes: &[u8]) -> Result<Self> {
        let mut lines = whole_lines(bytes)?;
        let first = lines.next().ok_or_else(|| Error::invalid_data("a commit is empty"))?;
        let header = Header::parse(first, "commit")?;
        if header.version != version {
            return Err(Error::invalid_data("a commit says that it is of another version than its name")
                .with_context("version", header.version));
        }
        let mut commit = Self { header, table: None, adds: vec![], removes: vec![] };
        let mut count = 0_u64;
        for line in lines {
            count += 1;
            match parse_line(line)? {
                Line::Table(table) if commit.table.is_none() => commit.table = Some(table),
                Line::Add(add) => commit.adds.push(add),
                Line::Remove(remove) => commit.removes.push(remove),
                Line::Table(_) | Line::Tag(_) | Line::End(_) => {
                    return Err(Error::invalid_data("a commit has a line that has no place there"));
                }
            }
        }
        if commit.header.lines != Some(count) {
            return Err(Error::invalid_data(
                "a commit has another number of lines than it says: it is cut short",
            )
            .with_context("lines", count));
        }
        Ok(commit)
    }

    fn id(&self) -> Option<&str> {
        Some(&self.header.id)
    }
}

/// The lines of a file, each of which must be ended.
pub(crate) fn whole_lines(bytes: &[u8]) -> Result<impl Iterator<Item = &[u8]>> {
    let body = bytes.strip_suffix(b"\n").ok_or_else(|| {
        Error::invalid_data("a file of the manifest does not end with a line: it is cut short")
    })?;
    Ok(body.split(|byte| *byte == b'\n'))
}

#[cfg(test)]
mod tests;
