//! `stitchwork clean`

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use stitchwork::ingest::{Destination, Leftover, LeftoversArgs};
use stitchwork::{Error, ErrorKind, Result};

use crate::args::CleanArgs;
use crate::commands::Context;
use crate::commands::check::counted;
use crate::commands::run::{of_pipeline, pipelines};
use crate::exit::Failure;
use crate::rows::{Cell, Rows};

/// Lists what crashed loads have left behind at the destinations of pipelines, and removes it.
pub(super) async fn run(context: &Context, args: &CleanArgs) -> Result<(), Failure> {
    let workspace = &context.workspace;
    let (project, _) = workspace.required()?;
    workspace.connect()?;
    let mut done = Done::new();
    let mut seen = BTreeSet::new();
    let mut errors = vec![];
    // One that cannot be looked at keeps none of the others from being cleaned.
    for (name, pipeline) in pipelines(project, &args.which, args.which.pipeline.is_empty())? {
        let config = project.destination(pipeline)?;
        let cleaned = match workspace.destination(config).await {
            Ok(destination) => {
                // Several pipelines may load into one place; the tables there are those of one log and one catalog.
                let location = destination.location.clone();
                if !seen.insert((&config.log, location, &config.catalog, destination.namespace.clone())) {
                    continue;
                }
                done.clean(context, args, &destination).await
            }
            Err(e) => Err(e),
        };
        errors.extend(cleaned.err().map(|e| of_pipeline(e, name)));
    }
    context.output.write(done.rows.into_stream()?).await?;
    let gone = if args.dry_run { "would be removed" } else { "removed" };
    context.console.say(&format!("{}, {} bytes, {gone}", counted(done.files, "file"), done.bytes));
    if done.failed > 0 {
        let error =
            Error::new(ErrorKind::PermissionDenied, "some files could not be removed; see the lines before")
                .with_context("files", done.failed);
        errors.push(error);
    }
    Failure::of(errors)
}

/// What was found and removed.
struct Done {
    rows: Rows,
    files: u64,
    bytes: u64,
    failed: u64,
}

impl Done {
    fn new() -> Self {
        let rows = Rows::new(&[
            ("kind", Cell::Text(None)),
            ("table", Cell::Text(None)),
            ("location", Cell::Text(None)),
            ("bytes", Cell::Count(None)),
            ("written", Cell::Number(None)),
            ("removed", Cell::Flag(None)),
        ]);
        Self { rows, files: 0, bytes: 0, failed: 0 }
    }

    /// Cleans one destination, or looks at what could go.
    async fn clean(&mut self, context: &Context, args: &CleanArgs, destination: &Destination) -> Result<()> {
        let older = LeftoversArgs::older_than(args.older_than);
        if args.dry_run {
            let found = destination.leftovers(&older).await?;
            tell_skipped(context, &found.skipped);
            found.files.iter().for_each(|file| self.take(file, false));
            return Ok(());
        }
        let cleaned = destination.clean(&older).await?;
        tell_skipped(context, &cleaned.skipped);
        cleaned.removed.iter().for_each(|file| self.take(file, true));
        for (file, e) in &cleaned.failed {
            self.rows.push(row(file, false));
            self.failed += 1;
            context.console.say(&format!("{} stays: {e}", file.location));
        }
        Ok(())
    }

    fn take(&mut self, file: &Leftover, removed: bool) {
        self.rows.push(row(file, removed));
        self.files += 1;
        self.bytes += file.size;
    }
}

fn tell_skipped(context: &Context, skipped: &[(String, Error)]) {
    for (table, e) in skipped {
        context
            .console
            .say(&format!("{table} cannot be looked at, and what is left behind there stays: {e}"));
    }
}

fn row(file: &Leftover, removed: bool) -> [Cell; 6] {
    let written =
        file.modified.duration_since(UNIX_EPOCH).ok().and_then(|age| i64::try_from(age.as_millis()).ok());
    [
        file.kind.name().into(),
        Cell::Text(file.table.clone()),
        file.location.as_str().into(),
        file.size.into(),
        Cell::Number(written),
        Cell::Flag(Some(removed)),
    ]
}
