//! `cargo xtask conform … --url`, from the program on that it starts: each role against what a URL opens.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use stitchwork::core::Options;
use stitchwork_engine_adbc::Profile;
use stitchwork_services::{VERSITYGW, in_test};
use stitchwork_tests::drivers;

/// Runs the suite of a role against a URL.
fn conform(role: &str, url: &str, options: &Options) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conform"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let what = serde_json::json!({ "role": role, "url": url, "options": options });
    child.stdin.take().unwrap().write_all(what.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The suite passes, and these trials have been tried.
fn passes(role: &str, url: &str, options: &Options, tried: &[&str]) {
    let output = conform(role, url, options);
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{role} {url}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{all}");
    for trial in tried {
        let line = said.lines().find(|line| line.contains(trial));
        assert!(line.is_some_and(|line| line.ends_with("... ok")), "{trial}: {all}");
    }
}

/// The suite fails, and says this.
fn fails(role: &str, url: &str, options: &Options, says: &str) {
    let output = conform(role, url, options);
    let all = format!(
        "{role} {url}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!output.status.success() && all.contains(says), "no {says:?} in {all}");
}

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// How many files lie in a folder, at any depth.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[test]
fn every_role_is_tried_by_url() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let log = folder.path().join("app.log");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    let none = Options::new();
    passes(
        "source",
        &format!("tail://{}", log.display()),
        &none,
        &["source::open::resumes_after_checkpoint"],
    );
    passes("format", "typed-rows:", &none, &["format::write_read::rows_come_back"]);
    passes("format", "parquet:", &options(&[("compression", "zstd")]), &["format::read::projection"]);
    passes("log", &format!("delta+file://{place}/delta"), &none, &["log::commit::append_is_listed"]);
    assert_eq!(files(&folder.path().join("delta")), 0, "the trials of a log tidy up");
    passes("format", "csv:", &options(&[("compression", "gzip")]), &["format::write_read::rows_come_back"]);
    fails(
        "format",
        "csv:",
        &options(&[("header", "false")]),
        "neither the name nor the bytes of a file say it",
    );
    passes("catalog", &format!("sqlite://{place}/catalog.db"), &none, &["catalog::swap::one_of_many_wins"]);
    passes("engine", "datafusion:", &none, &["engine::query::attached_names"]);
    let conditions =
        ["store::put::conditions_hold", "store::put::update_refuses_stale", "store::list::is_complete"];
    passes("store", "memory:stores", &none, &conditions);
    passes("store", &format!("file://{place}/files"), &none, &["store::put::create_refuses_existing"]);
    assert_eq!(files(&folder.path().join("files")), 0, "the trials of a store tidy up");
}

#[test]
fn databases_are_engines_by_url() {
    let test = "databases_are_engines_by_url";
    for (profile, url) in [(Profile::DuckDb, "duckdb:"), (Profile::Sqlite, "sqlite:")] {
        let Some(driver) = drivers::find(profile, test) else { return };
        passes("engine", url, &options(&[("driver", &driver)]), &["engine::query::registered_relation"]);
    }
}

#[test]
fn a_bucket_is_reached_by_options() {
    let Some(server) = in_test(&VERSITYGW) else { return };
    let root = server.fresh("conform").unwrap();
    let reached = server.s3_options(&server.url());
    // In the bucket itself: versitygw removes a folder above that a trial has emptied, under the feet of another trial's write.
    passes("store", &root, &reached, &["store::put::conditions_hold"]);
    passes(
        "log",
        &format!("iceberg+{root}/iceberg"),
        &reached,
        &["log::commit::concurrent_appends_all_land"],
    );
    // The times of Delta's commits are those of its objects, which are whole seconds on S3.
    let tried = ["log::commit::concurrent_appends_all_land", "log::snapshot::time_travel"];
    passes("log", &format!("delta+{root}/delta"), &reached, &tried);
    fails("store", &root, &Options::new(), "missing=access_key_id,secret_access_key");
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let none = Options::new();
    fails("catalog", "memory:", &options(&[("colour", "red")]), "colour");
    fails("store", "memory:x", &options(&[("colour", "red")]), "colour");
    fails("log", "delta", &none, "before the place");
    fails("format", "parquet+file:///x", &none, "parquet:");
    fails("table", "x:", &none, "there are catalog");
    fails("engine", "no-such-engine:", &none, "no-such-engine");
}
