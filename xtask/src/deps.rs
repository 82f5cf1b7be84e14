//! `cargo xtask deps`: prints the graph of our crates and checks the dependency rules.
//!
//! The rules are those of ARCHITECTURE.md. A crate's layer follows from its name, so a new
//! connector is under the rules from its first day, without an entry here.

mod graph;
mod layer;
mod rules;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;
use crate::{Outcome, metadata, no_arguments};
use graph::{Graph, Kind};

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("deps", args)?;
    let graph = Graph::new(metadata::resolved(workspace)?)?;
    let core_lines = lines(&workspace.root.join("crates/core/src"))?;
    print(&graph, core_lines);
    let violations = rules::check(&graph, core_lines);
    if violations.is_empty() {
        return Ok(());
    }
    for violation in &violations {
        eprintln!("{violation}");
    }
    Err(format!("{} violations of the dependency rules", violations.len()))
}

fn print(graph: &Graph, core_lines: usize) {
    for package in graph.members() {
        let named = |kinds: &[Kind]| {
            let names: Vec<_> = package
                .declared
                .iter()
                .filter(|(name, kind)| graph.is_member(name) && kinds.contains(kind))
                .map(|(name, _)| layer::short(name))
                .collect();
            names.join(", ")
        };
        let (normal, dev) = (named(&[Kind::Normal, Kind::Build]), named(&[Kind::Dev]));
        let dev = if dev.is_empty() { dev } else { format!("  (tests: {dev})") };
        println!("{:<18} → {normal}{dev}", layer::short(&package.name));
    }
    println!("core: {core_lines} lines, {} direct dependencies", rules::core_dependencies(graph));
}

/// All lines of the Rust files under a folder.
fn lines(folder: &Path) -> Outcome<usize> {
    let unreadable = |e| format!("{} cannot be read: {e}", folder.display());
    let mut sum = 0;
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            sum += lines(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sum += fs::read_to_string(&path).map_err(unreadable)?.lines().count();
        }
    }
    Ok(sum)
}
