//! Other names in the text of a query.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use stitchwork_core::{Error, Result};

use super::{Analysis, Part, TableUse, same};
use crate::dialect::{Dialect, quote};

/// A name that takes the place of a table's.
#[derive(Debug)]
pub(crate) struct Replacement<'a> {
    pub(crate) table: &'a TableUse,
    /// What is written instead.
    pub(crate) name: String,
    /// Columns are still qualified by the last part of the table's old name.
    pub(crate) keeps_name: bool,
}

/// The text with the names replaced.
///
/// # Errors
/// `Unexpected` where the text has no name at a place that it was found at.
pub(crate) fn rewrite(
    sql: &str,
    dialect: &dyn Dialect,
    analysis: &Analysis,
    replacements: &[Replacement<'_>],
) -> Result<String> {
    let tokens = Tokenizer::new(dialect.parser(), sql)
        .tokenize_with_location()
        .map_err(|e| super::broken("the SQL does not parse").with_context("reason", e))?;
    let starts = Starts::new(sql, &tokens);
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for replacement in replacements {
        for mention in &replacement.table.mentions {
            let (start, end) = starts.range(&mention.parts)?;
            let last = mention.parts.last().map(|part| part.value.as_str()).unwrap_or_default();
            let alias = match mention.aliased || replacement.keeps_name {
                true => String::new(),
                false => format!(" AS {}", quote(last)),
            };
            edits.push((start, end, format!("{}{alias}", replacement.name)));
        }
        let depth = replacement.table.parts.len();
        for name in analysis.qualified.iter().filter(|name| depth > 1 && name.len() > depth) {
            let Some(prefix) = name.get(..depth) else { continue };
            if let (true, Some(last)) = (same(prefix, &replacement.table.parts), prefix.last()) {
                let (start, end) = starts.range(prefix)?;
                edits.push((start, end, quote(&last.value)));
            }
        }
    }
    edits.sort();
    edits.dedup();
    let mut text = String::with_capacity(sql.len());
    let mut from = 0;
    for (start, end, with) in edits {
        // What lies inside of another edit went with it.
        let Some(before) = sql.get(from..start) else { continue };
        text.push_str(before);
        text.push_str(&with);
        from = end;
    }
    text.push_str(sql.get(from..).unwrap_or_default());
    Ok(text)
}

/// The text without the semicolon that may end it.
///
/// # Errors
/// `InvalidInput` for what is no sequence of tokens.
pub(crate) fn without_semicolon<'a>(sql: &'a str, dialect: &dyn Dialect) -> Result<&'a str> {
    let tokens = Tokenizer::new(dialect.parser(), sql)
        .tokenize_with_location()
        .map_err(|e| super::broken("the SQL does not parse").with_context("reason", e))?;
    let mut ends = tokens.iter().rev().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    let Some(TokenWithSpan { token: Token::SemiColon, span }) = ends.next() else { return Ok(sql) };
    let starts = Starts::new(sql, &tokens).starts;
    let end = starts.iter().find(|(start, _)| *start == span.start).map(|(_, offset)| *offset);
    Ok(end.and_then(|end| sql.get(..end)).unwrap_or(sql))
}

/// The byte offsets at which tokens start.
struct Starts {
    starts: Vec<(Location, usize)>,
    end: usize,
}

impl Starts {
    fn new(sql: &str, tokens: &[TokenWithSpan]) -> Self {
        let mut starts = Vec::with_capacity(tokens.len());
        let mut wanted = tokens.iter().map(|token| token.span.start).peekable();
        let (mut line, mut column) = (1, 1);
        for (offset, letter) in sql.char_indices() {
            while let Some(start) = wanted.next_if(|start| (start.line, start.column) == (line, column)) {
                starts.push((start, offset));
            }
            if letter == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        Self { starts, end: sql.len() }
    }

    /// The bytes of a name: from its first token up to what follows its last one.
    fn range(&self, parts: &[Part]) -> Result<(usize, usize)> {
        let at = |part: Option<&Part>| {
            let part = part?;
            self.starts.iter().position(|(start, _)| *start == part.span.start)
        };
        let (Some(first), Some(last)) = (at(parts.first()), at(parts.last())) else {
            return Err(Error::unexpected("a name of the query was not found in its text"));
        };
        let start = self.starts.get(first).map_or(0, |(_, offset)| *offset);
        let end = self.starts.get(last + 1).map_or(self.end, |(_, offset)| *offset);
        Ok((start, end))
    }
}
