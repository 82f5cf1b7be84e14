//! What each command does.

mod ask;
mod check;
mod clean;
mod info;
mod init;
mod run;
mod schema;
mod state;

use std::sync::Arc;
use std::time::Instant;

use stitchwork::core::BatchStream;

pub(crate) use self::ask::{columns, table_names};
use crate::args::{Cli, Command, PipelineArgs};
use crate::console::Console;
use crate::exit::Failure;
use crate::output::Output;
use crate::prompt;
use crate::session::Asker;
use crate::signals::Interrupts;
use crate::workspace::{ProjectArgs, Workspace, is_no_pipeline};

/// What every command has.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) console: Arc<Console>,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) output: Output,
}

impl Context {
    /// What answers questions, with stores that have their options.
    pub(crate) async fn asker(&self) -> Result<Asker, Failure> {
        self.workspace.connect()?;
        Ok(Asker::new(&self.workspace).await?)
    }

    /// Answers one statement, and gives the number of rows.
    pub(crate) async fn answer(
        &self,
        asker: &Asker,
        output: &Output,
        statement: &str,
        limit: Option<usize>,
    ) -> Result<u64, Failure> {
        self.answer_with(asker, output, statement, limit, |rows| rows).await
    }

    /// Answers one statement with what its rows are made into.
    pub(crate) async fn answer_with(
        &self,
        asker: &Asker,
        output: &Output,
        statement: &str,
        limit: Option<usize>,
        shown: impl FnOnce(BatchStream) -> BatchStream,
    ) -> Result<u64, Failure> {
        self.console.hide_of(statement);
        let begun = Instant::now();
        let rows = shown(asker.ask(statement, limit).await?);
        let planned = begun.elapsed();
        let rows = output.write(rows).await?;
        tracing::info!(?planned, ran = ?begun.elapsed().saturating_sub(planned), rows, "a query is answered");
        Ok(rows)
    }
}

/// Does what the command line says.
pub(crate) async fn run(
    cli: Cli,
    console: Arc<Console>,
    prompt: Option<Arc<Interrupts>>,
) -> Result<(), Failure> {
    let mut project = ProjectArgs { file: cli.global.project, profile: cli.global.profile };
    let format = cli.global.output;
    if let Some(file) = which(&cli.command).and_then(|which| which.file.as_deref()) {
        is_no_pipeline(file, project.profile.as_deref())?;
        project.file = one_file(project.file, Some(file.to_owned()))?;
    }
    // What needs no project must not fail because of one.
    match &cli.command {
        Command::Completions { shell } => return schema::completions(*shell),
        Command::Schema { table: None } => return schema::of_project_files(),
        Command::Init { folder } => return init::run(folder, &console),
        Command::Check { file, references } => {
            project.file = one_file(project.file, file.clone())?;
            return check::run(&project, *references, console);
        }
        _ => {}
    }
    let workspace = Arc::new(Workspace::open(&project, console.clone())?);
    let output = Output::stdout(format, workspace.registry.formats().clone())?;
    let context = Context { console, workspace, output };
    let done = command(&context, cli.command, prompt).await;
    context.workspace.requests.tell();
    done
}

/// What needs the project, and stores.
async fn command(
    context: &Context,
    command: Command,
    prompt: Option<Arc<Interrupts>>,
) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(context, &args).await,
        Command::Clean(args) => clean::run(context, &args).await,
        Command::State(args) => state::run(context, &args).await,
        Command::Sql(args) => match prompt {
            Some(interrupts) => prompt::run(context, args.limit, interrupts).await,
            None => ask::sql(context, args).await,
        },
        Command::Tables => ask::tables(context).await,
        Command::Show(args) => ask::show(context, &args).await,
        Command::History(args) => ask::history(context, &args).await,
        Command::Schema { table } => ask::schema(context, &table.unwrap_or_default()).await,
        Command::Info { table: Some(table) } => ask::info(context, &table).await,
        Command::Info { table: None } => info::run(context).await,
        Command::Check { .. } | Command::Init { .. } | Command::Completions { .. } => Ok(()),
    }
}

/// Which pipelines a command is about, where it is about some.
fn which(command: &Command) -> Option<&PipelineArgs> {
    match command {
        Command::Run(run) => Some(&run.which),
        Command::Clean(clean) => Some(&clean.which),
        Command::State(which) => Some(which),
        _ => None,
    }
}

/// The project file, which two places of the command line may name.
fn one_file(
    global: Option<std::path::PathBuf>,
    own: Option<std::path::PathBuf>,
) -> Result<Option<std::path::PathBuf>, Failure> {
    match (global, own) {
        (Some(global), Some(own)) if global != own => Err(Failure::Usage(format!(
            "two project files are named, {} and {}; leave one of them out",
            global.display(),
            own.display()
        ))),
        (global, own) => Ok(own.or(global)),
    }
}
