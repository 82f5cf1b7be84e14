//! Tables some of whose files were cut off, emptied or lost.

use std::path::{Path, PathBuf};

use super::files::{count, four_rows, refused};
use super::server::json;

/// The files of a folder whose names have this ending, the youngest name last.
fn ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = all.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    assert!(!found.is_empty(), "{ending} in {}", folder.display());
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The metadata files of a table that a reader of its newest version needs, and whether a writer needs them, too.
fn metadata(log: &str, table: &Path) -> Vec<(PathBuf, bool)> {
    match log {
        "delta" => vec![(table.join("_delta_log/00000000000000000001.json"), true)],
        "files" => vec![(table.join("_stitchwork/commits/00000000000000000001.json"), true)],
        _ => {
            let folder = table.join("metadata");
            let avro = ending(&folder, ".avro");
            let (lists, manifests): (Vec<_>, Vec<_>) =
                avro.into_iter().partition(|path| name(path).starts_with("snap-"));
            let newest = ending(&folder, ".metadata.json").pop().unwrap();
            vec![(newest, true), (lists[0].clone(), true), (manifests[0].clone(), false)]
        }
    }
}

#[test]
fn metadata_that_is_cut_empty_or_lost_is_named_and_nothing_is_lost() {
    for log in ["delta", "files", "iceberg"] {
        let (folder, api) = four_rows(&format!("{{log: {log}, location: data}}"));
        folder.ok(["run"]);
        *api.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null},{"id":5}]"#);
        for (path, for_writers) in metadata(log, &folder.path().join("data/rows")) {
            let whole = std::fs::read(&path).unwrap();
            for left in [&whole[..whole.len() - 30], &[]] {
                std::fs::write(&path, left).unwrap();
                let what = format!("{log}: {} with {} bytes", path.display(), left.len());
                let entry = name(&path);
                let says = [entry.as_str(), "restore", if left.is_empty() { "empty" } else { "cut" }];
                // What is broken in the middle of JSON is told as that.
                let says = if left.is_empty() || log == "delta" { &says[..] } else { &says[..2] };
                refused(&what, &folder.run(["sql", "select * from p.rows", "-o", "csv"]), 1, says);
                if for_writers {
                    refused(&what, &folder.run(["run"]), 1, says);
                }
            }
            std::fs::write(&path, &whole).unwrap();
        }
        folder.ok(["run"]);
        assert_eq!(count(&folder, "p.rows"), "n,d\n5,5\n", "{log}");
    }
}

#[test]
fn versions_before_a_damaged_one_can_be_read() {
    for log in ["delta", "files"] {
        let (folder, api) = four_rows(&format!("{{log: {log}, location: data}}"));
        folder.ok(["run"]);
        *api.second() = json(r#"[{"id":3,"name":"three"},{"id":4,"name":null},{"id":5}]"#);
        folder.ok(["run"]);
        let entries = if log == "delta" { "_delta_log" } else { "_stitchwork/commits" };
        let newest = ending(&folder.path().join("data/rows").join(entries), ".json").pop().unwrap();
        std::fs::write(&newest, []).unwrap();
        refused(
            log,
            &folder.run(["sql", "select * from p.rows", "-o", "csv"]),
            1,
            &[&name(&newest), "empty"],
        );
        let version = name(&newest).trim_end_matches(".json").parse::<u64>().unwrap() - 1;
        let older = format!("select count(*) as n from p.rows for version as of {version}");
        assert_eq!(folder.ok(["sql", &older, "-o", "csv"]), "n\n4\n", "{log}");
    }
}

#[test]
fn a_manifest_that_is_lost_is_named() {
    let (folder, _api) = four_rows("{log: iceberg, location: data}");
    folder.ok(["run"]);
    for (path, _) in metadata("iceberg", &folder.path().join("data/rows")).split_off(1) {
        let whole = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
        refused("lost", &read, 1, &[&name(&path), "missing", "restore"]);
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(count(&folder, "p.rows"), "n,d\n4,4\n");
}

#[test]
fn a_damaged_data_file_is_named() {
    for log in ["delta", "files", "iceberg"] {
        let (folder, _api) = four_rows(&format!("{{log: {log}, location: data}}"));
        folder.ok(["run"]);
        let table = folder.path().join("data/rows");
        let data = if log == "iceberg" { table.join("data") } else { table };
        let path = ending(&data, ".parquet").pop().unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
        let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
        refused("cut", &read, 1, &[&name(&path)]);
        std::fs::remove_file(&path).unwrap();
        let read = folder.run(["sql", "select * from p.rows", "-o", "csv"]);
        refused("gone", &read, 1, &[&name(&path)]);
    }
}
