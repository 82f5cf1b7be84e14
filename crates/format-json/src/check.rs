//! The records as they come, byte by byte, before the decoder takes them: whether they are JSON, and whether each value fits
//! its column. The decoder is lenient in both, and cuts what does not fit.

mod frame;
mod piece;

use arrow_schema::Schema;
use bytes::Bytes;
use stitchwork_core::{Error, Result};

use self::frame::Frame;
use self::piece::{Piece, Words, content};
use crate::fit::{Fit, Kind, is_number, rounds};
use crate::nodes::Nodes;
use crate::text::{Step, Text, Utf8};

/// How deep objects and lists may lie in each other, as `serde_json` has it.
const DEEPEST: usize = 127;
/// The most bytes of a key, a number, or a text that is looked at as a whole.
const LONGEST: usize = 1 << 20;
/// How much of a value is told.
const TOLD_CHARS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Between two records.
    Between,
    /// Before a value, or the end of a list.
    First,
    /// Before a value.
    Value,
    /// Before a key, or the end of an object.
    FirstKey,
    /// Before a key.
    NextKey,
    /// In a key.
    Key,
    Colon,
    /// In a text that nobody looks at.
    Passed,
    /// In a text that must fit a column.
    Held,
    Number,
    /// In a word: `true`, `null`, `NaN`.
    Word,
    /// After a value, in an object or a list.
    After,
}

/// Passes records on that the decoder reads exactly, and refuses all others. Bytes may come in pieces of any size.
#[derive(Debug)]
pub(crate) struct Checker {
    nodes: Nodes,
    words: Words,
    inferred: bool,
    state: State,
    stack: Vec<Frame>,
    text: Text,
    utf8: Utf8,
    /// The beginning of what is looked at as a whole, from the pieces before.
    held: Vec<u8>,
    row: u64,
    /// The bytes of the record in the pieces before.
    before: u64,
}

/// Why records are refused.
struct Why {
    why: &'static str,
    /// The value that does not fit its column, which has just ended.
    value: Option<Vec<u8>>,
}

impl From<&'static str> for Why {
    fn from(why: &'static str) -> Self {
        Self { why, value: None }
    }
}

impl Checker {
    /// For records of a schema.
    ///
    /// Of a schema that is `inferred` from the first of them, an error says so.
    pub(crate) fn of(schema: &Schema, inferred: bool) -> Self {
        Self { inferred, ..Self::new(Nodes::of(schema), Words::Quoted) }
    }

    /// For records from which a schema is inferred.
    pub(crate) fn inferring() -> Self {
        Self::new(Nodes::inferred(), Words::Zeroed)
    }

    fn new(nodes: Nodes, words: Words) -> Self {
        let (state, text, utf8) = (State::Between, Text::default(), Utf8::default());
        let (stack, held) = (vec![], vec![]);
        Self { nodes, words, inferred: false, state, stack, text, utf8, held, row: 0, before: 0 }
    }

    /// The piece as the decoder may have it; the piece itself where nothing of it is changed.
    pub(crate) fn push(&mut self, whole: Bytes) -> Result<Bytes> {
        let broken = self.utf8.broken(&whole);
        let good = whole.get(..broken.unwrap_or(whole.len())).unwrap_or_default();
        let mut piece = Piece::new(good);
        while let Some(byte) = piece.bytes.get(piece.at) {
            self.step(*byte, &mut piece).map_err(|why| self.refuse(why, &piece))?;
        }
        if broken.is_some() {
            let utf16 = self.row == 0 && self.stack.is_empty();
            let why = if utf16 {
                "the object is no UTF-8 text (is it UTF-16, or no JSON at all?)"
            } else {
                "the text is not UTF-8"
            };
            return Err(self.refuse(why.into(), &piece));
        }
        let pending = matches!(self.state, State::Key | State::Held | State::Number | State::Word);
        let end = if pending { piece.begin } else { piece.at };
        if pending {
            self.held.extend_from_slice(piece.part());
            if self.held.len() > LONGEST {
                return Err(self.refuse("a key or a value of a column is longer than 1 MiB".into(), &piece));
            }
        }
        self.before += (piece.at - piece.record) as u64;
        if piece.out.is_empty() && piece.kept == 0 {
            return Ok(whole.slice(..end));
        }
        piece.out.extend_from_slice(piece.bytes.get(piece.kept..end).unwrap_or_default());
        Ok(piece.out.into())
    }

    /// Says whether the records may end here.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.state == State::Between {
            return Ok(());
        }
        let end = Piece::new(&[]);
        Err(self.refuse("the last record is cut off".into(), &end))
    }

    fn refuse(&self, Why { why, value }: Why, piece: &Piece<'_>) -> Error {
        let mut byte = self.before + (piece.at.max(piece.record) - piece.record) as u64;
        let mut context = Vec::new();
        if let Some(value) = value {
            byte = byte.saturating_sub(value.len() as u64);
            let value = String::from_utf8_lossy(&value);
            context.push(("value", value.chars().take(TOLD_CHARS).collect()));
        }
        let before_value = matches!(self.state, State::First | State::Value);
        let node = if before_value || !context.is_empty() { self.nodes.get(self.node()) } else { None };
        let node = node.filter(|node| node.kind != Kind::Inferred);
        if let Some(node) = node {
            context.push(("type", node.data_type.to_string()));
        }
        let error = match node {
            Some(_) if self.inferred => Error::invalid_data(format!(
                "{why}; the type was inferred from the records before: read the object with a schema, or infer from more \
                 records (`infer_rows`, `infer_bytes`)"
            )),
            _ => Error::invalid_data(why),
        };
        let mut error = error.with_context("row", self.row);
        let path = self.path();
        if !path.is_empty() {
            error = error.with_context("column", path);
        }
        let error = context.into_iter().fold(error, |error, (key, value)| error.with_context(key, value));
        error.with_context("byte_in_record", byte)
    }

    fn path(&self) -> String {
        let parts = self.stack.iter().filter_map(|frame| self.nodes.get(frame.node)?.name(frame.place?));
        parts.collect::<Vec<_>>().join(".")
    }

    /// The place of the value that comes.
    fn node(&self) -> Option<usize> {
        match self.stack.last() {
            Some(frame) => self.nodes.get(frame.node)?.child(frame.place?),
            None => Some(0),
        }
    }

    fn step(&mut self, byte: u8, piece: &mut Piece<'_>) -> Result<(), Why> {
        match (self.state, byte) {
            (State::Key | State::Passed | State::Held, _) => return self.in_text(piece),
            (State::Number, _) => return self.in_number(piece),
            (State::Word, _) => return self.in_word(piece),
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Between, b'{') => {
                (self.before, piece.record) = (0, piece.at);
                self.open(true)?;
            }
            (State::Between, 0) if self.row == 0 => {
                return Err("the object is no UTF-8 text (is it UTF-16, or no JSON at all?)".into());
            }
            (State::Between, _) => {
                // Its place is counted from where it begins.
                (self.before, piece.record) = (0, piece.at);
                return Err("a record is no JSON object".into());
            }
            (State::First, b']') | (State::FirstKey, b'}') => self.close(),
            (State::First | State::Value, _) => return self.value(byte, piece),
            (State::FirstKey | State::NextKey, b'"') => {
                piece.begin = piece.at;
                self.state = State::Key;
            }
            (State::FirstKey | State::NextKey, _) => return Err("a key is missing or no text".into()),
            (State::Colon, b':') => self.state = State::Value,
            (State::Colon, _) => return Err("a colon is missing after a key".into()),
            (State::After, b',') => {
                let object = self.stack.last().is_some_and(|frame| frame.object);
                self.state = if object { State::NextKey } else { State::Value };
            }
            (State::After, b'}' | b']') if self.stack.last().is_some_and(|f| f.object == (byte == b'}')) => {
                self.close();
            }
            (State::After, _) => return Err("a comma or the closing bracket is missing after a value".into()),
        }
        piece.at += 1;
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Why> {
        if self.stack.len() >= DEEPEST {
            return Err("values lie more than 127 deep in each other".into());
        }
        let node = self.node();
        self.stack.push(Frame::new(node, object));
        self.state = if object { State::FirstKey } else { State::First };
        Ok(())
    }

    fn close(&mut self) {
        self.stack.pop();
        self.ended();
    }

    /// A value has ended.
    fn ended(&mut self) {
        self.state = State::After;
        if self.stack.is_empty() {
            self.row += 1;
            self.state = State::Between;
        }
    }

    fn value(&mut self, byte: u8, piece: &mut Piece<'_>) -> Result<(), Why> {
        let kind = self.nodes.kind(self.node());
        piece.begin = piece.at;
        match byte {
            b'{' if kind.takes_objects() => self.open(true)?,
            b'[' if kind.takes_lists() => self.open(false)?,
            b'{' => return Err("an object stands where the type of its column takes none".into()),
            b'[' => return Err("a list stands where the type of its column takes none".into()),
            b'"' if kind.takes_texts() => self.state = State::Passed,
            b'"' => self.state = State::Held,
            b'-' | b'0'..=b'9' => self.state = State::Number,
            b'a'..=b'z' | b'A'..=b'Z' => self.state = State::Word,
            _ => return Err("a value is missing or none of JSON's".into()),
        }
        piece.at += 1;
        Ok(())
    }

    fn in_text(&mut self, piece: &mut Piece<'_>) -> Result<(), Why> {
        let rest = piece.bytes.get(piece.at..).unwrap_or_default();
        let (passed, step) = self.text.step(rest);
        piece.at += passed;
        if let Step::Broken(why) = step {
            return Err(why.into());
        }
        if step != Step::Ended {
            return Ok(());
        }
        piece.at += 1;
        match self.state {
            State::Key => self.whole(piece, |checker, key, _| checker.key(key)),
            State::Held => self.whole(piece, |checker, text, piece| checker.text(text, piece)),
            _ => {
                self.ended();
                Ok(())
            }
        }
    }

    /// Gives what has ended as a whole, of which parts may have been in the pieces before. Those are passed on now.
    fn whole<'a>(
        &mut self,
        piece: &mut Piece<'a>,
        look: impl FnOnce(&mut Self, &[u8], &mut Piece<'a>) -> Result<(), Why>,
    ) -> Result<(), Why> {
        if self.held.is_empty() {
            let bytes = piece.bytes;
            return look(self, bytes.get(piece.begin..piece.at).unwrap_or_default(), piece);
        }
        self.held.extend_from_slice(piece.part());
        let held = std::mem::take(&mut self.held);
        let passed = piece.out.len();
        look(self, &held, piece)?;
        if piece.out.len() == passed {
            piece.replace(&held);
        }
        Ok(())
    }

    fn key(&mut self, quoted: &[u8]) -> Result<(), Why> {
        let key = content(quoted)?;
        if let Some(frame) = self.stack.last_mut() {
            frame.key(&key, self.nodes.get(frame.node))?;
        }
        self.state = State::Colon;
        Ok(())
    }

    fn text(&mut self, quoted: &[u8], piece: &mut Piece<'_>) -> Result<(), Why> {
        let text = content(quoted)?;
        let fit = self.nodes.get(self.node()).map_or(Ok(None), |node| node.text(&text));
        self.fitted(quoted, fit, piece)
    }

    fn in_number(&mut self, piece: &mut Piece<'_>) -> Result<(), Why> {
        let rest = piece.bytes.get(piece.at..).unwrap_or_default();
        let other = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let Some(digits) = rest.iter().position(other) else {
            piece.at += rest.len();
            return Ok(());
        };
        piece.at += digits;
        let negative = self.held.len() + piece.part().len() == 1 && piece.bytes.get(piece.at) == Some(&b'I');
        if negative && (self.held == b"-" || piece.part() == b"-") {
            self.state = State::Word;
            return Ok(());
        }
        self.whole(piece, |checker, number, piece| {
            let told = std::str::from_utf8(number).ok().filter(|number| is_number(number));
            let kind = checker.nodes.kind(checker.node());
            let fit = match told {
                Some(number) if checker.inferred && matches!(kind, Kind::Float { .. }) && rounds(number) => {
                    Err("the integer has more digits than the type of its column keeps")
                }
                Some(number) => kind.number(number),
                None => Err("a value begins as a number and is none of JSON's"),
            };
            checker.fitted(number, fit, piece)
        })
    }

    fn in_word(&mut self, piece: &mut Piece<'_>) -> Result<(), Why> {
        let rest = piece.bytes.get(piece.at..).unwrap_or_default();
        let Some(letters) = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()) else {
            piece.at += rest.len();
            return Ok(());
        };
        piece.at += letters;
        self.whole(piece, |checker, word, piece| {
            let kind = checker.nodes.kind(checker.node());
            let fit = match word {
                b"null" => Ok(None),
                b"true" | b"false" if kind.takes_booleans() => Ok(None),
                b"true" | b"false" => Err("a boolean stands where the type of its column takes none"),
                b"NaN" | b"Infinity" | b"-Infinity" if kind.takes_words() => {
                    Ok(Some(checker.words.spell(&String::from_utf8_lossy(word))))
                }
                b"NaN" | b"Infinity" | b"-Infinity" => {
                    Err("NaN or an infinity stands where the type of its column takes none")
                }
                _ => Err("a value is a word that JSON has not"),
            };
            checker.fitted(word, fit, piece)
        })
    }

    fn fitted(&mut self, value: &[u8], fit: Fit, piece: &mut Piece<'_>) -> Result<(), Why> {
        if let Some(spelled) = fit.map_err(|why| Why { why, value: Some(value.to_vec()) })? {
            piece.replace(spelled.as_bytes());
        }
        self.ended();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
