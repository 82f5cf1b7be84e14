//! From text to records and their fields.

use stitchwork_core::{Error, Result};

use crate::config::{BlankLines, Ragged};
use crate::dialect::Dialect;
use crate::rows::{Kind, Rows};

/// What a field takes beside its text.
const FIELD_BYTES: usize = 9;

/// Splits text into records ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180) and the dialects around it), which may
/// come in pieces of any size.
#[derive(Debug)]
pub(crate) struct Records {
    dialect: Dialect,
    state: State,
    /// How many lines are to be passed over before the first record.
    skip_lines: u64,
    /// A carriage return has ended a record: a line feed after it belongs to it.
    after_return: bool,
    /// The line of the next byte, from 1, and the one that the open record began on.
    line: u64,
    begun: u64,
    /// How many records there were before those that are held.
    passed: u64,
    /// The number of fields of the first record.
    columns: Option<usize>,
    /// The fields of the open record so far, and where its text begins.
    fields: usize,
    start: usize,
    text: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<Kind>,
    lines: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a record.
    Start,
    /// Before a field that is not the first.
    Field,
    /// In a field without quotes.
    Plain { escaped: bool },
    /// After an escape, in quotes or not.
    Escape { quoted: bool },
    /// In quotes.
    Quoted,
    /// After a quote in quotes.
    Quote,
    /// After a closing quote and padding.
    Closed,
    /// In a line that is passed over.
    Comment,
    /// In one of the first lines.
    Skipped,
}

impl Records {
    pub(crate) fn new(dialect: Dialect, skip_lines: u64) -> Self {
        Self {
            dialect,
            state: if skip_lines > 0 { State::Skipped } else { State::Start },
            skip_lines,
            after_return: false,
            line: 1,
            begun: 1,
            passed: 0,
            columns: None,
            fields: 0,
            start: 0,
            text: vec![],
            ends: vec![],
            kinds: vec![],
            lines: vec![],
        }
    }

    /// The number of fields of the first record, once there was one.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// Whether this many records, or records of about this many bytes, are held.
    pub(crate) fn full(&self, rows: usize, bytes: usize) -> bool {
        let held = self.text.len() + self.ends.len() * FIELD_BYTES;
        self.lines.len() >= rows || (held >= bytes && !self.lines.is_empty() && self.fields == 0)
    }

    /// The records that are held.
    pub(crate) fn take(&mut self) -> Result<Rows> {
        let rest = self.text.split_off(self.start);
        let text = std::mem::replace(&mut self.text, rest);
        let whole = self.ends.len() - self.fields;
        let open = self.ends.split_off(whole);
        let ends = std::mem::replace(&mut self.ends, open.iter().map(|end| end - self.start).collect());
        let open = self.kinds.split_off(whole);
        let kinds = std::mem::replace(&mut self.kinds, open);
        let lines = std::mem::take(&mut self.lines);
        self.start = 0;
        self.passed += lines.len() as u64;
        let text = String::from_utf8(text)
            .map_err(|e| Error::unexpected("a character was cut in two").with_source(e))?;
        Ok(Rows::new(text, ends, kinds, lines, self.columns.unwrap_or_default()))
    }

    /// Forgets the records so far in the numbers that errors tell: rows are counted from here.
    pub(crate) fn count_from_here(&mut self) {
        self.passed = 0;
    }

    /// Takes bytes until records are [`Records::full`], and says how many.
    pub(crate) fn push(&mut self, input: &[u8], rows: usize, bytes: usize) -> Result<usize> {
        let mut at = 0;
        while let Some(byte) = input.get(at).copied() {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                at += 1;
                continue;
            }
            match self.state {
                State::Start | State::Field if self.dialect.is_padding(byte) => at += 1,
                State::Start => {
                    self.begun = self.line;
                    if self.dialect.ends(byte) {
                        at += 1;
                        self.blank_line()?;
                        self.end_line(byte);
                    } else if Some(byte) == self.dialect.comment {
                        self.state = State::Comment;
                    } else {
                        at += self.open_field(byte);
                    }
                }
                State::Field => at += self.open_field(byte),
                State::Plain { escaped } => {
                    at +=
                        self.run(input.get(at..).unwrap_or_default(), |dialect, b| dialect.is_special(b))?;
                    if let Some(byte) = input.get(at) {
                        at += 1;
                        self.plain(*byte, escaped)?;
                    }
                }
                State::Quoted => {
                    let ends = |dialect: &Dialect, b| Some(b) == dialect.quote || Some(b) == dialect.escape;
                    let run = self.run(input.get(at..).unwrap_or_default(), ends)?;
                    self.count_lines(input.get(at..at + run).unwrap_or_default());
                    at += run;
                    if let Some(byte) = input.get(at) {
                        at += 1;
                        let quoted = State::Escape { quoted: true };
                        self.state = if Some(*byte) == self.dialect.quote { State::Quote } else { quoted };
                    }
                }
                State::Escape { quoted } => {
                    at += 1;
                    self.count_lines(&[byte]);
                    let null = !quoted && self.field_is_empty() && self.dialect.is_escaped_null(byte);
                    if null && let Some(escape) = self.dialect.escape {
                        self.text.push(escape);
                    }
                    self.text.push(byte);
                    self.state = if quoted { State::Quoted } else { State::Plain { escaped: !null } };
                }
                State::Quote if Some(byte) == self.dialect.quote && self.dialect.double_quote => {
                    at += 1;
                    self.text.push(byte);
                    self.state = State::Quoted;
                }
                State::Quote | State::Closed => {
                    at += 1;
                    self.closed(byte)?;
                }
                State::Comment | State::Skipped => {
                    at += 1;
                    if self.dialect.ends(byte) {
                        self.end_line(byte);
                    }
                }
            }
            if self.state == State::Start && self.full(rows, bytes) {
                break;
            }
        }
        Ok(at)
    }

    /// Ends the last record.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match self.state {
            State::Start | State::Comment | State::Skipped => {}
            State::Field | State::Plain { escaped: false } => self.end_record(Kind::Plain)?,
            State::Plain { escaped: true } | State::Quote | State::Closed => self.end_record(Kind::Marked)?,
            State::Quoted | State::Escape { quoted: true } => {
                return Err(self.refuse("the object ends within quotes"));
            }
            State::Escape { quoted: false } => return Err(self.refuse("the object ends after an escape")),
        }
        self.state = State::Start;
        Ok(())
    }

    /// Begins a field, and says how many bytes that took.
    fn open_field(&mut self, byte: u8) -> usize {
        if Some(byte) == self.dialect.quote {
            self.state = State::Quoted;
            return 1;
        }
        self.state = State::Plain { escaped: false };
        0
    }

    /// A byte in a field without quotes that means something.
    fn plain(&mut self, byte: u8, escaped: bool) -> Result<()> {
        let kind = if escaped { Kind::Marked } else { Kind::Plain };
        if byte == self.dialect.delimiter {
            self.state = State::Field;
            return self.end_field(kind);
        }
        if self.dialect.ends(byte) {
            self.end_record(kind)?;
            self.end_line(byte);
        } else if Some(byte) == self.dialect.escape {
            self.state = State::Escape { quoted: false };
        } else if self.dialect.stray_quotes {
            self.text.push(byte);
        } else {
            return Err(self.refuse(
                "a quote stands inside of a field without quotes: double it in quotes, or set `quote` or `stray_quotes`",
            ));
        }
        Ok(())
    }

    /// A byte after a closing quote.
    fn closed(&mut self, byte: u8) -> Result<()> {
        if byte == self.dialect.delimiter {
            self.state = State::Field;
            self.end_field(Kind::Marked)
        } else if self.dialect.ends(byte) {
            self.end_record(Kind::Marked)?;
            self.end_line(byte);
            Ok(())
        } else if self.dialect.is_padding(byte) {
            self.state = State::Closed;
            Ok(())
        } else {
            Err(self.refuse("there is more after a closing quote: quotes in quotes are doubled or escaped"))
        }
    }

    /// Takes the bytes before the first that is `special`, and says how many.
    fn run(&mut self, input: &[u8], special: impl Fn(&Dialect, u8) -> bool) -> Result<usize> {
        let run = input.iter().position(|byte| special(&self.dialect, *byte)).unwrap_or(input.len());
        self.text.extend_from_slice(input.get(..run).unwrap_or_default());
        self.check_size()?;
        Ok(run)
    }

    fn blank_line(&mut self) -> Result<()> {
        let row = match self.dialect.blank_lines {
            BlankLines::Skip => false,
            BlankLines::Auto => self.columns == Some(1),
            BlankLines::Row => self.columns.is_some(),
        };
        if row { self.end_record(Kind::Plain) } else { Ok(()) }
    }

    fn end_field(&mut self, kind: Kind) -> Result<()> {
        let field = self.field_start();
        if kind == Kind::Plain {
            while self.text.len() > field && self.text.last().is_some_and(|b| self.dialect.is_padding(*b)) {
                self.text.pop();
            }
        }
        if self.columns.is_some_and(|columns| self.fields >= columns) {
            if self.dialect.ragged == Ragged::Any {
                self.text.truncate(field);
                return Ok(());
            }
            return Err(self.refuse(
                "a record has more fields than the first one: pass them over with the option `ragged`, in SQL \
                 `csv('…', ragged => 'any')`, or name another `delimiter`, `quote` or `skip_lines` in the same way",
            ));
        }
        self.ends.push(self.text.len());
        self.kinds.push(kind);
        self.fields += 1;
        self.check_size()
    }

    fn end_record(&mut self, kind: Kind) -> Result<()> {
        self.end_field(kind)?;
        let columns = *self.columns.get_or_insert(self.fields);
        if self.fields < columns {
            if self.dialect.ragged == Ragged::Error {
                return Err(self
                    .refuse(
                        "a record has fewer fields than the first one: make nulls of them with the option `ragged`, in \
                         SQL `csv('…', ragged => 'short')`, or name another `delimiter` or `skip_lines` in the same way",
                    )
                    .with_context("fields", self.fields));
            }
            self.ends.resize(self.ends.len() + columns - self.fields, self.text.len());
            self.kinds.resize(self.ends.len(), Kind::Missing);
        }
        self.lines.push(self.begun);
        self.fields = 0;
        self.start = self.text.len();
        self.state = State::Start;
        Ok(())
    }

    fn end_line(&mut self, byte: u8) {
        self.after_return = self.dialect.end.is_none() && byte == b'\r';
        self.line += 1;
        if self.state == State::Skipped {
            self.skip_lines -= 1;
        }
        self.state = if self.skip_lines > 0 { State::Skipped } else { State::Start };
    }

    fn count_lines(&mut self, text: &[u8]) {
        self.line += text.iter().filter(|byte| **byte == b'\n').count() as u64;
    }

    fn field_start(&self) -> usize {
        if self.fields == 0 { self.start } else { self.ends.last().copied().unwrap_or(self.start) }
    }

    fn field_is_empty(&self) -> bool {
        self.text.len() == self.field_start()
    }

    fn check_size(&self) -> Result<()> {
        let bytes = self.text.len() - self.start + self.fields * FIELD_BYTES;
        if bytes <= self.dialect.max_record_bytes {
            return Ok(());
        }
        Err(self
            .refuse("a record is larger than `max_record_bytes`: a quote that is not closed makes one of the rest")
            .with_context("max_record_bytes", self.dialect.max_record_bytes))
    }

    fn refuse(&self, why: &'static str) -> Error {
        let error = Error::invalid_data(why)
            .with_context("row", self.passed + self.lines.len() as u64 + 1)
            .with_context("line", self.begun);
        match self.columns {
            Some(columns) => error.with_context("columns", columns),
            None => error,
        }
    }
}
