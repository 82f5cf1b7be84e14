//! The page `docs/refused.md`: one part per test. Its table of what is refused is made by the test; that of what
//! peers see otherwise is written by hand, and the test checks that it says all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use stitchwork::{Error, ErrorKind};

/// The tests run side by side, and each may write its part of the page.
static PAGE: Mutex<()> = Mutex::new(());

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/refused.md")
}

/// The place of the part below `## {heading}` in the page.
fn part(page: &str, heading: &str) -> (usize, usize) {
    let title = format!("## {heading}\n");
    let start = page.find(&title).unwrap_or_else(|| panic!("docs/refused.md has no part {heading:?}"));
    let after = start + title.len();
    (after, page[after..].find("\n## ").map_or(page.len(), |at| after + at + 1))
}

/// Checks the table of what is refused and why; with `STITCHWORK_WRITE_DOCS` writes it.
pub(crate) fn check_refused(heading: &str, what: &str, refused: &BTreeMap<String, String>) {
    let mut table = format!("| {what} | Refused |\n|---|---|\n");
    for (name, why) in refused {
        table.push_str(&format!("| `{name}` | {why} |\n"));
    }
    let _alone = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = std::fs::read_to_string(path()).unwrap();
    let (start, end) = part(&page, heading);
    let first = page[start..end].find("| ").map_or(end, |at| start + at);
    let last = page[first..end].find("\n\n").map_or(end, |at| first + at + 1);
    let new = format!("{}{table}{}", &page[..first], &page[last..]);
    if std::env::var_os("STITCHWORK_WRITE_DOCS").is_some() {
        std::fs::write(path(), new).unwrap();
        return;
    }
    assert_eq!(page, new, "write docs/refused.md anew by STITCHWORK_WRITE_DOCS=1");
}

/// Checks that the list below `## {heading}, seen otherwise` names every difference, and none that is gone. In a
/// line `*` stands for anything.
pub(crate) fn check_explained(heading: &str, different: &BTreeMap<String, String>) {
    let _alone = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = std::fs::read_to_string(path()).unwrap();
    let (start, end) = part(&page, &format!("{heading}, seen otherwise"));
    let lines = page[start..end].lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: "));
    let mut left: BTreeSet<&String> = different.keys().collect();
    for (pattern, why) in lines {
        assert!(why.len() > 20, "{pattern}: the page does not say why");
        let before = left.len();
        left.retain(|name| !fits(name, pattern));
        assert!(left.len() < before, "docs/refused.md explains {pattern}, which is as it should be by now");
    }
    let unexplained: Vec<String> = left.iter().map(|name| format!("{name}: {}", different[*name])).collect();
    assert!(unexplained.is_empty(), "docs/refused.md does not explain:\n{}", unexplained.join("\n"));
}

/// Whether a name has the parts of a pattern in their order, with anything for each `*` between them.
fn fits(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut ends = rest.is_empty();
    for part in parts {
        ends = part.is_empty() || rest.ends_with(part);
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    ends
}

/// An error for a cell of a table: its message and the reasons below it.
pub(crate) fn reason(error: &Error) -> String {
    let mut text = error.message().to_owned();
    for key in ["column", "type", "feature", "property"] {
        if let Some(value) = error.context(key) {
            text.push_str(&format!(" ({key} {value})"));
        }
    }
    if error.kind() == ErrorKind::NotFound {
        // What is below says where it was looked for, which is another place each time.
        return text;
    }
    let mut source = std::error::Error::source(error);
    while let Some(below) = source {
        let said = below.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = below.source();
    }
    text.replace('|', "\\|").replace('\n', " ")
}
