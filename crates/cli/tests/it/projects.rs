//! A project: its first load, what is new, what it left, and what SQL knows of it.

use std::fmt::Write;

use stitchwork_events_server::EventsServer;

use crate::support::{Folder, Page};

fn project(url: &str) -> String {
    format!(
        "\
catalogs:
  names:
    url: sqlite:catalog.db
destinations:
  lake:
    log: iceberg
    location: lake
    catalog: names
    namespace: github
pipelines:
  github:
    source:
      type: rest
      base_url: {url}
      auth:
        type: bearer
        token: ${{env:GITHUB_TOKEN}}
      streams:
        - name: events
          path: /repos/o/r/events
          params:
            per_page: 100
          primary_key: id
          incremental:
            cursor_path: created_at
            start_param: since
            row_order: ascending
          table_name: \"{{type}}\"
    destination:
      log: delta
      location: data
  copy:
    source:
      type: rest
      base_url: {url}
      auth:
        type: bearer
        token: ${{env:GITHUB_TOKEN}}
      streams:
        - name: events
    destination: lake
tables:
  people:
    location: people.csv
  pushes:
    log: delta
    location: data/push_event
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_from_its_first_load_on() {
    let server = EventsServer::builder()
        .events(400)
        .no_faults()
        .token(Some("t0ken".to_owned()))
        .start()
        .await
        .unwrap();
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &project(&server.url()));
    folder.write("people.csv", "id,name\n1,Ada\n");
    let run = |args: &[&str]| {
        let output = folder.command(args).env("GITHUB_TOKEN", "t0ken").output().unwrap();
        crate::support::ran(&output)
    };

    let checked = run(&["check"]);
    assert!(checked.code == 0 && checked.stderr.contains("2 pipelines"), "{checked:?}");
    let several = run(&["run"]);
    assert!(several.code == 2 && several.stderr.contains("copy, github"), "{several:?}");
    let nothing = run(&["state", "-p", "github", "-o", "json"]);
    assert!(nothing.stdout.contains("\"load\":null"), "{nothing:?}");

    let first = run(&["run", "--pipeline", "github", "-o", "ndjson"]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.stderr.starts_with("github: 400 new rows in "), "{first:?}");
    let rows: u64 = first
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        // Child tables have rows besides.
        .filter(|row| !row["table"].as_str().unwrap().contains("__"))
        .map(|row| row["rows"].as_u64().unwrap())
        .sum();
    assert_eq!(rows, 400, "{first:?}");
    server.append(7);
    let second = run(&["run", "--pipeline", "github"]);
    assert!(second.stderr.contains("7 new rows"), "{second:?}");
    let third = run(&["run", "--pipeline", "github"]);
    assert!(third.code == 0 && third.stderr.contains("nothing new"), "{third:?}");

    let state = run(&["state", "-p", "github", "-o", "json"]);
    let state: serde_json::Value = serde_json::from_str(&state.stdout).unwrap();
    assert_eq!(state[0]["finished"], true);
    assert!(state[0]["cursor"].as_str().unwrap().contains("events"), "{state}");

    let pushes = server.count_by_type()["PushEvent"];
    let asked = run(&["sql", "select count(*) as n from github.push_event", "-o", "csv"]);
    assert_eq!(asked.stdout, format!("n\n{pushes}\n"));
    let by_name = run(&["sql", "select count(pushes.id) as n from pushes", "-o", "csv"]);
    assert_eq!(by_name.stdout, format!("n\n{pushes}\n"), "{by_name:?}");
    assert_eq!(run(&["show", "people", "-o", "csv"]).stdout, "id,name\n1,Ada\n");

    let copied = run(&["run", "-p", "copy", "-q"]);
    assert!(copied.code == 0 && copied.stderr.is_empty(), "{copied:?}");
    let tables = run(&["tables", "-o", "csv"]).stdout;
    for name in ["github.push_event", "lake.events", "names.github.events", "people", "pushes"] {
        assert!(tables.lines().any(|line| line == name), "{name}: {tables}");
    }
    for name in ["lake.events", "names.github.events"] {
        let counted = run(&["sql", &format!("select count(*) as n from {name}"), "-o", "csv"]);
        assert_eq!(counted.stdout, "n\n407\n", "{counted:?}");
    }
    let history = run(&["history", "pushes", "-o", "ndjson"]).stdout;
    assert!(history.contains("stitchwork/github"), "{history}");
    let info = run(&["info", "-o", "csv"]).stdout;
    assert!(info.contains("pipeline github,delta tables at data"), "{info}");
    let misspelt = run(&["sql", "select 1 from github.push_evnt"]);
    assert!(misspelt.stderr.contains("near=github.push_event"), "{misspelt:?}");
    let other = "url: sqlite:catalog.db\n    options: {catalog_name: mine}";
    folder.write("other.yaml", &project(&server.url()).replace("url: sqlite:catalog.db", other));
    let another = run(&["--project", "other.yaml", "sql", "select 1 from names.github.events"]);
    assert!(another.stderr.contains("catalog_name=mine other_catalogs=stitchwork"), "{another:?}");
    server.shutdown().await.unwrap();
}

#[test]
fn a_server_that_is_away_is_for_later() {
    let folder = Folder::new();
    let text = project("http://127.0.0.1:9")
        .replace("      auth:\n", "      requests: {max_attempts: 1}\n      auth:\n");
    folder.write("stitchwork.yaml", &text);
    let output = folder.command(["run", "-p", "copy"]).env("GITHUB_TOKEN", "t0ken").output().unwrap();
    let ran = crate::support::ran(&output);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("127.0.0.1:9") && ran.stderr.contains("pipeline=copy"), "{ran:?}");
}

#[test]
fn what_is_missing_is_told_at_once_and_before_anything_is_done() {
    let folder = Folder::new();
    folder.write("stitchwork.yaml", &project("http://127.0.0.1:9"));
    let ran = folder.run(["run", "--all"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let places: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(places.len(), 2, "{ran:?}");
    assert!(
        places.iter().all(|line| line.contains("stitchwork.yaml:") && line.contains("GITHUB_TOKEN")),
        "{ran:?}"
    );
    // What needs no token works without it.
    assert_eq!(folder.run(["check"]).code, 0);
    assert_eq!(folder.run(["check", "--references"]).code, 3);
    assert_eq!(folder.run(["sql", "select 1"]).code, 0);
    assert!(!folder.path().join("data").exists());
}

#[test]
fn mistakes_have_their_lines() {
    let folder = Folder::new();
    folder.write("p.yaml", "pipelines:\n  a:\n    sorce: {}\n    destination: nowhere\n");
    let ran = folder.run(["check", "p.yaml"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("p.yaml:3:5") && ran.stderr.contains("source"), "{ran:?}");
    assert!(ran.stderr.contains("p.yaml:4:"), "{ran:?}");
}

#[test]
fn a_project_to_begin_with_has_no_mistake_and_is_never_overwritten() {
    let folder = Folder::new();
    folder.ok(["init", "mine"]);
    assert_eq!(folder.run(["check", "mine/stitchwork.yaml"]).code, 0);
    let before = std::fs::read_to_string(folder.path().join("mine/stitchwork.yaml")).unwrap();
    std::fs::write(folder.path().join("mine/stitchwork.yaml"), format!("{before}# mine\n")).unwrap();
    let again = folder.run(["init", "mine"]);
    assert!(again.code == 1 && again.stderr.contains("stays as it is"), "{again:?}");
    assert!(
        std::fs::read_to_string(folder.path().join("mine/stitchwork.yaml")).unwrap().ends_with("# mine\n")
    );
}

#[test]
fn what_a_crash_left_is_listed_and_removed_and_no_live_file() {
    let server = Page::serve(r#"[{"id":1},{"id":2}]"#);
    let folder = Folder::new();
    let mut text = String::new();
    writeln!(
        text,
        "pipelines:\n  p:\n    source: {{type: rest, base_url: \"{}\", streams: [{{name: rows}}]}}",
        server.url()
    )
    .unwrap();
    writeln!(text, "    destination: {{log: delta, location: data}}").unwrap();
    folder.write("stitchwork.yaml", &text);
    folder.ok(["run"]);
    let files = || {
        let mut found: Vec<_> = std::fs::read_dir(folder.path().join("data/rows"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".parquet"))
            .collect();
        found.sort();
        found
    };
    let live = files();
    assert_eq!(live.len(), 1);
    // A crashed load leaves files as this one: written by a load, and in no commit.
    let copy = live[0].replacen(|c: char| c.is_ascii_digit(), "9", 1);
    let copy = if copy == live[0] { live[0].replacen(|c: char| c.is_ascii_digit(), "8", 1) } else { copy };
    std::fs::copy(
        folder.path().join("data/rows").join(&live[0]),
        folder.path().join("data/rows").join(&copy),
    )
    .unwrap();

    assert_eq!(folder.ok(["clean", "-o", "csv"]).lines().count(), 1, "it is too young");
    let listed = folder.ok(["clean", "--dry-run", "--older-than", "0s", "-o", "csv"]);
    assert!(
        listed.contains(&copy) && listed.contains("data file,rows,") && listed.contains(",false"),
        "{listed}"
    );
    assert!(!listed.contains(&live[0]), "{listed}");
    assert_eq!(files().len(), 2);
    let removed = folder.ok(["clean", "--older-than", "0s", "-o", "csv"]);
    assert!(removed.contains(&copy) && removed.contains(",true"), "{removed}");
    assert_eq!(files(), live);
    assert_eq!(folder.ok(["sql", "select count(*) as n from p.rows", "-o", "csv"]), "n\n2\n");
}

#[test]
fn clean_looks_at_the_tables_of_each_log_in_a_location() {
    let server = Page::serve(r#"[{"id": 1}]"#);
    let folder = Folder::new();
    let pipeline = |name: &str, log: &str| {
        let streams = format!("[{{name: of_{log}, path: /rows}}]");
        let source = format!("{{type: rest, base_url: \"{}\", streams: {streams}}}", server.url());
        format!("  {name}:\n    source: {source}\n    destination: {{log: {log}, location: data}}\n")
    };
    let text = ["delta", "files"].map(|log| pipeline(&format!("p_{log}"), log)).concat();
    let text = format!("pipelines:\n{text}");
    folder.write("stitchwork.yaml", &text);
    folder.ok(["run", "--all"]);
    for table in ["of_delta", "of_files"] {
        // A crashed load leaves files as this one: written by a load, and in no commit.
        let data = folder.path().join("data").join(table);
        let files = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string());
        let live = files.map(Result::unwrap).find(|name| name.ends_with(".parquet")).unwrap();
        let (stem, last) = live.split_at(live.len() - "0.parquet".len());
        let other = if last.starts_with('0') { "1.parquet" } else { "0.parquet" };
        std::fs::copy(data.join(&live), data.join(format!("{stem}{other}"))).unwrap();
    }
    // One that cannot be looked at keeps none of the others, before it or behind it, from being cleaned and told.
    let gone = "    destination: {log: iceberg, location: other, catalog: gone}\n";
    let broken = ["a", "z"]
        .map(|name| pipeline(name, "delta").replace("    destination: {log: delta, location: data}\n", gone));
    let catalog = "catalogs: {gone: {url: \"postgres://x:y@127.0.0.1:1/db\"}}\n";
    folder.write("stitchwork.yaml", &format!("{catalog}{text}{}", broken.concat()));
    let done = folder.run(["clean", "--older-than", "0s", "-o", "csv"]);
    assert_eq!(done.code, 4, "{}", done.stderr);
    assert!(done.stdout.contains("of_delta") && done.stdout.contains("of_files"), "{}", done.stdout);
    for told in ["2 files,", "pipeline=a", "pipeline=z"] {
        assert!(done.stderr.contains(told), "{told}: {}", done.stderr);
    }
}

#[test]
fn a_location_may_begin_at_home() {
    let server = Page::serve(r#"[{"id": 1}, {"id": 2}]"#);
    let folder = Folder::new();
    let source = format!("{{type: rest, base_url: \"{}\", streams: [{{name: rows}}]}}", server.url());
    let text = format!(
        "pipelines:\n  p:\n    source: {source}\n    destination: {{log: delta, location: ~/lake}}\n"
    );
    folder.write("project/stitchwork.yaml", &text);
    folder.ok(["run", "project/stitchwork.yaml"]);
    // The home folder of the tests is the one they run in.
    assert!(folder.path().join("lake/rows/_delta_log").is_dir());
    assert_eq!(
        folder.ok(["sql", "-- how many\nselect count(*) as n from '~/lake/rows'", "-o", "csv"]),
        "n\n2\n"
    );
}

#[test]
fn what_fails_keeps_nothing_else_from_being_done() {
    let server = Page::serve(r#"[{"id": 1}, {"id": 2}]"#);
    let folder = Folder::new();
    let source = |url: &str| {
        format!(
            "{{type: rest, base_url: \"{url}\", requests: {{max_attempts: 1}}, \
             auth: {{type: bearer, token: t0ken}}, streams: [{{name: rows}}]}}"
        )
    };
    let text = format!(
        "\
catalogs:
  away: {{url: \"postgres://me@127.0.0.1:{port}/x\"}}
pipelines:
  away_api:
    source: {gone}
    destination: {{log: delta, location: never}}
  away_catalog:
    source: {here}
    destination: {{log: iceberg, location: data, catalog: away}}
  bearer:
    source: {here}
    destination: {{log: delta, location: data}}
",
        port = crate::support::hangs_up(),
        gone = source("http://127.0.0.1:9"),
        here = source(server.url()),
    );
    folder.write("stitchwork.yaml", &text);
    let ran = folder.run(["run", "--all", "-o", "csv"]);
    assert_eq!(ran.code, 4, "both may work later: {ran:?}");
    assert!(ran.stdout.contains("bearer,rows,2,"), "{ran:?}");
    let failed = |ran: &crate::support::Ran, names: &[&str]| {
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!(errors.len(), names.len(), "{ran:?}");
        assert!(errors.iter().zip(names).all(|(error, name)| error.contains(name)), "{ran:?}");
    };
    failed(&ran, &["pipeline=away_api", "pipeline=away_catalog"]);
    let state = folder.run(["state", "-o", "csv"]);
    assert_eq!(state.code, 4, "{state:?}");
    assert!(state.stdout.contains("\nbearer,1,true,2,rows,"), "{state:?}");
    failed(&state, &["pipeline=away_catalog"]);
    let tables = folder.run(["tables", "-o", "csv"]);
    assert_eq!((tables.code, tables.stdout.as_str()), (4, "table\nbearer.rows\n"), "{tables:?}");
    failed(&tables, &["name=away", "name=away_catalog"]);
}

#[test]
fn the_first_incremental_load_after_others_is_told_to_bring_every_row_again() {
    let server = Page::serve(r#"[{"id": 1}, {"id": 2}]"#);
    let folder = Folder::new();
    let project = |stream: &str| {
        let source =
            format!("{{type: rest, base_url: \"{}\", streams: [{{name: rows{stream}}}]}}", server.url());
        format!("pipelines:\n  p:\n    source: {source}\n    destination: {{log: delta, location: data}}\n")
    };
    folder.write("stitchwork.yaml", &project(""));
    folder.ok(["run"]);
    folder.write("stitchwork.yaml", &project(", incremental: id"));
    let first = folder.run(["run"]);
    assert!(first.code == 0 && first.stderr.contains("every row again"), "{first:?}");
    let second = folder.run(["run"]);
    assert!(second.code == 0 && !second.stderr.contains("every row again"), "{second:?}");
    assert_eq!(folder.ok(["sql", "select count(*) as n from p.rows", "-o", "csv"]), "n\n4\n");

    // And back: what to do is told, and works.
    folder.write("stitchwork.yaml", &project(""));
    let back = folder.run(["run"]);
    assert!(back.code == 1 && back.stderr.contains("`replace`"), "{back:?}");
    folder.write("replace.yaml", &(project("") + "    write_disposition: replace\n"));
    folder.ok(["run", "replace.yaml"]);
    folder.ok(["run"]);
    assert_eq!(folder.ok(["sql", "select count(*) as n from p.rows", "-o", "csv"]), "n\n4\n");
}

#[test]
fn more_tables_than_expected_are_told_and_the_bound_can_be_raised() {
    let server = Page::serve(r#"[{"id": 1}, {"id": 2}, {"id": 3}]"#);
    let folder = Folder::new();
    let project = |most: u32| {
        let stream = format!("{{name: rows, table_name: \"t_{{id}}\", max_tables: {most}}}");
        let source = format!("{{type: rest, base_url: \"{}\", streams: [{stream}]}}", server.url());
        format!("pipelines:\n  p:\n    source: {source}\n    destination: {{log: delta, location: data}}\n")
    };
    folder.write("stitchwork.yaml", &project(2));
    let refused = folder.run(["run"]);
    assert!(refused.code == 1 && refused.stderr.contains("raise `max_tables`"), "{refused:?}");
    folder.write("stitchwork.yaml", &project(3));
    folder.ok(["run"]);
    assert_eq!(folder.ok(["tables", "-o", "csv"]), "table\np.t_1\np.t_2\np.t_3\n");
}
