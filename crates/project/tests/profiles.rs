//! How profiles are laid over a file.
#![expect(clippy::panic, reason = "a helper of a test fails the test by panicking")]

use stitchwork_project::{Auth, DestinationRef, Known, LoadArgs, Project, Source, SqlName};

const FILE: &str = r"
profile: dev
x-write: &write {format: parquet, target_file_bytes: 1000}
engine: duckdb
destinations:
  house: {log: delta, location: ./data, properties: {a: '1', b: '2'}, write: {<<: *write, read_ahead: 3}}
pipelines:
  p:
    source:
      type: rest
      base_url: https://h
      auth: {type: bearer, token: '${env:T}'}
      streams: [{name: a}, {name: b}]
    destination: house
  q: {source: {type: url, url: 'https://h'}, destination: {log: delta, location: ./q}}
profiles:
  dev: {}
  prod:
    engine: {type: datafusion, options: {batch_size: 10}}
    destinations:
      house: {location: 's3://b/data', properties: {b: ~, c: '3'}}
      other: {log: iceberg, location: ./o}
    pipelines:
      p:
        source:
          auth: {type: basic, username: u, password: '${env:P}'}
          streams: [{name: c}]
        write_disposition: replace
      q: ~
";

fn load(profile: Option<&str>) -> Project {
    let known = Known::default();
    Project::load(LoadArgs { file: "s.yaml", text: FILE.as_bytes(), profile, known: &known })
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_default_profile_is_the_one_that_the_file_names() {
    let project = load(None);
    assert_eq!(
        (project.profile(), project.profiles()),
        (Some("dev"), &["dev".to_owned(), "prod".to_owned()][..])
    );
    assert_eq!(project.config.engine.kind, "duckdb");
    assert_eq!(project.config.pipelines.len(), 2);
    let house = &project.config.destinations["house"];
    assert_eq!((house.write.target_file_bytes, house.write.read_ahead), (Some(1000), Some(3)));
    let names: Vec<&str> = project.sql_names().map(|(name, _)| name).collect();
    assert_eq!(names, ["house", "q"]);
    assert!(project.sql_names().all(|(_, what)| matches!(what, SqlName::Destination(_))));
    assert_eq!(project.references().len(), 1);
}

#[test]
fn mappings_are_merged_lists_replaced_and_nulls_taken_away() {
    let project = load(Some("prod"));
    let config = &project.config;
    assert_eq!((config.engine.kind.as_str(), config.engine.options.0.len()), ("datafusion", 1));
    let house = &config.destinations["house"];
    assert_eq!((house.log.as_str(), house.location.to_string().as_str()), ("delta", "s3://b/data"));
    assert_eq!(house.properties.keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(house.write.target_file_bytes, Some(1000));
    assert_eq!(config.destinations["other"].log, "iceberg");
    assert_eq!(config.pipelines.keys().collect::<Vec<_>>(), ["p"]);
    let Source::Rest(rest) = &config.pipelines["p"].source else { panic!() };
    assert_eq!(rest.base_url.to_string(), "https://h");
    assert_eq!(rest.streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>(), ["c"]);
    // The token of the other type is gone, and so is what it refers to.
    assert!(matches!(rest.auth, Some(Auth::Basic { .. })));
    assert_eq!(project.references()[0].path, "pipelines.p.source.auth.password");
}

#[test]
fn places_are_those_of_the_layer_that_speaks() {
    let project = load(Some("prod"));
    assert_eq!(project.place("destinations.house.log").to_string(), "6:11");
    assert_eq!(project.place("destinations.house.location").to_string(), "21:15");
    assert_eq!(project.place("pipelines.p.source.streams.0.name").to_string(), "27:22");
    // What is not written is where it would be.
    assert_eq!(project.place("destinations.house.namespace").to_string(), "21:7");
    assert_eq!(project.place("nothing").to_string(), "1:1");
    let error = project.at("destinations.house.log", stitchwork_core::Error::not_found("x"));
    assert_eq!(error.context("at"), Some("s.yaml:6:11"));
}

#[test]
fn pipelines_and_their_destinations_are_found() {
    let project = load(None);
    let (name, pipeline) = project.pipeline(Some("p")).unwrap();
    assert_eq!((name, &pipeline.destination), ("p", &DestinationRef::Name("house".to_owned())));
    assert_eq!(project.destination(pipeline).unwrap().log, "delta");
    assert_eq!(project.pipeline(None).unwrap_err().kind(), stitchwork_core::ErrorKind::InvalidInput);
    assert_eq!(project.pipeline(Some("x")).unwrap_err().context("known"), Some("p,q"));
    let named = "pipelines: {shop: {source: {type: rest, base_url: 'https://h', streams: [{name: s}]}, destination: {log: l, location: d}}}";
    let known = Known::default();
    let args = LoadArgs { file: "s.yaml", text: named.as_bytes(), profile: None, known: &known };
    let error = Project::load(args).unwrap().pipeline(Some("shpo")).unwrap_err();
    assert_eq!(error.context("did_you_mean"), Some("shop"));
    assert_eq!(load(Some("prod")).pipeline(None).unwrap().0, "p");
}
