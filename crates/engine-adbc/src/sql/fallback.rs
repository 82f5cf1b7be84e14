//! Text that the parser does not know, while the database might: every name in it may be a table's.

use sqlparser::tokenizer::{Token, TokenWithSpan};
use stitchwork_core::Result;

use super::{Analysis, Mention, Part, TableUse, broken, no_query, same};

/// What queries begin with.
const QUERIES: [&str; 12] = [
    "select",
    "from",
    "with",
    "values",
    "table",
    "describe",
    "summarize",
    "pivot",
    "pivot_wider",
    "unpivot",
    "pivot_longer",
    "explain",
];
/// What changes something, wherever it stands.
const CHANGES: [&str; 6] = ["insert", "update", "delete", "merge", "copy", "truncate"];
/// What begins other statements.
const OTHERS: [&str; 18] = [
    "create",
    "drop",
    "alter",
    "attach",
    "detach",
    "install",
    "load",
    "set",
    "reset",
    "pragma",
    "call",
    "use",
    "export",
    "import",
    "begin",
    "commit",
    "checkpoint",
    "vacuum",
];

pub(crate) fn analyse(tokens: &[TokenWithSpan]) -> Result<Analysis> {
    let tokens: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
    let bare: Vec<String> = tokens
        .iter()
        .filter_map(|token| match &token.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_lowercase()),
            _ => None,
        })
        .collect();
    let first = bare.first().map(String::as_str).unwrap_or_default();
    if OTHERS.contains(&first) {
        return Err(no_query(first));
    }
    if let Some(change) = bare.iter().find(|word| CHANGES.contains(&word.as_str())) {
        return Err(no_query(change));
    }
    if !QUERIES.contains(&first) {
        return Err(broken("the SQL does not parse").with_context("begin", first));
    }
    let end = tokens.iter().position(|token| token.token == Token::SemiColon);
    if end.is_some_and(|at| at + 1 < tokens.len()) {
        return Err(broken("the SQL has more than one statement"));
    }
    Ok(Analysis { tables: names(&tokens), words: None, qualified: vec![] })
}

/// Words joined by dots.
fn names(tokens: &[&TokenWithSpan]) -> Vec<TableUse> {
    let mut found: Vec<TableUse> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    let mut dot = false;
    let mut end = |parts: &mut Vec<Part>| {
        let parts = std::mem::take(parts);
        let known = found.iter().any(|table| same(&table.parts, &parts));
        if !parts.is_empty() && !known {
            let mention = Mention { parts: parts.clone(), aliased: true };
            found.push(TableUse { parts, certain: false, mentions: vec![mention], filters: None });
        }
    };
    for token in tokens {
        match &token.token {
            Token::Word(word) => {
                if !dot {
                    end(&mut parts);
                }
                let quoted = word.quote_style.is_some();
                parts.push(Part { value: word.value.clone(), quoted, span: token.span });
                dot = false;
            }
            Token::Period if !parts.is_empty() => dot = true,
            _ => {
                end(&mut parts);
                dot = false;
            }
        }
    }
    end(&mut parts);
    found
}
