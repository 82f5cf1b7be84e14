//! The load: two commits, two streams with rows and one without, a child table, a value of another type and with it a column that comes later.

use serde_json::json;
use stitchwork_core::{Error, ErrorKind, Result};
use stitchwork_ingest::{CommitPolicy, Mutation, Pipeline, RunReport};

use super::super::script::Script;
use super::faults::Trouble;
use super::world::World;

/// What the source has. The stream without rows has some before a replacement, which takes them away.
pub(crate) fn script() -> Script {
    Script::new(["events", "users", "old"])
        .rows("events", json!([{"id": 1, "size": 1.5, "tags": ["a", "b"]}, {"id": 2, "tags": []}]))
        .page("users", json!([{"name": "x"}, {"name": "y"}]))
        .page("events", json!([{"id": 3, "size": "large", "tags": ["c"]}]))
}

fn start(script: Script, replace: bool) -> Pipeline {
    let every_checkpoint = CommitPolicy { rows: 1, ..CommitPolicy::default() };
    let pipeline = stitchwork_ingest::pipeline("script").source(script).commit_policy(every_checkpoint);
    if replace { pipeline.replace() } else { pipeline }
}

/// Loads what a replacement takes away: rows of its own, and a table that gets none afterwards.
pub(crate) async fn before(world: &World) -> Result<RunReport> {
    let script = Script::new(["events", "users", "old"])
        .rows("events", json!([{"id": 11, "tags": ["k"]}]))
        .page("old", json!([{"id": 12}]));
    start(script, false).destination(world.process(&Trouble::none()).await?).run().await
}

/// The load as a process of its own would do it.
pub(crate) async fn pipeline(
    world: &World,
    trouble: &Trouble,
    replace: bool,
    mutation: Option<Mutation>,
) -> Result<Pipeline> {
    let pipeline = start(script(), replace).destination(world.process(trouble).await?);
    Ok(match mutation {
        Some(mutation) => pipeline.with_mutation(mutation),
        None => pipeline,
    })
}

/// Runs the load, as a process that may die of its trouble.
pub(crate) async fn run(
    world: &World,
    trouble: &Trouble,
    replace: bool,
    mutation: Option<Mutation>,
) -> Result<RunReport> {
    let pipeline = pipeline(world, trouble, replace, mutation).await?;
    tokio::select! {
        outcome = pipeline.run() => outcome,
        () = trouble.death() => Err(Error::new(ErrorKind::Cancelled, "the process has died")),
    }
}
