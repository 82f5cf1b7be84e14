//! `stitchwork clean`

use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

use stitchwork::ingest::{Leftover, LeftoversArgs};
use stitchwork::{Error, ErrorKind};

use crate::args::CleanArgs;
use crate::commands::Context;
use crate::commands::check::counted;
use crate::commands::run::pipelines;
use crate::exit::Failure;
use crate::rows::{Cell, Rows};

/// Lists what crashed loads have left behind at the destinations of pipelines, and removes it.
pub(super) async fn run(context: &Context, args: &CleanArgs) -> Result<(), Failure> {
    let workspace = &context.workspace;
    let (project, _) = workspace.required()?;
    workspace.connect()?;
    let mut rows = Rows::new(&[
        ("kind", Cell::Text(None)),
        ("table", Cell::Text(None)),
        ("location", Cell::Text(None)),
        ("bytes", Cell::Count(None)),
        ("written", Cell::Number(None)),
        ("removed", Cell::Flag(None)),
    ]);
    let older = LeftoversArgs::older_than(args.older_than);
    let mut seen = BTreeSet::new();
    let (mut count, mut bytes, mut failed) = (0, 0, 0_u64);
    for (_, pipeline) in pipelines(project, &args.which, args.which.pipeline.is_empty())? {
        let config = project.destination(pipeline)?;
        let destination = workspace.destination(config).await?;
        // Several pipelines may load into one place; the tables there are those of one log and one catalog.
        let location = destination.location.clone();
        if !seen.insert((&config.log, location, &config.catalog, destination.namespace.clone())) {
            continue;
        }
        if args.dry_run {
            let found = destination.leftovers(&older).await?;
            tell_skipped(context, &found.skipped);
            found.files.iter().for_each(|file| rows.push(row(file, false)));
            count += found.files.len() as u64;
            bytes += found.bytes();
            continue;
        }
        let cleaned = destination.clean(&older).await?;
        tell_skipped(context, &cleaned.skipped);
        for file in &cleaned.removed {
            rows.push(row(file, true));
            count += 1;
            bytes += file.size;
        }
        for (file, e) in &cleaned.failed {
            rows.push(row(file, false));
            failed += 1;
            context.console.say(&format!("{} stays: {e}", file.location));
        }
    }
    context.output.write(rows.into_stream()?).await?;
    let done = if args.dry_run { "would be removed" } else { "removed" };
    context.console.say(&format!("{}, {bytes} bytes, {done}", counted(count, "file")));
    if failed > 0 {
        let error =
            Error::new(ErrorKind::PermissionDenied, "some files could not be removed; see the lines before")
                .with_context("files", failed);
        return Err(error.into());
    }
    Ok(())
}

fn tell_skipped(context: &Context, skipped: &[(String, Error)]) {
    for (table, e) in skipped {
        context.console.say(&format!("{table} cannot be read and stays as it is: {e}"));
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
