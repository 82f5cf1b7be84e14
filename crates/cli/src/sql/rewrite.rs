//! Paths in the place of tables: `from 'data/*.csv'` and `from delta('path')` become names that the engine looks up.
//!
//! Only the places of tables are touched, and only as text, so that clauses which are the engine's own business (time
//! travel) and the lines and columns of its messages stay as they are.

use std::collections::BTreeSet;

use sqlparser::tokenizer::{Token, Word};
use stitchwork::core::Stores;
use stitchwork::tables::link;

use super::options::join;
use super::{Placed, quoted, tokens};

/// The level of a name under which paths are found: `catalog.path."data/*.csv"`.
pub(crate) const PATH: &str = "path";

/// What stands for what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    /// The name that the engine knows the places by.
    pub(crate) catalog: String,
    /// The functions that take a path: logs and formats.
    pub(crate) functions: BTreeSet<String>,
    /// The names that tables stand under: catalogs and destinations.
    pub(crate) attached: BTreeSet<String>,
    /// The tables of the project that have a name of their own.
    pub(crate) tables: BTreeSet<String>,
    /// Where the queries of links are kept, which stand in no name: names are shown.
    pub(crate) stores: Stores,
}

/// The statement with a name for each path in the place of a table.
pub(crate) fn rewrite(sql: &str, vocabulary: &Vocabulary) -> String {
    let Ok(tokens) = tokens(sql) else { return sql.to_owned() };
    let walk = Walk {
        sql,
        tokens: &tokens,
        vocabulary,
        own: own_names(&tokens),
        levels: vec![],
        level: Level::default(),
    };
    let mut out = String::new();
    let mut from = 0;
    for cut in walk.cuts() {
        out.push_str(sql.get(from..cut.start).unwrap_or_default());
        out.push_str(&cut.name);
        from = cut.end;
    }
    out.push_str(sql.get(from..).unwrap_or_default());
    out
}

/// A piece of the text and the name that takes its place.
struct Cut {
    start: usize,
    end: usize,
    name: String,
}

/// What is known within a pair of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// There was a word after which `from` begins a list of tables. Within `extract(year from …)` there is none.
    query: bool,
    /// The list of tables goes on: a comma leads to the next one.
    list: bool,
    /// The next token is a table.
    table: bool,
}

struct Walk<'a> {
    sql: &'a str,
    tokens: &'a [Placed],
    vocabulary: &'a Vocabulary,
    /// The names that the statement gives itself (`with x as (…)`).
    own: BTreeSet<String>,
    levels: Vec<Level>,
    level: Level,
}

impl Walk<'_> {
    fn cuts(mut self) -> Vec<Cut> {
        let mut cuts = vec![];
        let mut place = 0;
        while let Some(token) = self.tokens.get(place) {
            let mut used = 1;
            match &token.token {
                Token::LParen => {
                    let table = std::mem::take(&mut self.level.table);
                    self.levels.push(self.level);
                    self.level = Level { table, ..Level::default() };
                }
                // What a list or a struct holds is no table.
                Token::LBracket | Token::LBrace => {
                    self.level.table = false;
                    self.levels.push(self.level);
                    self.level = Level::default();
                }
                Token::RParen | Token::RBracket | Token::RBrace => {
                    self.level = self.levels.pop().unwrap_or_default();
                    self.level.table = false;
                }
                Token::Comma => self.level.table = self.level.list,
                Token::SingleQuotedString(path) if self.level.table => {
                    self.level.table = false;
                    cuts.push(self.cut(place, 1, Some(PATH), path));
                }
                Token::Word(word) => {
                    if let Some((cut, tokens)) = self.word(place, word) {
                        cuts.push(cut);
                        used = tokens;
                    }
                }
                _ => self.level.table = false,
            }
            place += used;
        }
        cuts
    }

    /// Looks at a word: it may lead to a table, end a list of them, or be one.
    fn word(&mut self, place: usize, word: &Word) -> Option<(Cut, usize)> {
        let before = self.before(place, 1);
        match self.keyword(place).as_str() {
            // `explain (format json) from 'a'`
            "explain" if place == 0 => self.level.query = true,
            "select" | "delete" | "merge" => self.level = Level { query: true, ..Level::default() },
            // `with x as (…) from 'a'`, `insert into t from 'a'`, `update t set … from 'a'`
            "with" | "insert" | "update" if self.begins(place) => {
                self.level =
                    Level { query: true, table: self.keyword(place) == "update", ..Level::default() };
            }
            // `show columns from t`
            "columns" if before == "show" => self.level.query = true,
            // `a is distinct from 'b'` compares.
            "from" if self.begins(place) || (self.level.query && before != "distinct") => {
                self.level = Level { query: true, list: true, table: true };
            }
            // `pivot 'a' on …` of DuckDB's; behind a table, it is a clause.
            "pivot" | "pivot_wider" | "unpivot" | "pivot_longer" | "summarize" if self.begins(place) => {
                self.level = Level { query: true, table: true, ..Level::default() };
            }
            "join" | "truncate" => self.level.table = true,
            "describe" | "desc" if self.begins(place) => self.level.table = true,
            "into" | "overwrite" if matches!(before.as_str(), "insert" | "merge" | "overwrite") => {
                self.level.table = true
            }
            "using" => self.level.table = self.is_merge() && self.levels.is_empty(),
            "table" | "lateral" | "into" if self.level.table => {}
            "where" | "group" | "order" | "having" | "limit" | "offset" | "fetch" | "union" | "except"
            | "intersect" | "window" | "qualify" | "set" | "values" | "returning" | "when" => {
                self.level = Level { query: self.level.query, ..Level::default() };
            }
            _ if self.level.table => {
                self.level.table = false;
                return self.table(place, word);
            }
            _ => {}
        }
        None
    }

    /// Whether a query may begin here, so that what leads to its tables needs no word before it, as DuckDB has it.
    fn begins(&self, place: usize) -> bool {
        let before = self.before(place, 1);
        match before.as_str() {
            "explain" | "analyze" | "verbose" | "describe" | "desc" | "summarize" | "union" | "except"
            | "intersect" => true,
            "all" | "distinct" => {
                matches!(self.before(place, 2).as_str(), "union" | "except" | "intersect")
            }
            // `create table t as from 'a'`
            "as" => self.keyword(0) == "create",
            // `union by name`
            "name" => self.before(place, 2) == "by",
            "" => match place
                .checked_sub(1)
                .and_then(|before| self.tokens.get(before))
                .map(|token| &token.token)
            {
                None => true,
                // `trim(from 'x')` has a text there.
                Some(Token::LParen) => self.before(place, 2) != "trim",
                Some(_) => false,
            },
            _ => false,
        }
    }

    /// The word so many places before another, as [`Self::keyword`] has it.
    fn before(&self, place: usize, steps: usize) -> String {
        place.checked_sub(steps).map_or_else(String::new, |before| self.keyword(before))
    }

    /// The word is a table: a call with a path, a table of the project, or what the engine knows itself.
    fn table(&self, place: usize, word: &Word) -> Option<(Cut, usize)> {
        let token = |ahead: usize| self.tokens.get(place + ahead).map(|token| &token.token);
        let name = spelt(word);
        if let (Some(Token::LParen), Some(Token::SingleQuotedString(path)), Some(after)) =
            (token(1), token(2), token(3))
        {
            let kind = name.strip_prefix("read_").unwrap_or(&name);
            if !self.vocabulary.functions.contains(kind) {
                return None;
            }
            return match after {
                Token::RParen => Some((self.cut(place, 4, Some(kind), path), 4)),
                Token::Comma => {
                    let close = self.closing(place + 1)?;
                    let kind = join(kind, self.between(place + 3, close).trim());
                    let used = close + 1 - place;
                    Some((self.cut(place, used, Some(&kind), path), used))
                }
                _ => None,
            };
        }
        // Behind the target of an insert stand its columns; behind any other name, what a function takes.
        let is_call = token(1) == Some(&Token::LParen) && !self.is_target(place);
        if is_call || token(1) == Some(&Token::Period) || self.own.contains(&name) {
            return None;
        }
        let base = name.rsplit_once('$').map_or(name.as_str(), |(base, _)| base);
        let known = [name.as_str(), base].iter().any(|name| self.vocabulary.tables.contains(*name));
        known.then(|| (self.cut(place, 1, None, &name), 1))
    }

    /// Whether a name is that of the table that rows go into.
    fn is_target(&self, place: usize) -> bool {
        let behind = if self.before(place, 1) == "table" { 2 } else { 1 };
        matches!(self.before(place, behind).as_str(), "into" | "overwrite")
    }

    /// The place of the parenthesis that closes the one at a place.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (place, token) in self.tokens.iter().enumerate().skip(open) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => return Some(place),
                Token::RParen => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// What stands between two tokens.
    fn between(&self, first: usize, second: usize) -> &str {
        match (self.tokens.get(first), self.tokens.get(second)) {
            (Some(first), Some(second)) => self.sql.get(first.end..second.start).unwrap_or_default(),
            _ => "",
        }
    }

    /// The name in the place of some tokens.
    fn cut(&self, place: usize, tokens: usize, kind: Option<&str>, name: &str) -> Cut {
        let path = kind.and_then(|_| link(&self.vocabulary.stores, name).ok());
        let name = path.as_deref().unwrap_or(name);
        let parts = [Some(self.vocabulary.catalog.as_str()), kind, Some(name)];
        let name = parts.into_iter().flatten().map(quoted).collect::<Vec<_>>().join(".");
        let at = |place: usize| self.tokens.get(place).map_or((0, 0), |token| (token.start, token.end));
        Cut { start: at(place).0, end: at(place + tokens - 1).1, name }
    }

    /// The word at a place in small letters; nothing for what is no word, or a name in quotes.
    fn keyword(&self, place: usize) -> String {
        match self.tokens.get(place).map(|token| &token.token) {
            Some(Token::Word(Word { value, quote_style: None, .. })) => value.to_lowercase(),
            _ => String::new(),
        }
    }

    fn is_merge(&self) -> bool {
        (0..4)
            .map(|place| self.keyword(place))
            .find(|word| !matches!(word.as_str(), "explain" | "analyze" | "verbose"))
            == Some("merge".to_owned())
    }
}

/// What a word means as a name: without quotes its small letters.
pub(super) fn spelt(word: &Word) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() }
}

/// The names that a statement gives to its own subqueries: `with x as (…)`, `with x (a, b) as (…)`.
fn own_names(tokens: &[Placed]) -> BTreeSet<String> {
    let is_word = |place: usize, words: &[&str]| match tokens.get(place).map(|token| &token.token) {
        Some(Token::Word(Word { value, quote_style: None, .. })) => {
            words.iter().any(|word| value.eq_ignore_ascii_case(word))
        }
        _ => false,
    };
    let is = |place: usize, wanted: &Token| tokens.get(place).is_some_and(|token| token.token == *wanted);
    let mut names = BTreeSet::new();
    for (place, token) in tokens.iter().enumerate().skip(1) {
        let Token::Word(word) = &token.token else { continue };
        if !is_word(place - 1, &["with", "recursive"]) && !is(place - 1, &Token::Comma) {
            continue;
        }
        let mut next = place + 1;
        if is(next, &Token::LParen) {
            // No column of such a list has parentheses.
            let Some(columns) = tokens.iter().skip(next).position(|token| token.token == Token::RParen)
            else {
                continue;
            };
            next += columns + 1;
        }
        if !is_word(next, &["as"]) {
            continue;
        }
        next += 1;
        while is_word(next, &["not", "materialized"]) {
            next += 1;
        }
        if is(next, &Token::LParen) {
            names.insert(spelt(word));
        }
    }
    names
}

#[cfg(test)]
mod tests;
