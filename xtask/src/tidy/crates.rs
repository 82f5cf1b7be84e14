//! Every crate has a README, its place in the lists that people read, and a feature of the facade.

use std::collections::BTreeSet;

use super::{File, Report};

/// Fewer words than this say nothing about a crate.
const README_WORDS: usize = 60;
/// What a crate that implements a trait is named after, role first.
const ROLES: [&str; 7] = ["format-", "store-", "log-", "catalog-", "engine-", "source-", "runner-"];

pub(super) fn check(files: &[File], report: &mut Report) {
    let crates: BTreeSet<&str> =
        files.iter().filter_map(|file| crate_of(&file.path, "/Cargo.toml")).collect();
    for name in &crates {
        readme(files, name, report);
    }
    list(files, "README.md", &crates, report);
    list(files, "ARCHITECTURE.md", &crates, report);
    features(files, &crates, report);
}

/// The `x` of `crates/x` followed by `rest`.
fn crate_of<'a>(path: &'a str, rest: &str) -> Option<&'a str> {
    let name = path.strip_prefix("crates/")?.strip_suffix(rest)?;
    (!name.contains('/')).then_some(name)
}

fn text<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
}

fn readme(files: &[File], name: &str, report: &mut Report) {
    let path = format!("crates/{name}/README.md");
    let Some(readme) = text(files, &path) else {
        report.violation(format!("{path} is missing"));
        return;
    };
    if !readme.starts_with("# ") {
        report.violation(format!("{path} does not start with a title"));
    }
    let words = readme.split_whitespace().count();
    if words < README_WORDS {
        report.violation(format!("{path} has {words} words, which say too little"));
    }
    let lib = text(files, &format!("crates/{name}/src/lib.rs")).unwrap_or_default();
    if !lib.contains("include_str!(\"../README.md\")") {
        report
            .violation(format!("crates/{name}/src/lib.rs does not include the README as its documentation"));
    }
}

/// A list links each crate as `(crates/x)`, and no crate that does not exist.
fn list(files: &[File], path: &str, crates: &BTreeSet<&str>, report: &mut Report) {
    let Some(text) = text(files, path) else {
        report.violation(format!("{path} is missing"));
        return;
    };
    let linked: BTreeSet<&str> =
        text.split("](crates/").skip(1).filter_map(|rest| rest.split([')', '/', '#']).next()).collect();
    for name in crates.difference(&linked) {
        report.violation(format!("{path} does not list crates/{name}"));
    }
    for name in linked.difference(crates) {
        report.violation(format!("{path} lists crates/{name}, which does not exist"));
    }
}

/// The facade has a feature of the same name for each implementation.
fn features(files: &[File], crates: &BTreeSet<&str>, report: &mut Report) {
    let Some(facade) = text(files, "crates/stitchwork/Cargo.toml") else { return };
    for name in crates.iter().filter(|name| ROLES.iter().any(|role| name.starts_with(role))) {
        if !facade.lines().any(|line| line.starts_with(&format!("{name} = ["))) {
            report.violation(format!("crates/stitchwork/Cargo.toml has no feature {name}"));
        }
    }
}
