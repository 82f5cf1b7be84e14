//! Tables that other pipelines have put rows into: a load that replaces must not remove those, since their own pipelines would
//! never bring them again.

use stitchwork_core::{Error, Result, Snapshot, join};

use super::{Run, application};
use crate::destination::{STATE, is_no_table};
use crate::state::State;

/// Another pipeline that has its state at the location.
#[derive(Debug, Clone)]
pub(super) struct Other {
    pipeline: String,
    /// The folder of its state.
    state: String,
}

/// What is said of a load whose manifest is not written yet, so that it is as if it had never been.
const BEFORE: &str = "a table has rows of another pipeline, and replacing would remove them, which that pipeline would not bring again; give the \
     stream a table of its own, or load it into another destination; if that pipeline is no more, remove the folder of its state";

/// What is said of one whose manifest says what it replaces.
pub(super) const COMMITTING: &str = "another pipeline has put rows into a table that an interrupted load was to replace, and would not bring them again; leave \
     the table as it is by taking it out of `tables` in the load's manifest, then give the stream a table of its own; if that \
     pipeline is no more, remove the folder of its state";

/// Refuses to replace tables that have rows of other pipelines, before anything is written down.
///
/// # Errors
/// `InvalidConfig` for such a table. A state that cannot be read: nobody knows whose it is.
pub(super) async fn refuse(run: &mut Run<'_>, replaced: impl IntoIterator<Item = String>) -> Result<()> {
    let mut replaced = replaced.into_iter().peekable();
    if replaced.peek().is_none() {
        return Ok(());
    }
    let others = find(run).await?;
    if others.is_empty() {
        return Ok(());
    }
    for name in replaced {
        let snapshot = match run.tables.get(&name).await {
            Ok(table) => table.snapshot().await?,
            // There is nothing to replace yet; what else is wrong with it, its load will say.
            Err(e) if is_no_table(&e) => continue,
            Err(e) => return Err(e),
        };
        let refused = refuse_in(&run.pipeline.name, snapshot.as_ref(), &others, BEFORE).await;
        refused.map_err(|e| e.with_context("table", name))?;
    }
    Ok(())
}

/// Refuses to replace a table that has rows of one of these: each commit of a pipeline leaves its tag in the table, by
/// whichever catalog or namespace it was made.
pub(super) async fn refuse_in(
    pipeline: &str,
    snapshot: &dyn Snapshot,
    others: &[Other],
    message: &'static str,
) -> Result<()> {
    for other in others {
        if snapshot.tag(&application(&other.pipeline)).await?.is_some() {
            return Err(Error::invalid_config(message)
                .with_operation("ingest::replace")
                .with_context("pipeline", pipeline)
                .with_context("other", &other.pipeline)
                .with_context("state", &other.state));
        }
    }
    Ok(())
}

/// The pipelines at the location but this one, as they are now; what is known of them is kept.
pub(super) async fn find(run: &mut Run<'_>) -> Result<Vec<Other>> {
    let folder = join(&run.destination.location, STATE);
    for state in State::all(run.destination.registry.stores(), &folder).await? {
        let location = state.location();
        let is_known = location == run.state.location() || run.others.iter().any(|o| o.state == location);
        if is_known {
            continue;
        }
        let newest = state.newest().await.map_err(|e| unreadable(&run.pipeline.name, &location, e))?;
        // A copy of one's own state is nobody else's.
        if let Some((last, _)) = newest.filter(|(last, _)| last.pipeline != run.pipeline.name) {
            run.others.push(Other { pipeline: last.pipeline, state: location });
        }
    }
    Ok(run.others.clone())
}

fn unreadable(pipeline: &str, state: &str, error: Error) -> Error {
    let message = format!(
        "the state of another pipeline cannot be read, so that nobody knows whether a table to be replaced has rows of it: {}",
        error.message()
    );
    let file = error.context("location").unwrap_or(state).to_owned();
    Error::new(error.kind(), message)
        .with_operation("ingest::replace")
        .with_context("pipeline", pipeline)
        .with_context("state", state)
        .with_context("file", file)
        .with_source(error)
}
