//! The load: two commits, two streams with rows and one without, a child table, a value of another type and with it a column that comes later.

use serde_json::json;
use stitchwork_core::{Error, ErrorKind, Result};
use stitchwork_ingest::{CommitPolicy, Mutation, Pipeline, RunReport};

use super::super::script::Script;
use super::How;
use super::faults::Trouble;
use super::world::World;

/// What the source has: where a load goes on after the earlier one, also what that one has brought. The stream without rows has
/// some before a replacement, which takes them away.
pub(crate) fn script(how: How) -> Script {
    let script = match how {
        How::AppendMore => earlier(),
        How::Append | How::Replace => Script::new(["events", "users", "old"]),
    };
    script
        .rows("events", json!([{"id": 1, "size": 1.5, "tags": ["a", "b"]}, {"id": 2, "tags": []}]))
        .page("users", json!([{"name": "x"}, {"name": "y"}]))
        .page("events", json!([{"id": 3, "size": "large", "tags": ["c"]}]))
}

/// What the source had when the earlier load was done.
fn earlier() -> Script {
    Script::new(["events", "users", "old"])
        .rows("events", json!([{"id": 11, "tags": ["k"]}]))
        .page("old", json!([{"id": 12}]))
}

fn start(script: Script, how: How) -> Pipeline {
    let every_checkpoint = CommitPolicy { rows: 1, ..CommitPolicy::default() };
    let pipeline = stitchwork_ingest::pipeline("script").source(script).commit_policy(every_checkpoint);
    if how == How::Replace { pipeline.replace() } else { pipeline }
}

/// The earlier load: rows of its own, in tables that get more and in one that gets none afterwards.
pub(crate) async fn before(world: &World) -> Result<RunReport> {
    start(earlier(), How::Append).destination(world.process(&Trouble::none()).await?).run().await
}

/// The load as a process of its own would do it.
pub(crate) async fn pipeline(
    world: &World,
    trouble: &Trouble,
    how: How,
    mutation: Option<Mutation>,
) -> Result<Pipeline> {
    let pipeline = start(script(how), how).destination(world.process(trouble).await?);
    Ok(match mutation {
        Some(mutation) => pipeline.with_mutation(mutation),
        None => pipeline,
    })
}

/// Runs the load, as a process that may die of its trouble.
pub(crate) async fn run(
    world: &World,
    trouble: &Trouble,
    how: How,
    mutation: Option<Mutation>,
) -> Result<RunReport> {
    let pipeline = pipeline(world, trouble, how, mutation).await?;
    tokio::select! {
        outcome = pipeline.run() => outcome,
        () = trouble.death() => Err(Error::new(ErrorKind::Cancelled, "the process has died")),
    }
}
