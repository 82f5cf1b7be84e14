//! NaN and the infinities as bare words, which JSON has not, but Python and DuckDB write.

use bytes::Bytes;
use stitchwork_core::{Error, Result};

/// The words, which stand where numbers do.
const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum State {
    #[default]
    Outside,
    Text,
    Escaped,
    /// After a word and perhaps white space.
    After,
}

/// Puts the words of records into quotes, in which the decoder takes them for numbers, or for texts where the column is
/// one. Bytes may come in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Words {
    state: State,
    /// What may become a word.
    held: Vec<u8>,
}

impl Words {
    /// The piece with its words in quotes; the piece itself where it has none.
    pub(crate) fn quoted(&mut self, piece: Bytes) -> Result<Bytes> {
        let mut out = Vec::new();
        // The first byte that is not passed on yet.
        let mut kept = 0;
        for (at, byte) in piece.iter().enumerate() {
            if !self.held.is_empty() {
                self.held.push(*byte);
                if WORDS.contains(&self.held.as_slice()) {
                    out.push(b'"');
                    out.append(&mut self.held);
                    out.push(b'"');
                    (self.state, kept) = (State::After, at + 1);
                    continue;
                }
                if WORDS.iter().any(|word| word.starts_with(&self.held)) {
                    kept = at + 1;
                    continue;
                }
                // It is something else, which the decoder looks at.
                self.held.pop();
                out.append(&mut self.held);
                kept = at;
            }
            let begins = matches!(self.state, State::Outside | State::After)
                && match byte {
                    b'N' | b'I' => true,
                    b'-' => piece.get(at + 1).is_none_or(|next| *next == b'I'),
                    _ => false,
                };
            if begins {
                out.extend_from_slice(piece.get(kept..at).unwrap_or_default());
                self.held.push(*byte);
                kept = at + 1;
            } else {
                self.step(*byte)?;
            }
        }
        if out.is_empty() && kept == 0 {
            return Ok(piece);
        }
        out.extend_from_slice(piece.get(kept..).unwrap_or_default());
        Ok(out.into())
    }

    /// What the last piece ended with, and is no whole word.
    pub(crate) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }

    fn step(&mut self, byte: u8) -> Result<()> {
        self.state = match (self.state, byte) {
            (State::Text, b'"') => State::Outside,
            (State::Text, b'\\') => State::Escaped,
            (State::Text | State::Escaped, _) => State::Text,
            (_, b'"') => State::Text,
            (State::After, b' ' | b'\t' | b'\r' | b'\n') => State::After,
            // In its quotes it would pass for one.
            (State::After, b':') => return Err(Error::invalid_data("a key is no text")),
            (State::Outside | State::After, _) => State::Outside,
        };
        Ok(())
    }
}

/// Puts numbers of the same length in the place of words, so that a parser of JSON may look at the records. The last
/// one may be cut off.
pub(crate) fn zeroed(head: &mut [u8]) {
    let mut words = Words::default();
    let mut at = 0;
    while let Some(rest) = head.get_mut(at..).filter(|rest| !rest.is_empty()) {
        let found = |word: &&&[u8]| rest.starts_with(word) || word.starts_with(rest);
        let outside = matches!(words.state, State::Outside | State::After);
        let word = if outside { WORDS.iter().take(2).find(found) } else { None };
        match word.map(|word| word.len().min(rest.len())) {
            Some(length) => {
                for (byte, digit) in rest.iter_mut().zip("0.000000".bytes()).take(length) {
                    *byte = digit;
                }
                at += length;
            }
            None => {
                // A key that is a word is none of the parser's either.
                let Some(Ok(())) = rest.first().map(|byte| words.step(*byte)) else { return };
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> std::result::Result<String, Error> {
        let mut found = Vec::new();
        for size in [1, 2, 3, 5, 1000] {
            let mut words = Words::default();
            let mut out = Vec::new();
            let mut pass = || {
                for piece in text.as_bytes().chunks(size) {
                    out.extend_from_slice(&words.quoted(Bytes::copy_from_slice(piece))?);
                }
                out.extend_from_slice(&words.rest());
                Ok::<_, Error>(())
            };
            found.push(pass().map(|()| String::from_utf8(out).unwrap()).map_err(|e| e.to_string()));
        }
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        found.pop().unwrap().map_err(Error::invalid_data)
    }

    #[test]
    fn words_outside_of_texts_are_quoted_whatever_the_pieces() {
        for (text, expected) in [
            (r#"{"a":NaN,"b":[Infinity, -Infinity ]}"#, r#"{"a":"NaN","b":["Infinity", "-Infinity" ]}"#),
            (r#"{"a":"NaN, -Infinity","N":"\"NaN"}"#, r#"{"a":"NaN, -Infinity","N":"\"NaN"}"#),
            (r#"{"a":-1,"b":-1.5,"c":[-2]}"#, r#"{"a":-1,"b":-1.5,"c":[-2]}"#),
            // Not words, so that the decoder sees what stands there.
            (r#"{"a":Nan,"b":-In,"c":NNaN}"#, r#"{"a":Nan,"b":-In,"c":N"NaN"}"#),
            (r#"{"a":Infinit"#, r#"{"a":Infinit"#),
            (r#"{"a":--Infinity"#, r#"{"a":-"-Infinity""#),
            ("-", "-"),
        ] {
            assert_eq!(quoted(text).unwrap(), expected);
        }
        assert!(quoted(r#"{NaN :1}"#).is_err());
    }

    #[test]
    fn a_piece_without_words_is_passed_on_without_a_copy() {
        let piece = Bytes::from_static(br#"{"a":-1,"b":"NaN"}"#);
        assert_eq!(Words::default().quoted(piece.clone()).unwrap().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn zeros_are_as_long_as_the_words() {
        for (text, expected) in [
            (r#"{"a":NaN,"b":-Infinity,"c":"NaN"}"#, r#"{"a":0.0,"b":-0.000000,"c":"NaN"}"#),
            (r#"{"a":Na"#, r#"{"a":0."#),
            (r#"{"a":-Inf"#, r#"{"a":-0.0"#),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            zeroed(&mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }
}
