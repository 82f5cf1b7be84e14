//! Options behind a path: `csv('x.csv', delimiter => ';', header => false)`.
//!
//! They travel in the name that the engine looks up, beside the kind that they belong to: `"csv(delimiter => ';')"`.

use std::iter::Peekable;

use sqlparser::tokenizer::{Token, Word};
use stitchwork::core::Options;
use stitchwork::{Error, Result};

use super::rewrite::spelt;
use super::tokens;

/// Stands for a dot, at which engines divide the names of schemas: it looks like one where the name is shown.
const DOT: &str = "\u{2024}";

/// A kind together with its options, as they were written.
pub(crate) fn join(kind: &str, options: &str) -> String {
    format!("{kind}({})", options.replace('.', DOT))
}

/// The kind and its options.
///
/// # Errors
/// `InvalidInput` for what is no list of options.
pub(crate) fn split(kind: &str) -> Result<(&str, Options)> {
    match kind.split_once('(') {
        None => Ok((kind, Options::new())),
        Some((kind, rest)) => {
            let options = parse(&rest.strip_suffix(')').unwrap_or(rest).replace(DOT, "."));
            Ok((kind, options.map_err(|e| e.with_context("of", kind))?))
        }
    }
}

fn parse(text: &str) -> Result<Options> {
    let tokens = tokens(text).map_err(|e| refused(text).with_source(e))?;
    let mut tokens = tokens.into_iter().map(|token| token.token).peekable();
    let mut options = Options::new();
    while let Some(token) = tokens.next() {
        // As DuckDB takes them: with `=`, `:=` or `=>`.
        let is = tokens.next();
        let (Token::Word(name), Some(Token::Eq | Token::Assignment | Token::RArrow)) = (token, is) else {
            return Err(refused(text));
        };
        let name = spelt(&name);
        let value = value(&mut tokens).ok_or_else(|| refused(text))?;
        if options.insert(name.clone(), value).is_some() {
            return Err(Error::invalid_input("an option is given twice").with_context("option", name));
        }
        if !matches!(tokens.next(), None | Some(Token::Comma)) {
            return Err(refused(text));
        }
    }
    Ok(options)
}

/// A text, a number, a word such as `true`, or a list of these, which is joined by commas.
fn value(tokens: &mut Peekable<impl Iterator<Item = Token>>) -> Option<String> {
    Some(match tokens.next()? {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::Number(text, _) => text,
        Token::Word(word @ Word { quote_style: None, .. }) => spelt(&word),
        Token::Minus => format!("-{}", value(tokens)?),
        Token::LBracket => {
            let mut values = vec![];
            while tokens.next_if_eq(&Token::RBracket).is_none() {
                values.push(value(tokens).filter(|value| !value.contains(','))?);
                tokens.next_if_eq(&Token::Comma);
            }
            values.join(",")
        }
        _ => return None,
    })
}

fn refused(text: &str) -> Error {
    Error::invalid_input(
        "options stand behind the path as `name => value` with commas between them; a value is a text in quotes, a number, \
         `true`, `false`, or a list of these in brackets, none of which has a comma in it",
    )
    .with_context("found", text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        for (text, expected) in [
            ("csv", vec![]),
            ("csv()", vec![]),
            ("csv(delimiter => ';', header => false)", vec![("delimiter", ";"), ("header", "false")]),
            ("csv(Header=TRUE, skip_lines := 2,)", vec![("header", "true"), ("skip_lines", "2")]),
            ("csv(quote='''', comment = '')", vec![("comment", ""), ("quote", "'")]),
            (
                "csv(delimiter => e'\\t', null_texts => ['', 'NA'])",
                vec![("delimiter", "\t"), ("null_texts", ",NA")],
            ),
            ("json(infer_rows = -1, layout = 'a(b)')", vec![("infer_rows", "-1"), ("layout", "a(b)")]),
        ] {
            let (kind, options) = split(text).unwrap();
            assert!(text.starts_with(kind) && !kind.contains('('));
            let found: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn dots_travel_in_the_names_of_schemas() {
        let joined = join("csv", "null_texts => ['n.a.', 'z'], skip_lines => 1.5");
        assert!(!joined.contains('.'), "{joined}");
        let (kind, options) = split(&joined).unwrap();
        assert_eq!(
            (kind, options["null_texts"].as_str(), options["skip_lines"].as_str()),
            ("csv", "n.a.,z", "1.5")
        );
    }

    #[test]
    fn what_is_no_list_of_options_is_refused() {
        for text in [
            "csv(';')",
            "csv(a b)",
            "csv(a =>)",
            "csv(a => 1 b => 2)",
            "csv(a => [1)",
            "csv(a => ['1,2'])",
            "csv(a => f(1))",
            "csv(a => ')",
        ] {
            assert!(split(text).unwrap_err().to_string().contains("of=csv"), "{text}");
        }
        assert!(split("csv(a => 1, A = 2)").unwrap_err().to_string().contains("twice"));
    }
}
