//! Canaries: credentials of every kind, and commands that fail in every way. None may be seen anywhere.

use crate::support::{Folder, Page, hangs_up, ran};

const CANARIES: [(&str, &str); 5] = [
    ("API_TOKEN", "canary-token-1"),
    ("DB_PASSWORD", "canary-password-2"),
    ("AWS_SECRET_ACCESS_KEY", "canary-aws-3"),
    ("AWS_SESSION_TOKEN", "canary-session-4"),
    ("OTHER", "canary-header-5"),
];

#[test]
fn no_credential_is_ever_printed() {
    // The server says what it was told, as some do.
    let server = Page::serve(r#"{"message": "no rows for canary-token-1 and canary-header-5"}"#);
    let rows = Page::serve(r#"[{"id": 1}, {"id": 2}]"#);
    let folder = Folder::new();
    folder.write("key.txt", "canary-file-6\n");
    let text = format!(
        "\
stores:
  s3://:
    region: eu-north-1
    endpoint: http://127.0.0.1:9
    allow_http: true
    max_retries: 0
    access_key_id: AKIATEST
    secret_access_key: canary-literal-7
    regoin: wrong
catalogs:
  db:
    url: postgres://me:${{env:DB_PASSWORD}}@127.0.0.1:{database}/x
pipelines:
  bearer:
    source:
      type: rest
      base_url: {url}
      headers:
        X-Other: ${{env:OTHER}}
      auth: {{type: bearer, token: \"${{env:API_TOKEN}}\"}}
      streams: [{{name: rows}}]
    destination: {{log: delta, location: data}}
  loaded:
    source:
      type: rest
      base_url: {rows}/of?token=${{env:API_TOKEN}}
      headers:
        X-Other: ${{env:OTHER}}
      auth: {{type: bearer, token: \"${{env:API_TOKEN}}\"}}
      streams: [{{name: rows, params: {{api_key: canary-literal-7}}, incremental: id}}]
    destination: {{log: delta, location: data}}
  refused:
    source:
      type: rest
      base_url: http://127.0.0.1:9
      requests: {{max_attempts: 1}}
      auth: {{type: api_key, name: key, location: query, key: \"${{file:key.txt}}\"}}
      streams: [{{name: rows}}]
    destination: {{log: delta, location: data}}
  basic:
    source:
      type: rest
      base_url: http://127.0.0.1:9
      requests: {{max_attempts: 1}}
      auth: {{type: basic, username: me, password: canary-literal-8}}
      streams: [{{name: rows}}]
    destination: {{log: iceberg, location: data, catalog: db}}
",
        url = server.url(),
        rows = rows.url(),
        database = hangs_up(),
    );
    folder.write("stitchwork.yaml", &text);
    folder.write("good.yaml", &text.replace("    regoin: wrong\n", ""));
    folder.write("slash.yaml", "catalogs: {slash: {url: \"postgres:me:canary-url-9@h\"}}");
    folder.write("late.yaml", "catalogs: {slash: {url: \"${env:SLASH}\"}}");
    let commands: &[&[&str]] = &[
        &["check"],
        &["check", "good.yaml", "--references"],
        &["info"],
        &["tables"],
        &["state"],
        &["run", "good.yaml", "-p", "loaded"],
        &["run", "good.yaml", "-p", "bearer"],
        &["run", "good.yaml", "-p", "refused"],
        &["run", "good.yaml", "-p", "basic"],
        &["run", "-p", "bearer"],
        &["sql", "select * from 's3://bucket/x.csv'"],
        &["sql", "select * from db.x.y", "--project", "good.yaml"],
        &["sql", "select * from 'https://me:canary-url-9@127.0.0.1:9/x.csv'"],
        &["sql", "select * from 'postgres://me:canary-url-9@127.0.0.1:9/x.csv'"],
        &["show", "s3://me:canary-url-9@bucket/x.csv"],
        &["sql", "select * from 'https:/me:canary-url-9@127.0.0.1:9/x.csv'"],
        &["sql", "select * from 's3:/me:canary-url-9@bucket/x.csv'"],
        &["sql", "select * from 'me:canary-url-9@127.0.0.1:9/x.csv'"],
        &["check", "slash.yaml"],
        &["sql", "select * from slash.x.y", "--project", "late.yaml"],
        &["info", "--project", "good.yaml", "-o", "json"],
        // Here the user says a secret, and only the program itself can know that it is one.
        &["sql", "select * from 'canary-token-1.csv'", "--project", "good.yaml"],
        &["sql", "select * from 's3://bucket/canary-literal-7.csv'", "--project", "good.yaml"],
    ];
    let mut failures = 0;
    for args in commands {
        for verbose in ["-q", "-v", "-vv", "-vvv"] {
            let mut command = folder.command(args.iter().chain([&verbose]));
            command.envs(CANARIES).env("SLASH", "postgres:/me:canary-url-9@127.0.0.1/db");
            let ran = ran(&command.output().unwrap());
            failures += i32::from(ran.code != 0);
            for (what, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
                assert!(!text.contains("canary"), "{args:?} {verbose} {what}: {text}");
            }
        }
    }
    assert!(failures > 20, "most of these fail, and say why: {failures}");
    // The secrets were real: the server got them.
    let heads = server.heads.lock().unwrap().join("\n");
    assert!(heads.contains("canary-token-1") && heads.contains("canary-header-5"), "{heads}");
    // Nothing that was written has them either.
    let (mut folders, mut files) = (vec![folder.path().join("data")], 0);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(7).any(|window| window == b"canary-"), "{}", path.display());
            }
        }
    }
    assert!(files >= 4, "a manifest, its mark, a data file and a log entry: {files}");
}

#[test]
fn secrets_are_left_out_however_they_are_written() {
    let folder = Folder::new();
    folder.write(
        "stitchwork.yaml",
        "\
stores:
  http://: {max_retries: 0}
  https://: {max_retries: 0}
pipelines:
  p:
    source:
      type: rest
      base_url: http://127.0.0.1:9
      requests: {max_attempts: 1}
      streams: [{name: rows, path: \"/of/${env:ODD_SECRET}/all\", params: {customer: \"${env:ODD_SECRET}\"}}]
    destination: {log: delta, location: data}
",
    );
    let commands: [(&[&str], bool); 5] = [
        (&["run", "-vv"], true),
        (&["sql", "select 1 from missing where a = 'odd-\"canary\"+= x'", "-v"], false),
        // The query of a location is not told at all.
        (&["sql", "select * from 'http://127.0.0.1:9/x.csv?sig=odd-canary'", "-v"], false),
        (&["show", "http://127.0.0.1:9/x.csv?of=odd-canary", "-vv"], false),
        (&["sql", "select * from 'https://127.0.0.1:9/x.csv?X-Amz-Signature=odd-canary'", "-v"], false),
    ];
    for (command, replaced) in commands {
        let ran = ran(&folder.command(command).env("ODD_SECRET", "odd-\"canary\"+= x").output().unwrap());
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(
            !replaced || ran.stderr.contains("url=http://127.0.0.1:9/of/***/all?customer=***"),
            "{ran:?}"
        );
        let said = ran.stdout + &ran.stderr;
        assert!(!said.contains("canary"), "{said}");
    }
}

#[test]
fn no_part_of_an_address_that_a_file_says_is_shown() {
    let folder = Folder::new();
    let rows = Page::serve(r#"[{"id": 1}]"#);
    // Nobody answers at these: hosts that end like this do not exist (RFC 6761), and the store has another endpoint.
    for (file, text) in [
        ("api", "http://Canary-Host.invalid/canary-path/rows?key=canary-key"),
        ("bucket", "s3://canary-bucket/canary-folder"),
        ("container", "abfss://canary-container@canaryaccount.dfs.core.windows.net/canary-folder"),
        ("catalog", "postgres://canary-user:canary-word@canary-host.invalid/canary-database"),
    ] {
        folder.write(file, text);
    }
    let text = "\
stores:
  s3://: {region: eu-north-1, endpoint: \"http://127.0.0.1:9\", allow_http: true, max_retries: 0, skip_signature: true}
  abfss://: {endpoint: \"http://127.0.0.1:9\", allow_http: true, max_retries: 0, skip_signature: true}
  http://: {max_retries: 0, allow_http: true}
catalogs:
  db: {url: \"${file:catalog}\"}
tables:
  web: {location: \"${file:api}\", format: json}
  s3: {location: \"${file:bucket}\", log: delta}
pipelines:
  api:
    source: {type: rest, base_url: \"${file:api}\", requests: {max_attempts: 1}, streams: [{name: rows}]}
    destination: {log: delta, location: data}
  bucket:
    source: {type: url, url: ROWS}
    destination: {log: delta, location: \"${file:bucket}\"}
  container:
    source: {type: url, url: ROWS}
    destination: {log: iceberg, location: \"${file:container}\"}
  catalog:
    source: {type: url, url: ROWS}
    destination: {log: iceberg, location: data, catalog: db}
";
    folder.write("stitchwork.yaml", &text.replace("ROWS", rows.url()));
    let commands: [&[&str]; 7] = [
        &["run", "-p", "api"],
        &["run", "-p", "bucket"],
        &["run", "-p", "container"],
        &["run", "-p", "catalog"],
        &["sql", "select * from web"],
        &["sql", "select * from s3"],
        &["show", "db.a.b"],
    ];
    for command in commands {
        let ran = folder.run(command.iter().chain([&"-vvv"]));
        assert_ne!(ran.code, 0, "{command:?}: {ran:?}");
        assert!(ran.stderr.contains("***"), "{command:?} says where: {ran:?}");
        let said = (ran.stdout + &ran.stderr).to_lowercase();
        assert!(!said.contains("canary"), "{command:?}: {said}");
    }
}

#[test]
fn the_query_of_a_link_is_sent_and_stands_nowhere() {
    let server = Page::serve(r#"[{"id": 1}, {"id": 2}]"#);
    let folder = Folder::new();
    let link = format!("{}/rows.json?of=odd-canary&raw=1", server.url());
    let query = format!("select max(l.id), max(id) over () as m from '{link}' l group by id order by 1");
    let of_a_format = format!("select max(id) from json('{link}', layout => 'array')");
    folder.write("stitchwork.yaml", &format!("tables:\n  rows: {{location: \"{link}\"}}\n"));
    let commands: [&[&str]; 6] = [
        &["sql", &query, "-vv"],
        &["sql", &of_a_format, "-o", "csv", "-vv"],
        &["sql", "select * from rows"],
        &["show", &link, "-o", "json", "-vv"],
        &["schema", &link],
        &["sql", &format!("explain select no.id, id from '{link}'"), "-vv"],
    ];
    for command in commands {
        let ran = folder.run(command);
        let wrong = command.iter().any(|part| part.starts_with("explain"));
        assert_eq!(ran.code == 0, !wrong, "{ran:?}");
        let said = ran.stdout + &ran.stderr;
        assert!(!said.contains("canary"), "{said}");
    }
    let heads = server.heads.lock().unwrap();
    assert!(heads.len() > 5, "{heads:?}");
    for head in heads.iter() {
        assert!(head.contains(" /rows.json?of=odd-canary&raw=1 "), "{head}");
    }
}

#[test]
fn secrets_in_statements_are_repeated_nowhere() {
    let folder = Folder::new();
    folder.write("x.csv", "a,password_changed_at\n1,2024-01-01\n");
    for value in [
        "'odd-canary'",
        "\"odd-canary\"",
        "$$odd-canary$$",
        "'odd-' || 'canary'",
        "'odd-canary' 'odd-canary'",
        "f('odd-canary')",
        "['odd-canary']",
    ] {
        for option in ["secret_access_key =>", "API_KEY =", "\"token\" :=", "PASSWORD=>", "secret"] {
            if option == "secret" && value.starts_with(['f', '[']) {
                continue;
            }
            for sql in [
                format!("select * from csv('x.csv', {option} {value})"),
                format!("select * from parquet('s3://bucket/x.parquet', {option} {value}, region => 'eu')"),
                format!("create secret x (type s3, key_id 'ID', {option} {value})"),
                format!("select f({option} {value})"),
            ] {
                let ran = folder.run(["sql", &sql, "-vvv"]);
                assert_ne!(ran.code, 0, "{sql}: {ran:?}");
                let said = ran.stdout + &ran.stderr;
                assert!(!said.contains("canary"), "{sql}: {said}");
            }
        }
    }
    // What is asked for is answered as it is.
    let query =
        "select a, 'odd' as token from 'x.csv' where password_changed_at = '2024-01-01' and 'odd' = 'odd'";
    assert_eq!(folder.ok(["sql", query, "-o", "csv"]), "a,token\n1,odd\n");
}

#[test]
fn what_a_server_repeats_is_hidden_wherever_the_message_is_cut() {
    let folder = Folder::new();
    folder.write("bot.txt", "odd-file-4711-0815-1234");
    for skip in (160..200).step_by(8) {
        // The server says everything that it was sent, behind so many characters.
        let server = Page::echo(skip);
        let url = server.url();
        folder.write(
            "stitchwork.yaml",
            &format!(
                "\
pipelines:
  header:
    source: {{type: rest, base_url: \"{url}\", headers: {{X-Customer: odd-header-4711-0815-12}}, streams: [{{name: rows}}]}}
    destination: {{log: delta, location: data}}
  path:
    source: {{type: rest, base_url: \"{url}\", streams: [{{name: rows, path: \"/echo?api_key=odd-path-4711-0815-1234&z=1\"}}]}}
    destination: {{log: delta, location: data}}
  base:
    source: {{type: rest, base_url: \"{url}/echo?token=odd-base-4711-0815-1234\", streams: [{{name: rows, path: /}}]}}
    destination: {{log: delta, location: data}}
  url:
    source: {{type: url, url: \"{url}/echo?api_key=odd-url-4711-0815-12345&z=1\"}}
    destination: {{log: delta, location: data}}
  parameter:
    source: {{type: rest, base_url: \"{url}\", streams: [{{name: rows, params: {{customer: \"${{env:ODD_SECRET}}\"}}}}]}}
    destination: {{log: delta, location: data}}
  variable:
    source: {{type: rest, base_url: \"{url}\", streams: [{{name: rows, params: {{appid: \"${{env:WEATHER}}\"}}}}]}}
    destination: {{log: delta, location: data}}
  file:
    source: {{type: rest, base_url: \"{url}\", streams: [{{name: rows, path: \"/bot${{file:bot.txt}}/rows\"}}]}}
    destination: {{log: delta, location: data}}
"
            ),
        );
        for pipeline in ["header", "path", "base", "url", "parameter", "variable", "file"] {
            let mut command = folder.command(["run", "-v", "-p", pipeline]);
            // Each case has a value of its own, so that none is hidden for the sake of another one.
            command.env("ODD_SECRET", "odd-secret-4711-0815-12").env("WEATHER", "odd-variable-4711-0815");
            let ran = ran(&command.output().unwrap());
            assert_ne!(ran.code, 0, "{ran:?}");
            assert!(ran.stderr.contains("xxxxx"), "{pipeline}: {ran:?}");
            assert!(!ran.stderr.contains("odd-"), "{pipeline} {skip}: {ran:?}");
        }
    }
}
