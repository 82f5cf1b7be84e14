//! `stitchwork run`

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;
use stitchwork::core::{Source as _, is_sensitive};
use stitchwork::ingest::{CommitPolicy, Pipeline, StreamOptions};
use stitchwork::source_rest::{RestConfig, RestSource};
use stitchwork::{Error, Result, RunReport, pipeline};
use stitchwork_project::{self as project, DestinationRef, Project, Source, WriteDisposition};

use crate::args::{PipelineArgs, RunArgs};
use crate::commands::Context;
use crate::commands::check::counted;
use crate::console::Console;
use crate::exit::Failure;
use crate::progress::Bar;
use crate::rows::{Cell, Rows};
use crate::workspace::Workspace;

/// Runs pipelines one after the other. A load that fails keeps none of the others from running, and is told at the end.
pub(super) async fn run(context: &Context, args: &RunArgs) -> Result<(), Failure> {
    let workspace = &context.workspace;
    let (project, resolver) = workspace.required()?;
    let pipelines = pipelines(project, &args.which, args.all)?;
    // Everything that is missing is told before anything is loaded.
    let paths = used_paths(project, &pipelines)?;
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    project.check_references(&paths, resolver)?;
    workspace.connect()?;
    let mut rows = Rows::new(&[
        ("pipeline", Cell::Text(None)),
        ("table", Cell::Text(None)),
        ("rows", Cell::Count(None)),
        ("files", Cell::Count(None)),
        ("bytes", Cell::Count(None)),
    ]);
    let mut failed = vec![];
    for (name, config) in pipelines {
        match run_one(workspace, name, config).await {
            Ok(report) => {
                if is_in_memory(project, config)? {
                    context.console.say(&format!(
                        "{name}: the tables are in memory, or their catalog is, so that they are gone when this program ends"
                    ));
                }
                for (table, part) in report.tables() {
                    rows.push([
                        name.into(),
                        table.into(),
                        part.rows.into(),
                        part.files.into(),
                        part.bytes.into(),
                    ]);
                }
            }
            Err(e) => failed.push(of_pipeline(e, name)),
        }
    }
    // Programs want the head of a report that is empty; people have read that nothing is new.
    if !rows.is_empty() || failed.is_empty() && !context.output.is_for_people() {
        context.output.write(rows.into_stream()?).await?;
    }
    Failure::of(failed)
}

/// The pipelines that were asked for.
pub(super) fn pipelines<'a>(
    project: &'a Project,
    args: &PipelineArgs,
    all: bool,
) -> Result<Vec<(&'a str, &'a project::Pipeline)>, Failure> {
    if all && !project.config.pipelines.is_empty() {
        return Ok(project
            .config
            .pipelines
            .iter()
            .map(|(name, pipeline)| (name.as_str(), pipeline))
            .collect());
    }
    if args.pipeline.is_empty() {
        let only = project.pipeline(None).map_err(|e| match e.kind() {
            stitchwork::ErrorKind::InvalidInput => Failure::Usage(format!(
                "the project has several pipelines; name one with --pipeline NAME, or run --all of them: {}",
                e.context("pipelines").unwrap_or_default().replace(',', ", ")
            )),
            _ => e.into(),
        })?;
        return Ok(vec![only]);
    }
    // One that is named twice is meant once.
    let mut seen = BTreeSet::new();
    let names = args.pipeline.iter().filter(|name| seen.insert(name.as_str()));
    Ok(names.map(|name| project.pipeline(Some(name))).collect::<Result<_>>()?)
}

/// Whether nothing of a load outlives the program.
fn is_in_memory(project: &Project, config: &project::Pipeline) -> Result<bool> {
    let destination = project.destination(config)?;
    let catalog = destination.catalog.as_ref().and_then(|name| project.config.catalogs.get(name));
    let is_memory = |location: String| location.starts_with("memory:");
    Ok(is_memory(destination.location.to_string())
        || catalog.is_some_and(|catalog| is_memory(catalog.url.to_string())))
}

/// The parts of the file that the pipelines need.
fn used_paths(project: &Project, pipelines: &[(&str, &project::Pipeline)]) -> Result<Vec<String>> {
    let mut paths = vec!["stores".to_owned()];
    for (name, pipeline) in pipelines {
        paths.push(format!("pipelines.{name}"));
        if let DestinationRef::Name(destination) = &pipeline.destination {
            paths.push(format!("destinations.{destination}"));
        }
        if let Some(catalog) = &project.destination(pipeline)?.catalog {
            paths.push(format!("catalogs.{catalog}"));
        }
    }
    Ok(paths)
}

async fn run_one(workspace: &Workspace, name: &str, config: &project::Pipeline) -> Result<RunReport> {
    let begun = Instant::now();
    let pipeline = build(workspace, name, config).await?;
    let bar = Bar::new(&workspace.console, name);
    let report = pipeline.on_progress(bar.listener()).run().await;
    drop(bar);
    let report = report?;
    tell(&workspace.console, name, &report, begun);
    Ok(report)
}

/// An error that says which pipeline it is about.
pub(super) fn of_pipeline(error: Error, name: &str) -> Error {
    if error.context("pipeline").is_some() { error } else { error.with_context("pipeline", name) }
}

/// The pipeline that the file describes.
async fn build(workspace: &Workspace, name: &str, config: &project::Pipeline) -> Result<Pipeline> {
    let (project, resolver) = workspace.required()?;
    let place = format!("pipelines.{name}.source");
    let mut pipeline = pipeline(name);
    pipeline = match &config.source {
        Source::Rest(rest) => {
            let settings = rest.settings(resolver)?.into_exposed();
            hide(&settings, false, &workspace.console);
            let settings: RestConfig = serde_json::from_value(settings).map_err(|e| {
                project.at(
                    &place,
                    Error::invalid_config("the source does not take these settings")
                        .with_context("reason", &e),
                )
            })?;
            let source = RestSource::new(settings).map_err(|e| project.at(&place, e))?;
            tracing::debug!(pipeline = name, source = %source.info(), "source is ready");
            pipeline.source(source)
        }
        Source::Url(url) => {
            let open = url.open_url(resolver)?;
            for (_, value) in open.options.iter().filter(|(name, _)| is_sensitive(name)) {
                workspace.console.hide(value);
            }
            workspace.console.hide_parameters(&open.url);
            let source = workspace.registry.source(open).await;
            pipeline.shared_source(source.map_err(|e| project.at(&place, e))?)
        }
        _ => {
            return Err(
                project.at(&place, Error::unsupported("the program does not know this kind of source"))
            );
        }
    };
    pipeline = pipeline.destination(workspace.destination(project.destination(config)?).await?);
    for (stream, tables) in config.stream_tables() {
        let options = StreamOptions {
            table: tables.table_name,
            primary_key: tables.primary_key,
            max_table_nesting: tables.max_table_nesting,
            max_tables: tables.max_tables,
        };
        pipeline = pipeline.stream_options(stream, options);
    }
    if !config.select.is_empty() {
        pipeline = pipeline.streams(&config.select);
    }
    pipeline = match config.write_disposition {
        WriteDisposition::Append => pipeline,
        WriteDisposition::Replace => pipeline.replace(),
        _ => {
            let place = format!("pipelines.{name}.write_disposition");
            return Err(
                project.at(&place, Error::unsupported("the program does not know this way of writing"))
            );
        }
    };
    let usual = CommitPolicy::default();
    Ok(pipeline.commit_policy(CommitPolicy {
        rows: config.commit.rows.unwrap_or(usual.rows),
        bytes: config.commit.bytes.unwrap_or(usual.bytes),
        interval: match config.commit.interval_seconds {
            Some(seconds) => std::time::Duration::try_from_secs_f64(seconds).unwrap_or(usual.interval),
            None => usual.interval,
        },
    }))
}

/// What settings of credentials say beside the credentials: words that stand in many messages.
const NO_SECRETS: [&str; 3] = ["type", "name", "location"];

/// Lets no credentials of a source be shown: those of `auth`, the values of headers, and what sounds secret.
fn hide(settings: &Value, secret: bool, console: &Console) {
    match settings {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("auth", Value::Object(auth)) = (name.as_str(), value) {
                    let secrets = auth.iter().filter(|(name, _)| !NO_SECRETS.contains(&name.as_str()));
                    secrets.for_each(|(_, value)| hide(value, true, console));
                    continue;
                }
                // The field of a row that identifies it is no secret.
                let named = name != "primary_key" && is_sensitive(name);
                hide(value, secret || named || name == "headers", console);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| hide(value, secret, console)),
        Value::String(text) if secret => console.hide(text),
        // A path or a URL has them in its query.
        Value::String(text) => console.hide_parameters(text),
        _ => {}
    }
}

/// Says in a line what a run has done.
fn tell(console: &Console, name: &str, report: &RunReport, begun: Instant) {
    if let Some(load) = report.recovered {
        console.say(&format!("{name}: load {load}, which was interrupted, is finished"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let tables = report.tables();
    if report.loads.is_empty() {
        let what = if report.unread {
            "the source was not read, since that load was its whole reading; another run loads it again"
        } else {
            "nothing new"
        };
        console.say(&format!("{name}: {what}, {seconds:.1} s"));
        return;
    }
    console.say(&format!(
        "{name}: {} in {}, {}, {seconds:.1} s",
        counted(report.rows(), "new row"),
        counted(tables.len() as u64, "table"),
        counted(report.loads.len() as u64, "load"),
    ));
    // Of tables that are new, all columns are.
    let is_old =
        |column: &&String| !report.new_tables.iter().any(|table| column.starts_with(&format!("{table}.")));
    let columns: Vec<&str> = report.new_columns.iter().filter(is_old).map(String::as_str).collect();
    if !columns.is_empty() {
        console.say(&format!("{name}: new columns: {}", columns.join(", ")));
    }
}
