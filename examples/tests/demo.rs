//! The demo as a process: the same answers from every combination of layers, and after every kill.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail loudly")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(args);
    command
}

fn text(output: &Output) -> String {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout
}

/// The part of the output that must not depend on the layers.
fn answers(stdout: &str) -> &str {
    let (_, rest) = stdout.split_once("The tables, asked in SQL:").expect("the demo asks its questions");
    let (answers, _) = rest.split_once("What lies where:").expect("the demo says what lies where");
    answers
}

#[test]
fn every_combination_of_layers_gives_the_same_answers() {
    let mut first: Option<String> = None;
    for log in ["delta", "iceberg"] {
        for catalog in ["memory", "sqlite"] {
            for store in ["file", "memory"] {
                let folder = tempfile::tempdir().unwrap();
                let location = if store == "file" {
                    format!("file://{}", folder.path().display())
                } else {
                    "memory:".to_owned()
                };
                let args = ["--events", "700", "--log", log, "--catalog", catalog, "--store", &location];
                let stdout = text(&demo(&args).output().unwrap());
                for part in ["formats", "log", "catalog", "store", "engine"] {
                    assert!(stdout.contains(&format!("\n  {part:<8} ")), "{part} is named: {stdout}");
                }
                assert!(stdout.contains("700 new events became"), "{stdout}");
                assert!(stdout.contains("35 new events became"), "only what is new: {stdout}");
                let got = answers(&stdout).to_owned();
                assert!(got.contains("| 735    | 735       |"), "every event once: {got}");
                match &first {
                    Some(first) => assert_eq!(&got, first, "{log} × {catalog} × {store}"),
                    None => first = Some(got),
                }
            }
        }
    }
}

#[test]
fn a_folder_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b?c#d%20e");
    let location = format!("file://{}", odd.display());
    text(
        &demo(&["--events", "60", "--log", "delta", "--catalog", "sqlite", "--store", &location])
            .output()
            .unwrap(),
    );
    assert!(odd.join("catalog.db").is_file(), "the catalog lies beside its tables");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "and nowhere else");
}

/// The loads that are finished in a folder of the demo.
fn finished_loads(folder: &Path) -> usize {
    let state = folder.join("_stitchwork/github");
    let entries =
        std::fs::read_dir(state).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    entries.iter().filter(|e| e.path().extension().is_some_and(|x| x == "done")).count()
}

#[test]
fn killed_half_way_and_started_again_it_has_every_event_once() {
    for log in ["delta", "iceberg"] {
        let clean = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |folder: &Path| folder.display().to_string();
        let args = |store: &str| {
            [
                "--events",
                "3000",
                "--commit-rows",
                "200",
                "--log",
                log,
                "--catalog",
                "sqlite",
                "--store",
                store,
            ]
            .map(str::to_owned)
        };
        let run = |store: &str| {
            let args = args(store);
            demo(&args.each_ref().map(String::as_str))
        };
        let expected = text(&run(&at(clean.path())).output().unwrap());

        let mut kills = 0;
        for wanted in [1, 3, 6] {
            let mut child =
                run(&at(folder.path())).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let begun = Instant::now();
            while finished_loads(folder.path()) < wanted && begun.elapsed() < Duration::from_secs(120) {
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                sleep(Duration::from_millis(5));
            }
            // Somewhere within the next load: between its files, its manifest and its commits.
            sleep(Duration::from_millis(17 * wanted as u64));
            if child.try_wait().unwrap().is_none() {
                kills += 1;
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(kills >= 2, "{log}: the demo was killed while it ran");
        assert!(
            finished_loads(folder.path()) < 15,
            "{log}: the first 3,000 events were not all loaded when it was killed"
        );
        let stdout = text(&run(&at(folder.path())).output().unwrap());
        assert!(
            !stdout.contains("\n  3000 new events"),
            "{log}: what was committed before the kills is not loaded again"
        );
        assert_eq!(answers(&stdout), answers(&expected), "{log}");
        assert!(stdout.contains("| 3150   | 3150      |"), "{log}: {stdout}");
    }
}

#[test]
fn one_event_is_enough() {
    let stdout = text(&demo(&["--events", "1", "--store", "memory:"]).output().unwrap());
    assert!(stdout.contains("| 2      | 2         |"), "one at first, one more later: {stdout}");
    for said in ["the API has 1 event.", "1 event has come since, 2 in all.", "1 new event became "] {
        assert!(stdout.contains(said), "{said}: {stdout}");
    }
    assert!(stdout.contains("\n  memory:<table>/ ") && !stdout.contains("had been loaded"), "{stdout}");
    assert!(stdout.contains("gone with this process") && !stdout.contains("nothing on disk"), "{stdout}");
    let stdout = text(&demo(&["--events", "1", "--store", "memory:///"]).output().unwrap());
    assert!(stdout.contains("\n  memory:///<table>/ "), "{stdout}");
}

#[test]
fn what_an_earlier_run_has_loaded_is_said_and_seeds_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str| {
        text(&demo(&["--events", "60", "--seed", seed]).current_dir(folder.path()).output().unwrap())
    };
    let first = run("1");
    assert!(first.contains("60 new events became") && !first.contains("had been loaded"), "{first}");
    let again = run("1");
    assert!(again.contains("60 events had been loaded by an earlier run of the demo"), "{again}");
    assert!(again.contains("\n  3 events had been loaded by an earlier run of the demo"), "{again}");
    assert_eq!(answers(&again), answers(&first));
    let other = run("2");
    assert!(other.contains("60 new events became"), "another seed, another folder: {other}");
}

#[test]
fn another_log_or_catalog_at_one_store_is_refused_and_swapping_back_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().display().to_string();
    let run = |log: &str, catalog: &str| {
        demo(&["--events", "60", "--log", log, "--catalog", catalog, "--store", &location]).output().unwrap()
    };
    let first = text(&run("iceberg", "sqlite"));
    for (log, catalog) in [("iceberg", "memory"), ("delta", "sqlite"), ("delta", "memory")] {
        let output = run(log, catalog);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("of a sqlite catalog"), "{stderr}");
        assert!(stderr.contains("give another --store, or none"), "{stderr}");
    }
    assert_eq!(answers(&text(&run("iceberg", "sqlite"))), answers(&first));
}

#[test]
fn mistakes_are_told_and_help_is_given() {
    let output = demo(&["--log", "hudi"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("--log is one of delta, iceberg, not hudi"), "{message}");
    for (store, said) in
        [("memory", "write memory: for a store"), ("s3:/b/x", "begins like one with a scheme")]
    {
        let folder = tempfile::tempdir().unwrap();
        let output = demo(&["--events", "1", "--store", store]).current_dir(folder.path()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && message.contains(said), "{store}: {message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no folder is made of {store}");
    }
    assert!(text(&demo(&["--help"]).output().unwrap()).contains("--events N"));
}
