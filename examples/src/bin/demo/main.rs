//! The demo: a REST API into tables, and questions to them in SQL.

mod layers;
mod options;
mod pages;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use options::Options;
use stitchwork::ingest::{CommitPolicy, Progress, ProgressFn};
use stitchwork::source_rest::RowOrder;
use stitchwork::{Result, RunReport, Session, pipeline, rest};
use stitchwork_events_server::EventsServer;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print(options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprint(&format!("{message}\n\n{}", options::HELP));
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint(&format!("the demo failed: {error:?}"));
            // What differs is asked for by these options only.
            if error.context("asked_for").is_some() {
                eprint(
                    "Each combination of --log and --catalog needs a place of its own: give another --store, or none, \
                     or the options with which this one was loaded.",
                );
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<()> {
    let server = EventsServer::builder().seed(options.seed).events(options.events).start().await;
    let server = server
        .map_err(|e| stitchwork::Error::unexpected("the events server does not start").with_source(e))?;
    let layers = layers::open(options).await?;
    let github = rest(server.url())
        .stream("events", "/repos/stitchwork/demo/events")
        .param("per_page", "100")
        .primary_key("id")
        .incremental("created_at")
        .start_param("since")
        // The API gives old events first, so that a long run can commit at any page.
        .row_order(RowOrder::Ascending);
    let session = Session::new()?.attach("github", layers.destination.clone()).await?;
    print(&layers.describe(&github, &session));

    let pipeline = pipeline("github")
        .source(github)
        .destination(layers.destination.clone())
        .table_name("events", "{type}")
        .commit_policy(CommitPolicy { rows: options.commit_rows, ..CommitPolicy::default() });
    let there = server.len() as u64;
    print(&format!("\nFirst run: the API has {}.", pages::count(there, "event")));
    let first = with_bar(&pipeline, there).await?;
    print(&pages::report(&first, there));

    let all = server.append(options.events.div_ceil(20)) as u64;
    let more = all - there;
    let come = if more == 1 { "has come" } else { "have come" };
    print(&format!("\nSecond run: {} {come} since, {all} in all.", pages::count(more, "event")));
    let second = with_bar(&pipeline, more).await?;
    print(&pages::report(&second, more));

    print("\nThe tables, asked in SQL:");
    let mut tables = layers.destination.tables().await?;
    tables.sort();
    for pages::Question { title, sql } in pages::questions(&tables) {
        print(&format!("\n{title}\n  {sql}\n{}", session.show(&sql).await?));
    }
    print(&pages::where_it_lies(options, &layers).await?);
    let _ = server.shutdown().await;
    Ok(())
}

/// Runs the pipeline with a bar on a terminal, and with nothing elsewhere.
async fn with_bar(pipeline: &stitchwork::Pipeline, expected: u64) -> Result<RunReport> {
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(expected) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("  {msg:<28} {bar:32} {pos}/{len} events  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    let stage = bar.clone();
    let progress = ProgressFn::new(move |progress| match progress {
        Progress::Recovering { load } => stage.set_message(format!("finishing load {load}")),
        Progress::Extracted { rows, .. } => {
            stage.set_message("reading");
            stage.set_position(*rows);
        }
        Progress::Written { rows } => stage.set_message(format!("writing, {rows} rows")),
        Progress::Committing { table, .. } => stage.set_message(format!("committing {table}")),
        _ => {}
    });
    let report = pipeline.clone().on_progress(progress).run().await;
    bar.finish_and_clear();
    report
}

/// Results go to stdout; a reader that has gone away ends them quietly.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn eprint(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
