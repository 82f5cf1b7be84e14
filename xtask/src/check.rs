//! `cargo xtask check`: everything of `test` but running the tests.

use crate::steps::Steps;
use crate::workspace::{self, Workspace};
use crate::{Outcome, deps, features, no_arguments, tidy};

/// Set to `1`, turns a missing cargo-deny into a failure.
const REQUIRE_DENY: &str = "STITCHWORK_REQUIRE_DENY";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("check", args)?;
    let mut steps = Steps::default();
    house(workspace, &mut steps)?;
    println!("{}", steps.summary());
    Ok(())
}

/// The steps that `check` and `test` share, the quick ones first.
pub(crate) fn house(workspace: &Workspace, steps: &mut Steps) -> Outcome {
    steps.run("fmt", || workspace::run(&mut workspace.cargo(&["fmt", "--all", "--check"])))?;
    steps.run("tidy", || tidy::run(workspace, &[]))?;
    steps.run("deps", || deps::run(workspace, &[]))?;
    let is_there =
        workspace.cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if needs_deny(is_there, std::env::var(REQUIRE_DENY).ok().as_deref())? {
        steps.run("deny", || {
            let args = ["deny", "--log-level", "error", "check", "bans", "licenses", "sources"];
            workspace::run(&mut workspace.cargo(&args))
        })?;
    }
    steps.run("clippy", || {
        workspace::run(&mut workspace.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    steps.run("features", || features::few(workspace))?;
    steps.run("doc", || {
        let mut doc = workspace.cargo(&["doc", "--no-deps", "--workspace"]);
        workspace::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })
}

/// Whether the licences are checked: not where nobody has cargo-deny, unless it is asked for.
fn needs_deny(is_there: bool, required: Option<&str>) -> Outcome<bool> {
    if is_there {
        return Ok(true);
    }
    if required == Some("1") {
        return Err(format!(
            "cargo-deny is not installed, and {REQUIRE_DENY} is 1: `cargo install cargo-deny`"
        ));
    }
    println!("skipped: cargo deny check (cargo-deny is not installed)");
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_skipped_only_where_nobody_asks_for_them() {
        assert_eq!(needs_deny(true, None), Ok(true));
        assert_eq!(needs_deny(true, Some("1")), Ok(true));
        assert_eq!(needs_deny(false, None), Ok(false));
        assert_eq!(needs_deny(false, Some("0")), Ok(false));
        assert!(needs_deny(false, Some("1")).unwrap_err().contains("cargo-deny is not installed"));
    }
}
