//! Texts as their bytes come: escapes, control characters, UTF-8.

/// A text, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Text {
    escape: Escape,
    /// The first half of a character of two, whose second half must follow.
    high: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Escape {
    #[default]
    None,
    /// After a backslash.
    Begun,
    /// In the digits of a character's number.
    Digits { count: u8, value: u32 },
}

/// How far a text has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// It goes on.
    Open,
    /// The next byte is its closing quote.
    Ended,
    Broken(&'static str),
}

const HALF: &str = "a text has half of a character of two (a lone surrogate), which is no text";

impl Text {
    /// Goes on with the text. Also how many bytes have been taken.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> (usize, Step) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match (self.escape, byte) {
                (Escape::None, b'\\') => self.escape = Escape::Begun,
                (Escape::None, _) if self.high => return (at, Step::Broken(HALF)),
                (Escape::None, b'"') => return (at, Step::Ended),
                (Escape::None, ..0x20) => {
                    return (at, Step::Broken("a text has a control character that is not escaped"));
                }
                (Escape::None, _) => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
                    at += rest.iter().position(special).unwrap_or(rest.len());
                    continue;
                }
                (Escape::Begun, b'u') => self.escape = Escape::Digits { count: 0, value: 0 },
                (Escape::Begun, _) if self.high => return (at, Step::Broken(HALF)),
                (Escape::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                    self.escape = Escape::None;
                }
                (Escape::Begun, _) => return (at, Step::Broken("a text has an escape that JSON has not")),
                (Escape::Digits { count, value }, digit) => {
                    let Some(digit) = char::from(*digit).to_digit(16) else {
                        return (at, Step::Broken("a text has an escape without four hexadecimal digits"));
                    };
                    let value = value << 4 | digit;
                    self.escape = Escape::Digits { count: count + 1, value };
                    if count == 3 {
                        self.escape = Escape::None;
                        match (self.high, value) {
                            (true, 0xDC00..0xE000) => self.high = false,
                            (true, _) | (_, 0xDC00..0xE000) => return (at, Step::Broken(HALF)),
                            (_, 0xD800..0xDC00) => self.high = true,
                            _ => {}
                        }
                    }
                }
            }
            at += 1;
        }
        (at, Step::Open)
    }
}

/// UTF-8, in pieces that may end within a character.
#[derive(Debug, Default)]
pub(crate) struct Utf8 {
    /// The beginning of a character.
    begun: Vec<u8>,
}

impl Utf8 {
    /// The first byte of a piece that is not UTF-8.
    pub(crate) fn broken(&mut self, piece: &[u8]) -> Option<usize> {
        let mut from = 0;
        while !self.begun.is_empty() {
            let byte = piece.get(from)?;
            self.begun.push(*byte);
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(e) if e.error_len().is_some() => return Some(from),
                Err(_) => {}
            }
            from += 1;
        }
        let rest = piece.get(from..)?;
        let error = std::str::from_utf8(rest).err()?;
        let at = from + error.valid_up_to();
        if error.error_len().is_none() {
            self.begun = piece.get(at..)?.to_vec();
            return None;
        }
        Some(at)
    }
}
