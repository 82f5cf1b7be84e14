//! What somebody outside of the workspace does: the example connector, and a new one of each role; and what somebody
//! inside does, who makes these as crates of the workspace.

use std::fs;
use std::path::Path;

use crate::workspace::{self, Workspace};
use crate::{Outcome, new};

const EXAMPLE: &str = "examples/third-party-connector";

/// Tests the connector from outside, and every kind of connector as `cargo xtask new` makes it.
pub(crate) fn test(workspace: &Workspace) -> Outcome {
    let target = workspace.target()?.join("outside");
    let example = workspace.root.join(EXAMPLE);
    let in_folder = |folder: &Path| {
        let mut command = workspace.cargo(&["test", "--workspace"]);
        command.current_dir(folder).env("CARGO_TARGET_DIR", &target);
        workspace::run(&mut command)
    };
    in_folder(&example)?;
    for role in new::role_names() {
        let folder = target.join("made").join(role);
        remove(&folder)?;
        new::create(workspace, role, "made-up", Some(&folder))?;
        // The same versions as the example's, so that its build is of use.
        let lock = folder.join("Cargo.lock");
        fs::copy(example.join("Cargo.lock"), &lock).map_err(|e| format!("{}: {e}", lock.display()))?;
        in_folder(&folder)?;
    }
    let members = inside(workspace, &target.join("made/inside"))?;
    let mut command = members.cargo(&["test"]);
    for role in new::role_names() {
        command.args(["--package", &format!("{role}-made-up")]);
    }
    workspace::run(command.env("CARGO_TARGET_DIR", &target))
}

/// A workspace like this one, of core, the testkit, and a new crate of each role.
fn inside(workspace: &Workspace, folder: &Path) -> Outcome<Workspace> {
    remove(folder)?;
    for name in ["core", "testkit"] {
        copy(&workspace.root.join("crates").join(name), &folder.join("crates").join(name))?;
    }
    let root = workspace.root.join("Cargo.toml");
    let text = fs::read_to_string(&root).map_err(|e| format!("{} cannot be read: {e}", root.display()))?;
    // With the example's profile, so that its build is of use.
    let text = text.split("\n[profile.").next().unwrap_or_default();
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("members", _)) => "members = [\"crates/*\"]",
        Some(("exclude", _)) => "",
        _ => line,
    });
    let profile = ["", "[profile.dev]", "debug = \"line-tables-only\"", ""];
    let text = lines.chain(profile).collect::<Vec<_>>().join("\n");
    write(&folder.join("Cargo.toml"), &text)?;
    let lock = folder.join("Cargo.lock");
    fs::copy(workspace.root.join("Cargo.lock"), &lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    let made = Workspace { root: folder.to_owned() };
    for role in new::role_names() {
        new::create(&made, role, "made-up", None)?;
    }
    Ok(made)
}

fn remove(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(e) if folder.exists() => Err(format!("{} stays: {e}", folder.display())),
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// A folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Outcome {
    let failed = |e: std::io::Error| format!("{} cannot be copied: {e}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let (from, to) = {
            let entry = entry.map_err(failed)?;
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).map_err(failed)?;
        }
    }
    Ok(())
}
