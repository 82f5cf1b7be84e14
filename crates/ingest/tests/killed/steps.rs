//! Killed before and after every durable step.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;

use crate::child;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::steps::{Step, Where};
use crate::matrix::{Cell, Violation, on_one_thread, prepared, settled, steps};

/// The number of the signal that nobody can catch.
const SIGKILL: i32 = 9;

/// Kills a process before and after each durable step in turn, each in a world of its own.
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

/// Where to kill, so that everything that a process can leave behind is seen: before each durable step, and before the
/// step after it, which is after the durable one. After the last step there is nothing left to be killed at.
fn kills(steps: &[Step]) -> Vec<Where> {
    let follows =
        |n: usize| n.checked_sub(1).and_then(|before| steps.get(before)).is_some_and(Step::is_durable);
    let (numbered, is_place) =
        (steps.iter().enumerate(), |n: usize, step: &Step| step.is_durable() || follows(n));
    numbered.filter(|(n, step)| is_place(*n, step)).map(|(_, step)| step.place).collect()
}
