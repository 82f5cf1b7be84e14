//! The process that is killed, and how it is started.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::local::{Catalog, in_folder};
use crate::matrix::faults::{Fault, Trouble, Where};
use crate::matrix::world::World;
use crate::matrix::{Cell, Violation, load, on_one_thread};

/// The argument that makes a child of this program.
pub(crate) const VERB: &str = "child";

/// Starts a process that loads into a world in a folder, and kills itself when it is about to make a request.
pub(crate) fn start(cell: &Cell, catalog: Catalog, folder: &Path, place: Where) -> Result<Child, Violation> {
    let program = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
    let place = match place {
        Where::Nowhere => "nowhere 0".to_owned(),
        Where::Store(n) => format!("store {n}"),
        Where::Catalog(n) => format!("catalog {n}"),
    };
    let how = if cell.replace { "replace" } else { "append" };
    let names = if catalog == Catalog::Sqlite { "sqlite" } else { "folders" };
    Command::new(program)
        .args([VERB, cell.log, names, how])
        .args(place.split(' '))
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the child has not started: {e}"))
}

/// What the child does.
pub(crate) fn run(args: &[String]) -> Result<(), Violation> {
    let [log, names, how, place, n, folder] = args else {
        return Err(format!("{VERB} LOG CATALOG HOW PLACE NUMBER FOLDER, got {args:?}"));
    };
    let log = ["delta", "iceberg", "files"].into_iter().find(|known| known == log).ok_or("an unknown log")?;
    let catalog = if names == "sqlite" { Catalog::Sqlite } else { Catalog::Folders };
    let n = n.parse().map_err(|e| format!("{n}: {e}"))?;
    let place = match place.as_str() {
        "store" => Where::Store(n),
        "catalog" => Where::Catalog(n),
        _ => Where::Nowhere,
    };
    let world: World = in_folder(log, catalog, true, Path::new(folder), Box::new(()));
    let trouble = Trouble::at(place, Fault::Dead);
    let watched = trouble.clone();
    // The request waits for ever without having been done, and what is in memory stays as it is until the kill.
    std::thread::spawn(move || {
        while !watched.fired() {
            std::thread::sleep(Duration::from_micros(200));
        }
        kill_myself();
    });
    let pipeline = on_one_thread(load::pipeline(&world, &trouble, how == "replace", None));
    let pipeline = pipeline.map_err(|e| format!("{e:?}"))?;
    on_one_thread(pipeline.run()).map(|_| ()).map_err(|e| format!("{e:?}"))
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
