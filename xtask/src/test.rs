//! `cargo xtask test [crate]`: the house rules, then all tests with the outside oracles.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::steps::Steps;
use crate::workspace::{self, Workspace};
use crate::{Outcome, check, drivers, metadata, oracles, outside, services};

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    match args {
        [] => everything(workspace),
        [name] if !name.starts_with('-') => one(workspace, name),
        _ => Err(format!("test takes at most the name of one crate, got {}", args.join(" "))),
    }
}

fn everything(workspace: &Workspace) -> Outcome {
    let mut steps = Steps::default();
    check::house(workspace, &mut steps)?;
    let python = steps.run("oracles", || oracles::install(workspace))?;
    let libraries = steps.run("drivers", || drivers::install(workspace))?;
    let servers = services::folder(workspace)?;
    steps.run("services", || services::fetch(&servers))?;
    let counts = steps.run("tests", || {
        let mut command = workspace.cargo(&["test", "--workspace", "--no-fail-fast"]);
        command.env(oracles::PYTHON, &python).env(oracles::REQUIRE, "1").envs(libraries);
        services::with(&servers, &mut command, tests)
    })?;
    steps.run("outside", || outside::test(workspace))?;
    println!("{}", steps.summary());
    println!("{}", counts.shown());
    Ok(())
}

fn one(workspace: &Workspace, name: &str) -> Outcome {
    let members = metadata::members_only(workspace)?;
    let wanted = [name.to_owned(), format!("stitchwork-{name}")];
    let Some(package) = members.packages.iter().find(|package| wanted.contains(&package.name)) else {
        let known: Vec<_> = members.packages.iter().map(|package| short(&package.name)).collect();
        return Err(format!("no crate {name:?}, the crates are {}", known.join(", ")));
    };
    let mut command = workspace.cargo(&["test", "--package", &package.name]);
    if short(&package.name) == "tests" {
        command.env(oracles::PYTHON, oracles::install(workspace)?).env(oracles::REQUIRE, "1");
        command.envs(drivers::install(workspace)?);
    } else if let Some(python) = oracles::installed(workspace)? {
        command.env(oracles::PYTHON, python);
    }
    command.envs(drivers::installed(workspace)?);
    let counts = services::with(&services::folder(workspace)?, &mut command, tests)?;
    println!("{}", counts.shown());
    Ok(())
}

/// The name of a crate as its folder has it.
fn short(package: &str) -> &str {
    package.strip_prefix("stitchwork-").unwrap_or(package)
}

/// Runs cargo test, passing its output on and adding up the closing lines of its test programs.
pub(crate) fn tests(command: &mut Command) -> Outcome<Counts> {
    let shown = workspace::shown(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|e| format!("{shown} did not start: {e}"))?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|e| format!("the output of {shown} cannot be read: {e}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            counts.add(&line);
        }
    }
    let status = child.wait().map_err(|e| format!("{shown} was lost: {e}"))?;
    if !status.success() {
        return Err(format!("{shown} failed ({status}); {}", counts.shown()));
    }
    if counts.passed == 0 {
        return Err(format!("{shown} ran no test"));
    }
    Ok(counts)
}

/// The sums of all closing lines, such as
/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    programs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    /// What tests say that did not find what they need, which count as passed.
    skipped: BTreeSet<String>,
}

impl Counts {
    fn add(&mut self, line: &str) {
        // Tests run side by side, so such a line may begin within another one.
        if let Some((_, skipped)) = line.split_once("skipped: ") {
            self.skipped.insert(skipped.to_owned());
            return;
        }
        let Some((_, rest)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        self.programs += 1;
        for part in rest.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Worded unlike cargo's own lines, so that whoever adds those up does not count twice.
    pub(crate) fn shown(&self) -> String {
        let Self { programs, passed, failed, ignored, skipped } = self;
        let counts =
            format!("total over {programs} test programs: passed={passed} failed={failed} skipped={ignored}");
        let lines = skipped.iter().map(|skipped| format!("\nskipped: {skipped}"));
        std::iter::once(counts).chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_closing_lines() {
        let mut counts = Counts::default();
        counts.add("running 3 tests");
        counts.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        counts.add("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 9 filtered out");
        let skipped = BTreeSet::new();
        assert_eq!(counts, Counts { programs: 2, passed: 14, failed: 3, ignored: 1, skipped });
    }

    #[test]
    fn what_was_skipped_is_told_at_the_end() {
        let mut counts = Counts::default();
        counts.add("skipped: a needs b");
        counts.add("test x ... skipped: a needs b");
        counts.add("skipped: c needs d");
        let shown = counts.shown();
        assert!(shown.ends_with("skipped=0\nskipped: a needs b\nskipped: c needs d"), "{shown}");
    }

    #[test]
    fn a_crate_is_named_as_its_folder() {
        assert_eq!(short("stitchwork-log-delta"), "log-delta");
        assert_eq!(short("stitchwork"), "stitchwork");
    }
}
