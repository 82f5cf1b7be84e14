//! What is at hand, by name: a value that the application builds and passes on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

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
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Options::new() }
    }

    /// The part before the first colon.
    #[must_use]
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

impl Registry {
    /// A registry with the stores `file` and `memory`, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The stores; further ones are added with [`Stores::register`].
    #[must_use]
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The formats.
    #[must_use]
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// Adds a format under its scheme.
    ///
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
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken.
    pub fn register_log(&mut self, factory: Arc<dyn LogFactory>) -> Result<()> {
        insert(&mut self.logs, "log", factory.info().scheme, factory)
    }

    /// Adds a kind of catalog.
    ///
    /// # Errors
    /// `AlreadyExists` when the scheme is taken.
    pub fn register_catalog(&mut self, scheme: &str, opener: Opener<dyn Catalog>) -> Result<()> {
        insert(&mut self.catalogs, "catalog", scheme, opener)
    }

    /// Adds a kind of engine.
    ///
    /// # Errors
    /// `AlreadyExists` when the scheme is taken.
    pub fn register_engine(&mut self, scheme: &str, opener: Opener<dyn Engine>) -> Result<()> {
        insert(&mut self.engines, "engine", scheme, opener)
    }

    /// Adds a kind of source.
    ///
    /// # Errors
    /// `AlreadyExists` when the scheme is taken.
    pub fn register_source(&mut self, scheme: &str, opener: Opener<dyn Source>) -> Result<()> {
        insert(&mut self.sources, "source", scheme, opener)
    }

    /// The logs of a scheme.
    ///
    /// # Errors
    /// `NotFound`, with the known schemes.
    pub fn log(&self, scheme: &str) -> Result<Arc<dyn LogFactory>> {
        find(&self.logs, "log", scheme).cloned()
    }

    /// Opens a catalog (`memory:`, `sqlite:///path/catalog.db`).
    ///
    /// # Errors
    /// `NotFound` for an unknown scheme, or what opening says.
    pub async fn catalog(&self, open: OpenUrl) -> Result<Arc<dyn Catalog>> {
        find(&self.catalogs, "catalog", open.scheme())?(open).await
    }

    /// Opens an engine (`datafusion:`).
    ///
    /// # Errors
    /// `NotFound` for an unknown scheme, or what opening says.
    pub async fn engine(&self, open: OpenUrl) -> Result<Arc<dyn Engine>> {
        find(&self.engines, "engine", open.scheme())?(open).await
    }

    /// Opens a source (`https://api.example.com/items`).
    ///
    /// # Errors
    /// `NotFound` for an unknown scheme, or what opening says.
    pub async fn source(&self, open: OpenUrl) -> Result<Arc<dyn Source>> {
        find(&self.sources, "source", open.scheme())?(open).await
    }

    /// Every registered name as `(role, scheme)`, for listings.
    #[must_use]
    pub fn schemes(&self) -> Vec<(&'static str, String)> {
        let formats = self.formats.iter().map(|f| ("format", f.info().scheme.to_owned()));
        let logs = self.logs.keys().map(|s| ("log", s.clone()));
        let catalogs = self.catalogs.keys().map(|s| ("catalog", s.clone()));
        let engines = self.engines.keys().map(|s| ("engine", s.clone()));
        let sources = self.sources.keys().map(|s| ("source", s.clone()));
        formats.chain(logs).chain(catalogs).chain(engines).chain(sources).collect()
    }
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
        let known = map.keys().cloned().collect::<Vec<_>>().join(",");
        Error::not_found(format!(
            "nothing is registered for the scheme; enable the feature `{role}-…` that brings it"
        ))
        .with_context("role", role)
        .with_context("scheme", scheme)
        .with_context("known", if known.is_empty() { "none" } else { &known })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scheme_names_the_known_ones() {
        let registry = Registry::new();
        let error = registry.log("dleta").unwrap_err();
        assert_eq!(
            error.to_string(),
            "not found: nothing is registered for the scheme; enable the feature `log-…` that brings it role=log scheme=dleta known=none"
        );
    }

    #[test]
    fn a_taken_scheme_is_refused() {
        let mut registry = Registry::new();
        let opener: Opener<dyn Catalog> = Arc::new(|_| Box::pin(async { Err(Error::unsupported("no")) }));
        registry.register_catalog("x", opener.clone()).unwrap();
        assert_eq!(registry.register_catalog("x", opener).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
