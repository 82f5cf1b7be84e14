//! Broken files, each with all that is said about it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use stitchwork_project::{Diagnostics, Known, LoadArgs, Project};

fn known() -> Known {
    Known::default()
        .with("log", ["delta", "files", "iceberg"])
        .with("format", ["avro", "csv", "ipc", "json", "parquet"])
        .with("catalog", ["memory", "postgres", "sqlite"])
        .with("engine", ["datafusion", "duckdb", "postgres", "postgresql"])
        .with("source", ["http", "https"])
        .with("store", ["file", "gs", "memory", "s3"])
        .with_options("csv", ["delimiter", "header", "null_texts"])
        .with_options("parquet", ["compression"])
}

fn load(text: &str, profile: Option<&str>) -> Result<Project, Diagnostics> {
    Project::load(LoadArgs { file: "s.yaml", text: text.as_bytes(), profile, known: &known() })
}

/// What is said about a file, without the file's name.
fn said(text: &str) -> Vec<String> {
    let found = load(text, None).map(|project| panic!("{text}\nis taken: {project:?}")).unwrap_err();
    found.to_string().lines().map(|line| line.strip_prefix("s.yaml:").unwrap().to_owned()).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let said = said(text);
    assert!(said == expected, "{text}\n{}", said.join("\n"));
}

/// A pipeline whose source, at 4:7, is this.
fn source(source: &str) -> String {
    format!(
        "pipelines:\n  p:\n    source:\n      {}\n    destination: {{log: delta, location: d}}\n",
        source.replace('\n', "\n      ")
    )
}

#[test]
fn slashes_of_databases() {
    check(
        "catalogs:\n  a: {url: 'postgres:me:c4n4ry@h/d'}\n  b: {url: 'postgres:/me@h'}\n  c: {url: 'postgres:me:${env:P}@h'}\n",
        &[2, 3, 4].map(|line| {
            format!("{line}:12: two slashes are missing behind \"postgres:\"; write postgres://… with its user and host")
        }).each_ref().map(String::as_str),
    );
    for url in ["postgres://h", "postgres:${env:P}", "postgres:/${env:P}", "sqlite:c.db"] {
        assert!(load(&format!("catalogs: {{a: {{url: '{url}'}}}}"), None).is_ok(), "{url}");
    }
    // What a reference stands for is known when it is used.
    let project = load("catalogs: {a: {url: '${env:P}'}}", None).unwrap();
    let resolver = project.resolver(|_| Some("postgres:me:c4n4ry@h".to_owned()));
    let error = project.config.catalogs["a"].open_url(&resolver).unwrap_err();
    assert!(error.to_string().contains("two slashes are missing"), "{error}");
    assert!(
        error.context("at") == Some("s.yaml:1:21") && !format!("{error:?}").contains("c4n4ry"),
        "{error:?}"
    );
}

#[test]
fn keys() {
    check(
        "pipelins: {}\nfoo: 1\nengine: {tpye: duckdb}\n",
        &[
            "1:1: unknown key \"pipelins\", did you mean \"pipelines\"?",
            "2:1: unknown key \"foo\"; known are catalogs, destinations, engine, pipelines, profile, profiles, stores, \
             tables, version",
            "3:10: unknown key \"tpye\", did you mean \"type\"?",
        ],
    );
    check(
        "pipelines:\n  p: {}\n  q:\n    source: {type: rest}\n    disposition: append\n",
        &[
            "2:3: missing key \"source\" in \"p\"",
            "2:3: missing key \"destination\" in \"p\"",
            "3:3: missing key \"destination\" in \"q\"",
            "4:5: missing key \"base_url\" in \"source\"",
            "4:5: missing key \"streams\" in \"source\"",
            "5:5: unknown key \"disposition\", did you mean \"write_disposition\"?",
        ]
        .iter()
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>(),
    );
    check(
        "tables:\n  a: {location: x, location: y}\n  a: {location: z}\n",
        &[
            "2:20: the key \"location\" is there already, at 2:7; keep one of them",
            "3:3: the key \"a\" is there already, at 2:3; keep one of them",
        ],
    );
    check(
        "tables: {'': {location: x}, '${env:A}': {location: x}}\n",
        &["1:10: a key is empty", "1:29: no reference is possible in a key"],
    );
}

#[test]
fn what_has_an_example_is_told_with_it() {
    check(
        "destinations:\n  d: {log: delta, location: x, partition_by: [day(at)]}\n",
        &["2:46: expected a mapping for \"partition_by\", found a list; write it like \
           {\"events\":[\"day(created_at)\",\"bucket(16, id)\"],\"users\":[\"country\"]}"],
    );
    let example = r#"{"events":["day(created_at)","bucket(16, id)"],"users":["country"]}"#;
    let text = format!("destinations:\n  d: {{log: delta, location: x, partition_by: {example}}}\n");
    assert_eq!(load(&text, None).unwrap().config.destinations["d"].partitioning().len(), 2);
}

#[test]
fn types() {
    check("[]\n", &["1:1: expected a mapping, found a list"]);
    check("text\n", &["1:1: expected a mapping, found a text"]);
    check(
        "version: one\nprofile: 3\npipelines: []\ncatalogs: 7\nstores:\nengine: [a]\n",
        &[
            "1:10: expected a whole number for \"version\", found a text",
            "2:10: expected a text for \"profile\", found a number; put it into quotes",
            "3:12: expected a mapping for \"pipelines\", found a list",
            "4:11: expected a mapping for \"catalogs\", found a number",
            "5:7: expected a mapping for \"stores\", found nothing",
            "6:9: expected a text or a mapping for \"engine\", found a list",
        ],
    );
    check(
        "pipelines:\n  p:\n    source: rest\n    destination: [x]\n    write_disposition: 3\n    select: events\n    commit: {rows: 1_000, bytes: -1, interval_seconds: soon}\n",
        &[
            "3:13: expected a mapping for \"source\", found a text",
            "4:18: expected a text or a mapping for \"destination\", found a list",
            "5:24: unknown value \"3\" for \"write_disposition\"; known are append, replace",
            "6:13: expected a list for \"select\", found a text",
            "7:20: expected a whole number for \"rows\", found a text, did you mean 1000?",
            "7:34: expected a number from 1 on for \"bytes\"",
            "7:56: expected a number for \"interval_seconds\", found a text",
        ],
    );
}

#[test]
fn values() {
    check(
        "version: 2\nengine: duckdv\npipelines:\n  p:\n    source: {type: url, url: htps://x}\n    destination: {log: detla, location: s4://b, write: {format: parket, target_file_bytes: 0, conflict_retries: 4294967296}}\n    write_disposition: apend\n",
        &[
            "1:10: expected a number up to 1 for \"version\"",
            "2:9: unknown engine \"duckdv\", did you mean \"duckdb\"?",
            "5:30: unknown source \"htps\", did you mean \"https\"?",
            "6:24: unknown log \"detla\", did you mean \"delta\"?",
            "6:41: unknown store \"s4\", did you mean \"s3\"?",
            "6:65: unknown format \"parket\", did you mean \"parquet\"?",
            "6:92: expected a number from 1 on for \"target_file_bytes\"",
            "6:113: expected a number up to 4294967295 for \"conflict_retries\"",
            "7:24: unknown value \"apend\" for \"write_disposition\", did you mean \"append\"?",
        ],
    );
    check(
        "stores: {s3: {}, s4://b: {}, s3://b/x: {}}\ncatalogs: {c: {url: sqlit:x}, d: {url: x}}\nengine: {type: duckdb, url: 'datafusion:'}\n",
        &[
            "1:10: stores are named by scheme (s3://) or by root (s3://bucket)",
            "1:18: unknown store \"s4\", did you mean \"s3\"?",
            "1:30: stores are named by scheme (s3://) or by root (s3://bucket)",
            "2:21: unknown catalog \"sqlit\", did you mean \"sqlite\"?",
            "2:40: a catalog is named by a URL, which begins with a scheme and a colon",
            "3:29: the URL is one of the engine \"datafusion\", not of \"duckdb\"",
        ],
    );
}

#[test]
fn an_engine_and_its_url_may_spell_one_scheme_in_two_ways() {
    for engine in ["{type: postgresql, url: 'postgres://h/d'}", "{type: postgres, url: 'postgresql://h/d'}"] {
        load(&format!("engine: {engine}\n"), None).unwrap();
    }
}

#[test]
fn references() {
    check(
        "catalogs:\n  c: {url: '${env:}'}\n  d: {url: '${evn:X}'}\n  e: {url: '${X}'}\n  f: {url: '${env:X'}\npipelines:\n  ${env:P}:\n    source: {type: url, url: 'https://${env:1}'}\n    destination: {log: '${env:LOG}', location: x}\n",
        &[
            "2:12: a \"${env:…}\" names no variable; a reference is ${env:NAME} or ${file:path}, and \"$${\" stands for \"${\" itself",
            "3:12: a \"${…}\" is of an unknown kind; a reference is ${env:NAME} or ${file:path}, and \"$${\" stands for \"${\" itself",
            "4:12: a \"${…}\" does not say where from; a reference is ${env:NAME} or ${file:path}, and \"$${\" stands for \"${\" itself",
            "5:12: a \"${\" has no \"}\"; write \"$${\" for \"${\" itself",
            "7:3: no reference is possible in a key",
            "8:30: a \"${env:…}\" names no variable; a reference is ${env:NAME} or ${file:path}, and \"$${\" stands for \"${\" itself",
            "9:24: no reference is possible here; a profile can say another value",
        ],
    );
}

#[test]
fn names_in_the_file() {
    check(
        "destinations:\n  lake: {log: delta, location: x, catalog: cat, namespace: n}\n  house: {log: delta, location: y, namespace: a..b}\npipelines:\n  p: {source: {type: url, url: 'https://x'}, destination: lakes}\n  house: {source: {type: url, url: 'https://x'}, destination: {log: delta, location: z}}\ntables:\n  lake: {location: z}\n",
        &[
            "2:44: unknown catalog \"cat\"; the file has no catalogs",
            "3:36: \"namespace\" has no effect without \"catalog\"",
            "3:47: a level of the namespace is empty",
            "5:59: unknown destination \"lakes\", did you mean \"lake\"?",
            "6:3: SQL would know \"house\" by two meanings; it is one of destinations already, at 3:3",
            "8:3: SQL would know \"lake\" by two meanings; it is one of destinations already, at 2:3",
        ],
    );
    check(
        "destinations: {d: {log: delta, location: x/}}\npipelines:\n  GitHub: {source: {type: url, url: 'https://x'}, destination: d}\n  git_hub: {source: {type: url, url: 'https://x'}, destination: {log: delta, location: x}}\n",
        &[
            "4:3: the pipeline would share its state with the one at 3:3: at one location, names of pipelines differ in more \
           than capitals and signs",
        ],
    );
    check(
        "tables:\n  a: {location: x, log: delta, format: csv, columns: first}\n  b: {location: x, options: {a: b}}\n  c: {location: [x, y], log: delta}\n  d: {location: ''}\n  e: {location: []}\n  f: {location: x, format: csv, options: {delimiter: ';', header: false}}\n",
        &[
            "2:32: \"format\" has no effect beside \"log\", which knows its files",
            "2:45: \"columns\" has no effect beside \"log\", which knows its files",
            "3:20: \"options\" are those of a \"log\" or a \"format\", and neither is named",
            "4:17: a table of a log has one location",
            "5:17: the location is empty; \".\" is the folder of this file",
            "6:7: expected at least 1 item for \"location\"",
        ],
    );
}

#[test]
fn tables_of_two_catalogs_share_no_location() {
    let text = |second: &str| {
        let first = "log: iceberg, location: data, catalog: cat, namespace: a";
        format!(
            "catalogs: {{cat: {{url: 'sqlite:x'}}}}\ndestinations:\n  one: {{{first}}}\npipelines:\n  p: {{source: {{type: url, \
             url: 'https://x'}}, destination: one}}\n  q: {{source: {{type: url, url: 'https://x'}}, destination: {{{second}}}}}\n"
        )
    };
    for second in [
        "log: iceberg, location: data, catalog: cat, namespace: a",
        "log: iceberg, location: data/b, catalog: cat, namespace: b",
        "log: delta, location: data",
    ] {
        load(&text(second), None).unwrap();
    }
    for second in [
        "log: iceberg, location: data, catalog: cat, namespace: b",
        "log: iceberg, location: ./data/, catalog: cat",
        "log: iceberg, location: x/..//data/., catalog: cat",
        "log: iceberg, location: data",
    ] {
        check(
            &text(second),
            &[
                "6:84: the location is that of the destination at 3:33, which names its tables in another catalog or namespace, \
               so that tables of one name would share their files: give each a location of its own",
            ],
        );
    }
}

#[test]
fn places_are_compared_as_they_are_meant() {
    use stitchwork_project::one_place;
    for (one, other) in [
        ("s3a://b/x/", "s3://b/x"),
        ("s3n://b//x", "s3://b/x"),
        ("abfs://c/x", "az://c/./x"),
        ("file:///srv/x", "/srv/y/../x"),
        ("x/../y", "./y"),
    ] {
        assert_eq!(one_place(one), one_place(other));
    }
    for (one, other) in [("s3://b/x", "gs://b/x"), ("/srv", "srv"), ("../x", "x"), ("s3://b/x", "b/x")] {
        assert_ne!(one_place(one), one_place(other));
    }
}

#[test]
fn options_of_formats() {
    check(
        "tables:\n  a: {location: x, format: csv, options: {delimeter: ';', nullstr: NA, header: {a: b}, null_texts: ['', 'a,b']}}\n  b: {location: x, format: json, options: {nobody: knows}}\n  c: {location: x, log: delta, options: {delimeter: ';'}}\nprofiles:\n  p: {tables: {b: {format: csv}}}\ndestinations:\n  d: {log: files, location: y, write: {format_options: {compresion: zstd}}}\n  e: {log: files, location: y, write: {format: csv, format_options: {compression: gzip}}}\n",
        &[
            "2:43: unknown option \"delimeter\" of \"csv\", did you mean \"delimiter\"?",
            "2:59: unknown option \"nullstr\" of \"csv\", did you mean \"null_texts\"?",
            "2:80: expected a text or a list for \"header\", found a mapping",
            "2:105: a comma divides the items of an option, and none of them can have one",
            "3:44: unknown option \"nobody\" of \"csv\"; known are delimiter, header, null_texts (in the profile \"p\")",
            "8:57: unknown option \"compresion\" of \"parquet\", did you mean \"compression\"?",
            "9:70: unknown option \"compression\" of \"csv\"; known are delimiter, header, null_texts",
        ],
    );
    let text =
        "tables: {a: {location: x, format: csv, options: {null_texts: ['', '${env:N}'], delimiter: ';'}}}";
    let project = load(text, None).unwrap();
    let options = &project.config.tables["a"].options;
    let resolved = options.resolve(&project.resolver(|_| Some("n.a.".to_owned()))).unwrap();
    assert_eq!((resolved["null_texts"].as_str(), resolved["delimiter"].as_str()), (",n.a.", ";"));
    let written = serde_json::to_string(&project.config).unwrap();
    assert_eq!(load(&written, None).unwrap().config, project.config);
}

#[test]
fn rest_sources() {
    check(&source("type: rst\nbase_url: x"), &["4:13: unknown type \"rst\", did you mean \"rest\"?"]);
    check(
        &source("base_url: https://x"),
        &["3:5: missing key \"type\" in \"source\", which is one of rest, url"],
    );
    check(
        &source(
            "type: rest
base_url: ftp://x
auth: {type: baerer}
headers: {'a b': x}
paginator: ofset
allow_cross_origin: yes
requests: {timeout_seconds: 0, max_attempts: 0, backoff_seconds: -1}
streams:
- {name: a, method: get, incremental: {row_order: up, cursor_path: a..b}}
- {name: a, json: {}, table_name: 'x{', primary_key: [a, 'b[0]']}
- {params: [x], paginator: {type: offset, limit: 0, page: 1}}
- name: ''
  incremental: {cursor_path: x, start_in: body, initial_value: {a: 1}}
- {nmae: x, data_selector: '*'}",
        ),
        &[
            "5:17: the base URL begins with https:// or http://",
            "6:20: unknown type \"baerer\", did you mean \"bearer\"?",
            "7:17: this is no name of a header",
            "8:18: unknown value \"ofset\" for \"paginator\", did you mean \"offset\"?",
            "9:27: expected true or false for \"allow_cross_origin\", found a text, did you mean true?",
            "10:35: expected a number from 0.001 on for \"timeout_seconds\"",
            "10:52: expected a number from 1 on for \"max_attempts\"",
            "10:72: expected a number from 0 on for \"backoff_seconds\"",
            "12:27: unknown value \"get\" for \"method\", did you mean \"GET\"?",
            "12:57: unknown value \"up\" for \"row_order\"; known are ascending, descending, none",
            "12:74: a path is $, or keys like a.b, with [\"…\"] around keys that have dots in them",
            "13:9: either all streams of a source are incremental or none, and the one at 12:9 is; put the others into a \
             pipeline of their own",
            "13:16: the stream \"a\" is there already, at 12:16",
            "13:19: a GET has no JSON body; write \"method: POST\"",
            "13:41: a table name template has a `{` without `}`",
            "13:64: a path is $, or keys like a.b, with [\"…\"] around keys that have dots in them",
            "14:9: missing key \"name\"",
            "14:18: expected a mapping for \"params\", found a list",
            "14:56: expected a number from 1 on for \"limit\"",
            "14:59: unknown key \"page\"; known are first, limit, limit_param, offset_param, send_in, total, type",
            "15:15: the text for \"name\" is empty",
            "16:49: a GET has no JSON body for the start value; write \"method: POST\"",
            "16:70: expected a text or a number for \"initial_value\", found a mapping",
            "17:10: unknown key \"nmae\", did you mean \"name\"?",
            "17:34: a path is $, or keys like a.b, with [\"…\"] around keys that have dots in them",
        ],
    );
    check(
        "pipelines:\n  p:\n    source: {type: rest, base_url: 'https://u:canary@h', streams: [{name: issues}]}\n    select: [isues, x]\n    destination: {log: delta, location: d, partition_by: {t: ['day(a', 'week(a)', 'bucket(0, a)', a]}}\n",
        &[
            "3:36: the base URL holds a user or password; write them under \"auth\"",
            "4:14: unknown stream \"isues\", did you mean \"issues\"?",
            "4:21: unknown stream \"x\"; known are issues",
            "5:63: this is no partition field; write a column, year, month, day or hour of one (day(created_at)), bucket(16, id) or truncate(4, name)",
            "5:72: this is no partition field; write a column, year, month, day or hour of one (day(created_at)), bucket(16, id) or truncate(4, name)",
            "5:83: this is no partition field; write a column, year, month, day or hour of one (day(created_at)), bucket(16, id) or truncate(4, name)",
        ],
    );
    check(
        &source("type: rest\nbase_url: https://x\nstreams: []"),
        &["6:7: expected at least 1 item for \"streams\""],
    );
}

#[test]
fn profiles() {
    let text = "profile: dve\nprofiles:\n  dev: {tables: {t: {locaton: x}}}\n  prod: {profile: dev, tables: {t: {format: cvs}}}\n  bad: 3\n  empty:\ntables:\n  t: {location: y, log: 3}\n";
    check(
        text,
        &[
            "1:10: unknown profile \"dve\", did you mean \"dev\"?",
            "3:22: unknown key \"locaton\", did you mean \"location\"? (in the profile \"dev\")",
            "4:10: \"profile\" has no place in a profile",
            "4:37: \"format\" has no effect beside \"log\", which knows its files (in the profile \"prod\")",
            "4:45: unknown format \"cvs\", did you mean \"csv\"? (in the profile \"prod\")",
            "5:8: expected a mapping for \"bad\", found a number",
            "8:25: expected a text for \"log\", found a number; put it into quotes",
        ],
    );
    let found = load("profiles: {dev: {}}", Some("prod")).unwrap_err();
    assert_eq!(found.to_string(), "s.yaml:1:1: unknown profile \"prod\"; known are dev");
    let found = load("tables: {}", Some("prod")).unwrap_err();
    assert_eq!(found.to_string(), "s.yaml:1:1: unknown profile \"prod\"; the file has no profiles");
}

#[test]
fn syntax_errors_stand_beside_what_was_found_before_them() {
    let said = said("a: 1\na: 2\nb: [\n");
    assert_eq!(said[0], "2:1: the key \"a\" is there already, at 1:1; keep one of them");
    assert!(said[1].contains("this is no YAML"), "{said:?}");
}

#[test]
fn an_error_of_core_has_all_of_them() {
    let error = stitchwork_core::Error::from(load("a: 1\nb: 2\n", None).unwrap_err());
    assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidConfig);
    assert_eq!(error.to_string(), "invalid configuration: the project file has 2 mistakes file=s.yaml");
    assert!(format!("{error:?}").contains("s.yaml:2:1: unknown key \"b\""));
}
