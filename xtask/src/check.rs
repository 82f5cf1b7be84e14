//! `cargo xtask check`: everything of `test` but running the tests.

use crate::steps::Steps;
use crate::workspace::{self, Workspace};
use crate::{Outcome, deps, no_arguments, tidy};

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("check", args)?;
    let mut steps = Steps::default();
    house(workspace, &mut steps)?;
    steps.run("doc", || {
        workspace::run(
            workspace.cargo(&["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    if has_deny(workspace) {
        steps.run("deny", || workspace::run(&mut workspace.cargo(&["deny", "check"])))?;
    } else {
        println!("skipped: cargo deny check (cargo-deny is not installed)");
    }
    println!("{}", steps.summary());
    Ok(())
}

/// The steps that `check` and `test` share, the quick ones first.
pub(crate) fn house(workspace: &Workspace, steps: &mut Steps) -> Outcome {
    steps.run("fmt", || workspace::run(&mut workspace.cargo(&["fmt", "--all", "--check"])))?;
    steps.run("tidy", || tidy::run(workspace, &[]))?;
    steps.run("deps", || deps::run(workspace, &[]))?;
    steps.run("clippy", || {
        workspace::run(&mut workspace.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })
}

fn has_deny(workspace: &Workspace) -> bool {
    workspace.cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success())
}
