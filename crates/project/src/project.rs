//! A project file that was read and has no mistake.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use stitchwork_core::{Error, Result};

use crate::check::nearest;
use crate::config::{Config, Destination, DestinationRef, Pipeline};
use crate::{Catalog, Diagnostics, LoadArgs, Place, Reference, Resolver, Table, load};

/// A project file that was read and has no mistake. Nothing that it refers to (`${env:…}`, `${file:…}`) was read yet.
#[derive(Clone)]
pub struct Project {
    /// What the file says, with the profile laid over it.
    pub config: Config,
    pub(crate) file: String,
    pub(crate) profile: Option<String>,
    pub(crate) profiles: Vec<String>,
    /// Where each value is, by the keys that lead to it, joined by dots.
    pub(crate) places: BTreeMap<String, Place>,
    pub(crate) references: Vec<Reference>,
    /// The text of the file without its references.
    pub(crate) plain: String,
}

/// What a name in SQL stands for, as [`Project::sql_names`] tells it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum SqlName<'a> {
    /// The tables of a catalog: `name.namespace.table`.
    Catalog(&'a Catalog),
    /// The tables of a destination: `name.table`.
    Destination(&'a Destination),
    /// One table, or a set of files.
    Table(&'a Table),
}

impl Project {
    /// Reads a project file and checks all of it, in the view of each of its profiles.
    ///
    /// # Errors
    /// Every mistake with its place.
    pub fn load(args: LoadArgs<'_>) -> Result<Self, Diagnostics> {
        load::load(args)
    }

    /// The path of the file, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The folder that relative paths of the file start from: the one that the file is in.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        Path::new(&self.file).parent().map(Path::to_owned).unwrap_or_default()
    }

    /// The profile that is in use.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The profiles that the file has.
    #[must_use]
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// The pipeline of a name; the only one when no name is given.
    ///
    /// # Errors
    /// `NotFound` with the names that there are, or `InvalidInput` when several could be meant.
    pub fn pipeline(&self, name: Option<&str>) -> Result<(&str, &Pipeline)> {
        if self.config.pipelines.is_empty() {
            return Err(Error::invalid_config(
                "the project has no pipeline; add one below `pipelines`, as the file of `stitchwork init` has it",
            )
            .with_context("file", &self.file));
        }
        let names = || self.config.pipelines.keys().cloned().collect::<Vec<_>>().join(",");
        let found = match name {
            Some(name) => self.config.pipelines.get_key_value(name),
            None if self.config.pipelines.len() > 1 => {
                return Err(Error::invalid_input("the project has several pipelines; name one of them")
                    .with_context("pipelines", names()));
            }
            None => self.config.pipelines.iter().next(),
        };
        found.map(|(name, pipeline)| (name.as_str(), pipeline)).ok_or_else(|| {
            let name = name.unwrap_or("any");
            let error = Error::not_found("the project has no such pipeline")
                .with_context("file", &self.file)
                .with_context("pipeline", name)
                .with_context("known", names());
            match nearest(name, self.config.pipelines.keys().map(String::as_str)) {
                Some(near) => error.with_context("did_you_mean", near),
                None => error,
            }
        })
    }

    /// The destination of a pipeline: its own, or the named one.
    ///
    /// # Errors
    /// `NotFound` for a name without a destination, which a file that was loaded does not have.
    pub fn destination<'a>(&'a self, pipeline: &'a Pipeline) -> Result<&'a Destination> {
        match &pipeline.destination {
            DestinationRef::Inline(destination) => Ok(destination),
            DestinationRef::Name(name) => self.config.destinations.get(name).ok_or_else(|| {
                Error::not_found("the project has no such destination").with_context("destination", name)
            }),
        }
    }

    /// The names that SQL knows: catalogs, destinations and tables by their own names, and the destination that is
    /// written inside of a pipeline by the pipeline's name.
    pub fn sql_names(&self) -> impl Iterator<Item = (&str, SqlName<'_>)> {
        let Config { catalogs, destinations, pipelines, tables, .. } = &self.config;
        let catalogs = catalogs.iter().map(|(name, catalog)| (name.as_str(), SqlName::Catalog(catalog)));
        let destinations = destinations.iter().map(|(name, d)| (name.as_str(), SqlName::Destination(d)));
        let inline = pipelines.iter().filter_map(|(name, pipeline)| match &pipeline.destination {
            DestinationRef::Inline(destination) => Some((name.as_str(), SqlName::Destination(destination))),
            DestinationRef::Name(_) => None,
        });
        let tables = tables.iter().map(|(name, table)| (name.as_str(), SqlName::Table(table)));
        catalogs.chain(destinations).chain(inline).chain(tables)
    }

    /// Where a value is in the file, by the keys that lead to it (`pipelines.github.source.streams.0.path`); the
    /// nearest value around it where it is not written.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return Place { line: 1, column: 1 },
            }
        }
    }

    /// An error with the place that it is about, for what is found out only when the settings are used.
    #[must_use]
    pub fn at(&self, path: &str, error: Error) -> Error {
        error.with_context("at", format!("{}:{}", self.file, self.place(path)))
    }

    /// Everything that the file refers to, in the view of the profile in use.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The place of a value by names of the user and by keys that the file's layout has: for
    /// `pipelines.github.source.base_url` the section `pipelines` and the keys `source.base_url`.
    #[must_use]
    pub fn keys<'a>(&self, path: &'a str) -> (&'a str, &'a str) {
        let Config { stores, catalogs, destinations, pipelines, tables, .. } = &self.config;
        let (section, rest) = path.split_once('.').unwrap_or((path, ""));
        let named: Vec<&String> = match section {
            "stores" => stores.keys().collect(),
            "catalogs" => catalogs.keys().collect(),
            "destinations" => destinations.keys().collect(),
            "pipelines" => pipelines.keys().collect(),
            "tables" => tables.keys().collect(),
            _ => vec![],
        };
        // A name may have dots in it.
        let behind = named.iter().filter_map(|name| rest.strip_prefix(name.as_str())?.strip_prefix('.'));
        (section, behind.min_by_key(|behind| behind.len()).unwrap_or(rest))
    }

    /// Whether the file itself has a text in plain letters, outside of its references: what it says openly is no secret.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.plain.contains(text)
    }

    /// What resolves the references of this file: variables by a function, since a library reads no environment, and
    /// files beside the project file.
    #[must_use]
    pub fn resolver(&self, env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Resolver {
        Resolver::new(self.file.clone(), env)
    }

    /// Resolves every reference below some paths (`pipelines.github`; all of the file when empty) and forgets what it
    /// found: for a check before anything is done.
    ///
    /// # Errors
    /// Every reference that leads nowhere or to nothing, with its place.
    pub fn check_references(&self, paths: &[&str], resolver: &Resolver) -> Result<(), Diagnostics> {
        let mut diagnostics = Diagnostics::new(&self.file);
        let wanted = |reference: &&Reference| {
            let is_below = |path: &&str| {
                reference
                    .path
                    .strip_prefix(*path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            paths.is_empty() || paths.iter().any(is_below)
        };
        for reference in self.references.iter().filter(wanted) {
            // Of credentials it is told later, when it is known whether they may be left out.
            let may_be_empty = self.keys(&reference.path).1.starts_with("source.auth.");
            if let Err(message) = resolver.look_up(reference, may_be_empty) {
                diagnostics.add(reference.place, message);
            }
        }
        diagnostics.into_result()
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project")
            .field("file", &self.file)
            .field("profile", &self.profile)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
