//! What references of a project file stand for: it reaches whoever uses it, and is seen nowhere it should not be.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Folder, Page, Ran, ran};

/// A pipeline that sends parameters to an address.
fn sending(url: &str, params: &str) -> String {
    format!(
        "pipelines:\n  p:\n    source: {{type: rest, base_url: \"{url}\", requests: {{max_attempts: 1}}, \
         streams: [{{name: rows, params: {{{params}}}}}]}}\n    destination: {{log: delta, location: data}}\n"
    )
}

#[test]
fn a_secret_that_looks_like_a_setting_is_hidden_whole() {
    let folder = Folder::new();
    for value in [
        "session=aaaaaaaa; uid=CANARY7701",
        r#"{"token": "aaaa", "id": "CANARYid"}"#,
        "https://me:pw@h.example.com/CANARYpath",
        "https://hooks.example.com/services/T0/CANARY-A?token=zzzz",
    ] {
        // The server knows what it was sent, and says it as it is meant.
        let server = Page::refusing(&format!("no: {value}"));
        folder.write("value.txt", value);
        for reference in ["${env:HOOK}", "${file:value.txt}"] {
            folder.write("stitchwork.yaml", &sending(server.url(), &format!("notify: \"{reference}\"")));
            let ran = ran(&folder.command(["run", "-v"]).env("HOOK", value).output().unwrap());
            assert!(ran.code != 0 && ran.stderr.contains("notify=***"), "{value}: {ran:?}");
            assert!(ran.stderr.contains("no: ***") && !ran.stderr.contains("CANARY"), "{value}: {ran:?}");
        }
    }
}

#[test]
fn a_secret_that_becomes_a_part_of_a_url_is_hidden_without_its_parameters_too() {
    let server = Page::echo(0);
    let folder = Folder::new();
    for value in [
        "services/T0/CANARY-A?token=zzzz",
        "services/T0/CANARYrel?token=zzzz&x=CANARY2",
        "https://hooks.example.com/services/CANARY-B?token=zzzz",
    ] {
        folder.write("value.txt", value);
        for reference in ["${env:HOOK}", "${file:value.txt}"] {
            let text = sending(server.url(), "a: b")
                .replace("name: rows", &format!("name: rows, path: \"/{reference}\""));
            folder.write("stitchwork.yaml", &text);
            let ran = ran(&folder.command(["run", "-v"]).env("HOOK", value).output().unwrap());
            assert!(ran.code != 0 && ran.stderr.contains("***"), "{value}: {ran:?}");
            assert!(!ran.stderr.contains("CANARY"), "{value} {reference}: {ran:?}");
        }
    }
    // The address of a file of its own, of which the server says the path alone.
    folder.write("value.txt", &format!("{}/services/CANARYpath", server.url()));
    folder.write("stitchwork.yaml", &sending("${file:value.txt}", "a: b"));
    let ran = ran(&folder.command(["run", "-v"]).output().unwrap());
    assert!(ran.code != 0 && !ran.stderr.contains("CANARY"), "{ran:?}");
}

#[test]
fn destinations_of_two_namespaces_share_no_location_whatever_leads_there() {
    let server = Page::serve(r#"[{"id": 1}]"#);
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("data"), folder.path().join("link")).unwrap();
    let absolute = folder.path().join("data").display().to_string();
    for (first, second, namespace, code) in [
        ("data", "${env:PLACE}", "b", 3),
        ("data", "${env:NOPE:-data}", "b", 3),
        ("data", absolute.as_str(), "b", 3),
        ("data", "link", "b", 3),
        ("s3://bucket/x", "${env:BUCKET}", "b", 3),
        ("data", "${env:PLACE}", "a", 0),
        ("data", "${env:PLACE}/b", "b", 0),
    ] {
        let text = sending(server.url(), "a: b").replace(
            "location: data",
            &format!("location: \"{second}\", catalog: c, namespace: {namespace}"),
        );
        let first =
            format!("destinations: {{one: {{log: delta, location: '{first}', catalog: c, namespace: a}}}}");
        folder.write("stitchwork.yaml", &format!("catalogs: {{c: {{url: 'sqlite:c.db'}}}}\n{first}\n{text}"));
        let mut command = folder.command(["run"]);
        let ran = ran(&command.env("PLACE", "data").env("BUCKET", "s3a://bucket/x/").output().unwrap());
        assert_eq!(ran.code, code, "{second} {namespace}: {ran:?}");
        assert_eq!(ran.stderr.contains("give each a location of its own"), code == 3, "{ran:?}");
    }
}

#[test]
fn only_the_address_of_a_source_is_no_secret() {
    let server = Page::echo(0);
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &sending("${env:API}", "webhook_url: \"${env:HOOK}\""));
    let run = folder.command(["run", "-v"]).env("HOOK", "odd-canary").env("API", server.url()).output();
    let ran = ran(&run.unwrap());
    assert!(ran.code != 0 && ran.stderr.contains("webhook_url=***"), "{ran:?}");
    assert!(!ran.stderr.contains("canary") && ran.stderr.contains(server.url()), "{ran:?}");
}

#[test]
fn what_info_says_of_tables_is_without_secrets() {
    let folder = Folder::new();
    let server = Page::serve(r#"[{"id": 1}]"#);
    folder.write("tenant.txt", "tenantcanary42");
    let text =
        sending(server.url(), "a: b").replace("location: data", "location: \"data/${file:tenant.txt}\"");
    folder.write(
        "stitchwork.yaml",
        &format!("{text}stores: {{\"s3://\": {{region: \"${{file:tenant.txt}}\"}}}}\n"),
    );
    folder.ok(["run"]);
    for format in ["table", "csv", "json", "ndjson"] {
        let shown = folder.ok(["info", "p.rows", "-o", format]);
        assert!(shown.contains("/data/***/rows/") && !shown.contains("canary"), "{shown}");
        // The path of the folder itself may be the secret.
        let other = Folder::new();
        other.write("tenantcanary42/tenant.txt", "tenantcanary42");
        other.write("tenantcanary42/s.yaml", &text);
        let shown = other.ok(["info", "--project", "tenantcanary42/s.yaml", "-o", format]);
        assert!(shown.contains("***/s.yaml") && !shown.contains("canary"), "{shown}");
    }
}

/// The project of somebody who loads what a repository has, and the variables that name it.
fn of_a_repository(url: &str) -> (Folder, Vec<(&'static str, &'static str)>) {
    let folder = Folder::new();
    let github = sending(url, "since: \"${env:SINCE}\"").replace("  p:\n", "  github:\n");
    let github =
        github.replace("name: rows,", "name: rows, path: \"/${env:OWNER}/${env:REPO}/${env:TEAM}\",");
    let source = "  source:\n    source: {type: rest, base_url: \"http://127.0.0.1:9\", streams: [{name: s}]}\n    destination: {log: delta, location: \"of/${env:PLACE}\"}\n";
    folder.write(
        "stitchwork.yaml",
        &format!("{}{source}", github.replace("location: data", "location: data/github")),
    );
    let values = [
        ("OWNER", "github"),
        ("REPO", "stitchwork"),
        ("TEAM", "platypus"),
        ("SINCE", "2026"),
        ("PLACE", "platypuses"),
    ];
    (folder, values.to_vec())
}

#[test]
fn ordinary_variables_spoil_no_output() {
    let server = Page::serve(r#"[{"id": 1, "of": "platypus"}]"#);
    let (folder, values) = of_a_repository(server.url());
    let run =
        |args: &[&str]| -> Ran { ran(&folder.command(args).envs(values.iter().copied()).output().unwrap()) };
    let loaded = run(&["run", "-v", "-p", "github"]);
    assert!(loaded.code == 0 && loaded.stderr.contains("github: 1 new row in"), "{loaded:?}");
    assert!(loaded.stderr.contains("stitchwork_"), "{loaded:?}");
    for (args, says) in [
        (&["state", "-o", "json"][..], "data/github/_stitchwork/"),
        (&["state", "-o", "json"], "of/platypuses/_stitchwork/"),
        (&["info"], "delta tables at data/github"),
        (&["tables", "-o", "csv"], "github.rows"),
        (&["sql", "select \"of\", 2026 as y from github.rows", "-o", "csv"], "platypus,2026"),
        (&["info", "github.rows", "-o", "json"], "data/github/rows/"),
    ] {
        let ran = run(args);
        assert!(
            ran.code == 0 && ran.stdout.contains(says) && !ran.stdout.contains("***"),
            "{args:?}: {ran:?}"
        );
    }
    let wrong = run(&["sql", "select * from github.event"]);
    assert!(wrong.stderr.contains("table=github.event"), "{wrong:?}");
    // Messages are for people, who miss nothing.
    let echo = Page::echo(0);
    let (folder, values) = of_a_repository(echo.url());
    let failed = folder.command(["run", "-p", "github"]).envs(values).output().unwrap();
    let failed = ran(&failed);
    assert!(failed.stderr.contains("/github/stitchwork/***?since=***"), "{failed:?}");
    assert!(!failed.stderr.contains("platypus"), "{failed:?}");
}

#[cfg(unix)]
#[test]
fn pipes_are_read_by_whoever_uses_them() {
    let server = Page::echo(0);
    let folder = Folder::new();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    folder.write("stitchwork.yaml", &sending(server.url(), "of: \"${file:fifo}\""));
    // Nobody ever writes to it.
    for args in [&["check"][..], &["sql", "select 1"], &["info"], &["state"]] {
        let ran = folder.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    }
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &sending(server.url(), "of: \"${file:/dev/stdin}\""));
    let fed = |args: &[&str], text: &str| -> Ran {
        let mut command = folder.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        ran(&child.wait_with_output().unwrap())
    };
    assert_eq!(fed(&["sql", "-o", "csv"], "select 42 as n").stdout, "n\n42\n");
    let sent = fed(&["run", "-v"], "odd-canary\n");
    assert!(sent.stderr.contains("of=***") && !sent.stderr.contains("canary"), "{sent:?}");
    assert!(server.heads.lock().unwrap().iter().any(|head| head.contains("?of=odd-canary ")), "{sent:?}");
    // What is empty is not sent in silence.
    let asked = server.heads.lock().unwrap().len();
    let empty = fed(&["run"], "\n");
    assert_eq!(empty.code, 3, "{empty:?}");
    assert!(empty.stderr.contains("the file /dev/stdin is empty; fill it in"), "{empty:?}");
    folder.write("stitchwork.yaml", &sending(server.url(), "of: \"${env:NOTHING}\""));
    let empty = ran(&folder.command(["run"]).env("NOTHING", "").output().unwrap());
    assert!(empty.code == 3 && empty.stderr.contains("variable NOTHING is empty"), "{empty:?}");
    assert_eq!(server.heads.lock().unwrap().len(), asked);
}
