//! Tables that other pipelines have put rows into: a load that replaces must not remove those, since their own pipelines would
//! never bring them again.

use std::collections::BTreeMap;

use stitchwork_core::{Error, Result, join};

use super::Run;
use crate::destination::{Destination, STATE};
use crate::state::State;

/// Another pipeline that has put rows into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    pipeline: String,
    /// The folder of its state.
    state: String,
}

/// The tables of a destination that have rows of others than the pipeline of this state, each with one of these.
pub(super) async fn find(destination: &Destination, own: &State) -> Result<BTreeMap<String, Other>> {
    let states = State::all(destination.registry.stores(), &join(&destination.location, STATE)).await?;
    let mut others = BTreeMap::new();
    for state in states.into_iter().filter(|state| state.location() != own.location()) {
        let Some((last, _)) = state.newest().await? else { continue };
        // Tables of another log or catalog at this location are others than those that are replaced.
        let is_here = last.destination.as_ref().is_none_or(|there| *there == destination.described());
        if !is_here {
            continue;
        }
        for table in last.known.into_keys() {
            others.insert(table, Other { pipeline: last.pipeline.clone(), state: state.location() });
        }
    }
    if !others.is_empty() {
        let there = destination.tables().await?;
        others.retain(|table, _| there.contains(table));
    }
    Ok(others)
}

/// Refuses to replace tables that have rows of other pipelines.
pub(super) fn refuse<'t>(run: &Run<'_>, replaced: impl IntoIterator<Item = &'t String>) -> Result<()> {
    match replaced.into_iter().find_map(|table| Some((table, run.others.get(table)?))) {
        None => Ok(()),
        Some((table, other)) => Err(Error::invalid_config(
            "a table has rows of another pipeline, and replacing would remove them, which that pipeline would not bring again; \
             give the stream a table of its own, or load it into another destination; if that pipeline is no more, \
             remove the folder of its state",
        )
        .with_operation("ingest::streams")
        .with_context("pipeline", &run.pipeline.name)
        .with_context("table", table)
        .with_context("other", &other.pipeline)
        .with_context("state", &other.state)),
    }
}
