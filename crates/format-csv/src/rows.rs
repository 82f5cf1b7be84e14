//! Records that have been split into their fields.

/// How a field stands in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is.
    Plain,
    /// In quotes or with escapes: its text is meant.
    Marked,
    /// Not at all: the record is too short.
    Missing,
}

/// Some records of an object, each with the same number of fields.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The texts of all fields, one after the other.
    text: String,
    /// Where each field ends in the text.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
    /// The line that each record begins on, from 1.
    lines: Vec<u64>,
    columns: usize,
    /// The position of the first record among the rows of the object.
    first: u64,
}

impl Rows {
    pub(crate) fn new(
        text: String,
        ends: Vec<usize>,
        kinds: Vec<Kind>,
        lines: Vec<u64>,
        columns: usize,
    ) -> Self {
        Self { text, ends, kinds, lines, columns, first: 0 }
    }

    pub(crate) fn starting_at(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The number of a record among the rows of the object, from 1.
    pub(crate) fn number(&self, row: usize) -> u64 {
        self.first + row as u64 + 1
    }

    /// The line that a record begins on, from 1.
    pub(crate) fn line(&self, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or_default()
    }

    /// One field.
    pub(crate) fn field(&self, row: usize, column: usize) -> (Kind, &str) {
        let place = row * self.columns + column;
        let start =
            place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or(start);
        let kind = self.kinds.get(place).copied().unwrap_or(Kind::Missing);
        (kind, self.text.get(start..end).unwrap_or_default())
    }
}
