//! The rows of a list: how many there are, where each is, and what some of their fields are.

use std::ops::Range;

use jiter::{Jiter, JiterError, Peek};
use stitchwork_core::{Error, Result};

use super::{Kind, broken};
use crate::path::JsonPath;

/// The number of rows in an array; and the array anew where a row is no object, with `{"value": …}` in its place.
pub(crate) fn wrap_rows(array: &[u8]) -> Result<(u64, Option<Vec<u8>>)> {
    let mut jiter = Jiter::new(array);
    let mut rows = 0;
    let mut bare = vec![];
    let mut next = jiter.next_array().map_err(|error| broken(&error, array))?;
    while let Some(peek) = next {
        let start = jiter.current_index();
        jiter.known_skip(peek).map_err(|error| broken(&error, array))?;
        if Kind::of(peek) != Kind::Object {
            bare.push(start..jiter.current_index());
        }
        rows += 1;
        next = jiter.array_step().map_err(|error| broken(&error, array))?;
    }
    if bare.is_empty() {
        return Ok((rows, None));
    }
    let mut wrapped = Vec::with_capacity(array.len() + bare.len() * 11);
    let mut done = 0;
    for row in bare {
        wrapped.extend_from_slice(array.get(done..row.start).unwrap_or_default());
        wrapped.extend_from_slice(b"{\"value\":");
        wrapped.extend_from_slice(array.get(row.clone()).unwrap_or_default());
        wrapped.push(b'}');
        done = row.end;
    }
    wrapped.extend_from_slice(array.get(done..).unwrap_or_default());
    Ok((rows, Some(wrapped)))
}

/// A row in an array, and the values in it that were asked for.
#[derive(Debug)]
pub(crate) struct RowSpan {
    pub(crate) range: Range<usize>,
    pub(crate) values: Vec<Option<Range<usize>>>,
}

/// The rows of an array with the places of the values at `wanted` in each, all as places in `array`.
pub(crate) fn row_spans(array: &[u8], wanted: &[JsonPath]) -> Result<Vec<RowSpan>> {
    let mut jiter = Jiter::new(array);
    let mut spans = vec![];
    let mut next = jiter.next_array().map_err(|error| broken(&error, array))?;
    while let Some(peek) = next {
        if Kind::of(peek) != Kind::Object {
            return Err(Error::invalid_data(
                "a row is not an object; let `data_selector` point to a list of objects",
            )
            .with_context("row", spans.len()));
        }
        let start = jiter.current_index();
        let mut values = vec![None; wanted.len()];
        row_values(&mut jiter, array, peek, wanted, &mut values).map_err(|error| broken(&error, array))?;
        let end = jiter.current_index();
        next = jiter.array_step().map_err(|error| broken(&error, array))?;
        spans.push(RowSpan { range: start..end, values });
    }
    Ok(spans)
}

fn row_values(
    jiter: &mut Jiter<'_>,
    array: &[u8],
    peek: Peek,
    wanted: &[JsonPath],
    values: &mut [Option<Range<usize>>],
) -> std::result::Result<(), JiterError> {
    if wanted.is_empty() {
        return jiter.known_skip(peek);
    }
    let mut key = jiter.known_object()?;
    while let Some(name) = key {
        // Most keys are not asked for, and cost a comparison.
        let is_head = |path: &JsonPath| path.keys().first().is_some_and(|head| head == name);
        let head = wanted.iter().any(is_head).then(|| name.to_owned());
        let peek = jiter.peek()?;
        let start = jiter.current_index();
        jiter.known_skip(peek)?;
        if let Some(head) = head {
            let inner = array.get(start..jiter.current_index()).unwrap_or_default();
            for (path, value) in wanted.iter().zip(values.iter_mut()) {
                if let Some((_, rest)) = path.keys().split_first().filter(|(first, _)| **first == head) {
                    *value = find(inner, rest).map(|found| start + found.start..start + found.end);
                }
            }
        }
        key = jiter.next_key()?;
    }
    Ok(())
}

/// The place of the value at a path of keys in a value.
fn find(value: &[u8], path: &[String]) -> Option<Range<usize>> {
    let Some((head, rest)) = path.split_first() else { return Some(0..value.len()) };
    let mut jiter = Jiter::new(value);
    let mut found = None;
    let mut key = jiter.next_object().ok()?;
    while let Some(name) = key {
        let is_head = name == head;
        let peek = jiter.peek().ok()?;
        let start = jiter.current_index();
        jiter.known_skip(peek).ok()?;
        if is_head {
            let inner = value.get(start..jiter.current_index())?;
            found = find(inner, rest).map(|found| start + found.start..start + found.end);
        }
        key = jiter.next_key().ok()?;
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn rows_that_are_no_objects_are_wrapped() {
        let wrapped = |text: &str| {
            let (rows, array) = wrap_rows(text.as_bytes()).unwrap();
            (rows, array.map(|array| serde_json::from_slice::<Value>(&array).unwrap()))
        };
        let json = |text: &str| Some(serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(wrapped("[]"), (0, None));
        assert_eq!(wrapped(r#"[{"a":[1]}, {}]"#), (2, None));
        assert_eq!(
            wrapped(r#" [ {"a":1} , 2.50,null,"x,\"]", [1,[2]],true ] "#),
            (
                6,
                json(
                    r#"[{"a":1},{"value":2.50},{"value":null},{"value":"x,\"]"},{"value":[1,[2]]},{"value":true}]"#
                )
            )
        );
        assert!(wrap_rows(b"[1,").is_err());
    }

    #[test]
    fn rows_and_their_values_are_found() {
        let array = r#"[ {"t":"a}","id":{"x":1,"y":[2]}} ,{"id":{"y":3},"\u0074":4},{}]"#;
        let wanted = ["t", "id.y", "id.x"].map(|text| JsonPath::parse(text).unwrap());
        let spans = row_spans(array.as_bytes(), &wanted).unwrap();
        let text = |range: &Range<usize>| array[range.clone()].to_owned();
        let got: Vec<_> = spans
            .iter()
            .map(|span| {
                (text(&span.range), span.values.iter().map(|v| v.as_ref().map(text)).collect::<Vec<_>>())
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            got,
            [
                (
                    r#"{"t":"a}","id":{"x":1,"y":[2]}}"#.to_owned(),
                    vec![some("\"a}\""), some("[2]"), some("1")]
                ),
                (r#"{"id":{"y":3},"\u0074":4}"#.to_owned(), vec![some("4"), some("3"), None]),
                ("{}".to_owned(), vec![None, None, None]),
            ]
        );
        assert!(row_spans(b"[1]", &[]).is_err());
        assert_eq!(row_spans(b"[{\"a\":\"}\"} , {} ]", &[]).unwrap()[0].range, 1..10);
        assert!(row_spans(b"[]", &[]).unwrap().is_empty());
    }
}
