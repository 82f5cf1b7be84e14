//! Each rule with a planted violation, and the repository itself.

use super::{File, check, files};
use crate::workspace::Workspace;

/// A small tidy repository, with `planted` files replaced or added.
fn violations(planted: &[(&str, &str)]) -> Vec<String> {
    let readme = format!("# A crate\n\n{}", "It says what it does. ".repeat(20));
    let list = "- [`core`](crates/core)\n- [`testkit`](crates/testkit)\n";
    let lib = "#![doc = include_str!(\"../README.md\")]\n";
    let clean: [(&str, &str); 10] = [
        ("README.md", list),
        ("ARCHITECTURE.md", list),
        ("crates/core/Cargo.toml", ""),
        ("crates/core/README.md", &readme),
        ("crates/core/src/lib.rs", lib),
        ("crates/core/src/log.rs", "/// - `log::commit::is_atomic`: all or nothing.\n"),
        ("crates/testkit/Cargo.toml", ""),
        ("crates/testkit/README.md", &readme),
        ("crates/testkit/src/lib.rs", lib),
        ("crates/testkit/src/log.rs", "trial(\"log::commit::is_atomic\")\n"),
    ];
    let mut all: Vec<_> =
        clean.into_iter().filter(|(path, _)| !planted.iter().any(|(p, _)| p == path)).collect();
    all.extend(planted);
    let all: Vec<_> =
        all.into_iter().map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() }).collect();
    check(&all).violations
}

fn only(planted: &[(&str, &str)]) -> String {
    let found = violations(planted);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn the_repository_is_tidy() {
    let report = check(&files(&Workspace::find().unwrap().root).unwrap());
    assert!(report.violations.is_empty(), "\n{}\n", report.violations.join("\n"));
}

#[test]
fn the_small_one_is_tidy() {
    assert_eq!(violations(&[]), [""; 0]);
}

#[test]
fn lengths() {
    let long = |lines: usize| "// Line.\n".repeat(lines);
    assert_eq!(violations(&[("crates/core/src/a.rs", &long(600))]), [""; 0]);
    assert_eq!(
        only(&[("crates/core/src/a.rs", &long(601))]),
        "crates/core/src/a.rs has 601 lines, a file stays within 600"
    );
    let lib = format!("#![doc = include_str!(\"../README.md\")]\n{}", long(150));
    assert_eq!(
        only(&[("crates/core/src/lib.rs", &lib)]),
        "crates/core/src/lib.rs has 151 lines, docs, modules and re-exports stay within 150"
    );
    assert_eq!(
        only(&[("examples/examples/scan.rs", &long(81))]),
        "examples/examples/scan.rs has 81 lines, a talk-sized program stays within 80"
    );
}

#[test]
fn a_file_past_the_aim_is_noted() {
    let file = File { path: "crates/x/src/a.rs".to_owned(), text: "// Line.\n".repeat(401) };
    assert_eq!(check(&[file]).notes, ["crates/x/src/a.rs has 401 lines, we aim for 400"]);
}

#[test]
fn readmes() {
    assert_eq!(
        violations(&[("crates/core/README.md", "core\n")]),
        [
            "crates/core/README.md does not start with a title",
            "crates/core/README.md has 1 words, which say too little"
        ]
    );
    assert_eq!(
        only(&[("crates/core/src/lib.rs", "//! Something else.\n")]),
        "crates/core/src/lib.rs does not include the README as its documentation"
    );
}

#[test]
fn lists_name_each_crate_and_no_other() {
    assert_eq!(
        violations(&[("README.md", "[`core`](crates/core) [`old`](crates/old)")]),
        ["README.md does not list crates/testkit", "README.md lists crates/old, which does not exist"]
    );
}

#[test]
fn the_facade_has_a_feature_per_implementation() {
    let readme = format!("# A crate\n\n{}", "It says what it does. ".repeat(20));
    let found = violations(&[
        ("crates/stitchwork/Cargo.toml", "log-delta = [\"dep:stitchwork-log-delta\"]\n"),
        ("crates/log-files/Cargo.toml", ""),
        ("crates/log-files/README.md", &readme),
    ]);
    assert!(found.contains(&"crates/stitchwork/Cargo.toml has no feature log-files".to_owned()), "{found:?}");
}

#[test]
fn clause_ids_agree_both_ways() {
    assert_eq!(
        only(&[("crates/testkit/src/log.rs", "// \"log::commit::is_atomic\"\n")]),
        "crates/core/src/log.rs:1: the testkit has no trial for the clause log::commit::is_atomic"
    );
    assert_eq!(
        only(&[("crates/testkit/src/more.rs", "\n    (\"log::commit::forgotten\", f),\n")]),
        "crates/testkit/src/more.rs:2: core documents no clause log::commit::forgotten"
    );
    assert_eq!(
        violations(&[("crates/core/src/a.rs", "/// See `std::io::read` and `log::Log::commit`.\n")]),
        [""; 0]
    );
}

#[test]
fn unfinished_places() {
    for word in
        [concat!("to", "do!()"), concat!("#[", "ignore]"), concat!("// FIX", "ME"), concat!("d", "bg!(x)")]
    {
        let found = only(&[("tests/src/a.rs", word)]);
        assert!(
            found.starts_with("tests/src/a.rs:1: ") && found.ends_with("is an unfinished place"),
            "{found}"
        );
    }
}

#[test]
fn examples_that_are_not_compiled() {
    for fence in ["/// ```ignore", "//! ```rust,ignore", "    /// ```ignore-wasm"] {
        assert!(only(&[("crates/core/src/a.rs", fence)]).contains("not compiled"));
    }
    assert!(only(&[("docs/a.md", "```rust, ignore")]).contains("not compiled"));
    assert_eq!(violations(&[("docs/a.md", "```text\n```\nwe ignore it")]), [""; 0]);
}

#[test]
fn names_of_machines() {
    let home = concat!("cd \"/ho", "me/ann/x\"");
    assert!(only(&[("docs/a.md", home)]).contains("somebody's machine"));
    assert_eq!(violations(&[("docs/a.md", concat!("file:data/ho", "me/x"))]), [""; 0]);
    assert!(only(&[("docs/a.md", concat!("see crates", ".io"))]).contains("package registry"));
}

#[test]
fn modules_lie_beside_their_folder() {
    assert_eq!(
        only(&[("crates/core/src/a/mod.rs", "")]),
        "crates/core/src/a/mod.rs: a module is foo.rs beside foo/, not foo/mod.rs"
    );
}
