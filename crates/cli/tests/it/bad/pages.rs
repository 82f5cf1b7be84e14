//! What an API can answer instead of rows.

use std::io::Write;

use super::server::{Answer, Api, answer, json};
use crate::support::{Folder, Ran, ran};

const CANARY: &str = "c4n4ry-t0ken";

fn project(url: &str) -> String {
    format!(
        "\
pipelines:
  p:
    source:
      type: rest
      base_url: {url}
      auth: {{type: bearer, token: \"${{env:API_TOKEN}}\"}}
      requests: {{max_attempts: 2, backoff_seconds: 0.01, timeout_seconds: 2, max_response_bytes: 1000000}}
      streams:
        - name: rows
          incremental: {{cursor_path: id, row_order: ascending}}
    destination: {{log: delta, location: data}}
"
    )
}

fn load(folder: &Folder) -> Ran {
    ran(&folder.command(["run", "-v"]).env("API_TOKEN", CANARY).output().unwrap())
}

/// The load fails so, a later one that meets no fault brings every row once, and nobody has told the token.
fn fails(what: &str, second: Answer, code: i32, says: &[&str]) {
    let api = Api::start(second);
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &project(&api.url));
    let bad = load(&folder);
    assert_eq!(bad.code, code, "{what}: {bad:?}");
    assert!(bad.stderr.contains("error: "), "{what}: {bad:?}");
    for said in says.iter().chain(&["stream=rows", "/rows?page=2"]) {
        assert!(bad.stderr.contains(said), "{what}: no {said:?} in {bad:?}");
    }
    api.heal();
    let good = load(&folder);
    assert_eq!(good.code, 0, "{what}: {good:?}");
    let rows = folder.ok(["sql", "select id, name from p.rows order by id", "-o", "csv"]);
    assert_eq!(rows, "id,name\n1,one\n2,two\n3,three\n4,\n", "{what}");
    assert!(!format!("{bad:?}{good:?}").contains(CANARY), "{what}: the token is told");
    assert_eq!(
        holding(folder.path(), CANARY.as_bytes()),
        Vec::<String>::new(),
        "{what}: the token is written"
    );
}

/// The files below a folder that hold these bytes.
fn holding(folder: &std::path::Path, bytes: &[u8]) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|part| part == bytes) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn pages_that_are_no_rows() {
    // It says the token back, as pages of errors do.
    let html = format!("<html><body>Please log in, {CANARY}</body></html>");
    let html = answer("200 OK", "content-type: text/html\r\n", html.as_bytes());
    let short = Answer::Bytes(
        b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\nconnection: close\r\n\r\n[{\"id\":3}".to_vec(),
    );
    let bomb = answer("200 OK", "content-encoding: gzip\r\n", &gzip(&vec![b' '; 50_000_000]));
    let no_gzip = answer("200 OK", "content-encoding: gzip\r\n", b"[{\"id\":3}]");
    for (what, second, code, says) in [
        ("JSON that ends too early", json("[{\"id\":3},{\"id\":4"), 1, &["JSON"][..]),
        ("broken JSON", json("[{\"id\":3,}]"), 1, &["JSON"]),
        (
            "bytes that are no text",
            answer("200 OK", "", b"[{\"id\":3,\"name\":\"\xff\xfe\"}]"),
            1,
            &["not UTF-8"],
        ),
        ("HTML", html, 1, &["<html>"]),
        ("nothing at all", json(""), 1, &["the answer is empty", "Accept: application/json"]),
        ("a number", json("7"), 1, &["no list of objects", "body=7"]),
        ("rows that are no objects", json("[1,2,3]"), 1, &["object"]),
        ("an answer that is cut", short, 4, &["broke off"]),
        ("a bomb", bomb, 1, &["max_response_bytes"]),
        ("gzip that is none", no_gzip, 4, &["gzip"]),
        ("a row without its cursor", json("[{\"name\":\"three\"}]"), 1, &["id"]),
    ] {
        fails(what, second, code, says);
    }
}

#[test]
fn servers_that_refuse() {
    let body = format!("{{\"message\":\"no to {CANARY}\"}}");
    let status = |status: &str| answer(status, "", body.as_bytes());
    let redirect = answer("302 Found", "location: /again\r\n", b"");
    for (what, second, code, says) in [
        ("401", status("401 Unauthorized"), 1, &["401"][..]),
        ("403", status("403 Forbidden"), 1, &["403"]),
        ("404", status("404 Not Found"), 1, &["404"]),
        ("500 for ever", status("500 Internal Server Error"), 4, &["500", "attempts"]),
        ("a redirect loop", redirect, 1, &["redirect"]),
        ("a socket that hangs", Answer::Hang, 4, &["timeout_seconds"]),
        ("a server that hangs up", Answer::Bytes(vec![]), 4, &["connection to the API was lost"]),
        ("no HTTP", Answer::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), 4, &["speaks no HTTP"]),
    ] {
        fails(what, second, code, says);
    }
}

/// An empty result and a column of nulls are no bad input, and neither are the names that rows give their tables.
#[test]
fn odd_rows_are_loaded() {
    let long = "x".repeat(300);
    let names =
        ["../../etc/passwd", "a\"b'c`d", "🦀 crab", "select", &long, "", ".", "con", "a/b", "naïve name"];
    let rows: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(id, name)| serde_json::json!({"id": id + 3, "name": name, "nothing": null}))
        .collect();
    let api = Api::start(json(&serde_json::Value::from(rows).to_string()));
    let folder = Folder::new();
    let text =
        project(&api.url).replace("- name: rows\n", "- name: rows\n          table_name: \"t_{name}\"\n");
    folder.write("work/stitchwork.yaml", &text);
    let output =
        folder.command(["run", "work/stitchwork.yaml", "-o", "ndjson"]).env("API_TOKEN", CANARY).output();
    let loaded = ran(&output.unwrap());
    assert_eq!(loaded.code, 0, "{loaded:?}");
    let mut total = 0;
    for line in loaded.stdout.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let table = row["table"].as_str().unwrap();
        assert!(table.len() < 256 && !table.contains(['/', '"', '.']), "{table}");
        total += row["rows"].as_u64().unwrap();
    }
    assert_eq!(total, 2 + names.len() as u64, "{loaded:?}");
    let outside: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(outside, ["work"], "nothing is written beside the project");

    let empty = Api::start(json("[]"));
    let folder = Folder::new();
    let only_the_second = "- name: rows\n          path: /rows?page=2\n";
    let text = project(&empty.url).replace("- name: rows\n", only_the_second);
    assert!(text.contains("page=2"), "{text}");
    folder.write("stitchwork.yaml", &text);
    let loaded = load(&folder);
    assert_eq!((loaded.code, loaded.stdout.as_str()), (0, ""), "{loaded:?}");
    assert_eq!(load(&folder).code, 0, "and nothing is there the next time either");
}
