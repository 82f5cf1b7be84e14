//! Commits: put-if-absent at the next version, again and again until it is ours or a conflict.

mod build;
mod conflict;

use std::sync::Arc;

use object_store::PutPayload;
use stitchwork_commits::{
    Attempt, Commit as _, Patience, check_base, check_tag, failed_commit, land, next_version,
};
use stitchwork_core::{CommitArgs, CommitState, Committed, Error, ErrorKind, Result};

use crate::actions::Commit;
use crate::log::Shared;
use crate::protocol;
use crate::snapshot::DeltaSnapshot;
use crate::state::State;

pub(crate) use build::base_info;

/// Makes a commit; the error says what it has left behind.
pub(crate) async fn commit(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    run(shared, args).await.map_err(|e| failed_commit(e, &shared.store.root.location))
}

async fn run(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    let (state, lost_races) = {
        // Commits of one process queue here rather than race each other at the store.
        let _turn = shared.turn.lock().await;
        let mut attempt = OurCommit::new(shared, &args).await?;
        let mut patience = Patience::new(args.retry.patience);
        let lost_races = land(&shared.store.commits, &mut attempt, &mut patience).await?;
        let state = attempt.landed().await.map_err(|e| e.with_commit_state(CommitState::Committed))?;
        (state, lost_races)
    };
    shared.maintain(&state).await;
    Ok(Committed { snapshot: Arc::new(DeltaSnapshot::new(shared.store.clone(), state)), lost_races })
}

/// Our commit on its way.
struct OurCommit<'a> {
    shared: &'a Shared,
    args: &'a CommitArgs,
    ours: conflict::Ours,
    commit: Commit,
    bytes: PutPayload,
    /// What it is to be put on.
    state: Arc<State>,
}

impl<'a> OurCommit<'a> {
    async fn new(shared: &'a Shared, args: &'a CommitArgs) -> Result<Self> {
        let base = args.base.version();
        let mut state = shared.kept_or_load().await?;
        if state.version < base {
            state = shared.latest().await?;
        }
        check_base(base, state.version)?;
        // Before anything else: a commit that is tried again finds itself among the winners.
        check_newest_tag(&state, args)?;
        let ours = conflict::Ours::new(&shared.store, args)?;
        if !ours.is_blind() {
            for winner in winners(shared, &state, base).await? {
                ours.check(&winner, &shared.store, &state.table)?;
            }
        }
        let commit = build::build(&shared.store, &state, args)?;
        let bytes = commit.to_bytes()?.into();
        Ok(Self { shared, args, ours, commit, bytes, state })
    }

    /// The state that the commit has made.
    async fn landed(mut self) -> Result<Arc<State>> {
        let version = next_version(self.state.version)?;
        self.commit.version = version;
        self.commit.timestamp_ms = self.shared.store.commits.written_ms(version).await;
        let state = Arc::new(self.state.apply(Arc::new(self.commit))?);
        self.shared.keep(&state);
        Ok(state)
    }
}

impl Attempt for OurCommit<'_> {
    type Commit = Commit;

    fn next(&mut self) -> Result<(i64, PutPayload)> {
        check_state(&self.state, self.args, &self.commit)?;
        Ok((next_version(self.state.version)?, self.bytes.clone()))
    }

    fn id(&self) -> &str {
        self.commit.id().unwrap_or_default()
    }

    fn lose(&mut self, winner: Commit) -> Result<()> {
        let winner = Arc::new(winner);
        self.state = Arc::new(self.state.apply(winner.clone())?);
        self.shared.keep(&self.state);
        check_newest_tag(&self.state, self.args)?;
        self.ours.check(&winner, &self.shared.store, &self.state.table)
    }
}

fn check_newest_tag(state: &State, args: &CommitArgs) -> Result<()> {
    let newest = |application: &str| state.txns.get(application).map(|found| found.txn.version);
    check_tag(args.tag.as_ref(), newest)
}

/// What must hold in the very state that the commit is put on.
fn check_state(state: &State, args: &CommitArgs, commit: &Commit) -> Result<()> {
    let effects = protocol::Effects {
        removes: !args.changes.removed.is_empty() || !args.changes.deletes.is_empty(),
        vectors: !args.changes.deletes.is_empty(),
    };
    // A commit that makes the table able to do something can do it at once.
    let protocol = commit.protocol.as_ref().unwrap_or(&state.protocol);
    protocol::check_write(protocol, &state.table, effects)?;
    if !Arc::ptr_eq(&args.base.schema(), &state.table.schema) {
        let partitioning = args.base.partitioning();
        let columns: Vec<String> =
            partitioning.last().into_iter().flat_map(|spec| &spec.fields).map(|f| f.name.clone()).collect();
        crate::evolve::still_fits(&args.base.schema(), &state.table, &columns)?;
    }
    Ok(())
}

/// The commits between a base and a state.
async fn winners(shared: &Shared, state: &State, base: i64) -> Result<Vec<Arc<Commit>>> {
    let mut winners: Vec<Arc<Commit>> = state.tail().take_while(|c| c.version > base).cloned().collect();
    winners.reverse();
    let oldest = winners.first().map_or(state.version + 1, |commit| commit.version);
    if oldest > base + 1 {
        // The tail has been cut by a checkpoint since; the commits themselves mostly are still there.
        let missing =
            shared.store.read_commits((base + 1..oldest).collect()).await.map_err(|e| match e.kind() {
                ErrorKind::NotFound => {
                    Error::conflict("the base of the commit is too old to tell what happened since")
                        .with_context("base", base)
                        .with_source(e)
                }
                _ => e,
            })?;
        winners.splice(0..0, missing);
    }
    Ok(winners)
}

#[cfg(test)]
mod tests;
