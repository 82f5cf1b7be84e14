//! `stitchwork init`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use stitchwork::{Error, ErrorKind};

use crate::console::Console;
use crate::exit::Failure;

/// The name of the file.
const NAME: &str = "stitchwork.yaml";
/// The project to begin with.
const TEMPLATE: &str = include_str!("template.yaml");

/// Writes a project file, and never over another one.
pub(super) fn run(folder: &Path, console: &Console) -> Result<(), Failure> {
    let file = folder.join(NAME);
    let refused = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(
            ErrorKind::AlreadyExists,
            "there is a project file already, which stays as it is; choose another folder",
        )
        .with_context("file", file.display()),
        _ => Error::from(e).with_context("file", file.display()),
    };
    fs::create_dir_all(folder).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => Error::invalid_input(
            "a project file is written into a folder, and this is none; name a folder, or nothing for the one you are in",
        )
        .with_context("folder", folder.display()),
        _ => refused(e),
    })?;
    let mut out = OpenOptions::new().write(true).create_new(true).open(&file).map_err(refused)?;
    out.write_all(TEMPLATE.as_bytes()).map_err(refused)?;
    let file = file.display();
    let project = if folder == Path::new(".") { String::new() } else { format!(" --project {file}") };
    console.say(&format!(
        "wrote {file}; mend it, then:\n  stitchwork check {file}\n  stitchwork run {file}\n  stitchwork tables{project}"
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use stitchwork_project::{Known, LoadArgs, Project};

    #[test]
    fn the_template_has_no_mistake() {
        let known = Known::of(&stitchwork::registry().unwrap());
        let args =
            LoadArgs { file: super::NAME, text: super::TEMPLATE.as_bytes(), profile: None, known: &known };
        let project = Project::load(args).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(project.config.pipelines.len(), 1);
    }
}
