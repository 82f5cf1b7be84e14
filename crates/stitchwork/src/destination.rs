//! Where to load: a folder of tables, named as people name folders.

use std::fmt;
use std::sync::Arc;

use stitchwork_core::{Catalog, Error, Options, Registry, Result};
use stitchwork_ingest::{Destination, IntoDestination};
use stitchwork_table::TableConfig;

use crate::registry;

/// Tables of a log (`delta`, `iceberg`) in a folder: a path of the file system, relative ones included, or a
/// location with a scheme (`memory:events`).
#[must_use]
pub fn table(log: impl Into<String>, location: impl Into<String>) -> TableDestination {
    TableDestination {
        log: log.into(),
        location: location.into(),
        catalog: None,
        namespace: vec![],
        config: TableConfig::default(),
        registry: None,
        store_options: Options::new(),
    }
}

/// A destination under construction; see [`table`].
#[derive(Clone)]
pub struct TableDestination {
    log: String,
    location: String,
    catalog: Option<Arc<dyn Catalog>>,
    namespace: Vec<String>,
    config: TableConfig,
    registry: Option<Registry>,
    store_options: Options,
}

impl TableDestination {
    /// Names the tables in a namespace of a catalog.
    #[must_use]
    pub fn catalog(mut self, catalog: Arc<dyn Catalog>, namespace: impl Into<String>) -> Self {
        self.catalog = Some(catalog);
        self.namespace = vec![namespace.into()];
        self
    }

    /// How tables are written.
    #[must_use]
    pub fn config(mut self, config: TableConfig) -> Self {
        self.config = config;
        self
    }

    /// An option of the store that the location is in, as `region` of `s3://bucket/folder`. The names are the
    /// store's own; [`build`](Self::build) has it check them.
    #[must_use]
    pub fn store_option(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.store_options([(name, value)])
    }

    /// Several options of the store, beside those that it has; see [`store_option`](Self::store_option).
    #[must_use]
    pub fn store_options<K: Into<String>, V: Into<String>>(
        mut self,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.store_options.extend(options.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// What is at hand: connectors from outside, stores that were mounted or have options already. Everything that
    /// the enabled features bring when never called.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The destination.
    ///
    /// # Errors
    /// `InvalidInput` for a location that is none; `InvalidConfig` for options that its store does not take, and for
    /// options beside a registry, whose stores may be open already: give them to these stores.
    pub fn build(self) -> Result<Destination> {
        let location = absolute(&self.location)?;
        let registry = match self.registry {
            None if self.store_options.is_empty() => registry()?,
            None => with_store_options(&location, self.store_options)?,
            Some(registry) if self.store_options.is_empty() => registry,
            Some(_) => {
                return Err(Error::invalid_config(
                    "a registry that is given has stores of its own, which may be open already; give them the options, \
                     with `registry.stores().set_options_for(\"s3://bucket\", …)`, before the first location in them",
                )
                .with_context("location", location)
                .with_context("options", names(&self.store_options)));
            }
        };
        let mut destination = Destination::new(registry, self.log, location);
        destination.config = self.config;
        destination.catalog = self.catalog;
        destination.namespace = self.namespace;
        Ok(destination)
    }
}

impl fmt::Debug for TableDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names of the options alone: there are secrets among the values.
        f.debug_struct("TableDestination")
            .field("log", &self.log)
            .field("location", &self.location)
            .field("catalog", &self.catalog)
            .field("namespace", &self.namespace)
            .field("config", &self.config)
            .field("registry", &self.registry)
            .field("store_options", &names(&self.store_options))
            .finish()
    }
}

fn names(options: &Options) -> String {
    options.keys().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// Everything that the features bring, with options for the store of a location and for no other one.
fn with_store_options(location: &str, options: Options) -> Result<Registry> {
    // A registry of its own opens the store, which checks the options and says by which root it goes: `s3a://bucket`
    // is `s3://bucket`.
    let first = registry()?;
    first.stores().set_options(options.clone());
    let root = first.stores().resolve(location)?.root;
    let registry = registry()?;
    registry.stores().set_options_for(&root, options);
    Ok(registry)
}

impl IntoDestination for TableDestination {
    fn into_destination(self) -> Result<Destination> {
        self.build()
    }
}

/// A location as it is when it has a scheme, else the absolute path of a folder of the file system.
///
/// # Errors
/// `InvalidInput` for an empty path, one that is no UTF-8, or one that begins like a scheme (`s3:/bucket`) and is not
/// there: it would become a folder of that name.
pub fn absolute(location: &str) -> Result<String> {
    let invalid = || {
        Error::invalid_input(
            "the location is no folder; write a path, file:///absolute/path, memory:name or scheme://…",
        )
        .with_context("location", location)
    };
    if let Some(rest) = location.strip_prefix("file:") {
        let path = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
        return if path.starts_with('/') { Ok(format!("file://{path}")) } else { Err(invalid()) };
    }
    if location.contains("://") || location.starts_with("memory:") {
        return Ok(location.to_owned());
    }
    if has_scheme(location) && !std::path::Path::new(location).exists() {
        return Err(Error::invalid_input(
            "the location begins like one with a scheme and is none; write scheme://…, memory:name, or ./ before the \
             path of a folder",
        )
        .with_context("location", location));
    }
    let path = std::path::absolute(location).map_err(|e| invalid().with_source(e))?;
    let mut clean = std::path::PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean.to_str().map(|path| format!("file://{path}")).ok_or_else(invalid)
}

/// Whether a text begins with a word and a colon, and not with the letter of a drive.
fn has_scheme(location: &str) -> bool {
    let Some((word, rest)) = location.split_once(':') else { return false };
    let is_drive = word.len() == 1 && (rest.starts_with('\\') || cfg!(windows));
    !is_drive
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use stitchwork_core::ErrorKind;

    use super::*;

    #[test]
    fn folders_become_locations() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute("./data").unwrap(), format!("file://{}/data", here.display()));
        assert_eq!(absolute("/a/b/../c").unwrap(), "file:///a/c");
        assert_eq!(absolute("memory:x").unwrap(), "memory:x");
        assert_eq!(absolute("file://localhost/a").unwrap(), "file:///a");
        assert!(absolute("").is_err());
        assert!(absolute("file:a").is_err());
    }

    #[test]
    fn options_of_a_store_are_checked_before_anything_is_loaded() {
        let mistaken = table("delta", "./x").store_option("regoin", "eu").build().unwrap_err();
        assert_eq!(mistaken.kind(), ErrorKind::InvalidConfig);
        assert_eq!(mistaken.context("option"), Some("regoin"));
        let given = table("delta", "memory:x").registry(Registry::new()).store_option("region", "eu");
        let error = given.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(error.context("options"), Some("region"));
    }

    #[cfg(feature = "store-s3")]
    #[test]
    fn options_are_those_of_the_locations_store_alone() {
        let keys = [("access_key_id", "the-id"), ("secret_access_key", "hunter22")];
        for location in ["s3://bucket/x", "s3a://bucket/x"] {
            let place = table("delta", location).store_option("region", "eu-central-1").store_options(keys);
            assert!(!format!("{place:?}").contains("hunter22"), "{place:?}");
            assert!(format!("{place:?}").contains("access_key_id,region,secret_access_key"), "{place:?}");
            let stores = place.clone().build().unwrap().registry.stores().clone();
            stores.resolve(location).unwrap();
            stores.resolve("file:///x").unwrap();
            let other = stores.resolve("s3://other/x").unwrap_err();
            assert!(other.to_string().contains("missing=access_key_id"), "{other}");
            let mistaken = place.store_option("regoin", "eu").build().unwrap_err();
            assert_eq!(mistaken.context("option"), Some("regoin"));
        }
        let without = table("delta", "s3://bucket/x").store_option("region", "eu").build().unwrap_err();
        assert_eq!(without.context("missing"), Some("access_key_id,secret_access_key"));
    }

    #[test]
    fn a_scheme_with_a_mistake_becomes_no_folder() {
        for location in ["foo:bar", "s3:/b/x", "s3:b", "memry:x", "a+b:"] {
            let error = absolute(location).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{location}");
            assert_eq!(error.context("location"), Some(location));
        }
        for folder in ["./foo:bar", "a/b:c", "2024-01-01T10:00", "/a:b"] {
            assert!(absolute(folder).unwrap().starts_with("file:///"), "{folder}");
        }
        assert_eq!(absolute("s3://b/x").unwrap(), "s3://b/x");
    }
}
