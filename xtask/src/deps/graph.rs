//! The resolved graph of packages, in the shape that the rules ask for.

use std::collections::{BTreeMap, BTreeSet};

use crate::Outcome;
use crate::metadata::Metadata;

/// What a dependency is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Kind {
    fn parse(kind: Option<&str>) -> Self {
        match kind {
            Some("dev") => Self::Dev,
            Some("build") => Self::Build,
            _ => Self::Normal,
        }
    }
}

#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// What the manifest names, optional dependencies included.
    pub(super) declared: BTreeSet<(String, Kind)>,
    /// The ids of the packages that it was resolved to, for building or for tests.
    resolved: Vec<(String, BTreeSet<Kind>)>,
}

#[derive(Debug)]
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
    members: BTreeSet<String>,
}

impl Graph {
    pub(super) fn new(metadata: Metadata) -> Outcome<Self> {
        let resolve = metadata.resolve.ok_or("cargo metadata resolved nothing")?;
        let mut edges: BTreeMap<_, _> = resolve.nodes.into_iter().map(|node| (node.id, node.deps)).collect();
        let mut packages = BTreeMap::new();
        for package in metadata.packages {
            // A package that is not resolved belongs to another platform or a feature that is off.
            let Some(deps) = edges.remove(&package.id) else { continue };
            let resolved = deps
                .into_iter()
                .map(|dep| {
                    let kinds = dep.dep_kinds.iter().map(|kind| Kind::parse(kind.kind.as_deref())).collect();
                    (dep.pkg, kinds)
                })
                .collect();
            let declared = package
                .dependencies
                .into_iter()
                .map(|dependency| (dependency.name, Kind::parse(dependency.kind.as_deref())))
                .collect();
            packages.insert(
                package.id,
                Package { name: package.name, version: package.version, declared, resolved },
            );
        }
        Ok(Self { packages, members: metadata.workspace_members.into_iter().collect() })
    }

    /// The packages of the workspace, by name.
    pub(super) fn members(&self) -> Vec<&Package> {
        let mut members: Vec<_> = self.members.iter().filter_map(|id| self.packages.get(id)).collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    pub(super) fn is_member(&self, name: &str) -> bool {
        self.members.iter().filter_map(|id| self.packages.get(id)).any(|package| package.name == name)
    }

    /// The shortest way from a member, along what is built with it, to a package that `wanted`
    /// accepts, as names; `closed` packages are not entered.
    pub(super) fn way(
        &self,
        member: &str,
        closed: &[&str],
        wanted: impl Fn(&Package) -> bool,
    ) -> Option<Vec<&str>> {
        let start =
            self.members.iter().find(|id| self.packages.get(*id).is_some_and(|p| p.name == member))?;
        let mut queue = std::collections::VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::from([start]);
        while let Some(way) = queue.pop_front() {
            let package = way.last().and_then(|id| self.packages.get(*id))?;
            if way.len() > 1 && wanted(package) {
                return Some(
                    way.iter().filter_map(|id| self.packages.get(*id)).map(|p| p.name.as_str()).collect(),
                );
            }
            for (next, kinds) in &package.resolved {
                let built = kinds.iter().any(|kind| *kind != Kind::Dev);
                let open = self.packages.get(next).is_some_and(|p| !closed.contains(&p.name.as_str()));
                if built && open && seen.insert(next) {
                    let mut longer = way.clone();
                    longer.push(next);
                    queue.push_back(longer);
                }
            }
        }
        None
    }

    /// The versions of a package that the workspace reaches, tests included, without passing
    /// through any of the `closed` packages.
    pub(super) fn versions(&self, name: &str, closed: &[&str]) -> BTreeSet<&str> {
        let mut stack: Vec<_> = self.members.iter().collect();
        let mut seen: BTreeSet<_> = stack.iter().copied().collect();
        let mut versions = BTreeSet::new();
        while let Some(package) = stack.pop().and_then(|id| self.packages.get(id)) {
            if package.name == name {
                versions.insert(package.version.as_str());
            }
            if closed.contains(&package.name.as_str()) {
                continue;
            }
            for (next, _) in &package.resolved {
                if seen.insert(next) {
                    stack.push(next);
                }
            }
        }
        versions
    }
}
