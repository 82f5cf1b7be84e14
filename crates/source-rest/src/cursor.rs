//! What is kept between loads: the last value of each stream, and which rows had it.

mod unordered;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Cursor, Error, Result};

use crate::StreamConfig;
use crate::path::JsonPath;

const VERSION: u32 = 1;
/// What gets a pipeline going again whose cursor its source cannot go on from.
pub(crate) const WAYS_ON: &str = "load everything anew once with `replace`, or under another pipeline name";

/// The cursor of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceState {
    version: u32,
    pub(crate) streams: BTreeMap<String, StreamState>,
}

/// How far a stream was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamState {
    /// The field that the value is of. Cursors of earlier versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor_path: Option<String>,
    /// The fields that the hashes are of, where the cursor says it: none for whole rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) primary_key: Option<Vec<String>>,
    /// The largest cursor value that was read; null when there was no row yet.
    #[serde(default)]
    pub(crate) last: Value,
    /// The hashes of the rows that have it, one for each row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) boundary: Vec<String>,
    /// The tag of the whole answer to a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<Etag>,
}

/// The entity tag (RFC 9110, section 8.8.3) of an answer that held all rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Etag {
    /// The hash of the request that it answers.
    pub(crate) request: String,
    pub(crate) tag: String,
}

impl SourceState {
    pub(crate) fn new() -> Self {
        Self { version: VERSION, streams: BTreeMap::new() }
    }

    /// The state in a cursor that this source has given before.
    pub(crate) fn read(cursor: &Cursor, streams: &[StreamConfig]) -> Result<Self> {
        let fail = |message: &str| {
            Error::invalid_input(format!("the cursor is not one of this source: {message}; {WAYS_ON}"))
        };
        let state: Self = serde_json::from_value(cursor.0.clone()).map_err(|e| fail(&e.to_string()))?;
        if state.version != VERSION {
            return Err(fail("its version is another one").with_context("version", state.version));
        }
        // A stream that is no longer configured keeps its place; a cursor of only such streams is somebody else's.
        if !state.streams.is_empty() && !streams.iter().any(|stream| state.streams.contains_key(&stream.name))
        {
            let listed = |names: Vec<&str>| names.join(",");
            return Err(Error::invalid_input(format!(
                "the earlier loads were of other streams, so it is not known which rows are new: give a renamed \
                 stream its former name (its table may have any), {WAYS_ON}"
            ))
            .with_context("streams", listed(streams.iter().map(|stream| stream.name.as_str()).collect()))
            .with_context("loaded", listed(state.streams.keys().map(String::as_str).collect())));
        }
        for (name, stream) in &state.streams {
            let bad = |message| fail(message).with_context("stream", name);
            if stream.boundary.iter().any(|text| crate::hash::from_text(text).is_none()) {
                return Err(bad("a hash in it cannot be read"));
            }
            if !stream.last.is_null() && CursorValue::new(stream.last.clone()).is_none() {
                return Err(bad("the last value is neither text nor a number"));
            }
            if let Some(config) = streams.iter().find(|config| config.name == *name) {
                stream.check_settings(config)?;
            }
        }
        Ok(state)
    }

    pub(crate) fn to_cursor(&self) -> Result<Cursor> {
        let value = serde_json::to_value(self);
        value.map(Cursor).map_err(|e| Error::unexpected("the cursor cannot be written").with_source(e))
    }
}

impl StreamState {
    /// Refuses to go on by another field than before: its values would be compared with those of the former one, and
    /// rows that were never loaded be taken for old ones.
    fn check_settings(&self, config: &StreamConfig) -> Result<()> {
        let now = config.incremental.as_ref().map(|incremental| incremental.cursor_path.as_str());
        if let (Some(before), Some(now)) = (self.cursor_path.as_deref(), now)
            && JsonPath::parse(before)? != JsonPath::parse(now)?
            && !self.last.is_null()
        {
            return Err(Error::invalid_input(format!(
                "the stream has another `cursor_path` than when it was loaded, so it is not known which rows are \
                 new: set the former one, {WAYS_ON}"
            ))
            .with_context("stream", &config.name)
            .with_context("cursor_path", now)
            .with_context("loaded_by", before));
        }
        if self.primary_key.as_ref().is_some_and(|before| *before != config.primary_key)
            && !self.boundary.is_empty()
        {
            tracing::warn!(
                stream = config.name,
                rows = self.boundary.len(),
                "the stream has another `primary_key` than when it was loaded, so the rows with the last cursor value \
                 are not known again: those that the API still gives are loaded a second time"
            );
        }
        Ok(())
    }
}

/// A value of the field that tells new rows from old ones.
///
/// Two values are compared as times when both are, as numbers when both are numbers or integers in text, and else as
/// text, but for dates that do not sort so. A time is never compared with other text, nor one that has a zone with one that has none: as text they would
/// have an order, which says nothing about which came first, so that new rows would be taken for old ones.
#[derive(Debug, Clone)]
pub(crate) struct CursorValue {
    raw: Value,
    time: Option<Time>,
    number: Option<Number>,
    /// Why the value has no order as text, if so: it is looked at once, and compared with many.
    unordered: Option<&'static str>,
}

/// A date and time of ISO 8601 with dashes and colons, parted by `T` or a space; a date alone is its midnight.
#[derive(Debug, Clone, Copy)]
enum Time {
    /// With a zone (RFC 3339).
    Instant(DateTime<Utc>),
    /// Without one.
    Local(NaiveDateTime),
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl CursorValue {
    /// Takes text and numbers.
    pub(crate) fn new(raw: Value) -> Option<Self> {
        let (time, number) = match &raw {
            Value::String(text) => (Time::parse(text), text.parse().ok().map(Number::Integer)),
            Value::Number(number) => {
                let integer = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
                (None, integer.map(Number::Integer).or_else(|| number.as_f64().map(Number::Float)))
            }
            _ => return None,
        };
        let unordered = match &raw {
            Value::String(text) if time.is_none() && number.is_none() => unordered::alone(text),
            _ => None,
        };
        Some(Self { raw, time, number, unordered })
    }

    pub(crate) fn raw(&self) -> &Value {
        &self.raw
    }

    /// The value as a parameter of a request.
    pub(crate) fn to_param(&self) -> String {
        match &self.raw {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// How two values are ordered; an error when nothing orders them.
    pub(crate) fn compare(&self, other: &Self) -> Result<Ordering> {
        let ordering = match (self.time, other.time) {
            (Some(Time::Instant(one)), Some(Time::Instant(two))) => Ok(one.cmp(&two)),
            (Some(Time::Local(one)), Some(Time::Local(two))) => Ok(one.cmp(&two)),
            (Some(_), Some(_)) => Err("one is a time with a zone and the other one without"),
            _ => match (self.number, other.number) {
                (Some(one), Some(two)) => one.compare(two).ok_or("one is no number"),
                _ => match (&self.raw, &other.raw) {
                    (Value::String(one), Value::String(two))
                        if self.time.is_none() == other.time.is_none() =>
                    {
                        let why = self.unordered.or(other.unordered).or_else(|| unordered::beside(one, two));
                        why.map_or_else(|| Ok(one.cmp(two)), Err)
                    }
                    (Value::String(_), Value::String(_)) => Err("one is a time and the other another text"),
                    _ => Err("one is text and the other a number"),
                },
            },
        };
        ordering.map_err(|why| {
            Error::invalid_data(format!(
                "two cursor values cannot be compared: {why}; choose a field that has one form in every row, and an \
                 `initial_value` of that form"
            ))
            .with_context("one", &self.raw)
            .with_context("other", &other.raw)
        })
    }
}

impl Time {
    fn parse(text: &str) -> Option<Self> {
        // Chrono alone would take fewer digits and other signs, which texts have that are no times.
        let mut shape = text.bytes();
        let is_date = b"dddd-dd-dd".iter().all(|wanted| match shape.next() {
            Some(byte) if *wanted == b'd' => byte.is_ascii_digit(),
            byte => byte == Some(*wanted),
        });
        if !is_date {
            return None;
        }
        let text = text.replacen([' ', 't'], "T", 1);
        if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
            return Some(Self::Instant(instant.to_utc()));
        }
        // `+0200`, as Jira has it, and `+02`, as PostgreSQL.
        let zoned = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
        if let Some(instant) = zoned.iter().find_map(|form| DateTime::parse_from_str(&text, form).ok()) {
            return Some(Self::Instant(instant.to_utc()));
        }
        let date = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN));
        let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").or_else(|_| date());
        local.ok().map(Self::Local)
    }
}

impl Number {
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => Some(one.cmp(&two)),
            (one, two) => one.float().partial_cmp(&two.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stitchwork_core::ErrorKind;

    use super::*;

    fn compare(one: Value, two: Value) -> Option<Ordering> {
        CursorValue::new(one)?.compare(&CursorValue::new(two)?).ok()
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        use Ordering::{Equal, Greater, Less};
        let text = |one: &str, two: &str| compare(json!(one), json!(two));
        assert_eq!(text("2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"), Some(Equal));
        assert_eq!(text("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00Z"), Some(Greater));
        assert_eq!(text("2024-01-01", "2024-01-02"), Some(Less));
        assert_eq!(text("9", "10"), Some(Less));
        assert_eq!(text("b09", "b10"), Some(Less));
        assert_eq!((text("a", "ab"), text("b9", "b10")), (Some(Less), None));
        assert_eq!(
            compare(json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)),
            Some(Greater)
        );
        assert_eq!(compare(json!(1.5), json!(2)), Some(Less));
        assert_eq!(compare(json!(u64::MAX), json!(1)), Some(Greater));
        assert_eq!(compare(json!(10), json!("9")), Some(Greater));
        assert_eq!(compare(json!(10), json!("x")), None);
        assert_eq!(compare(json!(true), json!(1)), None);
    }

    #[test]
    fn times_are_compared_with_times_of_their_kind_only() {
        use Ordering::{Equal, Greater, Less};
        let text = |one: &str, two: &str| compare(json!(one), json!(two));
        assert_eq!(text("2024-01-01 10:00:00Z", "2024-01-01T11:00:00+01:00"), Some(Equal));
        assert_eq!(text("2024-01-01 10:00:00", "2024-01-01T09:00:00.5"), Some(Greater));
        assert_eq!(text("2024-01-01", "2024-01-01 00:00:01"), Some(Less));
        assert_eq!(text("2024-10-27T02:30:00.000+0200", "2024-10-27T02:10:00.000+0100"), Some(Less));
        assert_eq!(text("2024-10-27 02:30:00+02", "2024-10-27 02:10:00.5+01"), Some(Less));
        assert_eq!(text("2024-01-01T10:00:00", "2024-01-01T09:00:00Z"), None);
        assert_eq!(text("2024-01-01", "2024-01-01T09:00:00Z"), None);
        // As text, the older one of these would come last.
        assert_eq!(text("Mon, 01 Jan 2024 10:00:00 GMT", "2024-06-01T10:00:00Z"), None);
        assert_eq!(text("2024-06-01T10:00:00Z", "1704103200"), None);
        for (one, two) in [
            ("12/31/2023", "01/01/2024"),
            ("31.12.2023 10:00", "01.01.2024 10:00"),
            ("Fri, 05 Jan 2024 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 GMT"),
            ("Dec 31, 2023", "Jan 1, 2024"),
            ("Wed Jan 31 00:00:00 +0000 2024", "Thu Feb 01 00:00:00 +0000 2024"),
            ("2024-1-9", "2024-1-10"),
            ("2024/1/9", "2024/1/10"),
            ("9:05", "10:05"),
            ("1-10-1", "1-2-1"),
            ("2024-9-30", "2024-10-1"),
            ("v1.9.12", "v1.10.2"),
            ("9.99", "10.5"),
            ("9/A0000000", "10/A000000"),
            ("2024-01-01 11:59:00 AM", "2024-01-01 01:00:00 PM"),
            ("31/12/23", "01/01/24"),
            ("31-Dec-2023", "01-Jan-2024"),
        ] {
            assert_eq!(text(one, two), None, "{one}");
        }
        assert_eq!((text("1.2.3", "1.2.4"), text("marker 12-a1", "marker 12-b1")), (Some(Less), Some(Less)));
        // What only begins like a time is text.
        assert_eq!(text("2024-01-01-a", "2024-01-01-b"), Some(Less));
    }

    #[test]
    fn a_cursor_comes_back_and_a_foreign_one_is_refused() {
        let mut state = SourceState::new();
        let boundary = vec![crate::hash::to_text(7)];
        state.streams.insert("a".into(), StreamState { last: json!("x"), boundary, ..Default::default() });
        let cursor = state.to_cursor().unwrap();
        let streams = ["a", "b"].map(|name| StreamConfig::new(name, ""));
        assert_eq!(SourceState::read(&cursor, &streams).unwrap(), state);
        let bad = [
            json!(null),
            json!("x"),
            json!({"offset": 3}),
            json!({"version": 2, "streams": {}}),
            json!({"version": 1, "streams": {"a": {"last": true}}}),
            json!({"version": 1, "streams": {"a": {"last": 1, "boundary": ["x"]}}}),
            json!({"version": 1, "streams": {"a": {"lsat": 1}}}),
            json!({"version": 1, "streams": {"c": {"last": 1}}}),
        ];
        for cursor in bad {
            let error = SourceState::read(&Cursor(cursor.clone()), &streams).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{cursor}");
            assert!(error.message().ends_with(WAYS_ON), "{error}");
        }
    }
}
