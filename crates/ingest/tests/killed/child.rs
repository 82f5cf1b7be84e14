//! The process that is killed, and how it is started.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stitchwork_ingest::Mutation;

use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::steps::Where;
use crate::matrix::world::{Address, World};
use crate::matrix::{Cell, How, Violation, load, on_one_thread};

/// The argument that makes a child of this program.
pub(crate) const VERB: &str = "child";

/// The bugs that can be planted.
const MUTATIONS: [Mutation; 4] = [
    Mutation::FilesRemoved,
    Mutation::ManifestAnswerBelieved,
    Mutation::CommitUntagged,
    Mutation::RollForwardSkipped,
];

/// What a process is told to do.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    address: Address,
    how: How,
    /// The name of the bug that is planted.
    mutation: Option<String>,
    /// What goes wrong before it dies.
    fault: Option<(Where, Fault)>,
    /// The step before which it dies.
    kill: Where,
}

/// Starts a process that loads into a world, meets a fault, if any, and kills itself when it is about to make a step.
pub(crate) fn start(
    cell: &Cell,
    world: &World,
    fault: Option<(Where, Fault)>,
    kill: Where,
) -> Result<Child, Violation> {
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let mutation = cell.mutation.map(|mutation| format!("{mutation:?}"));
    let order = Order { address: world.address.clone(), how: cell.how, mutation, fault, kill };
    let order = serde_json::to_string(&order).map_err(|e| format!("the order: {e}"))?;
    Command::new(program)
        .args([VERB, &order])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the child has not started: {e}"))
}

/// What the child does.
pub(crate) fn run(args: &[String]) -> Result<(), Violation> {
    let [order] = args else { return Err(format!("{VERB} ORDER, got {args:?}")) };
    let order: Order = serde_json::from_str(order).map_err(|e| format!("{order}: {e}"))?;
    let mutation = order.mutation.as_deref().map(planted).transpose()?;
    let world = order.address.world().map_err(|e| format!("{e:?}"))?;
    let trouble = order.fault.map_or_else(Trouble::none, |(place, fault)| Trouble::at(place, fault));
    let trouble = trouble.then(order.kill, Fault::Dead);
    let watched = trouble.clone();
    // The step waits for ever without having been done, and what is in memory stays as it is until the kill.
    std::thread::spawn(move || {
        while !watched.is_dead() {
            std::thread::sleep(Duration::from_micros(200));
        }
        kill_myself();
    });
    on_one_thread(async {
        let pipeline = load::pipeline(&world, &trouble, order.how, mutation).await?;
        pipeline.run().await
    })
    .map(|_| ())
    .map_err(|e| format!("{e:?}"))
}

fn planted(name: &str) -> Result<Mutation, Violation> {
    let named = MUTATIONS.into_iter().find(|mutation| format!("{mutation:?}") == name);
    named.ok_or_else(|| format!("there is no bug {name}"))
}

/// Sends the signal that nobody can catch.
fn kill_myself() {
    let id = std::process::id().to_string();
    match Command::new("kill").args(["-KILL", &id]).status() {
        Ok(_) => std::thread::sleep(Duration::from_secs(60)),
        Err(e) => println!("there is no program `kill`: {e}"),
    }
    std::process::abort();
}
