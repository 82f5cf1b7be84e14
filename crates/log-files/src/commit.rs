//! Commits: put-if-absent at the next version, again and again until it is ours or a conflict.

mod adopt;
mod build;
mod conflict;
mod prepared;

use std::sync::Arc;

use object_store::PutPayload;
use stitchwork_commits::{Attempt, Patience, check_base, check_tag, failed_commit, land};
use stitchwork_core::{CommitArgs, CommitState, Committed, Error, Result};

use crate::evolve;
use crate::lines::Commit;
use crate::log::Shared;
use crate::snapshot::FilesSnapshot;
use crate::state::State;

pub(crate) use prepared::Prepared;

/// Makes a commit; the error says what it has left behind.
pub(crate) async fn commit(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    run(shared, args).await.map_err(|e| failed_commit(e, &shared.store.root.location))
}

async fn run(shared: &Arc<Shared>, args: CommitArgs) -> Result<Committed> {
    if !args.changes.deletes.is_empty() {
        return Err(Error::unsupported("a folder has no place for deletes; rewrite the files"));
    }
    let (state, lost_races) = {
        // Commits of one process queue here rather than race each other at the store.
        let _turn = shared.turn.lock().await;
        let mut patience = Patience::new(args.retry.patience);
        let mut attempt = OurCommit::new(shared, &args, &patience).await?;
        let lost_races = land(&shared.store.commits, &mut attempt, &mut patience).await?;
        let state = attempt.landed().map_err(|e| e.with_commit_state(CommitState::Committed))?;
        (state, lost_races)
    };
    shared.maintain(&state).await;
    Ok(Committed { snapshot: Arc::new(FilesSnapshot::new(shared.store.clone(), state)), lost_races })
}

/// Our commit on its way.
struct OurCommit<'a> {
    shared: &'a Shared,
    args: &'a CommitArgs,
    ours: conflict::Ours,
    prepared: Prepared,
    /// What it is to be put on.
    state: Arc<State>,
}

impl<'a> OurCommit<'a> {
    async fn new(shared: &'a Shared, args: &'a CommitArgs, patience: &Patience) -> Result<Self> {
        let base = args.base.version();
        let state = match shared.kept() {
            Some(state) if state.version >= base => state,
            _ => match shared.manifest().await? {
                Some(state) => state,
                None => adopt::adopt(shared, args, patience).await?,
            },
        };
        check_base(base, state.version)?;
        // Before anything else: a commit that is tried again finds itself among the winners.
        check_newest_tag(&state, args)?;
        let ours = conflict::Ours::new(&shared.store, args)?;
        if !ours.is_blind() {
            if base < 0 {
                ours.check(&adopt::difference(shared, args).await?, &shared.store, &state)?;
            }
            for winner in winners(shared, &state, base.max(0)).await? {
                ours.check(&winner, &shared.store, &state)?;
            }
        }
        let prepared = Prepared::new(build::build(&shared.store, &state, args)?)?;
        Ok(Self { shared, args, ours, prepared, state })
    }

    /// The state that the commit has made.
    fn landed(self) -> Result<Arc<State>> {
        let state = Arc::new(self.state.apply(Arc::new(self.prepared.into_commit()))?);
        self.shared.keep(&state);
        Ok(state)
    }
}

impl Attempt for OurCommit<'_> {
    type Commit = Commit;

    fn next(&mut self) -> Result<(i64, PutPayload)> {
        check_fits(&self.state, self.args)?;
        self.prepared.after(self.state.version, self.state.time)
    }

    fn id(&self) -> &str {
        self.prepared.id()
    }

    fn lose(&mut self, winner: Commit) -> Result<()> {
        let winner = Arc::new(winner);
        self.state = Arc::new(self.state.apply(winner.clone())?);
        self.shared.keep(&self.state);
        check_newest_tag(&self.state, self.args)?;
        self.ours.check(&winner, &self.shared.store, &self.state)
    }
}

fn check_newest_tag(state: &State, args: &CommitArgs) -> Result<()> {
    check_tag(args.tag.as_ref(), |application| state.tags.get(application).map(|tag| tag.id))
}

/// What must hold in the very state that the commit is put on.
fn check_fits(state: &State, args: &CommitArgs) -> Result<()> {
    let schema = args.base.schema();
    if Arc::ptr_eq(&schema, &state.table.schema) {
        return Ok(());
    }
    let fields = args.base.partitioning().last().into_iter().flat_map(|spec| &spec.fields);
    let partitioning: Vec<String> = fields.map(|field| field.name.clone()).collect();
    evolve::still_fits(&schema, &partitioning, &state.table)
}

/// The commits between a base and a state.
async fn winners(shared: &Shared, state: &State, base: i64) -> Result<Vec<Arc<Commit>>> {
    let newer = state.tail.iter().filter(|commit| commit.header.version > base);
    let mut winners: Vec<Arc<Commit>> = newer.cloned().collect();
    let oldest = winners.first().map_or(state.version + 1, |commit| commit.header.version);
    if oldest > base + 1 {
        // The tail has been cut by a checkpoint since.
        winners.splice(0..0, shared.store.read_commits(base + 1, oldest - 1).await?);
    }
    Ok(winners)
}
