//! The process that is killed, and how it is started.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::steps::Where;
use crate::matrix::world::{Address, World};
use crate::matrix::{Cell, Violation, load, on_one_thread};

/// The argument that makes a child of this program.
pub(crate) const VERB: &str = "child";

/// Starts a process that loads into a world, and kills itself when it is about to make a step.
pub(crate) fn start(cell: &Cell, world: &World, place: Where) -> Result<Child, Violation> {
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let address = serde_json::to_string(&world.address).map_err(|e| format!("the address: {e}"))?;
    let (place, n) = match place {
        Where::Nowhere => ("nowhere", 0),
        Where::Store(n) => ("store", n),
        Where::Catalog(n) => ("catalog", n),
    };
    Command::new(program)
        .args([VERB, cell.how(), place, &n.to_string(), &address])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the child has not started: {e}"))
}

/// What the child does.
pub(crate) fn run(args: &[String]) -> Result<(), Violation> {
    let [how, place, n, address] = args else {
        return Err(format!("{VERB} HOW PLACE NUMBER ADDRESS, got {args:?}"));
    };
    let n = n.parse().map_err(|e| format!("{n}: {e}"))?;
    let place = match place.as_str() {
        "store" => Where::Store(n),
        "catalog" => Where::Catalog(n),
        _ => Where::Nowhere,
    };
    let address: Address = serde_json::from_str(address).map_err(|e| format!("{address}: {e}"))?;
    let world = address.world().map_err(|e| format!("{e:?}"))?;
    let trouble = Trouble::at(place, Fault::Dead);
    let watched = trouble.clone();
    // The step waits for ever without having been done, and what is in memory stays as it is until the kill.
    std::thread::spawn(move || {
        while !watched.fired() {
            std::thread::sleep(Duration::from_micros(200));
        }
        kill_myself();
    });
    on_one_thread(async {
        let pipeline = load::pipeline(&world, &trouble, how == "replace", None).await?;
        pipeline.run().await
    })
    .map(|_| ())
    .map_err(|e| format!("{e:?}"))
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
