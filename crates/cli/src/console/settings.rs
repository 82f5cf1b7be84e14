//! Values behind names that promise secrets, as SQL, JSON and messages write them: `secret_access_key => 'x'`,
//! `"token": "x"`, `key=x`, `password 'x'`.
//!
//! The text need not be whole and is often a part of a message, in quotes of its own. Where it can be read in two ways,
//! more of it is taken for the secret.

use std::ops::Range;

use stitchwork::core::is_sensitive;

/// A value that is likely to be a secret.
#[derive(Debug)]
pub(super) struct Value {
    /// Where it stands, with its quotes.
    pub(super) range: Range<usize>,
    /// Whether it was compared or set by `=`, as columns are too.
    pub(super) compared: bool,
}

/// What stands between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// `=>` or `:=`: an argument.
    Argument,
    /// `=`
    Equal,
    /// `:` behind a name in quotes, or nothing: only a text in quotes is a value.
    Text,
}

/// The values in a text, in their order.
pub(super) fn values(text: &str) -> Vec<Value> {
    let scan = Scan(text);
    let (mut found, mut at) = (vec![], 0);
    while let Some(c) = scan.at(at) {
        let end = at + scan.run(at, is_of_name);
        if end == at {
            at += c.len_utf8();
            continue;
        }
        let name = text.get(at..end).unwrap_or_default();
        at = match scan.value(name, at).filter(|value| !value.range.is_empty()) {
            Some(value) => {
                let end = value.range.end;
                found.push(value);
                end
            }
            None => end,
        };
    }
    found
}

/// The texts in quotes that a value is made of; the value itself where it has none.
pub(super) fn texts(value: &str) -> Vec<&str> {
    let scan = Scan(value);
    let (mut found, mut at) = (vec![], 0);
    while let Some(c) = scan.at(at) {
        match scan.quoted(at) {
            Some(quoted) => {
                found.extend(value.get(quoted.inner));
                at = quoted.end;
            }
            None => at += c.len_utf8(),
        }
    }
    if found.is_empty() { vec![value] } else { found }
}

/// What of a value is hidden: all but its quotes where it is one text.
pub(super) fn hidden(text: &str, value: &Value) -> Range<usize> {
    let Range { start, end } = value.range;
    let shown = text.get(start..end).unwrap_or_default();
    match Scan(shown).quoted(0).filter(|quoted| quoted.end == shown.len()) {
        Some(Quoted { inner, .. }) => start + inner.start..start + inner.end,
        None => start..end,
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '"' | '`')
}

/// A text in quotes.
struct Quoted {
    inner: Range<usize>,
    end: usize,
}

struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn rest(&self, at: usize) -> &'a str {
        self.0.get(at..).unwrap_or_default()
    }

    fn at(&self, at: usize) -> Option<char> {
        self.rest(at).chars().next()
    }

    /// The bytes from a place on whose characters are all of a kind.
    fn run(&self, at: usize, is: impl Fn(char) -> bool) -> usize {
        let rest = self.rest(at);
        rest.find(|c| !is(c)).unwrap_or(rest.len())
    }

    /// The place behind blanks and remarks, which may be written with a backslash.
    fn blank(&self, mut at: usize) -> usize {
        loop {
            let rest = self.rest(at);
            let length = if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else if rest.starts_with("--") {
                rest.find('\n').unwrap_or(rest.len())
            } else if ["\\n", "\\r", "\\t"].iter().any(|escaped| rest.starts_with(escaped)) {
                2
            } else {
                self.run(at, char::is_whitespace)
            };
            if length == 0 {
                return at;
            }
            at += length;
        }
    }

    /// The value behind a name that stands at a place, if it promises one.
    fn value(&self, name: &str, start: usize) -> Option<Value> {
        // What identifies a row is no secret.
        if !is_sensitive(name) || name.to_ascii_lowercase().ends_with("primary_key") {
            return None;
        }
        let named = self.behind_name(start, start + name.len());
        let at = self.blank(named);
        let rest = self.rest(at);
        let (link, length) = match rest {
            _ if rest.starts_with("=>") || rest.starts_with(":=") => (Link::Argument, 2),
            _ if rest.starts_with("==") => (Link::Equal, 2),
            _ if rest.starts_with('=') => (Link::Equal, 1),
            _ if rest.starts_with(':') && named > start + name.len() => (Link::Text, 1),
            // In sentences a key is what finds something.
            _ if name.eq_ignore_ascii_case("key") && !self.is_in_list(start) => return None,
            _ => (Link::Text, 0),
        };
        let from = self.blank(at + length);
        let end = match link {
            Link::Argument => self.argument(from, true),
            Link::Text if self.quoted(from).is_none() => return None,
            Link::Equal | Link::Text => self.expression(from),
        };
        Some(Value { range: from..end, compared: link == Link::Equal })
    }

    /// Whether a bracket or a comma stands before a place, or a quote.
    fn is_in_list(&self, start: usize) -> bool {
        let before = self.0.get(..start).unwrap_or_default().trim_end();
        before.ends_with(|c: char| "(,{".contains(c) || is_quote(c))
    }

    /// The place behind a name and the quote that ends it.
    fn behind_name(&self, start: usize, end: usize) -> usize {
        // The name may be the last part of a longer one.
        let before = self.0.get(..start).unwrap_or_default();
        let before = before.trim_end_matches(|c| is_of_name(c) || c == '.');
        let rest = self.rest(end);
        let quote = rest.strip_prefix('\\').unwrap_or(rest).chars().next().filter(|c| is_quote(*c));
        let Some(quote) = quote else { return end };
        let marks = [format!("\\{quote}"), format!("{quote}{quote}"), quote.to_string()];
        if let Some(mark) = marks.iter().find(|mark| before.ends_with(mark.as_str())) {
            return if rest.starts_with(mark.as_str()) { end + mark.len() } else { end };
        }
        // The last word of several; else the quote begins the value.
        let behind = end + rest.find(quote).unwrap_or_default() + 1;
        let next = self.blank(behind);
        let is_end = |c: char| ":=".contains(c) || next > behind && is_quote(c);
        if self.rest(next).starts_with(is_end) { behind } else { end }
    }

    /// The text in quotes or between dollars that begins at a place; one without an end goes on to the end.
    fn quoted(&self, at: usize) -> Option<Quoted> {
        let rest = self.rest(at);
        // Of `e'…'` and the like; behind a name the letter would be a part of it.
        let prefixed = rest.get(1..).is_some_and(|behind| behind.starts_with('\''));
        let prefix = usize::from(prefixed && rest.starts_with(|c: char| "eExXbBnNrR".contains(c)));
        let rest = self.rest(at + prefix);
        let first = rest.chars().next()?;
        let mark = match first {
            '$' => {
                let tag = self.run(at + 1, |c| c.is_alphanumeric() || c == '_');
                rest.get(..tag + 2).filter(|mark| mark.ends_with('$'))?
            }
            '\\' => rest.get(..2).filter(|mark| mark.ends_with(is_quote))?,
            // Within a text in quotes, those of an inner text are doubled.
            _ if is_quote(first) => {
                let behind = rest.strip_prefix(first).and_then(|rest| rest.strip_prefix(first));
                let inner = behind.and_then(|behind| behind.chars().next());
                let doubled =
                    inner.is_some_and(|c| !c.is_whitespace() && !is_quote(c) && !",;)]}|:".contains(c));
                rest.get(..if doubled { 2 } else { 1 })?
            }
            _ => return None,
        };
        let inner = at + prefix + mark.len();
        let length = if mark.len() == 1 { self.to_quote(inner, first) } else { self.rest(inner).find(mark) };
        Some(match length {
            Some(length) => Quoted { inner: inner..inner + length, end: inner + length + mark.len() },
            None => Quoted { inner: inner..self.0.len(), end: self.0.len() },
        })
    }

    /// The bytes up to the quote that ends a text: neither one that is doubled nor one behind a backslash.
    fn to_quote(&self, from: usize, quote: char) -> Option<usize> {
        let mut characters = self.rest(from).char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            if c == '\\' {
                characters.next();
            } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
                return Some(at);
            }
        }
        None
    }

    /// The end of texts in quotes, one behind the other.
    fn strings(&self, at: usize) -> Option<usize> {
        let mut end = self.quoted(at)?.end;
        while let Some(next) = self.quoted(self.blank(end)) {
            end = next.end;
        }
        Some(end)
    }

    /// The end of an argument: the bracket, the semicolon or the comma that ends it.
    fn argument(&self, from: usize, commas: bool) -> usize {
        let (mut at, mut end, mut depth) = (from, from, 0_usize);
        while let Some(c) = self.at(at) {
            if let Some(quoted) = self.quoted(at) {
                (at, end) = (quoted.end, quoted.end);
                continue;
            }
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' | ';' if depth == 0 && commas => break,
                _ => {}
            }
            at += c.len_utf8();
            if !c.is_whitespace() {
                end = at;
            }
        }
        if commas { end } else { at + self.at(at).map_or(0, char::len_utf8) }
    }

    /// The end of what is compared: texts, words, calls, and what is joined to them.
    fn expression(&self, from: usize) -> usize {
        let mut end = self.atom(from);
        loop {
            let next = self.blank(end);
            let rest = self.rest(next);
            let length =
                ["||", "::", "+"].iter().find(|sign| rest.starts_with(**sign)).map_or(0, |sign| sign.len());
            let from = self.blank(next + length);
            let further = self.atom(from);
            if length == 0 || further == from {
                return end;
            }
            end = further;
        }
    }

    fn atom(&self, from: usize) -> usize {
        if let Some(end) = self.strings(from) {
            return end;
        }
        let end = from + self.run(from, |c| !c.is_whitespace() && !is_quote(c) && !",;|&()[]{}".contains(c));
        let open = if end > from { self.blank(end) } else { end };
        if self.rest(open).starts_with(['(', '[']) { self.argument(open + 1, false) } else { end }
    }
}

#[cfg(test)]
#[path = "settings/tests.rs"]
mod tests;
