//! Killed at every durable step.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;

use stitchwork_ingest::Mutation;

use crate::child;
use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::steps::{Step, Where};
use crate::matrix::{Cell, Violation, is_exhaustive, on_one_thread, prepared, settled, steps, troubled};

/// The number of the signal that nobody can catch.
const SIGKILL: i32 = 9;

/// What makes a process fail that is then killed: nothing is done, or something is and it hears of it as if it were the
/// doing of somebody else.
const FAULTS: &[Fault] = &[Fault::Refused, Fault::Repeated];

/// Kills a process at each place in turn, each in a world of its own.
pub(crate) fn everywhere(cell: Cell, store: Store, names: Names) -> Result<(), Violation> {
    let Some(place) = Place::new(store, names)? else { return Ok(()) };
    on_one_thread(async {
        let kills = kills(&steps(&cell, &place).await?);
        if kills.len() < 5 {
            return Err(format!("only {} places to be killed at", kills.len()));
        }
        for kill in kills {
            killed(&cell, &place, None, kill).await?;
        }
        Ok(())
    })
}

/// Kills a process that a fault makes fail, at each durable step in turn that follows the fault: while it removes what
/// nobody will ever see. The faults are those at durable steps, or at all where nothing is to be left out.
pub(crate) fn after_a_fault(cell: Cell, store: Store, names: Names) -> Result<(), Violation> {
    let Some(place) = Place::new(store, names)? else { return Ok(()) };
    let cell = cell.only(FAULTS);
    on_one_thread(async {
        let mut kills = 0;
        let steps = steps(&cell, &place).await?;
        for step in steps.into_iter().filter(|step| step.is_durable() || is_exhaustive()) {
            for fault in cell.faults_at(&step) {
                for kill in steps_after(&cell, &place, step.place, fault).await? {
                    killed(&cell, &place, Some((step.place, fault)), kill).await?;
                    kills += 1;
                }
            }
        }
        if kills < 5 { Err(format!("only {kills} places to be killed at")) } else { Ok(()) }
    })
}

/// The durable steps of a run that follow a fault, where it makes the run fail.
async fn steps_after(cell: &Cell, place: &Place, at: Where, fault: Fault) -> Result<Vec<Where>, Violation> {
    let world = prepared(cell, place).await?;
    let trouble = Trouble::at(at, fault);
    if troubled(cell, &world, &trouble).await?.is_ok() {
        return Ok(vec![]);
    }
    let steps = trouble.steps().into_iter().skip_while(|step| step.place != at).skip(1);
    Ok(steps.filter(Step::is_durable).map(|step| step.place).collect())
}

/// A process that may meet a fault and is killed then; everything is well after the next run.
async fn killed(
    cell: &Cell,
    place: &Place,
    fault: Option<(Where, Fault)>,
    kill: Where,
) -> Result<(), Violation> {
    let world = prepared(cell, place).await?;
    let mut child = child::start(cell, &world, fault, kill)?;
    let mut told = String::new();
    if let Some(out) = &mut child.stdout {
        out.read_to_string(&mut told).map_err(|e| format!("the child cannot be heard: {e}"))?;
    }
    let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
    if status.signal() != Some(SIGKILL) {
        return Err(format!("the child at {kill:?} has ended with {status}, not by the kill: {told}"));
    }
    let settled = settled(cell, &world).await;
    settled.map_err(|e| format!("{} killed at {kill:?} after {fault:?} in {world:?}: {e}", cell.log))
}

/// With a bug in it, a process that is killed loses something, doubles it or leaves it behind, and that is found.
pub(crate) fn found(cell: Cell, sign: &str) -> Result<(), Violation> {
    let outcome = match cell.mutation {
        // A process that is killed alone never comes to where these are: there it hears of a fault first.
        Some(Mutation::FilesRemoved | Mutation::ManifestAnswerBelieved) => {
            after_a_fault(cell, Store::Files, Names::Folders)
        }
        _ => everywhere(cell, Store::Files, Names::Folders),
    };
    match outcome {
        Ok(()) => Err(format!("{:?} is not found over {}", cell.mutation, cell.log)),
        Err(violation) if violation.contains(sign) => Ok(()),
        Err(violation) => Err(format!("{:?} is taken for something else: {violation}", cell.mutation)),
    }
}

/// Where to kill: before each durable step, and after the last one, if anything follows it. That is every state that a
/// process can leave behind, since between two durable steps it only reads. Where nothing is to be left out, each is
/// followed by a kill before the step after it, whatever that does.
fn kills(steps: &[Step]) -> Vec<Where> {
    let last = steps.iter().rposition(Step::is_durable);
    let follows_durable =
        |n: usize| n.checked_sub(1).and_then(|n| steps.get(n)).is_some_and(Step::is_durable);
    let is_place = |n: usize, step: &Step| {
        step.is_durable() || last.is_some_and(|last| n == last + 1) || is_exhaustive() && follows_durable(n)
    };
    let places = steps.iter().enumerate().filter(|(n, step)| is_place(*n, step));
    places.map(|(_, step)| step.place).collect()
}
