//! `cargo xtask services up|down|list [name]`: the real servers that tests are run against.

use std::process::Command;

use stitchwork_services::{Error, Folder, Running, Service, Use};

use crate::workspace::Workspace;
use crate::{Outcome, asks_for_help};

const HELP: &str = "\
Usage: cargo xtask services up NAME…    fetches and starts them; they stay until they are taken down
       cargo xtask services down [NAME…] stops these, or all
       cargo xtask services list         shows all, and where those that run are
";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if asks_for_help(args) {
        print!("{HELP}");
        return Ok(());
    }
    let folder = folder(workspace)?;
    match args.split_first() {
        Some((verb, [])) if verb == "list" => list(&folder),
        Some((verb, names)) if verb == "up" && !names.is_empty() => {
            for service in named(names)? {
                println!("{} {}", service.name, service.version);
                let running = stitchwork_services::up(&folder, service, Use::Keep).map_err(told)?;
                println!("{}", shown(&running));
            }
        }
        Some((verb, names)) if verb == "down" => {
            let services = if names.is_empty() { stitchwork_services::all().to_vec() } else { named(names)? };
            for service in services {
                let stopped = stitchwork_services::down(&folder, service).map_err(told)?;
                if stopped > 0 || !names.is_empty() {
                    println!("{}: {stopped} stopped", service.name);
                }
            }
        }
        _ => return Err(format!("services takes up, down or list\n\n{HELP}")),
    }
    Ok(())
}

/// The folder of services below that of build results.
pub(crate) fn folder(workspace: &Workspace) -> Outcome<Folder> {
    Ok(Folder::new(workspace.target()?.join("services")))
}

/// Fetches what can be had here, so that no test waits for it; the rest is named.
pub(crate) fn fetch(folder: &Folder) -> Outcome {
    for service in stitchwork_services::all() {
        match stitchwork_services::fetch(folder, service) {
            Ok(()) => println!("{} {} is there", service.name, service.version),
            Err(Error::Missing(reason)) => println!("skipped: no service {reason}"),
            Err(error) => return Err(told(error)),
        }
    }
    Ok(())
}

/// Does the work of a command whose tests may start servers, and stops these, whatever comes of it.
pub(crate) fn with<T>(
    folder: &Folder,
    command: &mut Command,
    work: impl FnOnce(&mut Command) -> Outcome<T>,
) -> Outcome<T> {
    let done = work(command.env(stitchwork_services::FOLDER, folder.path()));
    let stopped = stop_unused(folder);
    let done = done?;
    stopped.map(|()| done)
}

/// Stops what the tests have started; what was started by hand stays.
fn stop_unused(folder: &Folder) -> Outcome {
    let stopped = stitchwork_services::stop_unused(folder).map_err(told)?;
    println!("{stopped} stopped");
    Ok(())
}

fn named(names: &[String]) -> Outcome<Vec<&'static Service>> {
    names.iter().map(|name| stitchwork_services::find(name).map_err(told)).collect()
}

fn list(folder: &Folder) {
    let running = stitchwork_services::list(folder);
    for service in stitchwork_services::all() {
        println!("{:<12}{}; {}", service.name, service.about, service.version);
        for running in running.iter().filter(|running| running.service().name == service.name) {
            let since = if running.is_kept() { "until it is taken down" } else { "for tests" };
            println!("{:<12}{} {since}", "", shown(running));
        }
    }
}

fn shown(running: &Running) -> String {
    let (user, password) = (running.user(), running.password());
    format!("{} user={user:?} password={password:?} log={}", running.url(), running.log().display())
}

fn told(error: Error) -> String {
    error.to_string()
}
