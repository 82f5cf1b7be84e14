//! Each rule with a planted violation, and the clean house that it is planted in.

use serde_json::{Value, json};

use super::graph::Graph;
use super::rules::check;

/// A package `name@version`, its dependencies written `name@version`, `dev:…` for tests.
type Planted<'a> = (&'a str, &'a [&'a str]);

const CLEAN: [Planted<'_>; 15] = [
    ("stitchwork-core@0.1.0", &["arrow-array@59.0.0", "object_store@0.13.2"]),
    ("stitchwork-table@0.1.0", &["stitchwork-core@0.1.0", "dev:stitchwork-testkit@0.1.0"]),
    ("stitchwork-testkit@0.1.0", &["stitchwork-core@0.1.0"]),
    ("stitchwork-iceberg-meta@0.1.0", &["iceberg@0.10.1"]),
    ("stitchwork-log-iceberg@0.1.0", &["stitchwork-core@0.1.0", "stitchwork-iceberg-meta@0.1.0"]),
    ("stitchwork-log-delta@0.1.0", &["stitchwork-core@0.1.0", "dev:deltalake-core@1.1.3"]),
    ("stitchwork-catalog-memory@0.1.0", &["stitchwork-core@0.1.0", "stitchwork-iceberg-meta@0.1.0"]),
    ("stitchwork-format-csv@0.1.0", &["stitchwork-core@0.1.0", "dev:stitchwork-catalog-memory@0.1.0"]),
    ("stitchwork-engine-datafusion@0.1.0", &["stitchwork-core@0.1.0", "datafusion@55.2.0"]),
    ("arrow-array@59.0.0", &[]),
    ("arrow-array@58.0.0", &[]),
    ("object_store@0.13.2", &[]),
    ("iceberg@0.10.1", &["arrow-array@58.0.0"]),
    ("deltalake-core@1.1.3", &["arrow-array@59.0.0"]),
    ("datafusion@55.2.0", &["arrow-array@59.0.0", "object_store@0.13.2"]),
];

fn graph(packages: &[Planted<'_>]) -> Graph {
    let name = |id: &str| id.split('@').next().unwrap().to_owned();
    let split = |dep: &str| match dep.strip_prefix("dev:") {
        Some(dep) => (dep.to_owned(), json!("dev")),
        None => (dep.to_owned(), Value::Null),
    };
    let of = |deps: &[&str]| deps.iter().map(|dep| split(dep)).collect::<Vec<_>>();
    let ours = packages.iter().filter(|(id, _)| id.starts_with("stitchwork"));
    let answer = json!({
        "target_directory": "target",
        "workspace_members": ours.map(|(id, _)| id).collect::<Vec<_>>(),
        "packages": packages.iter().map(|(id, deps)| json!({
            "id": id,
            "name": name(id),
            "version": id.split('@').nth(1),
            "dependencies": of(deps).into_iter()
                .map(|(dep, kind)| json!({ "name": name(&dep), "kind": kind })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "resolve": { "nodes": packages.iter().map(|(id, deps)| json!({
            "id": id,
            "deps": of(deps).into_iter()
                .map(|(dep, kind)| json!({ "pkg": dep, "dep_kinds": [{ "kind": kind }] })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>() },
    });
    Graph::new(serde_json::from_value(answer).unwrap()).unwrap()
}

/// The violations after packages of the clean house were replaced or added.
fn violations(planted: &[Planted<'_>]) -> Vec<String> {
    let mut packages: Vec<_> =
        CLEAN.into_iter().filter(|(id, _)| !planted.iter().any(|(other, _)| other == id)).collect();
    packages.extend(planted);
    check(&graph(&packages), 2_000)
}

#[test]
fn the_clean_house_passes() {
    assert_eq!(violations(&[]), [""; 0]);
}

#[test]
fn rule_1_core_names_no_sibling() {
    let found = violations(&[("stitchwork-core@0.1.0", &["dev:stitchwork-testkit@0.1.0"])]);
    assert_eq!(
        found,
        ["rule 1: core names stitchwork-testkit, but it may name no other crate of the workspace"]
    );
}

#[test]
fn rule_1_core_is_thin() {
    assert_eq!(
        check(&graph(&CLEAN), 3_001),
        ["rule 1: core has 3001 lines of code, at most 3000 keep it thin"]
    );
    let many: Vec<String> = (0..11).map(|n| format!("d{n}@1.0.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = violations(&[("stitchwork-core@0.1.0", &many)]);
    assert_eq!(found, ["rule 1: core has 11 direct dependencies, at most 10 keep it thin"]);
}

#[test]
fn rule_1_core_reaches_no_runtime_and_no_format() {
    let found = violations(&[
        ("stitchwork-core@0.1.0", &["tokio@1.0.0", "helper@1.0.0"]),
        ("tokio@1.0.0", &[]),
        ("helper@1.0.0", &["parquet@59.0.0"]),
        ("parquet@59.0.0", &[]),
    ]);
    assert_eq!(
        found,
        [
            "rule 1: core names tokio, which belongs into an implementation",
            "rule 1: core reaches parquet by stitchwork-core → helper → parquet",
        ]
    );
}

#[test]
fn rule_2_no_sibling_implementation() {
    let found = violations(&[
        ("stitchwork-format-json@0.1.0", &["stitchwork-core@0.1.0"]),
        (
            "stitchwork-format-csv@0.1.0",
            &["stitchwork-core@0.1.0", "stitchwork-format-json@0.1.0", "dev:stitchwork-log-delta@0.1.0"],
        ),
    ]);
    assert_eq!(
        found,
        [
            "rule 2: format-csv may name core and objects, but it names format-json, a sibling implementation",
            "rule 2: format-csv may name core and objects, but its tests name log-delta, \
             a sibling implementation",
        ]
    );
}

#[test]
fn rule_2_the_tests_of_a_log_have_data_files() {
    let both = ["stitchwork-core@0.1.0", "dev:stitchwork-format-parquet@0.1.0"];
    let parquet = ("stitchwork-format-parquet@0.1.0", &["stitchwork-core@0.1.0"] as &[&str]);
    assert_eq!(violations(&[parquet, ("stitchwork-log-files@0.1.0", &both)]), [""; 0]);
    assert_eq!(
        violations(&[parquet, ("stitchwork-catalog-sql@0.1.0", &both)]),
        ["rule 2: catalog-sql may name core and iceberg-meta, but its tests name format-parquet, \
          a sibling implementation"]
    );
}

#[test]
fn rule_2_only_the_helper_of_the_own_layer() {
    let found = violations(&[(
        "stitchwork-log-iceberg@0.1.0",
        &["stitchwork-core@0.1.0", "stitchwork-iceberg-meta@0.1.0", "stitchwork-table@0.1.0"],
    )]);
    assert_eq!(
        found,
        [
            "rule 2: log-iceberg may name core and iceberg-meta, commits, but it names table, another layer's crate"
        ]
    );
}

#[test]
fn rule_3_a_heavy_crate_has_one_owner() {
    let found = violations(&[
        ("stitchwork-table@0.1.0", &["dev:datafusion@55.2.0", "deltalake-core@1.1.3"]),
        ("stitchwork-log-iceberg@0.1.0", &["iceberg@0.10.1"]),
    ]);
    assert_eq!(
        found,
        [
            "rule 3: log-iceberg names iceberg, which only iceberg-meta may",
            "rule 3: table names datafusion, which only engine-datafusion and engine-distributed and bench may",
            "rule 3: table names deltalake-core, which only log-delta may",
        ]
    );
}

#[test]
fn rule_4_helpers_name_no_implementation_and_faces_may() {
    let both: &[&str] = &["stitchwork-log-delta@0.1.0", "stitchwork-format-csv@0.1.0"];
    assert_eq!(violations(&[("stitchwork@0.1.0", both), ("stitchwork-cli@0.1.0", both)]), [""; 0]);
    let found = violations(&[("stitchwork-quality@0.1.0", &["stitchwork-log-delta@0.1.0"])]);
    assert_eq!(
        found,
        ["rule 4: quality names the implementation log-delta; \
          only stitchwork, cli, examples, tests and xtask may"]
    );
}

#[test]
fn rule_5_connectors_stay_light() {
    let found = violations(&[
        ("stitchwork-source-ftp@0.1.0", &["stitchwork-core@0.1.0", "handy@1.0.0"]),
        ("handy@1.0.0", &["datafusion@55.2.0"]),
    ]);
    assert_eq!(
        found,
        ["rule 5: source-ftp must stay light, but reaches stitchwork-source-ftp → handy → datafusion"]
    );
}

#[test]
fn rule_6_one_version_at_the_seams() {
    let found = violations(&[
        ("stitchwork-format-csv@0.1.0", &["old@1.0.0"]),
        ("old@1.0.0", &["arrow-array@58.0.0", "object_store@0.12.0"]),
        ("object_store@0.12.0", &[]),
    ]);
    assert_eq!(
        found,
        [
            "rule 6: one version of arrow-array apart from iceberg's is allowed, the build has 58.0.0, 59.0.0",
            "rule 6: one version of object_store is allowed, the build has 0.12.0, 0.13.2",
        ]
    );
}
