//! A small load that meets every fault at every request, and what must hold after it was run again.
//!
//! Shared by the tests of this crate and by the end-to-end tests, which have more stores and catalogs.

#![allow(dead_code, reason = "each of those who share this uses a part of it")]

pub(crate) mod check;
pub(crate) mod faults;
pub(crate) mod load;
pub(crate) mod rounds;
pub(crate) mod world;

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use stitchwork_ingest::{LeftoversArgs, Mutation, RunReport};
use stitchwork_testkit::{Operation, Request};

use faults::{Fault, Trouble, Where};
use world::World;

/// What the matrix says when something was lost, doubled or left behind.
pub(crate) type Violation = String;

/// How many cases are under way at once.
const AT_ONCE: usize = 16;

/// One combination of layers and ways to load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// The scheme of the log.
    pub(crate) log: &'static str,
    /// Whether the load replaces what was there.
    pub(crate) replace: bool,
    /// Only each n-th request is tried, from the first one on.
    pub(crate) stride: usize,
    /// The faults that are tried; each where it makes sense.
    pub(crate) faults: &'static [Fault],
    /// The bug that is planted in the run that meets the fault, and in the one after it.
    pub(crate) mutation: Option<Mutation>,
}

impl Cell {
    /// Every fault at every request of an appending load.
    pub(crate) const fn append(log: &'static str) -> Self {
        Self { log, replace: false, stride: 1, faults: &Fault::ALL, mutation: None }
    }

    /// The faults that can leave something behind, at every request of a replacing load.
    pub(crate) const fn replace(log: &'static str) -> Self {
        Self { replace: true, faults: &Fault::LEAVING, ..Self::append(log) }
    }

    /// Only each n-th request.
    pub(crate) const fn every(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Only these faults.
    pub(crate) const fn only(self, faults: &'static [Fault]) -> Self {
        Self { faults, ..self }
    }

    /// With a bug.
    pub(crate) const fn mutated(self, mutation: Mutation) -> Self {
        Self { mutation: Some(mutation), ..self }
    }
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests to the store that a load makes.
    pub(crate) requests: usize,
    /// Calls of the catalog that it makes.
    pub(crate) calls: usize,
    /// Loads that met a fault.
    pub(crate) tried: usize,
    /// How many of them failed for it.
    pub(crate) failed: usize,
}

/// A fault at a request.
#[derive(Debug)]
struct Case {
    place: Where,
    fault: Fault,
    /// Whether the request changes nothing.
    is_read: bool,
    /// The request, for those who read of a violation.
    what: String,
}

/// Tries every fault of a cell at every request, each in a world of its own.
///
/// # Errors
/// The first violation, with the request and the fault that it came from.
pub(crate) async fn exhaust<W, F>(cell: Cell, worlds: W) -> Result<Tally, Violation>
where
    W: Fn(&'static str) -> F,
    F: Future<Output = Result<World, Violation>>,
{
    let world = prepared(&cell, worlds(cell.log).await?).await?;
    let trouble = Trouble::none();
    load::run(&world, &trouble, cell.replace, None).await.map_err(|e| format!("without a fault: {e:?}"))?;
    check::check(&cell, &world).await?;
    let (requests, calls) = (trouble.requests(), trouble.calls());
    let mut tally = Tally { requests: requests.len(), calls: calls.len(), ..Tally::default() };
    let at_store = requests.iter().enumerate().map(|(n, request)| {
        let is_read = !Operation::WRITES.contains(&request.operation);
        (Where::Store(n), faults_at(request), is_read, format!("{:?} {}", request.operation, request.path))
    });
    let at_catalog = calls.iter().enumerate().map(|(n, call)| {
        let is_read = matches!(*call, "list" | "load" | "namespaces");
        (Where::Catalog(n), Fault::at_call(call), is_read, format!("catalog {call}"))
    });
    let places = at_store.step_by(cell.stride).chain(at_catalog.step_by(cell.stride));
    let cases = places.flat_map(|(place, faults, is_read, what)| {
        let faults = faults.into_iter().filter(|fault| cell.faults.contains(fault));
        faults.map(move |fault| Case { place, fault, is_read, what: what.clone() })
    });
    // Each in a world of its own, so that while one waits before it tries again, others go on.
    let tries = cases.map(async |case| {
        let world = prepared(&cell, worlds(cell.log).await?).await?;
        let failed = one(&cell, &world, &case).await;
        failed
            .map_err(|e| format!("{} × {:?} at {:?} ({}): {e}", cell.log, case.fault, case.place, case.what))
    });
    let mut tries = stream::iter(tries).buffer_unordered(AT_ONCE);
    while let Some(failed) = tries.try_next().await? {
        tally.tried += 1;
        tally.failed += usize::from(failed);
    }
    Ok(tally)
}

/// What a load is about to replace.
async fn prepared(cell: &Cell, world: World) -> Result<World, Violation> {
    if cell.replace {
        load::before(&world).await.map_err(|e| format!("what is to be replaced: {e:?}"))?;
    }
    Ok(world)
}

/// The faults that a request can meet. What changes nothing, or is the same as another one, is left out.
fn faults_at(request: &Request) -> Vec<Fault> {
    // These are put whatever is there, so that nobody is told that something exists already.
    let unconditional =
        request.path.contains("/load-") || [".done", ".avro"].iter().any(|end| request.path.ends_with(end));
    match request.operation {
        Operation::Get | Operation::List => vec![Fault::Unavailable, Fault::Torn],
        // A delete whose answer is lost, or that is not done, leaves the same as one that fails.
        Operation::Head | Operation::Delete | Operation::Abort => vec![Fault::Unavailable],
        Operation::Put | Operation::Copy | Operation::Rename if !unconditional => Fault::AT_PUTS.to_vec(),
        _ => vec![Fault::Refused, Fault::Unavailable, Fault::LostAnswer, Fault::Blind, Fault::Dead],
    }
}

/// A load that meets a fault, and is run again. Says whether the fault made it fail.
async fn one(cell: &Cell, world: &World, case: &Case) -> Result<bool, Violation> {
    let Case { place, fault, is_read, .. } = *case;
    let trouble = Trouble::at(place, fault);
    let run = load::run(world, &trouble, cell.replace, cell.mutation);
    let outcome = match fault {
        // Somebody else is faster while the request is on its way.
        Fault::Slow => {
            let nothing = Trouble::none();
            let other = async {
                tokio::time::sleep(Duration::from_millis(2)).await;
                load::run(world, &nothing, cell.replace, cell.mutation).await
            };
            futures::join!(run, other).0
        }
        _ => run.await,
    };
    if !trouble.fired() {
        return Err("the load has not come to the request".to_owned());
    }
    // A run that says that it went well is held to it.
    let held = match outcome {
        Ok(_) => {
            let held = unchanging(cell, world).await;
            held.map_err(|e| format!("after a run that went on in spite of it: {e}"))
        }
        // Reading leaves nothing behind, so that the rerun tells all.
        Err(_) if is_read => rerun(cell, world).await,
        Err(_) => settled(cell, world).await,
    };
    held.map_err(|e| format!("{e}\nthe first run: {outcome:?}"))?;
    Ok(outcome.is_err())
}

/// Runs again without faults: everything is there once, and stays as it is.
pub(crate) async fn settled(cell: &Cell, world: &World) -> Result<(), Violation> {
    rerun(cell, world).await?;
    unchanging(cell, world).await.map_err(|e| format!("after the rerun: {e}"))
}

async fn rerun(cell: &Cell, world: &World) -> Result<(), Violation> {
    let rerun = load::run(world, &Trouble::none(), cell.replace, cell.mutation).await;
    let report: RunReport = rerun.map_err(|e| format!("the rerun failed: {e:?}"))?;
    if report.cursor.as_ref() != Some(&load::script().end()) {
        return Err(format!("after the rerun the cursor is {:?}", report.cursor));
    }
    check::check(cell, world).await.map_err(|e| format!("after the rerun: {e}"))
}

/// Everything is there once, also when leftovers are removed, and one run more changes nothing.
async fn unchanging(cell: &Cell, world: &World) -> Result<(), Violation> {
    clean(world).await?;
    check::check(cell, world).await.map_err(|e| format!("after cleaning: {e}"))?;
    let before = world.objects().await?;
    let run = load::run(world, &Trouble::none(), cell.replace, cell.mutation).await;
    let report = run.map_err(|e| format!("one run more failed: {e:?}"))?;
    if report.recovered.is_some() {
        return Err("one run more has found an unfinished load".to_owned());
    }
    if cell.replace {
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
