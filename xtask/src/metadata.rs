//! What `cargo metadata` says, in the parts that we read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str;

use serde::Deserialize;

use crate::Outcome;
use crate::workspace::{self, Workspace};

/// The answer of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Option<Resolve>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) targets: Vec<Target>,
    /// With what each one switches on.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

impl Package {
    /// The names of its integration tests.
    pub(crate) fn tests(&self) -> impl Iterator<Item = &str> {
        let tests = self.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "test"));
        tests.map(|target| target.name.as_str())
    }
}

/// What cargo builds of a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

/// A dependency as the manifest declares it, switched on or not.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<NodeDep>,
}

/// A dependency as it was resolved.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeDep {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<DepKind>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DepKind {
    pub(crate) kind: Option<String>,
}

/// The packages of the workspace without their dependencies: quick, and nothing is resolved.
pub(crate) fn members_only(workspace: &Workspace) -> Outcome<Metadata> {
    read(workspace, &["metadata", "--format-version", "1", "--no-deps"])
}

/// The package of a manifest that may lie outside of the workspace.
pub(crate) fn of_folder(workspace: &Workspace, manifest: &Path) -> Outcome<Package> {
    let shown = manifest.display().to_string();
    let found =
        read(workspace, &["metadata", "--format-version", "1", "--no-deps", "--manifest-path", &shown])?;
    let place = workspace.root.join(manifest).canonicalize();
    let place = place.map_err(|e| format!("{shown} cannot be read: {e}"))?;
    found
        .packages
        .into_iter()
        .find(|package| package.manifest_path == place)
        .ok_or_else(|| format!("{shown} is the manifest of no package"))
}

/// The whole resolved graph for this machine's platform.
pub(crate) fn resolved(workspace: &Workspace) -> Outcome<Metadata> {
    let host = host()?;
    read(workspace, &["metadata", "--format-version", "1", "--filter-platform", &host])
}

fn read(workspace: &Workspace, args: &[&str]) -> Outcome<Metadata> {
    let answer = workspace::capture(&mut workspace.cargo(args))?;
    serde_json::from_slice(&answer).map_err(|e| format!("cargo metadata answered what we cannot read: {e}"))
}

/// The platform of the compiler, so that cargo fetches no crate for another one.
fn host() -> Outcome<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let answer = workspace::capture(std::process::Command::new(rustc).arg("-vV"))?;
    let text = str::from_utf8(&answer).map_err(|e| format!("rustc -vV answered what we cannot read: {e}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_of_a_workspace_of_its_own_has_its_tests() {
        let workspace = Workspace::find().unwrap();
        let package = of_folder(&workspace, Path::new("examples/third-party-connector/Cargo.toml")).unwrap();
        assert_eq!(package.name, "third-party-connector");
        assert_eq!(package.tests().collect::<Vec<_>>(), ["format", "source"]);
        assert!(of_folder(&workspace, Path::new("examples/Cargo.lock")).is_err());
    }
}
