//! Where the repository and its build results lie, and how its commands are started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::metadata;

/// The checkout that the command was started in.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// Walks up from the current folder, not from where this program was compiled: a target
    /// directory may serve several checkouts.
    pub(crate) fn find() -> Outcome<Self> {
        let here = env::current_dir().map_err(|e| format!("the current folder cannot be read: {e}"))?;
        here.ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file() && folder.join("Cargo.toml").is_file())
            .map(|folder| Self { root: folder.to_owned() })
            .ok_or_else(|| format!("{} is not inside the repository", here.display()))
    }

    /// A cargo command that runs at the root.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(Path::new(&cargo), args);
        // What cargo has told of this program would make build scripts run anew that look at it (that of `ring` does), and all
        // that is above them be built again.
        for (name, _) in env::vars_os() {
            let told = name
                .to_str()
                .is_some_and(|n| n.starts_with("CARGO_PKG_") || n.starts_with("CARGO_MANIFEST_"));
            if told {
                command.env_remove(name);
            }
        }
        command
    }

    /// A command that runs at the root.
    pub(crate) fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.root);
        command
    }

    /// The folder of build results, as cargo sees it (environment and configuration included).
    pub(crate) fn target(&self) -> Outcome<PathBuf> {
        Ok(metadata::members_only(self)?.target_directory)
    }
}

/// Runs a command with its output going to the terminal; any exit code but zero is an error.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = shown(command);
    let status = command.status().map_err(|e| format!("{shown} did not start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} failed ({status})")) }
}

/// Runs a command and returns what it printed; its errors still go to the terminal.
pub(crate) fn capture(command: &mut Command) -> Outcome<Vec<u8>> {
    let shown = shown(command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("{shown} did not start: {e}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("{shown} failed ({})", output.status))
    }
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
