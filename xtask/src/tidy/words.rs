//! Words that do not belong into the repository: unfinished places, tests and examples that
//! are switched off, and names of machines.

use super::{File, Report};

/// Unfinished or switched-off places in code. They are put together here, so that neither this
/// file nor a plain search finds them.
const UNFINISHED: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unim", "plemented!("),
    concat!("d", "bg!("),
    concat!("#[", "ignore"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// Hosts of package registries: where packages come from is the setting of a machine.
const REGISTRIES: [&str; 9] = [
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("repo1.maven", ".org"),
    concat!("repo.maven.apache", ".org"),
    concat!("deb.debian", ".org"),
];

/// Where people's files lie on their machines.
const HOMES: [&str; 3] = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

pub(super) fn check(files: &[File], report: &mut Report) {
    for file in files {
        let code = file.is_rust() || file.path.ends_with(".py");
        if file.name() == "mod.rs" {
            report.violation(format!("{}: a module is foo.rs beside foo/, not foo/mod.rs", file.path));
        }
        for (number, line) in file.lines() {
            let mut found = |what: String| report.violation(format!("{}:{number}: {what}", file.path));
            if code && let Some(word) = UNFINISHED.iter().find(|word| line.contains(**word)) {
                found(format!("{word} is an unfinished place"));
            }
            if is_ignored_block(line) {
                found("an example that is not compiled rots; use hidden lines, no_run or text".to_owned());
            }
            if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
                found(format!("names the package registry {host}"));
            }
            if let Some(home) = HOMES.iter().find(|home| names_home(line, home)) {
                found(format!("holds a path of somebody's machine, {home}…"));
            }
        }
    }
}

/// A fence of a documentation block whose attributes switch it off, as in `rust,ignore`.
fn is_ignored_block(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("///").trim_start_matches("//!").trim_start();
    let attributes = line.strip_prefix("```").unwrap_or_default();
    attributes.split([',', ' ', '{', '}']).any(|attribute| attribute.starts_with("ignore"))
}

/// Whether an absolute path under a home begins here, and not in the middle of a longer path.
fn names_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}$".contains(c))
    })
}
