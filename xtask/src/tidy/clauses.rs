//! The clauses of the traits and the trials of the testkit agree.
//!
//! A clause is named `role::verb::what` in backticks in the documentation of core; its trial has
//! the same name as a string literal in the testkit.

use std::collections::BTreeMap;

use super::{File, Report};

/// First parts of clause ids: the traits of core, and what core promises beside them.
const ROLES: [&str; 11] = [
    "catalog", "editor", "engine", "format", "log", "names", "registry", "relation", "snapshot", "source",
    "stores",
];

pub(super) fn check(files: &[File], report: &mut Report) {
    let promised = ids(files, "crates/core/src/", '`', |line| {
        let line = line.trim_start();
        line.starts_with("///") || line.starts_with("//!")
    });
    let tried = ids(files, "crates/testkit/src/", '"', |line| !line.trim_start().starts_with("//"));
    for (id, place) in promised.iter().filter(|(id, _)| !tried.contains_key(*id)) {
        report.violation(format!("{place}: the testkit has no trial for the clause {id}"));
    }
    for (id, place) in tried.iter().filter(|(id, _)| !promised.contains_key(*id)) {
        report.violation(format!("{place}: core documents no clause {id}"));
    }
}

/// The clause ids between two `quote`s on the lines that count, each with its first place.
fn ids<'a>(
    files: &'a [File],
    folder: &str,
    quote: char,
    counts: impl Fn(&str) -> bool,
) -> BTreeMap<&'a str, String> {
    let mut ids = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.starts_with(folder) && file.is_rust()) {
        for (number, line) in file.lines().filter(|(_, line)| counts(line)) {
            // Every part is tried, so that an odd quote earlier in the line hides nothing.
            for id in line.split(quote).filter(|part| is_id(part)) {
                ids.entry(id).or_insert_with(|| format!("{}:{number}", file.path));
            }
        }
    }
    ids
}

/// Whether a text is a clause id, as opposed to a path of Rust.
fn is_id(text: &str) -> bool {
    let parts: Vec<_> = text.split("::").collect();
    let word = |part: &&str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    parts.len() == 3 && parts.iter().all(word) && parts.first().is_some_and(|role| ROLES.contains(role))
}
