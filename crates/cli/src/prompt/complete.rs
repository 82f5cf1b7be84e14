//! Completion: keywords, tables, the columns of tables that the statement names, and paths within quotes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use tokio::runtime::Handle;

use super::dots::{self, Dot};
use crate::session::Asker;
use crate::sql::{is_whole, quoted_if_needed};

/// How long a completion may wait for a table.
const PATIENCE: Duration = Duration::from_secs(2);
/// The words that are worth completing.
const KEYWORDS: &str = "all and as asc between by case cast coalesce count create delete desc describe distinct else \
    end except exists explain false from full group having in inner insert intersect interval into is join lateral left \
    like limit max merge min not null offset on or order outer over partition right select set show sum tables then \
    timestamp true truncate union unnest update using values version when where with";

/// What is known of the names. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Words {
    asker: Asker,
    tables: Arc<Mutex<Vec<String>>>,
    /// The columns of tables, as they are written in SQL.
    columns: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Words {
    pub(super) fn new(asker: Asker) -> Self {
        Self { asker, tables: Arc::default(), columns: Arc::default() }
    }

    /// Asks for the tables anew. What cannot be had in time is not completed.
    pub(super) async fn learn_tables(&self) {
        let names = tokio::time::timeout(PATIENCE, crate::commands::table_names(&self.asker)).await;
        if let Ok(Ok(names)) = names {
            *self.tables.lock() = names;
        }
        self.columns.lock().clear();
    }

    /// The columns of what stands in a statement in the place of a table.
    fn columns(&self, handle: &Handle, table: &str) -> Vec<String> {
        if let Some(known) = self.columns.lock().get(table) {
            return known.clone();
        }
        let sql = format!("select * from {table}");
        let found = handle.block_on(tokio::time::timeout(PATIENCE, self.asker.ask(&sql, Some(0))));
        let names: Vec<String> = match found {
            Ok(Ok(rows)) => {
                rows.schema().fields().iter().map(|field| quoted_if_needed(field.name())).collect()
            }
            _ => vec![],
        };
        self.columns.lock().insert(table.to_owned(), names.clone());
        names
    }

    /// What could stand where a word begins with `start`.
    fn candidates(&self, handle: &Handle, statement: &str, start: &str) -> BTreeSet<String> {
        let lower = start.to_lowercase();
        let tables = self.tables.lock().clone();
        let mut found: BTreeSet<String> =
            tables.iter().filter(|name| name.to_lowercase().starts_with(&lower)).cloned().collect();
        // A table may be begun by its last part alone.
        let by_last = tables.iter().filter(|name| {
            !lower.is_empty()
                && name.rsplit('.').next().is_some_and(|last| last.to_lowercase().starts_with(&lower))
        });
        found.extend(by_last.cloned());
        let named = tables.iter().filter(|name| statement.contains(name.as_str())).cloned();
        let (qualifier, column) = match start.rsplit_once('.') {
            Some((qualifier, column)) => (format!("{qualifier}."), column.to_lowercase()),
            None => (String::new(), lower.clone()),
        };
        for table in named.chain(paths(statement)) {
            let columns = self.columns(handle, &table);
            let fitting = columns.into_iter().filter(|name| name.to_lowercase().starts_with(&column));
            found.extend(fitting.map(|name| format!("{qualifier}{name}")));
        }
        if !lower.is_empty() {
            let upper = start.chars().all(|c| !c.is_lowercase());
            let words = KEYWORDS.split_whitespace().filter(|word| word.starts_with(&lower));
            found.extend(words.map(|word| if upper { word.to_uppercase() } else { word.to_owned() }));
        }
        found
    }
}

/// The paths that stand in a statement in the place of tables, as they are written.
fn paths(statement: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = statement;
    while let Some((before, tail)) = rest.split_once('\'') {
        let Some((path, after)) = tail.split_once('\'') else { break };
        let before = before.trim_end();
        let word = |text: &str| {
            text.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase()
        };
        if matches!(word(before).as_str(), "from" | "join") {
            found.push(format!("'{path}'"));
        } else if let (Some(call), Some(_)) = (before.strip_suffix('('), after.trim_start().strip_prefix(')'))
        {
            let function = word(call.trim_end());
            let lead = call.trim_end().len().saturating_sub(function.len());
            if call.get(..lead).is_some_and(|lead| matches!(word(lead.trim_end()).as_str(), "from" | "join"))
            {
                found.push(format!("{function}('{path}')"));
            }
        }
        rest = after;
    }
    found
}

/// What rustyline asks.
pub(super) struct Helper {
    words: Words,
    files: FilenameCompleter,
    handle: Handle,
}

impl Helper {
    /// Must be made where the runtime runs.
    pub(super) fn new(words: Words) -> Self {
        Self { words, files: FilenameCompleter::new(), handle: Handle::current() }
    }
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        if before.matches('\'').count() % 2 == 1 {
            return self.files.complete_path(line, position);
        }
        let pair = |text: &str| Pair { display: text.trim_end().to_owned(), replacement: text.to_owned() };
        if before.starts_with('.') && !before.contains(' ') {
            return Ok((
                0,
                dots::ALL.iter().filter(|dot| dot.starts_with(before)).map(|dot| pair(dot)).collect(),
            ));
        }
        let is_part = |c: char| c.is_alphanumeric() || "_.\"$".contains(c);
        let start = before.rfind(|c| !is_part(c)).map_or(0, |at| {
            at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
        });
        let found = self.words.candidates(&self.handle, line, before.get(start..).unwrap_or_default());
        Ok((start, found.iter().map(|text| pair(text)).collect()))
    }
}

impl Validator for Helper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let whole = Dot::parse(text.trim()).is_some() || is_whole(text);
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Highlighter for Helper {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(format!("\u{1b}[1;36m{prompt}\u{1b}[0m"))
    }
}

impl Hinter for Helper {
    type Hint = String;
}

impl rustyline::Helper for Helper {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_the_place_of_tables() {
        let sql = "select x from 'a.csv' join delta( 'b' ) d where c = 'no' and trim('x')";
        assert_eq!(paths(sql), ["'a.csv'", "delta('b')"]);
        assert!(paths("select 'open").is_empty());
    }
}
