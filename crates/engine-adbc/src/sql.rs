//! What the text of a query says before the database sees it: the tables it reads, and which of their columns
//! and rows it is about.

mod fallback;
mod finder;
mod predicate;
mod rewrite;
mod travel;

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, SetExpr, Statement, Visit};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token, Tokenizer};
use stitchwork_core::{Error, Result};

use crate::dialect::{Dialect, Naming};
use crate::sql::finder::Finder;

pub(crate) use predicate::predicate;
pub(crate) use rewrite::{Replacement, rewrite, without_semicolon};

/// One part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) value: String,
    pub(crate) quoted: bool,
    pub(crate) span: Span,
}

impl Part {
    fn new(ident: &Ident) -> Self {
        Self { value: ident.value.clone(), quoted: ident.quote_style.is_some(), span: ident.span }
    }

    /// Whether the name means `other` in a database that does not regard case.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.value.eq_ignore_ascii_case(other)
    }
}

/// Whether two names are one in a database that does not regard case.
fn same(a: &[Part], b: &[Part]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is(&b.value))
}

/// The parts of a name; `None` for one that is made by a function.
fn parts(name: &ObjectName) -> Option<Vec<Part>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(Part::new(ident)),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// The conjuncts of the `where` of the one `select` that reads a table.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    pub(crate) conjuncts: Vec<Expr>,
    /// The name of the table's columns' qualifier.
    pub(crate) qualifier: String,
    /// Nothing else is read there, so that columns without a qualifier are the table's.
    pub(crate) alone: bool,
}

/// Where the text names a table.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) parts: Vec<Part>,
    pub(crate) aliased: bool,
}

/// A table that a query reads, or may read.
#[derive(Debug, Clone)]
pub(crate) struct TableUse {
    pub(crate) parts: Vec<Part>,
    /// It is named where only a table can be named.
    pub(crate) certain: bool,
    pub(crate) mentions: Vec<Mention>,
    /// The filters of all rows that are read, if they are known.
    pub(crate) filters: Option<Filters>,
}

/// What the text of a query says.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) tables: Vec<TableUse>,
    /// Every word of the text in lower case: columns of other names are not used. `None` where columns may be used
    /// that the text does not name.
    pub(crate) words: Option<BTreeSet<String>>,
    /// Names with dots among the expressions: columns with their table, mostly.
    pub(crate) qualified: Vec<Vec<Part>>,
}

/// Reads the text of one query.
///
/// # Errors
/// `InvalidInput` for what is not one statement; `Unsupported` for a statement that is no query, and for one that asks
/// for a table as it was.
pub(crate) fn analyse(sql: &str, dialect: &dyn Dialect) -> Result<Analysis> {
    let tokens = Tokenizer::new(dialect.parser(), sql)
        .tokenize_with_location()
        .map_err(|e| broken("the SQL does not parse").with_context("reason", e))?;
    let statement = match Parser::parse_sql(dialect.parser(), sql) {
        Ok(mut statements) => match (statements.pop(), statements.len()) {
            (Some(statement), 0) => statement,
            (None, _) => return Err(broken("there is no statement in the SQL")),
            _ => return Err(broken("the SQL has more than one statement")),
        },
        Err(error) => {
            return match travel::refusal(&tokens) {
                Some(refusal) => Err(refusal),
                // The database may know more than the parser.
                None if dialect.naming() == Naming::Views => fallback::analyse(&tokens),
                None => Err(broken("the SQL does not parse").with_context("reason", error)),
            };
        }
    };
    let whole = match &statement {
        Statement::Query(_) => false,
        Statement::Explain { statement, .. } if matches!(statement.as_ref(), Statement::Query(_)) => true,
        Statement::ExplainTable { .. } => true,
        other => return Err(no_query(first_word(&other.to_string()))),
    };
    let mut finder = Finder::new(whole);
    // Nothing breaks the visit off: what is refused is kept.
    let _ = statement.visit(&mut finder);
    let words = words(tokens.iter().map(|token| &token.token));
    finder.finish(words)
}

/// Whether the expression of a query changes something.
fn changes(body: &SetExpr) -> bool {
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
        SetExpr::Select(select) => select.into.is_some(),
        SetExpr::SetOperation { left, right, .. } => changes(left) || changes(right),
        // A query inside is visited by itself.
        SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => false,
    }
}

fn words<'a>(tokens: impl Iterator<Item = &'a Token>) -> BTreeSet<String> {
    let word = |token: &Token| match token {
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    };
    tokens.filter_map(word).collect()
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn broken(message: &str) -> Error {
    Error::invalid_input(message).with_operation("engine::query")
}

fn no_query(statement: &str) -> Error {
    Error::unsupported("the engine takes queries alone; change tables with the table operations, and ask their catalog for names")
        .with_operation("engine::query")
        .with_context("statement", statement)
}

#[cfg(test)]
mod tests;
