//! Time travel: `t version as of 3` becomes a table whose name says the version, before the text is parsed.
//!
//! The planner reads such clauses in some dialects and ignores them, and most dialects do not know them. A name
//! that carries its version goes through every part of a statement, and two versions of a table are two tables.

use std::collections::HashMap;

use arrow::compute::kernels::cast_utils::string_to_datetime;
use chrono::Utc;
use datafusion::config::Dialect;
use datafusion::sql::sqlparser::ast::Ident;
use datafusion::sql::sqlparser::dialect::dialect_from_str;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};
use stitchwork_core::{At, Error, Result};

/// Between the name of a table and its version: no name has it.
const MARK: char = '\u{1f}';

/// The table and the version that a name says.
pub(crate) fn decode(name: &str) -> (&str, At) {
    let Some((table, version)) = name.split_once(MARK) else { return (name, At::Latest) };
    let at = match version.split_at_checked(1) {
        Some(("v", id)) => id.parse().map(At::Version).ok(),
        Some(("t", moment)) => moment.parse().map(At::Timestamp).ok(),
        Some(("r", name)) => Some(At::Ref(name.to_owned())),
        _ => None,
    };
    at.map_or((name, At::Latest), |at| (table, at))
}

/// A name for people.
pub(crate) fn shown(name: &str) -> String {
    let plain = name.split_once(MARK).map_or(name, |(table, _)| table);
    plain.trim_matches('"').to_owned()
}

/// The refusal of what stands behind a table as its other name and is meant for a version: `t @v3`.
///
/// Some dialects let a name begin with this sign, and the newest rows would be read under it.
pub(crate) fn by_sign(alias: &Ident) -> Option<Error> {
    (alias.quote_style.is_none() && alias.value.starts_with('@')).then(|| signed(&alias.value))
}

fn signed(clause: &str) -> Error {
    Error::unsupported(
        "a version is not asked for with `@`; write `version as of 3` or `timestamp as of '2026-01-31 12:00:00'` \
         behind the table, or put an alias in double quotes that begins so",
    )
    .with_context("clause", clause)
}

/// The refusal of a version that stands behind another name of a table, and would be a part of that name.
pub(crate) fn behind_alias(alias: &Ident) -> Option<Error> {
    let (name, at) = decode(&alias.value);
    (!matches!(at, At::Latest)).then(|| {
        Error::unsupported(
            "a version is asked for right behind the name of a table, before another name for it: `t version as of 3 as x`",
        )
        .with_context("alias", name)
    })
}

/// The same refusal for a text that does not parse: `t @v3 x`, and any `t@v3` where names do not begin so.
pub(crate) fn by_sign_in(sql: &str, dialect: Dialect) -> Option<Error> {
    let parser = dialect_from_str(dialect)?;
    let tokens = Tokenizer::new(parser.as_ref(), sql).tokenize().ok()?;
    let is_version = |word: &Word| {
        let digits = word.value.strip_prefix(['v', 'V']).unwrap_or(&word.value);
        word.quote_style.is_none() && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    tokens.windows(2).find_map(|pair| match pair {
        [_, Token::Word(word)] if word.quote_style.is_none() && word.value.starts_with('@') => {
            Some(signed(&word.value))
        }
        [Token::AtSign, Token::Word(word)] if is_version(word) => Some(signed(&format!("@{word}"))),
        _ => None,
    })
}

/// The text with each version moved into the name of its table.
///
/// # Errors
/// `InvalidInput` for a version that is no whole number, or a time that is none or a number.
pub(crate) fn rewrite(sql: &str, dialect: Dialect) -> Result<String> {
    let unchanged = || Ok(sql.to_owned());
    let Some(parser) = dialect_from_str(dialect) else { return unchanged() };
    // What is no sequence of tokens is refused by the parser, with a better word.
    let Ok(tokens) = Tokenizer::new(parser.as_ref(), sql).tokenize_with_location() else {
        return unchanged();
    };
    let tokens: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let mut cuts = Vec::new();
    for place in 1..tokens.len() {
        let Some(clause) = Clause::read(&tokens, place)? else { continue };
        let Some(name) = tokens.get(place - 1) else { continue };
        let table = match &name.token {
            // The clause began at this word, and is read already.
            Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case("for") => {
                continue;
            }
            Token::Word(Word { value, quote_style: None, .. }) => value.to_lowercase(),
            Token::Word(Word { value, .. }) | Token::DoubleQuotedString(value) => value.clone(),
            _ => continue,
        };
        let text = format!("{table}{MARK}{}", clause.version).replace('"', "\"\"");
        cuts.push((name.span.start, clause.end, format!("\"{text}\"")));
    }
    spliced(sql, &cuts).map_or_else(unchanged, Ok)
}

/// The text with other texts between two places, of which each begins behind the one before; `None` where nothing changes.
pub(crate) fn spliced(sql: &str, cuts: &[(Location, Location, String)]) -> Option<String> {
    if cuts.is_empty() {
        return None;
    }
    let offsets = offsets(sql);
    let at = |location: &Location| offsets.get(&(location.line, location.column)).copied();
    let mut out = String::new();
    let mut from = 0;
    for (start, end, text) in cuts {
        let (start, end) = (at(start)?, at(end)?);
        out.push_str(sql.get(from..start)?);
        out.push_str(text);
        from = end;
    }
    out.push_str(sql.get(from..)?);
    Some(out)
}

/// A clause behind the name of a table.
struct Clause {
    version: String,
    end: Location,
}

impl Clause {
    fn read(tokens: &[&TokenWithSpan], place: usize) -> Result<Option<Self>> {
        let word = |place: usize| match tokens.get(place).map(|token| &token.token) {
            Some(Token::Word(Word { value, quote_style: None, .. })) => value.to_lowercase(),
            _ => String::new(),
        };
        let first = place + usize::from(word(place) == "for");
        let by_time = match word(first).as_str() {
            "version" => false,
            "system_version" if first > place => false,
            "timestamp" => true,
            "system_time" if first > place => true,
            _ => return Ok(None),
        };
        if word(first + 1) != "as" || word(first + 2) != "of" {
            return Ok(None);
        }
        let mut value = first + 3;
        // `timestamp '…'` and `date '…'` are spelt out here and there.
        value += usize::from(by_time && matches!(word(value).as_str(), "timestamp" | "date"));
        let Some(token) = tokens.get(value) else { return Ok(None) };
        let version = match &token.token {
            Token::Number(number, _) if !by_time => {
                let id: i64 = number.parse().map_err(|e| {
                    Error::invalid_input("a version is a whole number")
                        .with_context("version", number)
                        .with_source(e)
                })?;
                format!("v{id}")
            }
            Token::Number(number, _) => {
                return Err(Error::invalid_input(
                    "the time to travel to is a text in quotes, `timestamp as of '2026-01-31 12:00:00'`, in UTC; a number asks for \
                     a version, `version as of 3`",
                )
                .with_context("time", number));
            }
            Token::SingleQuotedString(name) if !by_time => format!("r{name}"),
            Token::SingleQuotedString(text) => {
                let moment = string_to_datetime(&Utc, text).map_err(|e| {
                    Error::invalid_input("the time to travel to is none; write `2026-01-31 12:00:00`, in UTC")
                        .with_context("time", text)
                        .with_source(e)
                })?;
                format!("t{}", moment.timestamp_millis())
            }
            _ => return Ok(None),
        };
        Ok(Some(Self { version, end: token.span.end }))
    }
}

/// The place of each character of a text in bytes, and that of its end, by the line and the column that the SQL
/// tokenizer counts: both from 1, columns in characters.
///
/// ```
/// let offsets = stitchwork_engine_datafusion::offsets("é\n;");
/// assert_eq!(offsets.get(&(1, 2)), Some(&2));
/// assert_eq!(offsets.get(&(2, 2)), Some(&4));
/// ```
#[must_use]
pub fn offsets(sql: &str) -> HashMap<(u64, u64), usize> {
    let (mut line, mut column) = (1, 1);
    let mut offsets = HashMap::new();
    for (offset, character) in sql.char_indices() {
        offsets.insert((line, column), offset);
        if character == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    offsets.insert((line, column), sql.len());
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let got = rewrite(sql, Dialect::Generic).unwrap();
        assert_eq!(got.replace(MARK, "@"), expected);
    }

    #[test]
    fn versions_move_into_names() {
        check("select * from t VERSION AS OF 3 where a", "select * from \"t@v3\" where a");
        check("from a.B for version as of 'x''y' z", "from a.\"b@rx'y\" z");
        check("from \"T\" FOR SYSTEM_TIME AS OF '1970-01-01 00:00:01'", "from \"T@t1000\"");
        check("from t timestamp as of '1970-01-02'", "from \"t@t86400000\"");
        check("from é\n  for timestamp as of\n timestamp '1970-01-01T01:00:00+01:00'", "from \"é@t0\"");
        check("from t version as of 1 a join t version as of 2 b", "from \"t@v1\" a join \"t@v2\" b");
    }

    #[test]
    fn texts_and_comments_stay() {
        for sql in ["select 't version as of 3' -- t version as of 3", "select version as of", "select 1"] {
            check(sql, sql);
        }
        assert!(rewrite("from t version as of 1.5", Dialect::Generic).is_err());
        assert!(rewrite("from t timestamp as of 'soon'", Dialect::Generic).is_err());
        let error = rewrite("from t timestamp as of 1795967877", Dialect::Generic).unwrap_err();
        assert!(error.to_string().contains("is a text in quotes"), "{error}");
    }

    #[test]
    fn names_say_their_version() {
        assert_eq!(decode("t"), ("t", At::Latest));
        assert_eq!(decode("t\u{1f}v3"), ("t", At::Version(3)));
        assert_eq!(decode("t\u{1f}rv3"), ("t", At::Ref("v3".to_owned())));
        assert_eq!(decode("t\u{1f}t5"), ("t", At::Timestamp(5)));
    }
}
