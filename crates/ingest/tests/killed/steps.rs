//! Killed at every durable step.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;

use crate::child;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::steps::{Step, Where};
use crate::matrix::{Cell, Violation, is_exhaustive, on_one_thread, prepared, settled, steps};

/// The number of the signal that nobody can catch.
const SIGKILL: i32 = 9;

/// Kills a process at each place in turn, each in a world of its own.
pub(crate) fn everywhere(cell: Cell, store: Store, names: Names) -> Result<(), Violation> {
    let Some(place) = Place::new(store, names)? else { return Ok(()) };
    on_one_thread(async {
        let kills = kills(&steps(&cell, &place).await?);
        if kills.len() < 5 {
            return Err(format!("only {} places to be killed at", kills.len()));
        }
        for kill in kills {
            let world = prepared(&cell, &place).await?;
            let mut child = child::start(&cell, &world, kill)?;
            let mut told = String::new();
            if let Some(out) = &mut child.stdout {
                out.read_to_string(&mut told).map_err(|e| format!("the child cannot be heard: {e}"))?;
            }
            let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
            if status.signal() != Some(SIGKILL) {
                return Err(format!(
                    "the child at {kill:?} has ended with {status}, not by the kill: {told}"
                ));
            }
            settled(&cell, &world)
                .await
                .map_err(|e| format!("{} killed at {kill:?} in {world:?}: {e}", cell.log))?;
        }
        Ok(())
    })
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
