//! SQL as text: where statements end, and where they name tables.

#[cfg(test)]
mod damaged;
mod options;
mod rewrite;
mod target;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer, TokenizerError};
use stitchwork::engine_datafusion::offsets;

pub(crate) use options::split as split_options;
pub(crate) use rewrite::{PATH, Vocabulary, rewrite};
pub(crate) use target::Target;

/// A token and the bytes where it stands.
#[derive(Debug)]
struct Placed {
    token: Token,
    start: usize,
    end: usize,
}

/// The tokens of a text, without blanks and comments.
fn tokens(sql: &str) -> Result<Vec<Placed>, TokenizerError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location()?;
    let offsets = offsets(sql);
    let at = |place: &Location| offsets.get(&(place.line, place.column)).copied().unwrap_or(sql.len());
    let kept = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    Ok(kept
        .map(|token| Placed { start: at(&token.span.start), end: at(&token.span.end), token: token.token })
        .collect())
}

/// The statements of a text, without their semicolons. A text that is no sequence of tokens is one statement, which
/// the engine refuses with a better word.
pub(crate) fn statements(sql: &str) -> Vec<&str> {
    let Ok(tokens) = tokens(sql) else { return vec![sql] };
    let mut found = vec![];
    let mut first = None;
    let mut last = 0;
    for token in tokens {
        if token.token == Token::SemiColon {
            found.extend(first.take().and_then(|first| sql.get(first..last)));
        } else {
            first.get_or_insert(token.start);
            last = token.end;
        }
    }
    found.extend(first.and_then(|first| sql.get(first..last)));
    found
}

/// Whether a text that is being typed is whole: it ends with a semicolon, or holds nothing.
pub(crate) fn is_whole(sql: &str) -> bool {
    // What is no sequence of tokens is a text or a comment that has no end yet.
    tokens(sql).is_ok_and(|tokens| tokens.last().is_none_or(|last| last.token == Token::SemiColon))
}

/// A name as SQL takes it: in quotes where it needs them.
pub(crate) fn quoted_if_needed(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_keyword(name);
    if plain { name.to_owned() } else { quoted(name) }
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a name alone would be read as something else than a name.
fn is_keyword(name: &str) -> bool {
    use sqlparser::keywords::{
        ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS,
    };
    let upper = name.to_ascii_uppercase();
    let Ok(place) = ALL_KEYWORDS.binary_search(&upper.as_str()) else { return false };
    ALL_KEYWORDS_INDEX.get(place).is_some_and(|word| {
        RESERVED_FOR_COLUMN_ALIAS.contains(word) || RESERVED_FOR_TABLE_ALIAS.contains(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_texts() {
        let sql = " select ';' as \"a;b\" ; -- one; two\n select /* ; */ 2;;\n";
        assert_eq!(statements(sql), ["select ';' as \"a;b\"", "select /* ; */ 2"]);
        assert!(statements(" -- nothing\n ; ").is_empty());
        assert_eq!(statements("select 'ü€' ; select 2"), ["select 'ü€'", "select 2"]);
        assert_eq!(statements("select 'open ; select 2"), ["select 'open ; select 2"]);
    }

    #[test]
    fn whole_is_what_ends_with_a_semicolon() {
        for whole in ["select 1;", "select 1; -- done", "", "  \n", "-- only a remark"] {
            assert!(is_whole(whole), "{whole}");
        }
        for part in ["select 1", "select 1; select 2", "select ';", "select 1 /* ;"] {
            assert!(!is_whole(part), "{part}");
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(quoted_if_needed("push_event"), "push_event");
        assert_eq!(quoted_if_needed("Push"), "\"Push\"");
        assert_eq!(quoted_if_needed("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted_if_needed("select"), "\"select\"");
        assert_eq!(quoted_if_needed("1a"), "\"1a\"");
    }
}
