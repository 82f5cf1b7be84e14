//! What is at hand, by name: a value that the application builds and passes on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::stores::names;
use crate::{
    Catalog, Engine, Error, ErrorKind, Format, Formats, LogFactory, Options, Result, Source, Stores,
};

/// What to open: a URL and options by name.
#[derive(Debug, Clone, Default)]
pub struct OpenUrl {
    /// The URL; its scheme has chosen the factory (`sqlite:///path/catalog.db`).
    pub url: String,
    /// Options by name; an unknown one is an error.
    pub options: Options,
}

impl OpenUrl {
    /// A URL without options.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Options::new() }
    }

    /// The part before the first colon.
    pub fn scheme(&self) -> &str {
        self.url.split(':').next().unwrap_or_default()
    }
}

/// Opens something by URL.
pub type Opener<T> = Arc<dyn Fn(OpenUrl) -> BoxFuture<'static, Result<Arc<T>>> + Send + Sync>;

/// The implementations that are at hand. Each crate has `register(&mut Registry)`.
#[derive(Clone, Default)]
pub struct Registry {
    stores: Stores,
    formats: Formats,
    logs: BTreeMap<String, Arc<dyn LogFactory>>,
    catalogs: BTreeMap<String, Opener<dyn Catalog>>,
    engines: BTreeMap<String, Opener<dyn Engine>>,
    sources: BTreeMap<String, Opener<dyn Source>>,
}

/// What is opened by URL has two methods: one that adds a kind of it, one that opens it.
macro_rules! openers {
    ($role:ident $trait:ident $map:ident $register:ident, $what:literal, $examples:literal) => {
        #[doc = concat!("Adds a kind of ", stringify!($role), ".")]
        /// # Errors
        /// `AlreadyExists` when the scheme is taken.
        pub fn $register(&mut self, scheme: &str, opener: Opener<dyn $trait>) -> Result<()> {
            insert(&mut self.$map, stringify!($role), scheme, opener)
        }

        #[doc = concat!("Opens ", $what, " (", $examples, ").")]
        /// # Errors
        /// `NotFound` for an unknown scheme, or what opening says.
        pub async fn $role(&self, open: OpenUrl) -> Result<Arc<dyn $trait>> {
            find(&self.$map, stringify!($role), open.scheme())?(open).await
        }
    };
}

impl Registry {
    /// A registry with the stores `file` and `memory`, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stores; further ones are added with [`Stores::register`].
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The formats.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// Adds a format under its scheme.
    /// # Errors
    /// `AlreadyExists` when the name is taken.
    pub fn register_format(&mut self, format: Arc<dyn Format>) -> Result<()> {
        let scheme = format.info().scheme;
        if self.formats.get(scheme).is_ok() {
            return Err(taken("format", scheme));
        }
        self.formats = std::mem::take(&mut self.formats).with(format);
        Ok(())
    }

    /// Adds a kind of log under its scheme.
    /// # Errors
    /// `AlreadyExists` when the name is taken.
    pub fn register_log(&mut self, factory: Arc<dyn LogFactory>) -> Result<()> {
        insert(&mut self.logs, "log", factory.info().scheme, factory)
    }

    /// The logs of a scheme.
    /// # Errors
    /// `NotFound`, with the known schemes.
    pub fn log(&self, scheme: &str) -> Result<Arc<dyn LogFactory>> {
        find(&self.logs, "log", scheme).cloned()
    }

    openers!(catalog Catalog catalogs register_catalog, "a catalog", "`memory:`, `sqlite:///path/catalog.db`");
    openers!(engine Engine engines register_engine, "an engine", "`datafusion:`");
    openers!(source Source sources register_source, "a source", "`https://api.example.com/items`");

    /// Every registered name as `(role, scheme)`, for listings.
    pub fn schemes(&self) -> Vec<(&'static str, String)> {
        let formats = self.formats.iter().map(|format| ("format", format.info().scheme.to_owned()));
        let (logs, catalogs) = (of("log", &self.logs), of("catalog", &self.catalogs));
        let (engines, sources) = (of("engine", &self.engines), of("source", &self.sources));
        formats.chain(logs).chain(catalogs).chain(engines).chain(sources).collect()
    }
}

fn of<T>(role: &'static str, map: &BTreeMap<String, T>) -> impl Iterator<Item = (&'static str, String)> {
    map.keys().map(move |scheme| (role, scheme.clone()))
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("schemes", &self.schemes()).finish_non_exhaustive()
    }
}

fn taken(role: &'static str, scheme: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, "the name is registered already")
        .with_context("role", role)
        .with_context("scheme", scheme)
}

fn insert<T>(map: &mut BTreeMap<String, T>, role: &'static str, scheme: &str, value: T) -> Result<()> {
    if map.contains_key(scheme) {
        return Err(taken(role, scheme));
    }
    map.insert(scheme.to_owned(), value);
    Ok(())
}

fn find<'a, T>(map: &'a BTreeMap<String, T>, role: &'static str, scheme: &str) -> Result<&'a T> {
    map.get(scheme).ok_or_else(|| {
        let known = names(map);
        Error::not_found(
            "nothing is registered for the scheme; write a known one, or register what brings it, which a feature \
             of the build may have left out",
        )
        .with_context("role", role)
        .with_context("scheme", scheme)
        .with_context("known", if known.is_empty() { "none" } else { &known })
    })
}
