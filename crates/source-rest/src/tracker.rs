//! Which rows of a stream are new, and how far it has been read.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::config::{Boundary, IncrementalConfig, Missing, RowOrder};
use crate::cursor::{CursorValue, StreamState};
use crate::hash::{self, Hasher};
use crate::json::{RowSpan, row_spans};
use crate::path::JsonPath;

/// Rows that share the largest cursor value are remembered one by one, up to this many.
const MOST_AT_BOUNDARY: usize = 50_000;
/// The keys that are remembered where rows may move from one page to the next while they are read.
const WINDOW: usize = 10_000;

/// Follows the cursor of one stream through its pages.
#[derive(Debug)]
pub(crate) struct Tracker {
    order: RowOrder,
    closed: bool,
    missing: Missing,
    /// The path of the cursor, then those of the primary key.
    wanted: Vec<JsonPath>,
    /// The same as the settings write them, for the state.
    cursor_path: String,
    primary_key: Vec<String>,
    /// Rows before this one were read by an earlier load.
    start: Option<CursorValue>,
    /// The rows at `start` that were read, with how often each is there.
    start_rows: BTreeMap<u128, usize>,
    last: Option<CursorValue>,
    boundary: BTreeMap<u128, usize>,
    /// The smallest value so far, below which descending rows go on.
    lowest: Option<CursorValue>,
    window: Window,
    /// In ascending order: the value of the rows that are read now, and the keys that have had it.
    tie: Option<(CursorValue, BTreeSet<u128>)>,
}

/// What a page has of new rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The rows to pass on, as a JSON array; none when no row is new.
    pub(crate) json: Option<Vec<u8>>,
    /// Rows older than the start were met: in descending order, nothing new follows.
    pub(crate) met_old: bool,
}

impl Tracker {
    /// Goes on from a state, or begins with the initial value.
    pub(crate) fn new(
        config: &IncrementalConfig,
        primary_key: &[String],
        state: &StreamState,
    ) -> Result<Self> {
        let mut wanted = vec![JsonPath::parse(&config.cursor_path)?];
        for path in primary_key {
            wanted.push(JsonPath::parse(path)?);
        }
        let last = CursorValue::new(state.last.clone());
        let mut boundary = BTreeMap::new();
        for hash in state.boundary.iter().filter_map(|text| hash::from_text(text)) {
            *boundary.entry(hash).or_insert(0) += 1;
        }
        let start = last.clone().or_else(|| CursorValue::new(config.initial_value.clone()?));
        Ok(Self {
            order: config.row_order,
            closed: config.boundary == Boundary::Closed,
            missing: config.on_missing,
            wanted,
            cursor_path: config.cursor_path.clone(),
            primary_key: primary_key.to_vec(),
            start,
            start_rows: boundary.clone(),
            last,
            boundary,
            lowest: None,
            window: Window::default(),
            tie: None,
        })
    }

    /// The value that the API is asked to begin with.
    pub(crate) fn start(&self) -> Option<&CursorValue> {
        self.start.as_ref()
    }

    /// Whether the state after each page is one that a later load can go on from.
    pub(crate) fn can_stop_anywhere(&self) -> bool {
        // With an open boundary, the rest of the rows at the last value would be skipped; rows without a value would
        // come again within one load.
        self.order == RowOrder::Ascending && self.closed && self.missing == Missing::Error
    }

    /// The state after the pages so far.
    pub(crate) fn state(&self) -> StreamState {
        let last = self.last.as_ref().map_or(Value::Null, |last| last.raw().clone());
        let rows =
            self.boundary.iter().flat_map(|(hash, count)| std::iter::repeat_n(hash::to_text(*hash), *count));
        StreamState {
            cursor_path: Some(self.cursor_path.clone()),
            primary_key: Some(self.primary_key.clone()),
            last,
            boundary: rows.collect(),
            etag: None,
        }
    }

    /// Takes the array of a page and keeps what is new of it.
    pub(crate) fn take(&mut self, array: Vec<u8>) -> Result<Taken> {
        let taken = self.take_rows(array);
        taken.map_err(|e| e.with_context("cursor_path", &self.cursor_path))
    }

    fn take_rows(&mut self, array: Vec<u8>) -> Result<Taken> {
        let spans = row_spans(&array, &self.wanted)?;
        let mut kept: Vec<(&RowSpan, Option<CursorValue>)> = Vec::with_capacity(spans.len());
        let mut met_old = false;
        for (row, span) in spans.iter().enumerate() {
            let value = self.value(&array, span).map_err(|e| e.with_context("row", row))?;
            if let Some(value) = &value {
                let is_new = match self.start.as_ref().map(|start| value.compare(start)).transpose()? {
                    None | Some(Ordering::Greater) => true,
                    Some(Ordering::Less) => {
                        met_old = true;
                        false
                    }
                    Some(Ordering::Equal) => self.is_new_at_start(&array, span)?,
                };
                if !is_new {
                    continue;
                }
            }
            if self.is_repeated(&array, span, value.as_ref())? {
                continue;
            }
            kept.push((span, value));
        }
        self.advance(&array, &kept)?;
        let json = match kept.len() {
            0 => None,
            all if all == spans.len() => Some(array),
            _ => {
                let rows = kept.iter().filter_map(|(span, _)| array.get(span.range.clone()));
                Some([b"[", rows.collect::<Vec<_>>().join(&b","[..]).as_slice(), b"]"].concat())
            }
        };
        Ok(Taken { json, met_old })
    }

    /// The cursor value of a row; none where it has none and that is allowed.
    fn value(&self, array: &[u8], span: &RowSpan) -> Result<Option<CursorValue>> {
        let raw = match span.values.first().cloned().flatten().and_then(|range| array.get(range)) {
            None => Value::Null,
            Some(bytes) => serde_json::from_slice(bytes)
                .map_err(|e| Error::invalid_data("a cursor value cannot be read").with_source(e))?,
        };
        match (raw, self.missing) {
            (Value::Null, Missing::Include) => Ok(None),
            (Value::Null, Missing::Error) => Err(Error::invalid_data(
                "a row has no cursor value; set `on_missing` to take such rows every time",
            )),
            (raw, _) => CursorValue::new(raw)
                .map(Some)
                .ok_or_else(|| Error::invalid_data("a cursor value is neither text nor a number")),
        }
    }

    /// Whether a row with the value of the start was not read before.
    fn is_new_at_start(&mut self, array: &[u8], span: &RowSpan) -> Result<bool> {
        if !self.closed {
            return Ok(false);
        }
        if self.start_rows.is_empty() {
            return Ok(true);
        }
        let hash = self.hash(array, span)?;
        let has_key = self.has_key();
        match self.start_rows.get_mut(&hash) {
            // Without a key equal rows are told apart by their number alone.
            Some(count) if has_key || *count > 0 => {
                *count = count.saturating_sub(1);
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// Whether the same pass has brought this row already, because rows moved from page to page meanwhile, or a page
    /// has it twice.
    fn is_repeated(&mut self, array: &[u8], span: &RowSpan, value: Option<&CursorValue>) -> Result<bool> {
        if !self.has_key() {
            return Ok(false);
        }
        if self.order != RowOrder::Ascending {
            let hash = self.hash(array, span)?;
            return Ok(!self.window.add(hash));
        }
        let Some(value) = value else { return Ok(false) };
        let hash = self.hash(array, span)?;
        if let Some(last) = &self.last
            && value.compare(last)? == Ordering::Equal
            && self.boundary.contains_key(&hash)
        {
            return Ok(true);
        }
        // In this order, rows of one value stand beside one another; with another value a key is a newer row.
        match &mut self.tie {
            Some((tied, keys)) if value.compare(tied)? == Ordering::Equal => Ok(!keys.insert(hash)),
            tie => {
                *tie = Some((value.clone(), BTreeSet::from([hash])));
                Ok(false)
            }
        }
    }

    /// Moves the last value on to the largest one of a page, and remembers the rows that have it.
    fn advance(&mut self, array: &[u8], kept: &[(&RowSpan, Option<CursorValue>)]) -> Result<()> {
        self.check_descending(kept)?;
        let mut largest = self.last.clone();
        for value in kept.iter().filter_map(|(_, value)| value.as_ref()) {
            match largest.as_ref().map(|largest| value.compare(largest)).transpose()? {
                None | Some(Ordering::Greater) => largest = Some(value.clone()),
                Some(Ordering::Less) if self.order == RowOrder::Ascending => {
                    return Err(Error::invalid_data(
                        "the rows are declared to ascend and do not; set another `row_order`",
                    )
                    .with_context("value", value.raw())
                    .with_context("after", largest.as_ref().map_or(&Value::Null, CursorValue::raw)));
                }
                Some(_) => {}
            }
        }
        let Some(largest) = largest else { return Ok(()) };
        let moved = match &self.last {
            None => true,
            Some(last) => largest.compare(last)? == Ordering::Greater,
        };
        if moved {
            self.boundary.clear();
        }
        if self.closed {
            for (span, value) in kept {
                if value.as_ref().map(|value| value.compare(&largest)).transpose()? == Some(Ordering::Equal) {
                    *self.boundary.entry(self.hash(array, span)?).or_insert(0) += 1;
                }
            }
        }
        if self.boundary.values().sum::<usize>() > MOST_AT_BOUNDARY {
            return Err(Error::invalid_data(
                "too many rows share one cursor value to tell new ones from old ones; choose a finer `cursor_path`",
            )
            .with_context("value", largest.raw())
            .with_context("most", MOST_AT_BOUNDARY));
        }
        self.last = Some(largest);
        Ok(())
    }

    /// Rows that move while they are read come out of order too, but with a primary key they are dropped before.
    fn check_descending(&mut self, kept: &[(&RowSpan, Option<CursorValue>)]) -> Result<()> {
        if self.order != RowOrder::Descending {
            return Ok(());
        }
        for value in kept.iter().filter_map(|(_, value)| value.as_ref()) {
            if let Some(lowest) = &self.lowest
                && value.compare(lowest)? == Ordering::Greater
            {
                return Err(Error::invalid_data(
                    "the rows are declared to descend and do not; set `primary_key` if rows may come in meanwhile, or another `row_order`",
                )
                .with_context("value", value.raw())
                .with_context("after", lowest.raw()));
            }
            self.lowest = Some(value.clone());
        }
        Ok(())
    }

    fn has_key(&self) -> bool {
        self.wanted.len() > 1
    }

    /// The hash of a row: of its primary key where it has one, else of the whole row.
    fn hash(&self, array: &[u8], span: &RowSpan) -> Result<u128> {
        let mut hasher = Hasher::new();
        if !self.has_key() {
            hasher.add_json(&read(array, &span.range)?);
            return Ok(hasher.finish());
        }
        for (path, range) in self.wanted.iter().zip(&span.values).skip(1) {
            match range.as_ref().map(|range| read(array, range)).transpose()? {
                None | Some(Value::Null) => {
                    return Err(Error::invalid_data("a row has no value in its primary key")
                        .with_context("primary_key", path.keys().join(".")));
                }
                Some(value) => hasher.add_json(&value),
            }
        }
        Ok(hasher.finish())
    }
}

fn read(array: &[u8], range: &Range<usize>) -> Result<Value> {
    serde_json::from_slice(array.get(range.clone()).unwrap_or_default())
        .map_err(|e| Error::invalid_data("a row cannot be read").with_source(e))
}

/// The newest keys of a pass.
#[derive(Debug, Default)]
struct Window {
    order: VecDeque<u128>,
    set: BTreeSet<u128>,
}

impl Window {
    /// Adds a key; false when it is there already.
    fn add(&mut self, hash: u128) -> bool {
        if !self.set.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests;
