//! The dialect as the splitter and the writer look at it: byte by byte.

use crate::config::{BlankLines, COMMA, CsvConfig, Ragged, Terminator};

/// The characters of a dialect. All are ASCII, so that a byte of UTF-8 that equals one is one.
#[derive(Debug, Clone)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) double_quote: bool,
    pub(crate) comment: Option<u8>,
    /// The one byte that ends a record; any end of a line when `None`.
    pub(crate) end: Option<u8>,
    pub(crate) trim: bool,
    pub(crate) stray_quotes: bool,
    pub(crate) ragged: Ragged,
    pub(crate) blank_lines: BlankLines,
    pub(crate) null_texts: Vec<String>,
    pub(crate) quoted_nulls: bool,
    pub(crate) max_record_bytes: usize,
    /// The bytes that mean something in a field without quotes.
    special: [bool; 256],
}

impl Dialect {
    pub(crate) fn new(config: &CsvConfig) -> Self {
        let byte = |one: char| u8::try_from(one).unwrap_or_default();
        let end = match config.terminator {
            Terminator::Char(one) => Some(byte(one)),
            Terminator::Auto | Terminator::Crlf => None,
        };
        let mut dialect = Self {
            delimiter: byte(config.delimiter.unwrap_or(COMMA)),
            quote: config.quote.map(byte),
            escape: config.escape.map(byte),
            double_quote: config.double_quote,
            comment: config.comment.map(byte),
            end,
            trim: config.trim,
            stray_quotes: config.stray_quotes,
            ragged: config.ragged,
            blank_lines: config.blank_lines,
            null_texts: config.null_texts.clone(),
            quoted_nulls: config.quoted_nulls,
            max_record_bytes: config.max_record_bytes,
            special: [false; 256],
        };
        for byte in 0..=u8::MAX {
            let special = byte == dialect.delimiter
                || Some(byte) == dialect.quote
                || Some(byte) == dialect.escape
                || dialect.ends(byte);
            if let Some(place) = dialect.special.get_mut(usize::from(byte)) {
                *place = special;
            }
        }
        dialect
    }

    /// Whether the byte means something in a field without quotes.
    pub(crate) fn is_special(&self, byte: u8) -> bool {
        self.special.get(usize::from(byte)).is_some_and(|special| *special)
    }

    /// Whether the byte ends a record.
    pub(crate) fn ends(&self, byte: u8) -> bool {
        match self.end {
            Some(end) => byte == end,
            None => matches!(byte, b'\n' | b'\r'),
        }
    }

    /// Whether the byte is cut off at the ends of fields.
    pub(crate) fn is_padding(&self, byte: u8) -> bool {
        self.trim && matches!(byte, b' ' | b'\t') && byte != self.delimiter
    }

    /// Whether a field is null by its text.
    pub(crate) fn is_null_text(&self, text: &str) -> bool {
        self.null_texts.iter().any(|null| null == text)
    }

    /// Whether the escape and this byte, alone in a field, are a null text: `\N` of several databases.
    pub(crate) fn is_escaped_null(&self, byte: u8) -> bool {
        self.escape.is_some_and(|escape| self.null_texts.iter().any(|null| null.as_bytes() == [escape, byte]))
    }
}
