//! Text that asks for a table as it was, as other engines have it.

use sqlparser::tokenizer::{Token, TokenWithSpan};
use stitchwork_core::Error;

/// The refusal of a text that asks so; `None` for any other.
///
/// Only for text that the parser does not know: each of these words may also be a name.
pub(crate) fn refusal(tokens: &[TokenWithSpan]) -> Option<Error> {
    let tokens: Vec<&Token> = tokens
        .iter()
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF))
        .collect();
    let asked = (0..tokens.len()).find_map(|at| asks(tokens.get(at..)?))?;
    Some(
        Error::unsupported(
            "this engine has no time travel in SQL: register the table's relation at that version or moment under \
             a name of its own, or ask the engine `datafusion`",
        )
        .with_operation("engine::query")
        .with_context("sql", asked),
    )
}

/// What the tokens begin with, if that asks for a table as it was.
fn asks(tokens: &[&Token]) -> Option<&'static str> {
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_lowercase(),
        _ => String::new(),
    };
    let as_of = word(1) == "as" && word(2) == "of";
    let value = matches!(tokens.get(3), Some(Token::Number(..) | Token::SingleQuotedString(_)))
        || ["timestamp", "date"].contains(&word(3).as_str());
    match word(0).as_str() {
        "version" if as_of && value => Some("VERSION AS OF"),
        "timestamp" if as_of && value => Some("TIMESTAMP AS OF"),
        "system_time" if as_of => Some("FOR SYSTEM_TIME AS OF"),
        "system_version" if as_of => Some("FOR SYSTEM_VERSION AS OF"),
        "at" if tokens.get(1) == Some(&&Token::LParen) && tokens.get(3) == Some(&&Token::RArrow) => {
            match word(2).as_str() {
                "version" => Some("AT (VERSION => …)"),
                "timestamp" => Some("AT (TIMESTAMP => …)"),
                _ => None,
            }
        }
        _ => None,
    }
}
