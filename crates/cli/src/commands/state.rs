//! `stitchwork state`

use crate::args::PipelineArgs;
use crate::commands::Context;
use crate::commands::run::{of_pipeline, pipelines};
use crate::exit::Failure;
use crate::rows::{Cell, Rows};

/// Shows how far pipelines have come.
pub(super) async fn run(context: &Context, args: &PipelineArgs) -> Result<(), Failure> {
    let workspace = &context.workspace;
    let (project, _) = workspace.required()?;
    workspace.connect()?;
    let mut rows = Rows::new(&[
        ("pipeline", Cell::Text(None)),
        ("load", Cell::Number(None)),
        ("finished", Cell::Flag(None)),
        ("rows", Cell::Count(None)),
        ("tables", Cell::Text(None)),
        ("cursor", Cell::Text(None)),
        ("location", Cell::Text(None)),
    ]);
    let mut failed = vec![];
    for (name, pipeline) in pipelines(project, args, args.pipeline.is_empty())? {
        let state =
            async { workspace.destination(project.destination(pipeline)?).await?.pipeline_state(name).await };
        // A place that cannot be reached hides none of the others.
        let state = match state.await {
            Ok(state) => state,
            Err(e) => {
                failed.push(of_pipeline(e, name));
                continue;
            }
        };
        let location = context.console.redact(&state.location);
        match state.last {
            None => rows.push([
                name.into(),
                Cell::Number(None),
                Cell::Flag(None),
                Cell::Count(None),
                Cell::Text(None),
                Cell::Text(None),
                location.into(),
            ]),
            Some(manifest) => rows.push([
                name.into(),
                Cell::Number(Some(manifest.load)),
                Cell::Flag(Some(state.finished)),
                manifest.rows.into(),
                manifest.known.into_keys().collect::<Vec<_>>().join(", ").into(),
                Cell::Text(manifest.cursor.map(|cursor| cursor.to_string())),
                location.into(),
            ]),
        }
    }
    if !rows.is_empty() || failed.is_empty() {
        context.output.write(rows.into_stream()?).await?;
    }
    Failure::of(failed)
}
