//! `stitchwork info`

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::DataType;
use futures::StreamExt;
use stitchwork::Result;
use stitchwork::core::{BatchStream, BatchStreamAdapter};
use stitchwork_project::SqlName;

use crate::commands::Context;
use crate::console::Console;
use crate::exit::Failure;
use crate::rows::{Cell, Rows};
use crate::session::Asker;

/// Shows what the program and the project have.
pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let workspace = &context.workspace;
    let mut rows = Rows::new(&[("what", Cell::Text(None)), ("is", Cell::Text(None))]);
    rows.push(["version".into(), env!("CARGO_PKG_VERSION").into()]);
    let mut layers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (role, scheme) in workspace.registry.schemes() {
        layers.entry(role).or_default().push(scheme);
    }
    layers.insert("store", workspace.registry.stores().known());
    for (role, schemes) in layers {
        rows.push([format!("{role}s").replace("ys", "ies").into(), schemes.join(", ").into()]);
    }
    match workspace.project() {
        None => rows.push(["project".into(), Cell::Text(None)]),
        Some(project) => {
            rows.push(["project".into(), project.file().into()]);
            rows.push(["profile".into(), Cell::Text(project.profile().map(str::to_owned))]);
            rows.push(["profiles".into(), project.profiles().join(", ").into()]);
            let asker = Asker::new(workspace).await?;
            rows.push(["engine in use".into(), asker.engine().into()]);
            for (name, pipeline) in &project.config.pipelines {
                let destination = project.destination(pipeline)?;
                let what = format!("{} tables at {}", destination.log, destination.location);
                rows.push([format!("pipeline {name}").into(), what.into()]);
            }
            for (name, what) in project.sql_names() {
                let what = match what {
                    SqlName::Catalog(catalog) => format!("catalog {}", catalog.url),
                    SqlName::Destination(destination) => {
                        format!("{} tables at {}", destination.log, destination.location)
                    }
                    SqlName::Table(table) => {
                        let kind = table.log.as_deref().unwrap_or("files");
                        let places = table.location.texts().iter().map(ToString::to_string);
                        format!("{kind} at {}", places.collect::<Vec<_>>().join(", "))
                    }
                    _ => continue,
                };
                rows.push([format!("sql name {name}").into(), what.into()]);
            }
        }
    }
    context.output.write(cleared(context.console.clone(), rows.into_stream()?)).await?;
    Ok(())
}

/// Rows without the secrets in their texts.
pub(super) fn cleared(console: Arc<Console>, rows: BatchStream) -> BatchStream {
    let schema = rows.schema();
    let of = schema.clone();
    let batches = rows.map(move |batch| {
        let batch = batch?;
        let columns = batch.columns().iter().map(|column| clear(&console, column));
        Ok(RecordBatch::try_new(of.clone(), columns.collect::<Result<_>>()?)?)
    });
    BatchStreamAdapter::new(schema, batches)
}

fn clear(console: &Console, column: &ArrayRef) -> Result<ArrayRef> {
    if !column.data_type().is_string() {
        return Ok(column.clone());
    }
    let texts = arrow_cast::cast(column, &DataType::Utf8)?;
    let texts: StringArray =
        texts.as_string::<i32>().iter().map(|text| Some(console.redact(text?))).collect();
    Ok(arrow_cast::cast(&texts, column.data_type())?)
}
