//! Disks that take no more, and clocks that jump.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::files::{count, four_rows};
use super::server::json;
use crate::support::{Ran, ran};

/// Runs a load in a shell that lets it write nothing, and then once more where it may.
#[cfg(unix)]
fn full_and_then_not(
    folder: &crate::support::Folder,
    program: &str,
    args: &[&str],
    script: &str,
) -> Option<Ran> {
    let output = std::process::Command::new(program)
        .args(args)
        .args(["sh", "-c", script, env!("CARGO_BIN_EXE_stitchwork")])
        .current_dir(folder.path())
        .output()
        .ok()?;
    (output.status.code() != Some(77) && !output.stdout.is_empty()).then(|| ran(&output))
}

#[cfg(unix)]
fn nothing_is_lost(ran: &Ran) {
    let codes: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("code=")).collect();
    assert_eq!(codes, ["code=4", "code=0"], "{ran:?}");
    assert!(ran.stderr.contains("storage full") && ran.stderr.contains("make room"), "{ran:?}");
    assert!(ran.stdout.ends_with("n,d\n4,4\n"), "{ran:?}");
}

/// Counts the rows, and says each of them once.
#[cfg(unix)]
const COUNT: &str = "\"$0\" sql 'select count(*) as n, count(distinct id) as d from p.rows' -o csv";

/// A disk of a few pages: in a mount namespace of its own, with a user of its own or, where users may not have that, as
/// the root that runs the test.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let (folder, _api) = four_rows("{log: delta, location: data}");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8k none data || exit 77\n\
         \"$0\" run; echo code=$?\n\
         mount -o remount,size=50m data\n\
         \"$0\" run; echo code=$?\n\
         {COUNT}"
    );
    let ways: [&[&str]; 2] = [&["--mount", "--map-root-user"], &["--mount"]];
    let Some(ran) = ways.iter().find_map(|args| full_and_then_not(&folder, "unshare", args, &script)) else {
        let needs = "a small disk, which neither a namespace nor root can mount here; the test beside, of a limit on the \
                     size of files, runs";
        return stitchwork_testkit::needs::skip(
            "a_full_disk_loses_nothing",
            needs,
            "STITCHWORK_REQUIRE_MOUNTS",
        );
    };
    nothing_is_lost(&ran);
}

/// What a full disk does, wherever there is a shell: no file may grow beyond 512 bytes.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_loses_nothing() {
    for log in ["delta", "iceberg", "files"] {
        let (folder, _api) = four_rows(&format!("{{log: {log}, location: data}}"));
        let script = format!(
            "trap '' XFSZ\n\
             (ulimit -f 1 && exec \"$0\" run); echo code=$?\n\
             \"$0\" run; echo code=$?\n\
             {COUNT}"
        );
        let ran = full_and_then_not(&folder, "env", &[], &script).expect("every system has a shell");
        nothing_is_lost(&ran);
    }
}

#[test]
fn two_writers_and_clocks_that_jump() {
    let day = Duration::from_secs(24 * 3600);
    for log in ["delta", "iceberg", "files"] {
        let (folder, api) = four_rows(&format!("{{log: {log}, location: data}}"));
        let start = || folder.command(["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let both = [start(), start()].map(|child| ran(&child.wait_with_output().unwrap()));
        assert!(both.iter().any(|ran| ran.code == 0), "{log}: {both:?}");
        for ran in both.iter().filter(|ran| ran.code != 0) {
            assert!(ran.code == 4 && ran.stderr.contains("run it again"), "{log}: {ran:?}");
        }
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n4,4\n", "{log}: two writers");

        // The clock was put back: everything that was written comes from the future.
        touch(&folder.path().join("data"), SystemTime::now() + 400 * day);
        *api.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null},{"id":5}]"#);
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}: a clock");
        let left = folder.ok(["clean", "-o", "csv"]);
        assert_eq!(left.lines().count(), 1, "{log}: nothing is old enough to be left over: {left}");
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}: cleaned");
        let times: Vec<String> = folder
            .ok(["history", "p.rows", "-o", "csv"])
            .lines()
            .skip(1)
            // A whole second has no fraction, and comes before the others of it without the zone only.
            .map(|line| line.split(',').nth(1).unwrap().trim_end_matches('Z').to_owned())
            .collect();
        assert!(times.len() >= 2 && times.is_sorted_by(|newer, older| newer >= older), "{log}: {times:?}");

        // It was put forward: everything is older than anything that is cleaned away, and is in use all the same.
        touch(&folder.path().join("data"), SystemTime::now() - 400 * day);
        folder.ok(["clean"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}: cleaned by a clock that is ahead");
        *api.second() = json(r#"[{"id":5},{"id":6}]"#);
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n6,6\n", "{log}: a clock that was put forward");
    }
}

fn touch(folder: &Path, time: SystemTime) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            touch(&path, time);
        } else {
            std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
    }
}
