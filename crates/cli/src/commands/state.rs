//! `stitchwork state`

use crate::args::PipelineArgs;
use crate::commands::Context;
use crate::commands::run::pipelines;
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
    for (name, pipeline) in pipelines(project, args, args.pipeline.is_empty())? {
        let destination = workspace.destination(project.destination(pipeline)?).await?;
        let state = destination.pipeline_state(name).await?;
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
    context.output.write(rows.into_stream()?).await?;
    Ok(())
}
