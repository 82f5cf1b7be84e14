//! `like … escape`: DataFusion knows no other escape than the backslash, so a pattern that is written out is
//! spelled with that.

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan};
use stitchwork_core::{Error, Result};

/// The escape of patterns for which a statement names none.
const BACKSLASH: char = '\\';

/// Spells the pattern of a `like` with backslashes where the statement names another escape.
///
/// # Errors
/// `Unsupported` for a pattern that is not written out; `InvalidInput` for an escape or a pattern that is none.
pub(crate) fn spell(expr: &mut Expr) -> Result<()> {
    let (pattern, escape) = match expr {
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            (pattern.as_mut(), escape_char)
        }
        Expr::SimilarTo { escape_char: Some(escape), .. } => {
            return Err(Error::unsupported(
                "similar to takes no escape; write a regular expression, `a ~ 'b'`",
            )
            .with_context("escape", escape));
        }
        _ => return Ok(()),
    };
    let Some(ValueWithSpan { value, .. }) = escape else { return Ok(()) };
    let invalid = |why| Error::invalid_input(why).with_context("escape", value.to_string());
    let text = text_of(value).ok_or_else(|| invalid("an escape is a text in quotes"))?;
    let mut characters = text.chars();
    let character = match (characters.next(), characters.next()) {
        (first, None) => first,
        _ => return Err(invalid("an escape is one character, or none")),
    };
    if character != Some(BACKSLASH) {
        let Expr::Value(ValueWithSpan { value: pattern, .. }) = pattern else {
            return Err(Error::unsupported(
                "an escape other than the backslash needs a pattern that is a text in quotes; escape with backslashes",
            )
            .with_context("escape", text)
            .with_context("pattern", &*pattern));
        };
        // A pattern that is null or a number has nothing to escape.
        if let Some(written) = text_of(pattern) {
            let spelled = respelled(written, character).ok_or_else(|| {
                Error::invalid_input(
                    "a pattern ends with its escape; write it twice where it is meant itself",
                )
                .with_context("escape", text)
                .with_context("pattern", written)
            })?;
            *pattern = Value::SingleQuotedString(spelled);
        }
    }
    *escape = None;
    Ok(())
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(text),
        Value::DollarQuotedString(text) => Some(&text.value),
        _ => None,
    }
}

/// The pattern with backslashes in the place of this escape, or of none.
fn respelled(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut spelled = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let escaped = Some(character) == escape;
        let meant = if escaped { characters.next()? } else { character };
        if meant == BACKSLASH || (escaped && matches!(meant, '%' | '_')) {
            spelled.push(BACKSLASH);
        }
        spelled.push(meant);
    }
    Some(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_the_same_with_backslashes() {
        for (pattern, escape, expected) in [
            ("10!%", Some('!'), Some(r"10\%")),
            ("a!_b_%", Some('!'), Some(r"a\_b_%")),
            ("!!%", Some('!'), Some("!%")),
            ("!a", Some('!'), Some("a")),
            (r"a\b!\", Some('!'), Some(r"a\\b\\")),
            ("a%%b", Some('%'), Some(r"a\%b")),
            (r"\%", None, Some(r"\\%")),
            ("a!", Some('!'), None),
        ] {
            assert_eq!(respelled(pattern, escape).as_deref(), expected, "{pattern}");
        }
    }
}
