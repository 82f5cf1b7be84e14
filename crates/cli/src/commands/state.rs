//! `stitchwork state`

use futures::TryStreamExt;
use stitchwork::core::object_store::{self, ObjectStore, ObjectStoreExt};
use stitchwork::core::{Object, join};
use stitchwork::ingest::{Destination, LoadManifest, normalize};
use stitchwork::{Error, Result};

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
        let folder = folder(&destination, name)?;
        let location = context.console.redact(&folder.location());
        match newest(&folder).await? {
            None => rows.push([
                name.into(),
                Cell::Number(None),
                Cell::Flag(None),
                Cell::Count(None),
                Cell::Text(None),
                Cell::Text(None),
                location.into(),
            ]),
            Some((manifest, finished)) => rows.push([
                name.into(),
                Cell::Number(Some(manifest.load)),
                Cell::Flag(Some(finished)),
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

/// The folder of a pipeline's state, as the pipeline runtime documents it.
fn folder(destination: &Destination, pipeline: &str) -> Result<Object> {
    let location = join(&destination.location, &format!("_stitchwork/{}", normalize(pipeline)));
    destination.registry.stores().resolve(&location)
}

/// The manifest of the newest load, and whether that load is finished. None where nothing was loaded yet.
async fn newest(folder: &Object) -> Result<Option<(LoadManifest, bool)>> {
    let (mut newest, mut finished) = (None, None);
    let mut listing = folder.store.list(Some(&folder.path));
    loop {
        let meta = match listing.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => break,
            Err(e) => return Err(folder.error(e)),
        };
        let Some((load, kind)) = meta.location.filename().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Ok(load) = load.parse::<i64>() else { continue };
        match kind {
            "json" => newest = newest.max(Some(load)),
            "done" => finished = finished.max(Some(load)),
            _ => {}
        }
    }
    let Some(load) = newest else { return Ok(None) };
    let object = folder.child(&format!("{load:020}.json"));
    let found = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
    let bytes = found.bytes().await.map_err(|e| object.error(e))?;
    let manifest: LoadManifest = serde_json::from_slice(&bytes).map_err(|e| {
        Error::invalid_data("a load manifest is broken; run the pipeline, which says what to do about it")
            .with_context("location", object.location())
            .with_source(e)
    })?;
    Ok(Some((manifest, finished >= Some(load))))
}
