//! A table as it stands on the command line: a name, a path, or a call such as `delta('path')`.

use sqlparser::tokenizer::{Token, Word};
use stitchwork::{Error, Result};

use super::{Vocabulary, quoted, tokens};

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A name of one or more parts.
    Name(Vec<String>),
    /// A path.
    Path(String),
    /// The log or format that a path is opened with, the path, and the options as they were written.
    Call(String, String, String),
}

impl Target {
    /// Reads what was written: a name unless it cannot be one, or is a file or folder that is there.
    ///
    /// # Errors
    /// `InvalidInput` for an empty text, or a call of something unknown.
    pub(crate) fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid_input("the name of a table is empty"));
        }
        let tokens = tokens(text).unwrap_or_default();
        let kinds: Vec<&Token> = tokens.iter().map(|token| &token.token).collect();
        match kinds.as_slice() {
            [Token::SingleQuotedString(path)] => return Ok(Self::Path(path.clone())),
            [Token::Word(word), Token::LParen, Token::SingleQuotedString(path), rest @ .., Token::RParen]
                if matches!(rest.first(), None | Some(Token::Comma)) =>
            {
                let name = super::rewrite::spelt(word);
                let kind = name.strip_prefix("read_").unwrap_or(&name);
                if !vocabulary.functions.contains(kind) {
                    let known: Vec<&str> = vocabulary.functions.iter().map(String::as_str).collect();
                    return Err(Error::invalid_input("nothing of this name takes a path")
                        .with_context("name", name)
                        .with_context("known", known.join(",")));
                }
                let options = match (tokens.get(3), tokens.last()) {
                    (Some(comma), Some(close)) => text.get(comma.end..close.start).unwrap_or_default(),
                    _ => "",
                };
                return Ok(Self::Call(kind.to_owned(), path.clone(), options.trim().to_owned()));
            }
            _ => {}
        }
        let names = names(&kinds);
        let is_known = |names: &Vec<String>| match names.as_slice() {
            [table] => vocabulary.tables.contains(table),
            [first, ..] => vocabulary.attached.contains(first),
            [] => false,
        };
        let exists = std::path::Path::new(text).exists();
        match names {
            Some(names) if !exists || is_known(&names) => Ok(Self::Name(names)),
            _ => Ok(Self::Path(text.to_owned())),
        }
    }

    /// The table as SQL has it.
    pub(crate) fn sql(&self) -> String {
        self.sql_with("")
    }

    /// What the table knows of itself (`$history`, `$files`), as SQL has it.
    pub(crate) fn sql_with(&self, suffix: &str) -> String {
        let text = |path: &str| format!("'{}{suffix}'", path.replace('\'', "''"));
        match self {
            Self::Path(path) => text(path),
            Self::Call(kind, path, options) if options.is_empty() => format!("{kind}({})", text(path)),
            Self::Call(kind, path, options) => format!("{kind}({}, {options})", text(path)),
            Self::Name(parts) => {
                let mut parts = parts.clone();
                if let Some(last) = parts.last_mut() {
                    last.push_str(suffix);
                }
                parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".")
            }
        }
    }
}

/// The parts of a name; `None` for what is no name.
fn names(tokens: &[&Token]) -> Option<Vec<String>> {
    let mut parts = vec![];
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(word @ Word { .. }) if place % 2 == 0 => parts.push(super::rewrite::spelt(word)),
            Token::Period if place % 2 == 1 => {}
            _ => return None,
        }
    }
    (tokens.len() % 2 == 1).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Target {
        let (functions, attached) = (["delta".to_owned()].into(), ["github".to_owned()].into());
        Target::parse(text, &Vocabulary { functions, attached, ..Vocabulary::default() }).unwrap()
    }

    #[test]
    fn names_paths_and_calls() {
        let name = |parts: &[&str]| Target::Name(parts.iter().map(|part| (*part).to_owned()).collect());
        assert_eq!(parse("github.push_event"), name(&["github", "push_event"]));
        assert_eq!(parse("A.\"B c\""), name(&["a", "B c"]));
        assert_eq!(parse("./data"), Target::Path("./data".to_owned()));
        assert_eq!(parse("data/*.csv"), Target::Path("data/*.csv".to_owned()));
        assert_eq!(parse("'x'"), Target::Path("x".to_owned()));
        assert_eq!(parse("s3://b/x.parquet"), Target::Path("s3://b/x.parquet".to_owned()));
        // The folder of these sources is there.
        assert_eq!(parse("src"), Target::Path("src".to_owned()));
        assert_eq!(parse("Cargo.toml"), Target::Path("Cargo.toml".to_owned()));
        assert_eq!(parse("cargo.tml"), name(&["cargo", "tml"]));
        assert_eq!(parse("delta('a b')"), Target::Call("delta".to_owned(), "a b".to_owned(), String::new()));
        let options = parse("delta('a b', x => 'y', z = 1)");
        assert_eq!(options.sql_with("$files"), "delta('a b$files', x => 'y', z = 1)");
        assert!(
            Target::parse("hudi('x')", &Vocabulary::default()).unwrap_err().to_string().contains("name=hudi")
        );
        assert!(Target::parse(" ", &Vocabulary::default()).is_err());
    }

    #[test]
    fn suffixes_go_into_the_name() {
        assert_eq!(parse("a.b").sql_with("$history"), r#""a"."b$history""#);
        assert_eq!(parse("delta('x''y')").sql_with("$files"), "delta('x''y$files')");
        assert_eq!(parse("./x").sql(), "'./x'");
    }
}
