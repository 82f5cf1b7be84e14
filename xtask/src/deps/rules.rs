//! The dependency rules of ARCHITECTURE.md; a violation is one sentence that says what to change.

use super::graph::{Graph, Kind, Package};
use super::layer::{self, CORE, Layer, short};

const CORE_LINES: usize = 3_000;
const CORE_DEPENDENCIES: usize = 10;

/// A family of heavy crates and the crates of ours that may name it.
struct Heavy {
    family: &'static str,
    owners: &'static [&'static str],
}

const HEAVY: [Heavy; 4] = [
    // A benchmark measures it alone, beside the engine.
    Heavy { family: "datafusion", owners: &["engine-datafusion", "engine-distributed", "bench"] },
    Heavy { family: "deltalake", owners: &["log-delta"] },
    Heavy { family: "adbc", owners: &["ffi"] },
    Heavy { family: "iceberg", owners: &["iceberg-meta"] },
];

/// Crates of which the build has one version, and whether `iceberg` may bring another one:
/// its arrow lags behind, and `iceberg-meta` keeps it out of sight.
const SINGLE: [(&str, bool); 5] = [
    ("arrow-array", true),
    ("arrow-schema", true),
    ("parquet", true),
    ("object_store", false),
    ("datafusion", false),
];

/// All violations.
pub(super) fn check(graph: &Graph, core_lines: usize) -> Vec<String> {
    let mut found = core(graph, core_lines);
    for package in graph.members() {
        found.extend(layers(graph, package));
        found.extend(owners(package));
        found.extend(light(graph, package));
    }
    found.extend(versions(graph));
    found
}

/// How many crates core names.
pub(super) fn core_dependencies(graph: &Graph) -> usize {
    graph.members().iter().filter(|package| package.name == CORE).map(|core| normal(core).count()).sum()
}

/// Rule 1: core is thin and names no other crate of the workspace.
fn core(graph: &Graph, lines: usize) -> Vec<String> {
    let mut found = Vec::new();
    let Some(core) = graph.members().into_iter().find(|package| package.name == CORE) else {
        return vec![format!("rule 1: the workspace has no {CORE}")];
    };
    for (name, _) in core.declared.iter().filter(|(name, _)| graph.is_member(name)) {
        found.push(format!("rule 1: core names {name}, but it may name no other crate of the workspace"));
    }
    for name in normal(core).filter(|name| ["tokio", "parquet", "datafusion"].contains(name)) {
        found.push(format!("rule 1: core names {name}, which belongs into an implementation"));
    }
    for heavy in ["parquet", "datafusion"] {
        if let Some(way) = graph.way(CORE, &[], |package| package.name == heavy).filter(|way| way.len() > 2) {
            found.push(format!("rule 1: core reaches {heavy} by {}", way.join(" → ")));
        }
    }
    if lines > CORE_LINES {
        found.push(format!("rule 1: core has {lines} lines of code, at most {CORE_LINES} keep it thin"));
    }
    let dependencies = core_dependencies(graph);
    if dependencies > CORE_DEPENDENCIES {
        found.push(format!(
            "rule 1: core has {dependencies} direct dependencies, at most {CORE_DEPENDENCIES} keep it thin"
        ));
    }
    found
}

/// Rules 2 and 4: who may name whom inside the workspace.
fn layers(graph: &Graph, package: &Package) -> Vec<String> {
    let ours: Vec<_> = package.declared.iter().filter(|(name, _)| graph.is_member(name)).collect();
    let name = short(&package.name);
    let mut found = Vec::new();
    match layer::of(&package.name) {
        Layer::Core | Layer::Face => {}
        Layer::Implementation(helpers) => {
            for (other, kind) in &ours {
                let other = short(other);
                let for_tests = *kind == Kind::Dev && layer::may_test_with(&package.name, other);
                if other == "core" || helpers.contains(&other) || for_tests {
                    continue;
                }
                let what = if layer::is_implementation(other) {
                    "a sibling implementation"
                } else {
                    "another layer's crate"
                };
                let how = if *kind == Kind::Dev { "its tests name" } else { "it names" };
                let helpers =
                    if helpers.is_empty() { String::new() } else { format!(" and {}", helpers.join(", ")) };
                found.push(format!("rule 2: {name} may name core{helpers}, but {how} {other}, {what}"));
            }
        }
        Layer::Helper(helpers) => {
            for (other, kind) in &ours {
                let other = short(other);
                if *kind == Kind::Dev || other == "core" || helpers.contains(&other) {
                    continue;
                }
                if layer::is_implementation(other) {
                    found.push(format!(
                        "rule 4: {name} names the implementation {other}; only stitchwork, cli, examples, tests and xtask may"
                    ));
                } else {
                    found.push(format!("rule 2: {name} is shared by others and may not name {other}"));
                }
            }
        }
    }
    found
}

/// Rule 3: a heavy crate has one owner, tests included.
fn owners(package: &Package) -> Vec<String> {
    let mut found = Vec::new();
    for heavy in HEAVY.iter().filter(|heavy| !heavy.owners.contains(&short(&package.name))) {
        for (other, _) in package.declared.iter().filter(|(other, _)| in_family(other, heavy.family)) {
            found.push(format!(
                "rule 3: {} names {other}, which only {} may",
                short(&package.name),
                heavy.owners.join(" and ")
            ));
        }
    }
    found
}

/// Rule 5: a connector compiles in seconds, so no heavy crate is behind it.
fn light(graph: &Graph, package: &Package) -> Vec<String> {
    if !layer::is_light(&package.name) {
        return Vec::new();
    }
    // A catalog may know Iceberg's metadata, through the seam.
    let catalog = short(&package.name).starts_with("catalog-");
    let closed: &[&str] = if catalog { &["stitchwork-iceberg-meta"] } else { &[] };
    let heavy = |package: &Package| HEAVY.iter().any(|heavy| in_family(&package.name, heavy.family));
    let way = graph.way(&package.name, closed, heavy);
    let found = way.map(|way| {
        format!("rule 5: {} must stay light, but reaches {}", short(&package.name), way.join(" → "))
    });
    found.into_iter().collect()
}

/// Rule 6: one version of what crosses our seams.
fn versions(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (name, iceberg_may_differ) in SINGLE {
        let closed: &[&str] = if iceberg_may_differ { &["iceberg"] } else { &[] };
        let versions: Vec<_> = graph.versions(name, closed).into_iter().collect();
        if versions.len() > 1 {
            let apart = if iceberg_may_differ { " apart from iceberg's" } else { "" };
            found.push(format!(
                "rule 6: one version of {name}{apart} is allowed, the build has {}",
                versions.join(", ")
            ));
        }
    }
    found
}

fn normal(package: &Package) -> impl Iterator<Item = &str> {
    package.declared.iter().filter(|(_, kind)| *kind == Kind::Normal).map(|(name, _)| name.as_str())
}

fn in_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}
