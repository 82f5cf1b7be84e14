//! The conformance suite of a role against what a URL opens: `conform [arguments of the suite] < what`.
//!
//! What to open comes as JSON, `{"role": "catalog", "url": "sqlite:///…", "options": {"name": "value"}}`: there may be
//! secrets among the options, and everybody on the machine reads command lines.
#![expect(clippy::print_stderr, reason = "a command line program says what is wrong")]

#[path = "conform/formats.rs"]
mod formats;
#[path = "conform/logs.rs"]
mod logs;
#[path = "conform/stores.rs"]
mod stores;

use std::collections::BTreeMap;
use std::process::ExitCode;

use futures::TryStreamExt;
use serde_json::Value;
use stitchwork_core::{Error, Message, OpenArgs, OpenUrl, Registry, Result, Rows};
use stitchwork_testkit::{catalog, engine, format, source};

/// What is tried.
struct What {
    role: String,
    open: OpenUrl,
}

/// Everything of the facade, and the connector from outside.
fn registry() -> Result<Registry> {
    let mut registry = stitchwork::registry()?;
    third_party_connector::register(&mut registry)?;
    Ok(registry)
}

fn main() -> ExitCode {
    let What { role, open } = match what() {
        Ok(what) => what,
        Err(error) => {
            eprintln!("error: {error:?}");
            return ExitCode::FAILURE;
        }
    };
    match role.as_str() {
        "catalog" => catalog::run(move || {
            let open = open.clone();
            async move { registry()?.catalog(open).await }
        }),
        "engine" => engine::run(move || {
            let open = open.clone();
            async move { registry()?.engine(open).await }
        }),
        "format" => format::run(move || {
            let open = open.clone();
            async move { formats::open(&registry()?, open) }
        }),
        "log" => logs::run(open).unwrap_or_else(|error| {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }),
        "source" => source::run(move || {
            let open = open.clone();
            async move {
                let source = registry()?.source(open).await?;
                let rows = rows(source.as_ref()).await?;
                Ok(source::Subject::new(source, rows))
            }
        }),
        "store" => stores::SUITE.run(move || {
            let open = open.clone();
            async move { stores::open(&registry()?, open) }
        }),
        other => {
            eprintln!(
                "error: no suite for {other:?} by URL; there are catalog, engine, format, log, source and store"
            );
            ExitCode::FAILURE
        }
    }
}

fn what() -> Result<What> {
    let broken = || {
        Error::invalid_input(
            "write what to open to the standard input: {\"role\": …, \"url\": …, \"options\": {…}}; \
             `cargo xtask conform … --url …` does",
        )
    };
    let value: Value = serde_json::from_reader(std::io::stdin()).map_err(|e| broken().with_source(e))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(broken);
    let mut open = OpenUrl::new(text("url")?);
    for (name, value) in value.get("options").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| broken().with_context("option", name))?;
        open.options.insert(name.clone(), value.to_owned());
    }
    Ok(What { role: text("role")?, open })
}

/// All rows of a source as it gives them now: what each trial must find again.
async fn rows(source: &dyn stitchwork_core::Source) -> Result<BTreeMap<String, Vec<Value>>> {
    let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut messages = source.open(OpenArgs::default()).await?;
    while let Some(message) = messages.try_next().await? {
        let Message::Rows { stream, rows: said, .. } = message else { continue };
        let Rows::Json(bytes) = said else {
            return Err(Error::unsupported(
                "only rows in JSON are compared by URL; a source of other rows has a test of its own, which knows them",
            )
            .with_context("stream", stream));
        };
        let objects = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
        for value in objects {
            let value = value.map_err(|e| Error::invalid_data("the rows are no JSON").with_source(e))?;
            let found = rows.entry(stream.clone()).or_default();
            match value {
                Value::Array(many) => found.extend(many),
                one => found.push(one),
            }
        }
    }
    Ok(rows)
}
