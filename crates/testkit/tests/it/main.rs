//! The suites pass where the contract is kept and fail where a bug was planted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod faults;
mod planted_catalog;
mod planted_engine;
mod planted_format;
mod planted_log;
mod planted_namespaces;
mod planted_relation;
mod planted_source;

/// Asserts that exactly these clauses failed, and shows the reasons otherwise.
#[track_caller]
fn assert_failed(what: &dyn std::fmt::Debug, failures: &[(&'static str, String)], expected: &[&str]) {
    let mut ids: Vec<&str> = failures.iter().map(|(id, _)| *id).collect();
    let mut expected = expected.to_vec();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "{what:?}: {failures:#?}");
}
