//! Nothing shows a secret.
#![expect(clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::fs;

use stitchwork_project::{Config, Engine, Known, LoadArgs, Options, Project, Secret, Source, Text};

const CANARY: &str = "c4n4ry";

/// A file with a canary wherever a secret can stand.
const FILE: &str = r#"
stores:
  s3://: {secret_access_key: c4n4ry1, session_token: "${env:T:-c4n4ry2}", region: eu-west-1}
catalogs:
  pg: {url: "postgres://me:c4n4ry3@host/db?sslmode=require", options: {password: c4n4ry4}}
  pg2: {url: "postgres://me:c4n4ry5${env:HALF}@host/db"}
  other: {url: "other:me:c4n4ryI${env:HALF}c4n4ryJ@host/db"}
  slash: {url: "other:/me:c4n4ryK@host/db"}
engine: {type: postgresql, url: "postgresql://me:c4n4ry/6?@host/db", options: {api_key: c4n4ry7}}
pipelines:
  a:
    source:
      type: rest
      base_url: https://h/v1?token=c4n4ry8
      headers: {X-Anything: c4n4ry9}
      auth: {type: bearer, token: c4n4ryA}
      streams:
        - {name: s, path: "/x?page=1&access_token=c4n4ryB", params: {key: c4n4ryC, per_page: 100}}
    destination: {log: delta, location: d, write: {format_options: {footer_key: c4n4ryD}}}
  b:
    source:
      type: rest
      base_url: https://h
      auth: {type: basic, username: me, password: "${file:secret.txt}"}
      streams: [{name: s, path: "/x?page=${env:P:-1}&sig=c4n4ryE"}]
    destination: {log: delta, location: "s3://k:c4n4ryF@bucket/d"}
  c:
    source: {type: url, url: "https://u:c4n4ryG@h", options: {client_secret: c4n4ryH}}
    destination: {log: delta, location: c}
"#;

fn load(file: &str, text: &str) -> Project {
    let known = Known::default();
    Project::load(LoadArgs { file, text: text.as_bytes(), profile: None, known: &known })
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_project_shows_none() {
    let project = load("s.yaml", FILE);
    let shown = format!(
        "{project:?} {project:#?} {:?} {:?} {}",
        project.config,
        project.references(),
        serde_json::to_string(&project.config).unwrap()
    );
    assert!(!shown.contains(CANARY), "{shown}");
    // What is no secret can be read.
    for plain in ["eu-west-1", "per_page", "${env:HALF}", "${file:secret.txt}", "sslmode=require", "page=1"] {
        assert!(shown.contains(plain), "{plain}: {shown}");
    }
}

#[test]
fn what_was_resolved_shows_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret.txt"), format!("{CANARY} file\r\n\n")).unwrap();
    let file = folder.path().join("s.yaml").to_str().unwrap().to_owned();
    let project = load(&file, FILE);
    let resolver = project.resolver(|name| Some(format!("{CANARY} {name}")));
    let Source::Rest(rest) = &project.config.pipelines["b"].source else { panic!() };
    let settings = rest.settings(&resolver).unwrap();
    let secret = Secret::literal(CANARY);
    let exposed = secret.resolve(&resolver).unwrap();
    let text = Text::literal(CANARY).resolve(&resolver).unwrap();
    let shown =
        format!("{settings:?} {resolver:?} {secret:?} {secret} {exposed:?} {exposed} {text:?} {text}");
    assert!(!shown.contains(CANARY), "{shown}");
    assert_eq!(settings.into_exposed()["auth"]["password"], format!("{CANARY} file"));
    assert_eq!(exposed.expose(), CANARY);
}

#[test]
fn mistakes_show_none() {
    let broken = [
        "stores: {s3://: {secret_access_key: [c4n4ry]}}",
        "stores: {s3://: {secret_access_key: '${c4n4ry}'}}",
        "stores: {s3://: {secret_access_key: 'a${c4n4ry'}}",
        "stores: {s3://: {secret_access_key: '${env:c4n4ry c4n4ry}'}}",
        "catalogs: {c: {url: [postgres://me:c4n4ry@h]}}",
        "catalogs: {c: {url: 'me:c4n4ry@h'}}",
        "engine: {type: x, url: 'y:c4n4ry'}",
        "pipelines: {p: {source: {type: rest, base_url: 'http://me:c4n4ry@h', auth: c4n4ry, headers: {a: [c4n4ry]}, streams: [c4n4ry]}}}",
        "pipelines: {p: {source: {type: rest, auth: {type: bearer, token: {a: c4n4ry}}}}}",
        "pipelines: {p: {source: {type: url, url: '${c4n4ry}'}}}",
        "pipelines: {p: {source: {type: url, url: 'c4n4ry'}}}",
        "stores: {s3://: {secret_access_key: 'c4n4ry}}",
        "stores: {s3://: {secret_access_key: \"c4n4ry\\q\"}}",
        "stores: {s3://: {secret_access_key: !c4n4ry c4n4ry}}",
    ];
    let known = Known::default().with("source", ["x"]).with("catalog", ["sqlite"]).with("engine", ["x"]);
    for text in broken {
        let found =
            Project::load(LoadArgs { file: "s", text: text.as_bytes(), profile: None, known: &known });
        let found = found.map(|_| panic!("{text} is taken")).unwrap_err();
        let shown = format!("{found} {found:?} {:?}", stitchwork_core::Error::from(found.clone()));
        assert!(!shown.contains(CANARY), "{text}\n{shown}");
    }
}

#[test]
fn references_that_lead_nowhere_are_told_at_once_and_late() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml").to_str().unwrap().to_owned();
    fs::write(folder.path().join("binary"), b"\xFFc4n4ry").unwrap();
    fs::write(folder.path().join("huge"), vec![b'x'; (1 << 20) + 1]).unwrap();
    let text = "catalogs:\n  a: {url: '${env:A}'}\n  b: {url: '${env:B}${file:none}'}\n  c: {url: '${file:binary}'}\n  d: {url: '${file:huge}'}\n  e: {url: '${env:E:-x:}'}\n  f: {url: '${file:none:-y:}'}\n";
    // Loading looks nothing up.
    let project = load(&file, text);
    let resolver = project.resolver(|name| (name == "B").then(|| "b:".to_owned()));
    let found = project.check_references(&[], &resolver).unwrap_err();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let expected = [
        "2:12: the environment variable A is not set; set it, or give a default: ${env:A:-…}".to_owned(),
        format!("3:12: the file {} is not there; make it, or mend its path", at("none")),
        format!("4:12: the file {} cannot be used: it is no UTF-8", at("binary")),
        format!("5:12: the file {} cannot be used: it is longer than 1048576 bytes", at("huge")),
    ];
    let expected = expected.map(|line| format!("{file}:{line}"));
    assert_eq!(found.to_string().lines().collect::<Vec<_>>(), expected);
    assert!(project.check_references(&["catalogs.e", "catalogs.f"], &resolver).is_ok());
    assert_eq!(project.check_references(&["catalogs.a"], &resolver).unwrap_err().len(), 1);

    let error = project.config.catalogs["a"].open_url(&resolver).unwrap_err();
    assert_eq!(error.context("at"), Some(format!("{file}:2:12").as_str()));
    assert_eq!(project.config.catalogs["e"].open_url(&resolver).unwrap().url, "x:");
    assert_eq!(project.config.catalogs["f"].open_url(&resolver).unwrap().url, "y:");
}

#[test]
fn what_is_empty_is_told_unless_the_file_says_that_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml").to_str().unwrap().to_owned();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    let text = "stores:\n  s3://: {a: '${env:A}'}\n  gs://: {b: '${file:empty}'}\n  az://: {c: '${env:A:-}', d: '${file:empty:-d}'}\n";
    let project = load(&file, text);
    let resolver = project.resolver(|_| Some(String::new()));
    let found = project.check_references(&[], &resolver).unwrap_err();
    let expected = [
        format!(
            "{file}:2:14: the environment variable A is empty; fill it in, or say that it may be: ${{env:A:-}}"
        ),
        format!(
            "{file}:3:14: the file {} is empty; fill it in, or say that it may be: ${{file:empty:-}}",
            folder.path().join("empty").display()
        ),
    ];
    assert_eq!(found.to_string().lines().collect::<Vec<_>>(), expected);
    let options = project.config.stores["az://"].resolve(&resolver).unwrap();
    assert_eq!((options["c"].as_str(), options["d"].as_str()), ("", "d"));
}

#[cfg(unix)]
#[test]
fn what_can_be_read_once_is_read_by_whoever_uses_it_and_kept() {
    use std::sync::{Arc, Mutex};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.yaml").to_str().unwrap().to_owned();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(folder.path().join("plain"), "plain\n").unwrap();
    let project = load(&file, "stores: {s3://: {a: '${file:pipe}', b: '${file:pipe}', c: '${file:plain}'}}");
    let told = Arc::new(Mutex::new(vec![]));
    let listener = told.clone();
    let resolver =
        project.resolver(|_| None).on_read(move |text| listener.lock().unwrap().push(text.to_owned()));
    // Nobody writes to the pipe yet, and looking does not wait for it.
    let seen: Vec<_> = project.references().iter().map(|reference| resolver.peek(reference)).collect();
    assert_eq!(seen, [None, None, Some("plain".to_owned())]);
    let writer = std::thread::spawn(move || fs::write(pipe, "piped\n"));
    project.check_references(&[], &resolver).unwrap();
    writer.join().unwrap().unwrap();
    let options = project.config.stores["s3://"].resolve(&resolver).unwrap();
    assert_eq!((options["a"].as_str(), options["b"].as_str()), ("piped", "piped"));
    let told = told.lock().unwrap();
    assert!(told.iter().any(|text| text == "piped") && told.iter().any(|text| text == "plain"), "{told:?}");
}

#[test]
fn what_a_file_says_openly_is_told_from_what_it_refers_to() {
    let text = "pipelines:\n  git.hub: {source: {type: rest, base_url: 'https://h', streams: [{name: s, path: '/${env:OWNER}/x'}]}, destination: {log: delta, location: d}}\n";
    let project = load("s.yaml", text);
    assert!(
        project.says("git.hub") && project.says("rest") && !project.says("OWNER") && !project.says("canary")
    );
    let path = &project.references()[0].path;
    assert_eq!(project.keys(path), ("pipelines", "source.streams.0.path"));
    assert_eq!(project.keys("engine.url"), ("engine", "url"));
}

#[test]
fn credentials_may_be_left_out_only_where_that_is_said() {
    let text = |optional: &str| {
        format!(
            "pipelines:\n  p:\n    source: {{type: rest, base_url: 'https://h', auth: {{type: bearer, token: '${{env:T:-}}'{optional}}}, streams: [{{name: s}}]}}\n    destination: {{log: delta, location: d}}\n"
        )
    };
    let settings = |optional: &str, token: Option<&'static str>| {
        let project = load("s.yaml", &text(optional));
        let resolver = project.resolver(move |_| token.map(str::to_owned));
        let Source::Rest(rest) = &project.config.pipelines["p"].source else { panic!() };
        rest.settings(&resolver).map(|settings| settings.into_exposed()["auth"].clone())
    };
    assert_eq!(settings(", optional: true", None).unwrap(), serde_json::Value::Null);
    assert_eq!(settings(", optional: true", Some("")).unwrap(), serde_json::Value::Null);
    assert_eq!(settings(", optional: true", Some("x")).unwrap()["token"], "x");
    assert_eq!(settings("", Some("x")).unwrap()["token"], "x");
    let error = settings("", None).unwrap_err();
    assert_eq!(error.context("at"), Some("s.yaml:3:77"));
}

#[test]
fn a_secret_that_was_left_out_is_not_read_again() {
    let config = load("s.yaml", FILE).config;
    let written = serde_json::to_string(&config).unwrap();
    assert!(serde_json::from_str::<Config>(&written).is_err());
    let known = Known::default();
    let args = LoadArgs { file: "s", text: written.as_bytes(), profile: None, known: &known };
    let found = Project::load(args).unwrap_err().to_string();
    assert!(found.contains("the secret was left out when this was written; fill it in again"), "{found}");
    assert_eq!(Engine::default().options, Options::default());
}
