//! The schema for editors is the one of the structs, and takes what the check takes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stitchwork_project::{Known, LoadArgs, Project, schema};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// With keys in order, whatever the build has chosen for maps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut pairs: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            pairs.sort_by(|one, two| one.0.cmp(&two.0));
            Value::Object(pairs.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_committed_schema_is_the_one_of_the_structs() {
    let path = examples().join("project.schema.json");
    let current = serde_json::to_string_pretty(&sorted(&schema())).unwrap() + "\n";
    if std::env::var_os("STITCHWORK_WRITE_SCHEMA").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert!(
        read(&path) == current,
        "examples/project.schema.json is not the schema of the structs: run this test with STITCHWORK_WRITE_SCHEMA=1"
    );
}

/// YAML as JSON. The check of this crate is not asked: a flow of JSON is YAML, and the examples are turned by hand.
fn json(text: &str) -> Value {
    yaml::value(text)
}

#[test]
fn the_schema_takes_the_examples_and_refuses_mistakes() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let example = read(&examples().join("github.yaml"));
    let found: Vec<String> =
        validator.iter_errors(&json(&example)).map(|e| format!("{} {e}", e.instance_path())).collect();
    assert_eq!(found, [""; 0]);

    for (from, to) in [
        ("streams:", "straems:"),
        ("type: rest", "type: rst"),
        ("paginator: header_link", "paginator: header_lnk"),
        ("write_disposition: append", "write_disposition: apend"),
        ("log: delta", "log: [delta]"),
        ("optional: true", "optional: maybe"),
        ("location: ./data/github-local", "locaton: ./data/github-local"),
        ("log: iceberg", "log: {a: b}"),
        ("version: 1", "version: 2"),
        ("namespace: github", "namspace: github"),
    ] {
        assert!(example.contains(from), "{from}");
        let broken = example.replacen(from, to, 1);
        assert!(!validator.is_valid(&json(&broken)), "{to}");
        let known = Known::default();
        let args = LoadArgs { file: "s", text: broken.as_bytes(), profile: None, known: &known };
        assert!(Project::load(args).is_err(), "{to}");
    }
}

#[test]
fn the_example_loads_in_each_of_its_profiles() {
    let text = read(&examples().join("github.yaml"));
    let known = Known::default()
        .with("log", ["delta", "iceberg"])
        .with("catalog", ["sqlite"])
        .with("store", ["file", "memory", "s3"]);
    for profile in [None, Some("local"), Some("cloud")] {
        let args = LoadArgs { file: "examples/github.yaml", text: text.as_bytes(), profile, known: &known };
        let project = Project::load(args).unwrap_or_else(|e| panic!("{e}"));
        let (name, pipeline) = project.pipeline(None).unwrap();
        assert_eq!(name, "github");
        let stitchwork_project::Source::Rest(rest) = &pipeline.source else { panic!() };
        let resolver = project.resolver(|name| (name == "BUCKET").then(|| "b".to_owned()));
        let settings = rest.settings(&resolver).unwrap().into_exposed();
        assert_eq!(settings["auth"], Value::Null);
        assert_eq!(settings["streams"][0]["path"], "/repos/apache/arrow/events");
        let config: stitchwork_source_rest::RestConfig = serde_json::from_value(settings).unwrap();
        stitchwork_source_rest::RestSource::new(config).unwrap();
        let needed = project.check_references(&[], &resolver).map_err(|e| e.len());
        assert_eq!(needed, if profile == Some("cloud") { Err(2) } else { Ok(()) });
    }
}

/// A reader of YAML that shares nothing with the check.
mod yaml {
    use saphyr_parser::{Event, Parser, ScalarStyle};
    use serde_json::{Map, Value};

    pub(super) fn value(text: &str) -> Value {
        let mut events = Parser::new_from_str(text).map(|event| event.unwrap().0);
        next(&mut events).unwrap_or(Value::Null)
    }

    fn next<'a>(events: &mut impl Iterator<Item = Event<'a>>) -> Option<Value> {
        loop {
            return match events.next()? {
                Event::Scalar(text, ScalarStyle::Plain, ..) => Some(match text.as_ref() {
                    "" | "~" => Value::Null,
                    text => match serde_json::from_str(text) {
                        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
                        _ => text.into(),
                    },
                }),
                Event::Scalar(text, ..) => Some(text.as_ref().into()),
                Event::SequenceStart(..) => {
                    let mut items = vec![];
                    while let Some(item) = next(events) {
                        items.push(item);
                    }
                    Some(Value::Array(items))
                }
                Event::MappingStart(..) => {
                    let mut fields = Map::new();
                    while let Some(Value::String(key)) = next(events) {
                        fields.insert(key, next(events).unwrap());
                    }
                    Some(Value::Object(fields))
                }
                Event::SequenceEnd | Event::MappingEnd => None,
                _ => continue,
            };
        }
    }
}
