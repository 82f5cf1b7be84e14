//! The command line: what can be said, and how it is explained.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::exit;

/// Loads APIs into tables and asks tables and files questions in SQL.
#[derive(Debug, Parser)]
#[command(
    name = "stitchwork",
    version,
    about,
    subcommand_required = true,
    arg_required_else_help = true,
    styles = STYLES,
    after_help = format!(
        "{}\n\nExamples:\n  stitchwork sql \"select count(*) from 'data/*.parquet'\"\n  \
         stitchwork init && stitchwork run",
        exit::HELP
    )
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The project file; `stitchwork.yaml` of this folder where it is there.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) project: Option<PathBuf>,
    /// The profile of the project file; its own `profile` when left out.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) profile: Option<String>,
    /// How rows are written to stdout.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Global options"
    )]
    pub(crate) output: OutputFormat,
    /// Only errors are told.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Tells what is done and why it failed; twice, with every step.
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// A table for people.
    #[default]
    Table,
    /// CSV with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// A stream of Arrow IPC.
    Arrow,
    /// A Parquet file.
    Parquet,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs pipelines of a project file: each row of a load is stored exactly once, whatever breaks.
    #[command(after_help = "Example:\n  stitchwork run examples/github.yaml")]
    Run(RunArgs),
    /// Asks tables and files questions in SQL; without a query, at a prompt or from stdin.
    #[command(after_help = SQL_HELP)]
    Sql(SqlArgs),
    /// Lists the tables of the project.
    #[command(after_help = "Example:\n  stitchwork tables --output json")]
    Tables,
    /// Shows the first rows of a table, or of files.
    #[command(after_help = "Example:\n  stitchwork show github.push_event --limit 5")]
    Show(TableArgs),
    /// Shows the commits of a table, the newest first.
    #[command(after_help = "Example:\n  stitchwork history github.push_event --limit 3")]
    History(TableArgs),
    /// Shows the columns of a table or of files; without one, prints the JSON Schema of the project file for editors.
    #[command(
        after_help = "Examples:\n  stitchwork schema 'data/*.parquet'\n  stitchwork schema > stitchwork.schema.json"
    )]
    Schema {
        /// A table, a path, or a call such as delta('path').
        table: Option<String>,
    },
    /// Shows how far pipelines have come: their last load and the cursor that the next run goes on from.
    #[command(after_help = "Example:\n  stitchwork state stitchwork.yaml --output ndjson")]
    State(PipelineArgs),
    /// Shows what a table is; without one, what this program and the project have.
    #[command(after_help = "Examples:\n  stitchwork info\n  stitchwork info github.push_event")]
    Info {
        /// A table, or a call such as delta('path').
        table: Option<String>,
    },
    /// Checks a project file and shows every mistake with its line.
    #[command(after_help = "Example:\n  stitchwork check stitchwork.yaml --references")]
    Check {
        /// The project file; `stitchwork.yaml` of this folder when left out.
        file: Option<PathBuf>,
        /// Looks up every ${env:…} and ${file:…} as well.
        #[arg(long)]
        references: bool,
    },
    /// Writes a project file to begin with.
    #[command(
        after_help = "Example:\n  stitchwork init my-project && stitchwork run my-project/stitchwork.yaml"
    )]
    Init {
        /// The folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Removes the files that crashed loads have left behind, and lists them. No file that a table of theirs has is touched.
    #[command(after_help = "Example:\n  stitchwork clean --dry-run --older-than 12h")]
    Clean(CleanArgs),
    /// Prints the completions of a shell.
    #[command(
        after_help = "Example:\n  stitchwork completions bash > ~/.local/share/bash-completion/completions/stitchwork"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

const SQL_HELP: &str = "\
In the place of a table, SQL may have a path or a pattern ('data/*.csv', 's3://bucket/x.parquet', 'https://…'), a table
by its log (delta('path'), iceberg('path'), files('path')), or files by their format (csv('path'), parquet('path')). Keys of
object stores come from the project file, or from the variables AWS_…, GOOGLE_… and AZURE_….

Example:
  stitchwork sql \"select type, count(*) from 'events/*.json' group by type order by 2 desc\"";

/// Which pipelines.
#[derive(Debug, Args)]
pub(crate) struct PipelineArgs {
    /// The project file; `stitchwork.yaml` of this folder when left out.
    pub(crate) file: Option<PathBuf>,
    /// Only this pipeline; may be given several times.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) pipeline: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) which: PipelineArgs,
    /// All pipelines of the file, one after the other.
    #[arg(long, conflicts_with = "pipeline")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    #[command(flatten)]
    pub(crate) which: PipelineArgs,
    /// Only lists what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only files of at least this age, such as 12h or 3d. No load may take longer than that: its files would be taken before
    /// they are committed.
    #[arg(long, value_name = "AGE", default_value = "3d", value_parser = age)]
    pub(crate) older_than: Duration,
}

/// A number and its unit.
fn age(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    let age =
        number.parse::<u64>().ok().zip(seconds).and_then(|(number, seconds)| number.checked_mul(seconds));
    age.map(Duration::from_secs)
        .ok_or_else(|| "write a whole number and s, m, h or d, such as 12h".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The query, or several with semicolons between them.
    pub(crate) query: Option<String>,
    /// At most this many rows of each result.
    #[arg(long, short = 'n', value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// A table, a path, or a call such as delta('path').
    pub(crate) table: String,
    /// At most this many rows.
    #[arg(long, short = 'n', value_name = "ROWS", default_value_t = 20)]
    pub(crate) limit: usize,
}

impl Cli {
    /// Whether the command reads queries from a prompt.
    pub(crate) fn prompts(&self) -> bool {
        matches!(&self.command, Command::Sql(SqlArgs { query: None, .. })) && std::io::stdin().is_terminal()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ages() {
        assert_eq!(age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in ["", "h", "12", "1.5h", "-1h", "99999999999999999999d", "1 h"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_help_of_each_command_ends_with_an_example() {
        let mut command = Cli::command();
        command.build();
        for command in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            let help = command.render_long_help().to_string();
            let last = help.trim_end().lines().next_back().unwrap();
            assert!(last.starts_with("  stitchwork "), "{}: {last}", command.get_name());
            // The example is one that the program itself takes, up to what is the shell's.
            let line = last.trim().split(['>', '&']).next().unwrap();
            let words = line.split('"').enumerate().flat_map(|(place, part)| match place % 2 {
                0 => part.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect(),
                _ => vec![part.to_owned()],
            });
            Cli::try_parse_from(words).unwrap();
        }
    }
}
