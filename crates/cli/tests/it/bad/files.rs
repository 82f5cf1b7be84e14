//! Files that are broken, and places that take nothing.

use super::server::{Api, json};
use crate::support::{Folder, Ran};

fn project(url: &str, destination: &str) -> String {
    let streams = "[{name: rows, incremental: {cursor_path: id, row_order: ascending}}]";
    let source =
        format!("{{type: rest, base_url: \"{url}\", requests: {{max_attempts: 1}}, streams: {streams}}}");
    format!("pipelines:\n  p:\n    source: {source}\n    destination: {destination}\n")
}

/// A folder with a project whose API has four rows.
pub(super) fn four_rows(destination: &str) -> (Folder, Api) {
    let api = Api::start(json("[]"));
    api.heal();
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &project(&api.url, destination));
    (folder, api)
}

pub(super) fn refused(what: &str, ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, code, "{what}: {ran:?}");
    assert_eq!(ran.stdout, "", "{what}");
    for said in says {
        assert!(ran.stderr.contains(said), "{what}: no {said:?} in {ran:?}");
    }
}

pub(super) fn count(folder: &Folder, table: &str) -> String {
    folder.ok(["sql", &format!("select count(*) as n, count(distinct id) as d from {table}"), "-o", "csv"])
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
        ("footer.parquet", "no readable Parquet file"),
        ("length.parquet", "fetch or write it anew"),
        ("short.parquet", "cut off, damaged or something else"),
        ("empty.parquet", "too short to be a Parquet file"),
        ("cut.ndjson", "row=2"),
        ("html.json", "no JSON object row=0"),
        ("ragged.csv", "line=3"),
        ("quote.csv", "quotes"),
        ("no.csv.gz", "not compressed as its name or the option `compression` says"),
        ("no.avro", "the Avro file is cut off, damaged or something else"),
        ("no.arrow", "begins as an Arrow file and has no end"),
    ] {
        let ran = folder.run(["sql", &format!("select * from 'data/{name}'"), "-o", "csv"]);
        refused(name, &ran, 1, &[name, says]);
    }
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
fn a_place_that_keeps_nothing_is_told() {
    let (folder, _api) = four_rows("{log: delta, location: \"memory:rows\"}");
    let ran = folder.run(["run"]);
    assert!(ran.code == 0 && ran.stderr.contains("gone when this program ends"), "{ran:?}");
    let (folder, _api) = four_rows("{log: delta, location: data}");
    assert!(!folder.run(["run"]).stderr.contains("gone when"), "a folder keeps it");
}

#[test]
fn a_place_that_takes_nothing_is_named() {
    // Not even root writes there.
    let (folder, _api) = four_rows("{log: delta, location: /proc/sys/stitchwork}");
    refused("a read-only folder", &folder.run(["run"]), 1, &["/proc/sys/stitchwork"]);
    let (folder, _api) = four_rows("{log: delta, location: stitchwork.yaml}");
    refused("a file", &folder.run(["run"]), 1, &["stitchwork.yaml"]);
}
