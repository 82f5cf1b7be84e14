//! `stitchwork check`

use std::sync::Arc;

use indicatif::HumanCount;
use stitchwork::Error;
use stitchwork_project::Config;

use crate::console::Console;
use crate::exit::Failure;
use crate::workspace::{ProjectArgs, Workspace};

/// Reads a project file and says what is wrong with it.
pub(super) fn run(project: &ProjectArgs, references: bool, console: Arc<Console>) -> Result<(), Failure> {
    let workspace = Workspace::open(project, console.clone())?;
    let (project, resolver) = workspace.required()?;
    if references {
        project.check_references(&[], resolver)?;
    }
    let config = &project.config;
    if *config == Config::default() {
        return Err(Error::invalid_config(
            "the project file is empty; write what is to be loaded and asked, as the file of `stitchwork init` has it",
        )
        .with_context("file", project.file())
        .into());
    }
    let parts = [
        ("pipeline", config.pipelines.len()),
        ("destination", config.destinations.len()),
        ("catalog", config.catalogs.len()),
        ("table", config.tables.len()),
    ];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts.map(|(what, count)| counted(count as u64, what)).collect();
    let profile = project.profile().map_or(String::new(), |profile| format!(" (profile {profile})"));
    let parts = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
    console.say(&format!("{}{profile}: no mistake{parts}", project.file()));
    Ok(())
}

/// A number of things.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}
