//! A small load that meets every fault at every step, and what must hold after it was run again.

#![allow(dead_code, reason = "each of those who share this uses a part of it")]

pub(crate) mod check;
pub(crate) mod faults;
pub(crate) mod load;
pub(crate) mod place;
pub(crate) mod remains;
pub(crate) mod rounds;
pub(crate) mod steps;
pub(crate) mod world;

use std::pin::pin;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use stitchwork_ingest::{LeftoversArgs, Mutation, RunReport};

use faults::{Fault, Trouble};
use place::Place;
use steps::{Step, Where};
use world::World;

/// What the matrix says when something was lost, doubled or left behind.
pub(crate) type Violation = String;

/// Set to `1`, lets every cell try all faults at all steps, those too that are sampled otherwise.
const EXHAUSTIVE: &str = "STITCHWORK_CRASH_EXHAUSTIVE";

/// Whether nothing is to be left out.
pub(crate) fn is_exhaustive() -> bool {
    std::env::var_os(EXHAUSTIVE).is_some_and(|value| value == "1")
}

/// How many cases are under way at once.
const AT_ONCE: usize = 16;

/// How long another run may take while a step is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a load finds, and what it does with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    /// It finds nothing.
    Append,
    /// It adds to what an earlier load has brought, from the cursor of that one on.
    AppendMore,
    /// It replaces what an earlier load has brought.
    Replace,
}

impl How {
    /// Each of them.
    pub(crate) const ALL: [Self; 3] = [Self::Append, Self::AppendMore, Self::Replace];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::AppendMore => "append_more",
            Self::Replace => "replace",
        }
    }
}

/// How much of a cell is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Every fault at every step.
    Everything,
    /// One fault at every n-th request to the store, and at each call of the catalog. Which one it is wanders from step
    /// to step; the turn says with which fault and which request that begins. Everything where [`EXHAUSTIVE`] is set.
    OneFault { every: usize, turn: usize },
}

/// One combination of a log and a way to load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// The scheme of the log.
    pub(crate) log: &'static str,
    /// What the load finds, and what it does with that.
    pub(crate) how: How,
    /// How much of the cell is tried.
    pub(crate) extent: Extent,
    /// The faults that are tried.
    pub(crate) faults: &'static [Fault],
    /// The bug that is planted in the run that meets the fault, and in the one after it.
    pub(crate) mutation: Option<Mutation>,
}

impl Cell {
    /// Every fault at every step of a load that is the first one.
    pub(crate) const fn append(log: &'static str) -> Self {
        Self { log, how: How::Append, extent: Extent::Everything, faults: &Fault::ALL, mutation: None }
    }

    /// Every fault at every step of a load that goes on after an earlier one.
    pub(crate) const fn append_more(log: &'static str) -> Self {
        Self { how: How::AppendMore, ..Self::append(log) }
    }

    /// Every fault at every step of a replacing load.
    pub(crate) const fn replace(log: &'static str) -> Self {
        Self { how: How::Replace, ..Self::append(log) }
    }

    /// Less of it, unless everything is asked for.
    pub(crate) fn tried(self, extent: Extent) -> Self {
        Self { extent: if is_exhaustive() { Extent::Everything } else { extent }, ..self }
    }

    /// Only these faults.
    pub(crate) const fn only(self, faults: &'static [Fault]) -> Self {
        Self { faults, ..self }
    }

    /// With a bug.
    pub(crate) const fn mutated(self, mutation: Mutation) -> Self {
        Self { mutation: Some(mutation), ..self }
    }

    /// The faults that are tried at a step.
    pub(crate) fn faults_at(&self, step: &Step) -> Vec<Fault> {
        let mut faults: Vec<_> =
            step.faults().into_iter().filter(|fault| self.faults.contains(fault)).collect();
        if let Extent::OneFault { every, turn } = self.extent {
            let (is_due, n) = match step.place {
                Where::Store(n) => (n % every == turn % every, n / every),
                Where::Catalog(n) => (true, n),
                Where::Nowhere => (false, 0),
            };
            let which = (n + turn) % faults.len().max(1);
            faults = faults.into_iter().skip(which).take(usize::from(is_due)).collect();
        }
        faults
    }
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Steps of the load.
    pub(crate) steps: usize,
    /// How many of them are calls of the catalog.
    pub(crate) calls: usize,
    /// Loads that met a fault.
    pub(crate) tried: usize,
    /// How many of them failed for it.
    pub(crate) failed: usize,
}

/// A fault at a step.
#[derive(Debug)]
struct Case {
    step: Step,
    fault: Fault,
}

/// The steps of a load without a fault, after which everything is there.
///
/// # Errors
/// What it says, or what is not there.
pub(crate) async fn steps(cell: &Cell, place: &Place) -> Result<Vec<Step>, Violation> {
    let world = prepared(cell, place).await?;
    let trouble = Trouble::none();
    load::run(&world, &trouble, cell.how, None).await.map_err(|e| format!("without a fault: {e:?}"))?;
    check::check(cell, &world).await?;
    Ok(trouble.steps())
}

/// Tries the faults of a cell at every step, each in a world of its own.
///
/// # Errors
/// The first violation, with the step and the fault that it came from.
pub(crate) async fn exhaust(cell: Cell, place: &Place) -> Result<Tally, Violation> {
    let steps = steps(&cell, place).await?;
    let calls = steps.iter().filter(|step| matches!(step.what, steps::What::Call(_))).count();
    let mut tally = Tally { steps: steps.len(), calls, ..Tally::default() };
    let cases = steps.into_iter().flat_map(|step| {
        let faults = cell.faults_at(&step);
        faults.into_iter().map(move |fault| Case { step: step.clone(), fault })
    });
    // Each in a world of its own, so that while one waits before it tries again, others go on.
    let tries = cases.map(async |case| {
        let world = prepared(&cell, place).await?;
        let failed = one(&cell, &world, &case).await;
        failed.map_err(|e| format!("{} × {:?} at {}: {e}", cell.log, case.fault, case.step))
    });
    let mut tries = stream::iter(tries).buffer_unordered(AT_ONCE);
    while let Some(failed) = tries.try_next().await? {
        tally.tried += 1;
        tally.failed += usize::from(failed);
    }
    Ok(tally)
}

/// A new world, with what an earlier load has brought, if there was one.
///
/// # Errors
/// What the store and the catalog say.
pub(crate) async fn prepared(cell: &Cell, place: &Place) -> Result<World, Violation> {
    let world = place.world(cell.log).await?;
    if cell.how != How::Append {
        load::before(&world).await.map_err(|e| format!("the earlier load: {e:?}"))?;
    }
    Ok(world)
}

/// A load that meets a fault, and is run again. Says whether the fault made it fail.
async fn one(cell: &Cell, world: &World, case: &Case) -> Result<bool, Violation> {
    let trouble = Trouble::at(case.step.place, case.fault);
    let outcome = troubled(cell, world, &trouble).await?;
    if !trouble.fired() {
        return Err("the load has not come to the request".to_owned());
    }
    let held = match &outcome {
        // A run that says that it went well is held to it.
        Ok(_) => {
            let held = unchanging(cell, world).await;
            held.map_err(|e| format!("after a run that went on in spite of it: {e}"))
        }
        Err(_) => {
            check::at_once(cell, world).await.map_err(|e| format!("after the fault: {e}"))?;
            settled(cell, world).await
        }
    };
    held.map_err(|e| format!("{e}\nthe first run: {outcome:?}"))?;
    Ok(outcome.is_err())
}

/// What a run says that is in trouble. While a slow one waits, another run does all of its work.
///
/// # Errors
/// When the other run fails, whose requests are as they should be.
pub(crate) async fn troubled(
    cell: &Cell,
    world: &World,
    trouble: &Trouble,
) -> Result<stitchwork_core::Result<RunReport>, Violation> {
    let mut run = pin!(load::run(world, trouble, cell.how, cell.mutation));
    tokio::select! {
        biased;
        () = trouble.slowness() => {
            // Nobody asks the slow run to go on until the other one has ended.
            let nothing = Trouble::none();
            let other = load::run(world, &nothing, cell.how, cell.mutation);
            let other = tokio::time::timeout(PATIENCE, other).await;
            other.map_err(|_| "the other run waits for the slow one")?.map_err(|e| {
                format!("the other run has failed: {e:?}")
            })?;
        }
        outcome = &mut run => return Ok(outcome),
    }
    Ok(run.await)
}

/// Runs again without faults: everything is there once, and stays as it is.
pub(crate) async fn settled(cell: &Cell, world: &World) -> Result<(), Violation> {
    let rerun = load::run(world, &Trouble::none(), cell.how, cell.mutation).await;
    let report: RunReport = rerun.map_err(|e| format!("the rerun failed: {e:?}"))?;
    if report.cursor.as_ref() != Some(&load::script(cell.how).end()) {
        return Err(format!("after the rerun the cursor is {:?}", report.cursor));
    }
    unchanging(cell, world).await.map_err(|e| format!("after the rerun: {e}"))
}

/// Everything is there once, also when leftovers are removed, and nothing else; and one run more changes nothing.
async fn unchanging(cell: &Cell, world: &World) -> Result<(), Violation> {
    clean(world).await?;
    check::check(cell, world).await.map_err(|e| format!("after cleaning: {e}"))?;
    remains::check(world).await.map_err(|e| format!("after cleaning: {e}"))?;
    let before = world.objects().await?;
    let run = load::run(world, &Trouble::none(), cell.how, cell.mutation).await;
    let report = run.map_err(|e| format!("one run more failed: {e:?}"))?;
    if report.recovered.is_some() {
        return Err("one run more has found an unfinished load".to_owned());
    }
    if cell.how == How::Replace {
        // It has replaced the rows by themselves.
        return check::check(cell, world).await.map_err(|e| format!("after one run more: {e}"));
    }
    let after = world.objects().await?;
    if before != after || !report.loads.is_empty() {
        let new: Vec<_> = after.iter().filter(|object| !before.contains(object)).collect();
        return Err(format!("one run more has made {new:?}"));
    }
    Ok(())
}

/// Removes leftovers, whatever their age: nobody else is at work.
async fn clean(world: &World) -> Result<(), Violation> {
    let destination = world.destination().await?;
    let args = LeftoversArgs::older_than(Duration::ZERO);
    let cleaned = destination.clean(&args).await.map_err(|e| format!("leftovers cannot be found: {e:?}"))?;
    if let Some((file, e)) = cleaned.failed.first() {
        return Err(format!("{} cannot be removed: {e:?}", file.location));
    }
    if let Some((table, e)) = cleaned.skipped.first() {
        return Err(format!("{table} cannot be searched for leftovers: {e:?}"));
    }
    Ok(())
}

/// Runs a future on a runtime of its own, on this thread only, so that requests come in the same order every time.
pub(crate) fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map(|runtime| runtime.block_on(work)).unwrap_or_else(|e| panic!("no runtime: {e}"))
}
