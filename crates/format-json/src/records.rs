//! From an array of objects to objects one after the other, without holding the array.

use stitchwork_core::{Error, Result};

use crate::config::Layout;

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Passes the bytes of an object on as records that stand one after the other, each of an array's on a line of
/// its own. Bytes may come in pieces of any size.
#[derive(Debug)]
pub(crate) struct Records {
    layout: Layout,
    state: State,
    /// How many bytes of a byte order mark have been seen.
    mark: usize,
    /// The place of the next byte in the object.
    offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Nothing but white space so far.
    Start,
    /// Records follow each other: the decoder reads them as they are.
    Plain,
    /// In the array, before its first element.
    First,
    /// In the array, after a comma.
    Next,
    /// Inside of an element, this deep.
    Element { depth: usize },
    /// Inside of a string of an element.
    Text { depth: usize, escaped: bool },
    /// In the array, after an element.
    After,
    /// After the array.
    End,
}

impl Records {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, state: State::Start, mark: 0, offset: 0 }
    }

    /// Turns a piece of the object into a piece of records, in place.
    pub(crate) fn push(&mut self, bytes: &mut [u8]) -> Result<()> {
        for byte in bytes {
            if self.state == State::Plain {
                break;
            }
            self.step(byte)?;
            self.offset += 1;
        }
        Ok(())
    }

    /// Whether the bytes pass through unchanged from here on.
    pub(crate) fn is_plain(&self) -> bool {
        self.state == State::Plain
    }

    /// Says whether the object may end here.
    pub(crate) fn finish(&self) -> Result<()> {
        match (self.state, self.layout) {
            (State::Plain | State::End, _) | (State::Start, Layout::Auto | Layout::Ndjson) => Ok(()),
            (State::Start, Layout::Array) => Err(self.refuse("the object holds no array")),
            _ => Err(self.refuse("the array is not closed")),
        }
    }

    fn step(&mut self, byte: &mut u8) -> Result<()> {
        if self.offset == self.mark as u64 && BYTE_ORDER_MARK.get(self.mark) == Some(byte) {
            self.mark += 1;
            *byte = b' ';
            return Ok(());
        }
        if self.mark > 0 && self.mark < BYTE_ORDER_MARK.len() {
            return Err(self.refuse("the object begins with half a byte order mark"));
        }
        self.state = match (self.state, *byte) {
            (State::Text { depth, escaped: true }, _) => State::Text { depth, escaped: false },
            (State::Text { depth, .. }, b'\\') => State::Text { depth, escaped: true },
            (State::Text { depth, .. }, b'"') => State::Element { depth },
            (text @ State::Text { .. }, _) => text,
            (State::Element { depth }, b'"') => State::Text { depth, escaped: false },
            (State::Element { depth }, b'{' | b'[') => State::Element { depth: depth + 1 },
            (State::Element { depth: 1 }, b'}' | b']') => State::After,
            (State::Element { depth }, b'}' | b']') => State::Element { depth: depth - 1 },
            (element @ State::Element { .. }, _) => element,
            (state, b' ' | b'\t' | b'\r' | b'\n') => state,
            (State::Start, b'[') if self.layout != Layout::Ndjson => {
                *byte = b'\n';
                State::First
            }
            (State::Start, _) if self.layout == Layout::Array => {
                return Err(self.refuse("the object holds no array"));
            }
            (State::Start, _) => State::Plain,
            (State::First | State::Next, b'{') => State::Element { depth: 1 },
            (State::After, b',') => {
                *byte = b'\n';
                State::Next
            }
            (State::First | State::After, b']') => {
                *byte = b'\n';
                State::End
            }
            (State::First | State::Next, _) => {
                return Err(self.refuse("an element of the array is no object"));
            }
            (State::After, _) => return Err(self.refuse("a comma is missing between two elements")),
            (_, _) => return Err(self.refuse("there is more after the array")),
        };
        Ok(())
    }

    fn refuse(&self, why: &str) -> Error {
        Error::invalid_data(why).with_context("byte", self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records, whatever the pieces are in which the bytes come.
    fn records(layout: Layout, text: &str) -> Result<String> {
        let mut found = Vec::new();
        for piece in [1, 2, 7, 1000] {
            let mut records = Records::new(layout);
            let mut bytes = text.as_bytes().to_vec();
            let pushed = bytes.chunks_mut(piece).try_for_each(|piece| records.push(piece));
            let outcome = pushed.and_then(|()| records.finish());
            found.push(outcome.map(|()| String::from_utf8(bytes).unwrap()).map_err(|e| e.to_string()));
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        found.pop().unwrap().map_err(Error::invalid_data)
    }

    #[test]
    fn an_array_becomes_lines() {
        let array = r#" [{"a":[1,{"b":"],\"{"}]} , {"c":"\\"}] "#;
        assert_eq!(
            records(Layout::Auto, array).unwrap(),
            "  \n{\"a\":[1,{\"b\":\"],\\\"{\"}]} \n {\"c\":\"\\\\\"}\n ".replacen("  \n", " \n", 1)
        );
        assert_eq!(records(Layout::Array, "\u{feff}[]").unwrap().trim(), "");
        assert_eq!(records(Layout::Auto, "\u{feff}{}\n{}").unwrap(), "   {}\n{}");
        assert_eq!(records(Layout::Ndjson, "").unwrap(), "");
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for bad in ["[1]", "[{}", "[{},]", "[{} {}]", "[{}] x", "[,{}]", "[\"a\"]", "[[]]", "["] {
            assert!(records(Layout::Auto, bad).is_err(), "{bad}");
        }
        assert!(records(Layout::Array, "{}").is_err());
        assert!(records(Layout::Array, "").is_err());
    }
}
