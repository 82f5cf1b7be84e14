//! No bytes make it panic, and what it takes it can show and read again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use proptest::prelude::*;
use stitchwork_project::{Known, LoadArgs, Project};

const FILE: &str = include_str!("../../../examples/github.yaml");

/// Words of project files and of YAML, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "pipelines:",
        "profiles:",
        "profile:",
        "engine:",
        "stores:",
        "catalogs:",
        "tables:",
        "destinations:",
        "source:",
        "type:",
        "rest",
        "url",
        "streams:",
        "- name:",
        "location:",
        "log:",
        "delta",
        "auth:",
        "token:",
        "${env:A}",
        "${file:x:-y}",
        "${",
        "$${",
        "x-a:",
        "<<:",
        "*a",
        "&a",
        "!t",
        "!!str",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\n",
        "\n  ",
        "\n    ",
        "\n      ",
        "- ",
        "? ",
        ": ",
        "'",
        "\"",
        "|",
        ">",
        "#",
        "---",
        "...",
        "~",
        "null",
        "true",
        "1",
        "-1e9",
        "0x1F",
        "99999999999999999999999",
        "é",
        "\u{2028}",
        "\t",
        "\r",
        "\0",
        "%YAML 1.2",
        "incremental:",
        "paginator:",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

/// The example with pieces cut out, doubled or replaced.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let cut = (0..FILE.len(), 0..80_usize, prop::collection::vec(any::<u8>(), 0..6));
    prop::collection::vec(cut, 1..5).prop_map(|cuts| {
        let mut text = FILE.as_bytes().to_vec();
        for (at, length, by) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, by);
        }
        text
    })
}

fn check(text: &[u8]) {
    let known = Known::default().with("log", ["delta", "iceberg"]).with("store", ["file", "s3"]);
    for profile in [None, Some("local")] {
        match Project::load(LoadArgs { file: "s", text, profile, known: &known }) {
            Ok(project) => {
                let written = serde_json::to_string(&project.config).unwrap();
                let args = LoadArgs { file: "s", text: written.as_bytes(), profile: None, known: &known };
                // A profile's name has gone with the profiles.
                let written = written.replace("\"profile\":", "\"x-profile\":");
                let again = Project::load(LoadArgs { text: written.as_bytes(), ..args });
                if !written.contains("***") {
                    let mut config = project.config.clone();
                    config.profile = None;
                    assert_eq!(again.unwrap_or_else(|e| panic!("{written}\n{e}")).config, config);
                }
            }
            Err(found) => {
                assert!(!found.is_empty());
                assert!(found.iter().all(|one| one.place.line >= 1 && one.place.column >= 1));
                assert!(found.to_string().lines().all(|line| line.starts_with("s:")), "{found}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&text);
    }

    #[test]
    fn any_text(text in ".{0,200}") {
        check(text.as_bytes());
    }

    #[test]
    fn any_words(text in words()) {
        check(text.as_bytes());
    }

    #[test]
    fn a_broken_example(text in broken()) {
        check(&text);
    }
}

#[test]
fn the_example_itself() {
    check(FILE.as_bytes());
}

#[test]
fn many_mistakes_are_told_in_a_moment() {
    let keys: String = (0..20_000).map(|n| format!("keey{n}: 1\n")).collect();
    let profiles: String = (0..40).map(|n| format!("  p{n}: {{keey: {n}}}\n")).collect();
    let text = format!("{keys}profiles:\n{profiles}");
    let known = Known::default();
    let start = std::time::Instant::now();
    let found = Project::load(LoadArgs { file: "s", text: text.as_bytes(), profile: None, known: &known })
        .unwrap_err();
    assert!(found.len() > 20_000);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
