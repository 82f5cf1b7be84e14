//! `stitchwork sql` at a terminal: a prompt with history, completion and statements of several lines.

mod complete;
mod dots;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};
use stitchwork::{Error, Result};

use crate::commands::Context;
use crate::console::Console;
use crate::exit::Failure;
use crate::output::Output;
use crate::session::Asker;
use crate::signals::Interrupts;
use crate::sql::statements;
use complete::{Helper, Words};
use dots::Dot;

/// What stands before a statement.
const PROMPT: &str = "stitchwork> ";
/// How many statements are remembered.
const REMEMBERED: usize = 5000;

type Line = Editor<Helper, FileHistory>;

/// Reads statements and runs them until the user has enough.
pub(crate) async fn run(
    context: &Context,
    limit: Option<usize>,
    interrupts: Arc<Interrupts>,
) -> Result<(), Failure> {
    let asker = context.asker().await?;
    let words = Words::new(asker.clone());
    words.learn_tables().await;
    let history = history_file();
    let mut line = editor(&words, history.as_deref())?;
    context.console.say(&format!(
        "stitchwork {}, {}. Statements end with `;`, `.help` helps, Ctrl-D ends.",
        env!("CARGO_PKG_VERSION"),
        asker.engine()
    ));
    let mut prompt = Prompt { context, asker, output: context.output.clone(), limit, interrupts };
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let read = line.readline(PROMPT);
            (line, read)
        });
        let (returned, read) =
            read.await.map_err(|e| Error::unexpected("the prompt broke").with_source(e))?;
        line = returned;
        let text = match read {
            Ok(text) => text,
            // Ctrl-C takes back what was typed.
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(e) => return Err(Error::unexpected("the terminal cannot be read").with_source(e).into()),
        };
        remember(&mut line, &text, history.as_deref(), &context.console);
        match prompt.take(&text).await {
            Ok(true) => {}
            Ok(false) | Err(Failure::ReaderGone) => return Ok(()),
            Err(failure) => failure.tell(&context.console),
        }
        words.learn_tables().await;
    }
}

/// What a line is run with.
struct Prompt<'a> {
    context: &'a Context,
    asker: Asker,
    output: Output,
    limit: Option<usize>,
    interrupts: Arc<Interrupts>,
}

impl Prompt<'_> {
    /// Does what a text says. False when it is to be the last one.
    async fn take(&mut self, text: &str) -> Result<bool, Failure> {
        match Dot::parse(text.trim()) {
            Some(Dot::Quit) => return Ok(false),
            Some(Dot::Output(format)) => {
                self.output = Output::stdout(format, self.context.workspace.registry.formats().clone())?
            }
            Some(Dot::Help) => self.output.text(dots::HELP)?,
            Some(Dot::Unknown(message)) => return Err(Failure::Usage(message)),
            Some(Dot::Tables) => {
                let names = crate::commands::table_names(&self.asker).await?;
                self.output.text(&names.iter().map(|name| format!("{name}\n")).collect::<String>())?;
            }
            Some(Dot::Schema(table)) => crate::commands::columns(&self.asker, &table, &self.output).await?,
            None => {
                for statement in statements(text) {
                    self.interrupts.until(self.run(statement)).await?;
                }
            }
        }
        Ok(true)
    }

    async fn run(&self, statement: &str) -> Result<(), Failure> {
        let begun = Instant::now();
        let count = self.context.answer(&self.asker, &self.output, statement, self.limit).await?;
        self.context.workspace.requests.tell();
        let word = if count == 1 { "row" } else { "rows" };
        self.context.console.say(&format!("{count} {word}, {:.3} s", begun.elapsed().as_secs_f64()));
        Ok(())
    }
}

fn editor(words: &Words, history: Option<&Path>) -> Result<Line, Failure> {
    let broken = |e: ReadlineError| Error::unexpected("the terminal cannot be used").with_source(e);
    let colour = if Console::colours_stdout() { ColorMode::Enabled } else { ColorMode::Disabled };
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .color_mode(colour)
        .max_history_size(REMEMBERED)
        .map_err(broken)?
        .build();
    let mut line = Line::with_config(config).map_err(broken)?;
    line.set_helper(Some(Helper::new(words.clone())));
    if let Some(history) = history {
        // The first time there is none.
        let _ = line.load_history(history);
    }
    Ok(line)
}

/// Keeps what was typed for the next time, without secrets. What begins with a blank is not kept.
fn remember(line: &mut Line, text: &str, history: Option<&Path>, console: &Console) {
    if text.trim().is_empty() || text.starts_with(char::is_whitespace) {
        return;
    }
    let kept = line.add_history_entry(console.redact(text));
    if let (Ok(true), Some(history)) = (kept, history) {
        if let Some(folder) = history.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        if let Err(e) = line.append_history(history) {
            tracing::debug!(file = %history.display(), error = %e, "the history is not kept");
        }
    }
}

/// Where statements are remembered: a file that the environment names, or one below the user's state folder.
fn history_file() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = variable("STITCHWORK_HISTORY") {
        return Some(file);
    }
    let state = if cfg!(windows) { variable("LOCALAPPDATA") } else { variable("XDG_STATE_HOME") };
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local").join("state")))?;
    Some(state.join("stitchwork").join("history"))
}
