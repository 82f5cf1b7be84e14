//! What the prompt takes beside SQL.

use clap::ValueEnum;

use crate::args::OutputFormat;

/// The text of `.help`.
pub(super) const HELP: &str = "\
  select … ;        runs a query; Ctrl-C ends it
  from 'a/*.csv'    reads files; delta('path') and iceberg('path') read tables
  .tables           lists the tables
  .schema TABLE     shows the columns of a table
  .output FORMAT    table, csv, json or ndjson from now on
  .help             shows this text
  .quit             ends, as Ctrl-D does
Tab completes. A statement that begins with a blank is not remembered.
";

/// The commands, for completion.
pub(super) const ALL: [&str; 5] = [".help", ".output ", ".quit", ".schema ", ".tables"];

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Help,
    Tables,
    Schema(String),
    Output(OutputFormat),
    Quit,
    /// What is wrong with it.
    Unknown(String),
}

impl Dot {
    /// Reads a command; `None` for what is SQL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(';').trim_end();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        Some(match (word, rest) {
            (".quit" | ".exit" | "quit" | "exit" | "\\q", "") => Self::Quit,
            (".help" | "help" | "\\?", "") => Self::Help,
            (".tables" | "\\d" | "\\dt", "") => Self::Tables,
            (".schema" | "\\d", table) if !table.is_empty() => Self::Schema(table.to_owned()),
            (".output", format) => match OutputFormat::from_str(format, true) {
                Ok(format) => Self::Output(format),
                Err(_) => Self::Unknown("write .output and table, csv, json or ndjson".to_owned()),
            },
            (word, _) if word.starts_with(['.', '\\']) => {
                Self::Unknown(format!("there is no command {word}; .help shows those that there are"))
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_sql() {
        assert_eq!(Dot::parse("select 1;"), None);
        assert_eq!(Dot::parse(""), None);
        assert_eq!(Dot::parse("exit;"), Some(Dot::Quit));
        assert_eq!(Dot::parse(".schema a.b ;"), Some(Dot::Schema("a.b".to_owned())));
        assert_eq!(Dot::parse(".output CSV"), Some(Dot::Output(OutputFormat::Csv)));
        for wrong in [".output", ".output xml", ".nothing", ".schema"] {
            assert!(matches!(Dot::parse(wrong), Some(Dot::Unknown(_))), "{wrong}");
        }
    }
}
