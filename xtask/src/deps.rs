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
    let core = Size::of(&workspace.root.join("crates/core/src"))?;
    print(&graph, core);
    let violations = rules::check(&graph, core.code);
    if violations.is_empty() {
        return Ok(());
    }
    for violation in &violations {
        eprintln!("{violation}");
    }
    Err(format!("{} violations of the dependency rules", violations.len()))
}

fn print(graph: &Graph, core: Size) {
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
    let Size { lines, code } = core;
    let dependencies = rules::core_dependencies(graph);
    println!(
        "core: {lines} lines ({code} of code, the rest contracts, comments and unit tests), {dependencies} direct dependencies"
    );
}

/// How much there is in a folder of Rust files.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    /// Everything.
    lines: usize,
    /// What is left without tests, comments and blank lines.
    code: usize,
}

impl Size {
    fn of(folder: &Path) -> Outcome<Self> {
        let unreadable = |e| format!("{} cannot be read: {e}", folder.display());
        let mut sum = Self::default();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_dir() {
                let inner = Self::of(&path)?;
                sum.lines += inner.lines;
                sum.code += inner.code;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).map_err(unreadable)?;
                sum.lines += text.lines().count();
                sum.code += code(&path, &text);
            }
        }
        Ok(sum)
    }
}

/// Lines of code before the inline tests, which end a file here.
fn code(path: &Path, text: &str) -> usize {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return 0;
    }
    let lines = text.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}
