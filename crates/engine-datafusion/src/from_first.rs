//! Queries that begin with `from` and have no `select`: all columns are meant, as in DuckDB.
//!
//! The parser takes such a query for one of no columns, and knows no clause behind its table. So the `select *` that
//! is meant is written out before the text is parsed.

use datafusion::config::Dialect;
use datafusion::sql::sqlparser::dialect::dialect_from_str;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use crate::travel::spliced;

/// The text with a `select *` before each `from` that begins a query without one.
pub(crate) fn rewrite(sql: &str, dialect: Dialect) -> String {
    let cuts = || {
        let parser = dialect_from_str(dialect)?;
        // What is no sequence of tokens is refused by the parser, with a better word.
        let tokens = Tokenizer::new(parser.as_ref(), sql).tokenize_with_location().ok()?;
        let tokens: Vec<&TokenWithSpan> =
            tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        let starts = beginnings(&tokens).into_iter().filter(|place| !selects(&tokens, *place));
        let starts = starts.filter_map(|place| tokens.get(place)).map(|token| token.span.start);
        Some(starts.map(|start| (start, start, "select * ".to_owned())).collect::<Vec<_>>())
    };
    cuts().and_then(|cuts| spliced(sql, &cuts)).unwrap_or_else(|| sql.to_owned())
}

/// What is between two brackets, or all of a statement.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// Whether a query begins here or further on.
    open: bool,
    /// Whether names and other things may come before it.
    prefixed: bool,
    /// Whether nothing has come yet.
    fresh: bool,
}

const FRESH: Level = Level { open: true, prefixed: false, fresh: true };

/// The places of each `from` with which a query begins.
fn beginnings(tokens: &[&TokenWithSpan]) -> Vec<usize> {
    let mut above: Vec<Level> = Vec::new();
    let mut level = FRESH;
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LParen => {
                // `trim(from x)`.
                let trim = place.checked_sub(1).and_then(|before| tokens.get(before));
                let trims = trim.is_some_and(|token| word(&token.token) == "trim");
                level.fresh = false;
                level.open &= level.prefixed;
                above.push(level);
                level = Level { open: !trims, ..FRESH };
            }
            Token::RParen => level = above.pop().unwrap_or(FRESH),
            Token::SemiColon => level = FRESH,
            token => {
                let word = word(token);
                match word.as_str() {
                    "from" => {
                        if level.open {
                            found.push(place);
                        }
                        level.open = false;
                    }
                    "union" | "except" | "intersect" => level.open = true,
                    "all" | "distinct" if level.open => {}
                    "with" | "insert" | "explain" if level.fresh => level.prefixed = true,
                    "select" | "values" | "delete" | "update" | "merge" => level.open = false,
                    _ => level.open &= level.prefixed,
                }
                level.fresh = false;
            }
        }
    }
    found
}

/// Whether a query that begins here says by itself what it selects.
fn selects(tokens: &[&TokenWithSpan], place: usize) -> bool {
    let mut depth = 0_usize;
    for token in tokens.iter().skip(place) {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return false,
            Token::RParen => depth -= 1,
            Token::SemiColon => return false,
            token if depth == 0 => match word(token).as_str() {
                "select" => return true,
                "union" | "except" | "intersect" => return false,
                _ => {}
            },
            _ => {}
        }
    }
    false
}

/// The word that a token is, unless it is in quotes.
fn word(token: &Token) -> String {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => value.to_lowercase(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_begins_with_from_selects_all() {
        for (sql, expected) in [
            ("from t", "select * from t"),
            ("FROM t where a = 1 order by b", "select * FROM t where a = 1 order by b"),
            ("from é /* from */ limit 1", "select * from é /* from */ limit 1"),
            ("from t where a in (from u)", "select * from t where a in (select * from u)"),
            ("from t where a in (select b from u)", "select * from t where a in (select b from u)"),
            ("with x as (from t) from x", "with x as (select * from t) select * from x"),
            ("from t union all from u", "select * from t union all select * from u"),
            ("select 1 union distinct from u", "select 1 union distinct select * from u"),
            ("(from t) intersect select 1", "(select * from t) intersect select 1"),
            ("insert into t (a, b) from u", "insert into t (a, b) select * from u"),
            ("insert into t from u", "insert into t select * from u"),
            ("explain analyze from t", "explain analyze select * from t"),
            ("select a from (from t) x", "select a from (select * from t) x"),
            ("from (values (1)) x (a)", "select * from (values (1)) x (a)"),
            ("merge into t using (from s) s on true", "merge into t using (select * from s) s on true"),
        ] {
            assert_eq!(rewrite(sql, Dialect::Generic), expected);
        }
    }

    #[test]
    fn any_other_from_stays() {
        for sql in [
            "from t select a",
            "with x as (from t select a) from x select b",
            "select (1) from t",
            "select a is distinct from b from t",
            "select extract(epoch from a), substring(b from 2), trim(from c), trim(both 'x' from c) from t",
            "delete from t where a",
            "explain delete from t",
            "insert into t values ('from')",
            "insert into t select a from u",
            "with x as (select 1) delete from t",
            "show columns from t",
            "select \"from\" -- from t",
            "select 'from",
        ] {
            assert_eq!(rewrite(sql, Dialect::Generic), sql);
        }
    }
}
