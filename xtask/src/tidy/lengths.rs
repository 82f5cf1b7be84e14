//! How long files may be.

use super::{File, Report};

/// A file longer than this has a second idea in it: cut it at the seam.
const LONGEST: usize = 600;
/// A file longer than this is worth a look.
const LONG: usize = 400;
/// `lib.rs` is documentation, modules and re-exports.
const LIB: usize = 150;
/// A bird's eye view is read in one sitting.
const ARCHITECTURE: usize = 200;
/// A talk-sized program fits a slide or two.
const EXAMPLE: usize = 80;

pub(super) fn check(files: &[File], report: &mut Report) {
    for file in files {
        let lines = file.text.lines().count();
        let path = &file.path;
        if let Some((limit, why)) = limit(file)
            && lines > limit
        {
            report.violation(format!("{path} has {lines} lines, {why} within {limit}"));
        } else if is_code(file) && lines > LONG {
            report.note(format!("{path} has {lines} lines, we aim for {LONG}"));
        }
    }
}

fn limit(file: &File) -> Option<(usize, &'static str)> {
    match file.path.as_str() {
        "ARCHITECTURE.md" => Some((ARCHITECTURE, "it stays")),
        path if path.starts_with("examples/examples/") && file.is_rust() => {
            Some((EXAMPLE, "a talk-sized program stays"))
        }
        path if path.ends_with("src/lib.rs") => Some((LIB, "docs, modules and re-exports stay")),
        _ if is_code(file) => Some((LONGEST, "a file stays")),
        _ => None,
    }
}

fn is_code(file: &File) -> bool {
    file.is_rust() || file.path.ends_with(".py")
}
