//! Files that are broken, and places that take nothing.

use std::path::{Path, PathBuf};

use super::server::{Api, json};
use crate::support::{Folder, Ran, ran};

fn project(url: &str, destination: &str) -> String {
    let streams = "[{name: rows, incremental: {cursor_path: id, row_order: ascending}}]";
    let source =
        format!("{{type: rest, base_url: \"{url}\", requests: {{max_attempts: 1}}, streams: {streams}}}");
    format!("pipelines:\n  p:\n    source: {source}\n    destination: {destination}\n")
}

/// A folder with a project whose API has four rows.
fn four_rows(destination: &str) -> (Folder, Api) {
    let api = Api::start(json("[]"));
    api.heal();
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &project(&api.url, destination));
    (folder, api)
}

fn refused(what: &str, ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, code, "{what}: {ran:?}");
    assert_eq!(ran.stdout, "", "{what}");
    for said in says {
        assert!(ran.stderr.contains(said), "{what}: no {said:?} in {ran:?}");
    }
}

fn count(folder: &Folder, table: &str) -> String {
    folder.ok(["sql", &format!("select count(*) as n, count(distinct id) as d from {table}"), "-o", "csv"])
}

/// The only file of a folder with this ending.
fn only(folder: &Path, ending: &str) -> PathBuf {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = all.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn files_that_are_broken_are_named() {
    let folder = Folder::new().people();
    let parquet = std::fs::read(folder.path().join("data/people.parquet")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join("data").join(name), bytes).unwrap();
    };
    let mut footer = parquet.clone();
    let place = footer.len() - 20;
    footer[place..place + 8].fill(0xff);
    let mut length = parquet.clone();
    let place = length.len() - 8;
    length[place..place + 4].fill(0x7f);
    write("footer.parquet", &footer);
    write("length.parquet", &length);
    write("short.parquet", &parquet[..parquet.len() / 2]);
    write("empty.parquet", b"");
    write("cut.ndjson", b"{\"id\":1}\n{\"id\":2}\n{\"id\":3,\"na");
    write("html.json", b"<html></html>");
    write("ragged.csv", b"a,b\n1,2\n3\n");
    write("quote.csv", b"a,b\n1,\"2\n3,4\n");
    write("no.csv.gz", b"a,b\n1,2\n");
    write("no.avro", b"Obj\x01nothing");
    write("no.arrow", b"ARROW1\0\0nothing");
    for (name, says) in [
        ("footer.parquet", ""),
        ("length.parquet", ""),
        ("short.parquet", ""),
        ("empty.parquet", ""),
        ("cut.ndjson", "row=2"),
        ("html.json", ""),
        ("ragged.csv", "line=3"),
        ("quote.csv", "quotes"),
        ("no.csv.gz", ""),
        ("no.avro", ""),
        ("no.arrow", ""),
    ] {
        let ran = folder.run(["sql", &format!("select * from 'data/{name}'"), "-o", "csv"]);
        refused(name, &ran, 1, &[name, says]);
    }
}

#[test]
fn a_log_entry_that_is_cut_is_named_and_nothing_is_lost() {
    for (log, entry) in [
        ("delta", "_delta_log/00000000000000000001.json"),
        ("files", "_stitchwork/commits/00000000000000000001.json"),
    ] {
        let (folder, api) = four_rows(&format!("{{log: {log}, location: data}}"));
        folder.ok(["run"]);
        let path = folder.path().join("data/rows").join(entry);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
        let name = entry.rsplit('/').next().unwrap();
        let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
        refused(log, &read, 1, &[name]);
        *api.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null},{"id":5}]"#);
        refused(log, &folder.run(["run"]), 1, &[name]);
        std::fs::write(&path, whole).unwrap();
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}");
    }
}

#[test]
fn a_damaged_data_file_is_named() {
    let (folder, _api) = four_rows("{log: delta, location: data}");
    folder.ok(["run"]);
    let path = only(&folder.path().join("data/rows"), ".parquet");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
    refused("cut", &read, 1, &[path.file_name().unwrap().to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
    refused("gone", &read, 1, &[path.file_name().unwrap().to_str().unwrap()]);
}

#[test]
fn settings_that_nobody_knows_are_named() {
    for (destination, code, says) in [
        ("{log: delta, location: \"s4://bucket/x\"}", 3, "s4"),
        ("{log: dleta, location: data}", 3, "delta"),
        ("{log: delta, location: data, write: {format: parqet}}", 3, "parquet"),
        ("{log: files, location: data, write: {format: csv, format_options: {colour: red}}}", 3, "colour"),
        (
            "{log: files, location: data, write: {format: csv, format_options: {header: \"false\"}}}",
            3,
            "header",
        ),
        ("{log: delta, location: data, wriet: {}}", 3, "write"),
    ] {
        let (folder, _api) = four_rows(destination);
        refused(destination, &folder.run(["run"]), code, &[says]);
    }
}

#[test]
fn a_place_that_takes_nothing_is_named() {
    // Not even root writes there.
    let (folder, _api) = four_rows("{log: delta, location: /proc/sys/stitchwork}");
    refused("a read-only folder", &folder.run(["run"]), 1, &["/proc/sys/stitchwork"]);
    let (folder, _api) = four_rows("{log: delta, location: stitchwork.yaml}");
    refused("a file", &folder.run(["run"]), 1, &["stitchwork.yaml"]);
}

/// A disk of a few pages in a mount namespace of its own: the load fails, and goes through when there is room.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    let (folder, _api) = four_rows("{log: delta, location: data}");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let script = "mount -t tmpfs -o size=8k none data || exit 77\n\
                  \"$0\" run; echo code=$?\n\
                  mount -o remount,size=50m data\n\
                  \"$0\" run; echo code=$?\n\
                  \"$0\" sql 'select count(*) as n, count(distinct id) as d from p.rows' -o csv";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_stitchwork")])
        .current_dir(folder.path())
        .output();
    let skipped = |needs: &str| {
        stitchwork_testkit::needs::skip("a_full_disk_loses_nothing", needs, "STITCHWORK_REQUIRE_MOUNTS")
    };
    let ran = match output {
        Err(e) => return skipped(&format!("`unshare`, which does not run: {e}")),
        Ok(output) if output.status.code() == Some(77) || output.stdout.is_empty() => {
            return skipped(&format!(
                "a file system of its own, which cannot be mounted: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        Ok(output) => ran(&output),
    };
    assert_eq!(
        ran.stdout.lines().filter(|line| line.starts_with("code=")).collect::<Vec<_>>(),
        ["code=4", "code=0"],
        "{ran:?}"
    );
    assert!(ran.stderr.contains("storage full") && ran.stderr.contains("make room"), "{ran:?}");
    assert!(ran.stdout.ends_with("n,d\n4,4\n"), "{ran:?}");
}

#[test]
fn two_writers_and_a_clock_that_was_put_back() {
    for log in ["delta", "files"] {
        let (folder, api) = four_rows(&format!("{{log: {log}, location: data}}"));
        let both: Vec<_> = (0..2).map(|_| folder.command(["run"]).spawn().unwrap()).collect();
        for mut child in both {
            let code = child.wait().unwrap().code();
            assert!(matches!(code, Some(0 | 1 | 4)), "{log}: {code:?}");
        }
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n4,4\n", "{log}: two writers");

        // Everything that was written comes from the future.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(400 * 24 * 3600);
        touch(&folder.path().join("data"), later);
        *api.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null},{"id":5}]"#);
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}: a clock");
        assert_eq!(
            folder.ok(["clean", "-o", "csv"]).lines().count(),
            1,
            "nothing is old enough to be left over"
        );
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}: cleaned");
    }
}

fn touch(folder: &Path, time: std::time::SystemTime) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            touch(&path, time);
        } else {
            std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        }
    }
}
