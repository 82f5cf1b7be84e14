//! What tools want to know of the program: the schema of project files, and completions.

use std::io::{self, Write};

use clap_complete::Shell;
use stitchwork::Error;

use crate::exit::Failure;

/// Prints the JSON Schema of project files.
pub(super) fn of_project_files() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&stitchwork_project::schema())
        .map_err(|e| Error::unexpected("the schema cannot be written").with_source(e))?;
    print(&format!("{text}\n"))
}

/// Prints the completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = vec![];
    clap_complete::generate(shell, &mut crate::command(), "stitchwork", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Writes a text to stdout.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ReaderGone),
        done => Ok(done.map_err(Error::from)?),
    }
}
