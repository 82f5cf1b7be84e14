//! `cargo xtask tidy`: the rules of the repository that no compiler checks.

mod clauses;
mod crates;
mod lengths;
#[cfg(test)]
mod tests;
mod words;

use std::fs;
use std::path::Path;

use crate::workspace::Workspace;
use crate::{Outcome, no_arguments};

/// Folders with nothing of ours in them.
const SKIPPED: [&str; 4] = [".git", "target", "__pycache__", "node_modules"];
/// Files that are written for people or machines of ours. The lock file and data are not.
const READ: [&str; 8] = ["rs", "md", "toml", "py", "txt", "sh", "slt", "yml"];

/// One file of the repository, its path relative to the root with forward slashes.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// What was found: violations fail, notes do not.
#[derive(Debug, Default)]
struct Report {
    violations: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    fn violation(&mut self, message: String) {
        self.violations.push(message);
    }

    fn note(&mut self, message: String) {
        self.notes.push(message);
    }
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("tidy", args)?;
    let files = files(&workspace.root)?;
    let report = check(&files);
    for note in &report.notes {
        println!("note: {note}");
    }
    for violation in &report.violations {
        eprintln!("{violation}");
    }
    match report.violations.len() {
        0 => {
            println!("{} files are tidy, {} notes", files.len(), report.notes.len());
            Ok(())
        }
        count => Err(format!("{count} untidy places")),
    }
}

fn check(files: &[File]) -> Report {
    let mut report = Report::default();
    lengths::check(files, &mut report);
    words::check(files, &mut report);
    crates::check(files, &mut report);
    clauses::check(files, &mut report);
    report
}

/// All files that are read, in the order of their paths.
fn files(root: &Path) -> Outcome<Vec<File>> {
    let mut files = Vec::new();
    collect(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) -> Outcome {
    let unreadable = |path: &Path, e| format!("{} cannot be read: {e}", path.display());
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let path = entry.map_err(|e| unreadable(folder, e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect(root, &path, files)?;
            }
            continue;
        }
        let read = name.rsplit_once('.').is_none_or(|(_, extension)| READ.contains(&extension));
        if !read || name == "LICENSE" || path.is_symlink() {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?;
        let relative = path.strip_prefix(root).unwrap_or(&path);
        files.push(File { path: relative.to_string_lossy().replace('\\', "/"), text });
    }
    Ok(())
}
