//! The first look at the bytes: where a row begins and ends, whether it is JSON, and the few values that decide its
//! table and id. Only rows that pass are built, so a broken one leaves no trace.

use std::ops::Range;

use jiter::{Jiter, JiterError, JiterErrorType, Peek};
use stitchwork_core::{Error, Result};

/// Values to look for in a row.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    paths: Vec<Vec<String>>,
}

/// Where the wanted values of a row stand, relative to its beginning.
pub(crate) type Found = Vec<Option<Range<usize>>>;

impl Wanted {
    /// The place of a path's value in [`Found`].
    pub(crate) fn add(&mut self, path: Vec<String>) -> usize {
        self.paths.push(path);
        self.paths.len() - 1
    }
}

/// Walks from row to row.
#[derive(Debug)]
pub(crate) struct Scanner<'j> {
    data: &'j [u8],
    /// The data as far as it is UTF-8.
    text: &'j str,
    at: usize,
    place: Place,
    tape: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between values.
    Outside,
    /// After `[`.
    ArrayStart,
    /// After a row in an array.
    AfterRow,
}

impl<'j> Scanner<'j> {
    pub(crate) fn new(data: &'j [u8]) -> Self {
        let text = str::from_utf8(data).unwrap_or_else(|error| {
            let valid = data.get(..error.valid_up_to()).unwrap_or_default();
            str::from_utf8(valid).unwrap_or_default()
        });
        let at = if data.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { data, text, at, place: Place::Outside, tape: vec![] }
    }

    /// The next row and where it begins, with the places of the wanted values in `found`.
    pub(crate) fn next(&mut self, wanted: &Wanted, found: &mut Found) -> Result<Option<(usize, &'j str)>> {
        if !self.find_row()? {
            return Ok(None);
        }
        let start = self.at;
        let data = self.data.get(start..).unwrap_or_default();
        let mut jiter = Jiter::with_tape(data, std::mem::take(&mut self.tape));
        found.clear();
        found.resize(wanted.paths.len(), None);
        let result = scan_row(&mut jiter, wanted, found);
        let length = jiter.current_index();
        self.tape = jiter.into_tape();
        if let Err(error) = result {
            return Err(self.broken(start + error.index, &describe(&error.error_type)));
        }
        self.at = start + length;
        if self.place == Place::ArrayStart {
            self.place = Place::AfterRow;
        }
        match self.text.get(start..self.at) {
            Some(row) => Ok(Some((start, row))),
            None => Err(self.broken(self.text.len(), "the text is not UTF-8")),
        }
    }

    /// Moves to the beginning of the next row; false at the end.
    fn find_row(&mut self) -> Result<bool> {
        loop {
            let next = self.skip_whitespace();
            match (self.place, next) {
                (Place::Outside, None) => return Ok(false),
                (Place::Outside, Some(b'[')) => self.place = Place::ArrayStart,
                (Place::ArrayStart | Place::AfterRow, Some(b']')) => self.place = Place::Outside,
                (Place::Outside | Place::ArrayStart, Some(_)) => return Ok(true),
                (Place::AfterRow, Some(b',')) => {
                    self.at += 1;
                    return match self.skip_whitespace() {
                        Some(b']') => Err(self.broken(self.at, "trailing comma")),
                        Some(_) => Ok(true),
                        None => Err(self.broken(self.at, "the array of rows does not end")),
                    };
                }
                (Place::AfterRow, Some(_)) => return Err(self.broken(self.at, "expected `,` or `]`")),
                (_, None) => return Err(self.broken(self.at, "the array of rows does not end")),
            }
            self.at += 1;
        }
    }

    fn skip_whitespace(&mut self) -> Option<u8> {
        loop {
            match self.data.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                next => return next.copied(),
            }
        }
    }

    /// The error for broken JSON at this place.
    fn broken(&self, at: usize, message: &str) -> Error {
        let before = self.data.get(..at).unwrap_or(self.data);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::invalid_data(format!("the JSON is broken: {message}"))
            .with_operation("shred::push")
            .with_context("offset", at)
            .with_context("line", line)
            .with_context("near", outline(self.data, at))
    }
}

/// The JSON error in words that hold nothing of the data.
fn describe(error: &JiterErrorType) -> String {
    match error {
        JiterErrorType::JsonError(error) => error.to_string(),
        JiterErrorType::WrongType { .. } => error.to_string(),
    }
}

/// The text around a place with every letter as `a` and every digit as `0`: it shows the structure and no secret.
fn outline(data: &[u8], at: usize) -> String {
    let range = at.saturating_sub(20)..at.saturating_add(20).min(data.len());
    let outline = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' => 'a',
        b'0'..=b'9' => '0',
        b' '..=b'~' => *byte as char,
        b'\t' | b'\n' | b'\r' => ' ',
        _ => '?',
    };
    data.get(range).unwrap_or_default().iter().map(outline).collect()
}

fn scan_row(jiter: &mut Jiter<'_>, wanted: &Wanted, found: &mut Found) -> Result<(), JiterError> {
    let peek = jiter.peek()?;
    if peek != Peek::Object || wanted.paths.is_empty() {
        return jiter.known_skip(peek);
    }
    let all: Vec<usize> = (0..wanted.paths.len()).collect();
    scan_object(jiter, wanted, &all, 0, found)
}

/// Looks for the values whose paths, of which `depth` steps are done, may lead into this object.
fn scan_object(
    jiter: &mut Jiter<'_>,
    wanted: &Wanted,
    open: &[usize],
    depth: usize,
    found: &mut Found,
) -> Result<(), JiterError> {
    let mut hits: Vec<usize> = vec![];
    let mut key = jiter.known_object()?;
    while let Some(name) = key {
        hits.clear();
        hits.extend(
            open.iter().copied().filter(|path| wanted.paths[*path].get(depth).is_some_and(|s| s == name)),
        );
        let peek = jiter.peek()?;
        let start = jiter.current_index();
        let deeper = hits.iter().any(|path| wanted.paths[*path].len() > depth + 1);
        if deeper && peek == Peek::Object {
            scan_object(jiter, wanted, &hits, depth + 1, found)?;
        } else {
            jiter.known_skip(peek)?;
        }
        for path in &hits {
            if wanted.paths[*path].len() == depth + 1 && found[*path].is_none() {
                found[*path] = Some(start..jiter.current_index());
            }
        }
        key = jiter.next_key()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(data: &[u8]) -> Result<Vec<String>> {
        let mut scanner = Scanner::new(data);
        let mut rows = vec![];
        while let Some((_, row)) = scanner.next(&Wanted::default(), &mut vec![])? {
            rows.push(row.to_owned());
        }
        Ok(rows)
    }

    #[test]
    fn all_framings_give_the_same_rows() {
        for data in [
            "[{\"a\":1},{\"a\":2}]",
            "{\"a\":1}\n{\"a\":2}\n",
            " {\"a\":1}{\"a\":2}",
            "[{\"a\":1}] [{\"a\":2}]",
        ] {
            assert_eq!(rows(data.as_bytes()).unwrap(), ["{\"a\":1}", "{\"a\":2}"], "{data}");
        }
        assert_eq!(rows(b"\xef\xbb\xbf[ ]").unwrap(), [""; 0]);
        assert_eq!(rows(b"[[1],2,\"x\"]").unwrap(), ["[1]", "2", "\"x\""]);
    }

    #[test]
    fn broken_text_is_told_with_its_place_and_without_its_content() {
        for (data, offset) in [
            (&b"{\"a\":1}\n{\"password\":\"hunter2\" oops}"[..], "30"),
            (b"[{\"a\":1},]", "9"),
            (b"[{\"a\":1}", "8"),
            (b"[{\"a\":1} {}]", "9"),
            (b"{\"a\":\"\xff\"}", "6"),
            (b"{\"a\":\"\\ud800\"}", "12"),
            (b"{\"a\":NaN}", "5"),
            (b"{\"a\":01}", "6"),
            (b"{\"a\":1]", "6"),
            (b"}", "0"),
        ] {
            let error = rows(data).unwrap_err();
            assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidData);
            assert_eq!(error.context("offset"), Some(offset), "{error}");
            assert!(error.context("near").unwrap().len() <= 40);
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
    }

    #[test]
    fn a_depth_bomb_is_refused() {
        let bomb = "[".repeat(100_000);
        assert!(rows(bomb.as_bytes()).unwrap_err().to_string().contains("recursion"));
        let bomb = "{\"a\":".repeat(100_000);
        assert!(rows(bomb.as_bytes()).unwrap_err().to_string().contains("recursion"));
    }

    #[test]
    fn wanted_values_are_found() {
        let mut wanted = Wanted::default();
        for path in ["type", "a.b", "a", "none"] {
            wanted.add(crate::namer::split_path(path));
        }
        let data = br#"{"x": {"type": 1}, "a": {"c": [], "b" : true}, "type": "t"}"#;
        let mut found = vec![];
        let (start, row) = Scanner::new(data).next(&wanted, &mut found).unwrap().unwrap();
        assert_eq!(start, 0);
        let texts: Vec<_> = found.into_iter().map(|range| range.map(|range| &row[range])).collect();
        assert_eq!(texts, [Some("\"t\""), Some("true"), Some("{\"c\": [], \"b\" : true}"), None]);
    }
}
