//! The examples as processes, and their size.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Examples lie beside the binaries that cargo has built for this test.
fn example(name: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_demo"));
    let path: PathBuf = bin.parent().unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is not built: run the tests of the whole package", path.display());
    Command::new(path)
}

#[track_caller]
fn check(name: &str, args: &[&str], expected: &[&str]) {
    let output = example(name).args(args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    for text in expected {
        assert!(stdout.contains(text), "{name} does not say {text:?}: {stdout}");
    }
}

#[test]
fn time_travel() {
    for log in ["delta", "iceberg"] {
        check("time_travel", &[log], &["rows now: 2, rows before the delete: 3", "delete", "append"]);
    }
}

#[test]
fn swap_log() {
    let output = example("swap_log").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (delta, iceberg) =
        stdout.strip_prefix("delta:").and_then(|rest| rest.split_once("iceberg:")).expect("both logs answer");
    assert_eq!(delta.trim(), iceberg.trim(), "both logs answer alike");
    assert!(delta.contains("| pushes |"));
}

#[test]
fn ingest_and_scan() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    check(
        "ingest_http",
        &[&location],
        &["first run: 500 events", "second run: 50 events", "| pushes | people |"],
    );
    let table = format!("{location}/push_event");
    for limit in [2, 7] {
        let output = example("scan").args(["delta", &table, &limit.to_string()]).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(stdout.starts_with("version ") && stdout.contains(" columns"), "{stdout}");
        let rows = stdout.lines().filter(|line| line.starts_with("| ") && !line.contains("_row_id")).count();
        assert_eq!(rows, limit, "{stdout}");
    }
}

#[test]
fn scan_needs_nothing_and_tells_mistakes() {
    check("scan", &[], &["has 2 columns", "| 3  | cat  |"]);
    let mistakes: [(&[&str], &str); 4] = [
        (&["delta", "memory:x", "abc"], "limit=abc"),
        (&["delta"], "usage: scan"),
        (&["delta", "memory:x", "1", "more"], "usage: scan"),
        (&["delta", "memry:x"], "begins like one with a scheme"),
    ];
    for (args, said) in mistakes {
        let output = example("scan").args(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && stderr.contains(said), "{args:?}: {stderr}");
    }
}

#[test]
fn every_example_fits_a_talk() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 80, "{} has {lines} lines", path.display());
    }
}
