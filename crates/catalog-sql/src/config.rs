//! Settings, and where a URL points to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, OpenUrl, Options, Result, check_options};
use url::form_urlencoded;

/// The name of the catalog within the database, unless the settings say another one.
const CATALOG_NAME: &str = "stitchwork";

/// The settings of a [`crate::SqlCatalog`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlConfig {
    /// The database: `sqlite:///absolute/path.db`, `sqlite:relative/path.db` or `sqlite::memory:`.
    pub url: String,
    /// The name of the catalog within the database, which holds any number of them.
    #[serde(default = "catalog_name")]
    pub catalog_name: String,
    /// How many seconds a call waits for a lock of another process before it tries again.
    #[serde(default = "lock_timeout_seconds")]
    pub lock_timeout_seconds: u32,
}

fn catalog_name() -> String {
    CATALOG_NAME.to_owned()
}

fn lock_timeout_seconds() -> u32 {
    30
}

impl SqlConfig {
    /// The catalog `stitchwork` in the database at a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), catalog_name: catalog_name(), lock_timeout_seconds: lock_timeout_seconds() }
    }

    /// Takes another catalog of the same database.
    #[must_use]
    pub fn with_catalog_name(mut self, name: impl Into<String>) -> Self {
        self.catalog_name = name.into();
        self
    }

    /// The settings that a URL and its options give; an option may also stand in the query of the URL.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown option.
    pub fn from_open(open: OpenUrl) -> Result<Self> {
        let (url, query) = open.url.split_once('?').unwrap_or((&open.url, ""));
        let mut options: Options = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        options.extend(open.options);
        check_options(&options, &["catalog_name", "lock_timeout_seconds"])?;
        let mut config = Self::new(url);
        if let Some(name) = options.remove("catalog_name") {
            config.catalog_name = name;
        }
        if let Some(seconds) = options.remove("lock_timeout_seconds") {
            config.lock_timeout_seconds = seconds.parse().map_err(|e| {
                Error::invalid_config("the option is a number of seconds")
                    .with_context("option", "lock_timeout_seconds")
                    .with_context("value", &seconds)
                    .with_source(e)
            })?;
        }
        Ok(config)
    }

    /// Where the database lies.
    pub(crate) fn place(&self) -> Result<Place> {
        let fail = |message: &str| Err(Error::invalid_config(message).with_context("url", &self.url));
        let Some(rest) = self.url.strip_prefix("sqlite:") else {
            return fail("the URL of a database begins with `sqlite:`");
        };
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            ":memory:" => Ok(Place::Memory),
            "" => fail("the URL names no database file"),
            _ if path.contains(['?', '\0']) => fail("the path of a database file has no `?` or zero byte"),
            path => Ok(Place::File(PathBuf::from(path))),
        }
    }
}

/// Where a SQLite database lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file.
    File(PathBuf),
    /// In memory, gone with its only connection.
    Memory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_files_and_memory() {
        let place = |url: &str| SqlConfig::new(url).place();
        assert_eq!(place("sqlite:///a b/c.db").unwrap(), Place::File("/a b/c.db".into()));
        assert_eq!(place("sqlite:c.db").unwrap(), Place::File("c.db".into()));
        assert_eq!(place("sqlite://d/c.db").unwrap(), Place::File("d/c.db".into()));
        assert_eq!(place("sqlite::memory:").unwrap(), Place::Memory);
        for url in ["sqlite:", "sqlite://", "postgres://x", "sqlite:///a?b"] {
            assert!(place(url).is_err(), "{url}");
        }
    }

    #[test]
    fn options_stand_in_the_query_or_beside_it() {
        let open = OpenUrl::new("sqlite:c.db?catalog_name=a%20b");
        assert_eq!(
            SqlConfig::from_open(open).unwrap(),
            SqlConfig::new("sqlite:c.db").with_catalog_name("a b")
        );
        let open = OpenUrl::new("sqlite:c.db?lock_timeout_seconds=7");
        assert_eq!(SqlConfig::from_open(open).unwrap().lock_timeout_seconds, 7);
        assert!(SqlConfig::from_open(OpenUrl::new("sqlite:c.db?lock_timeout_seconds=x")).is_err());
        let mut open = OpenUrl::new("sqlite:c.db");
        open.options.insert("catalog".into(), "x".into());
        let error = SqlConfig::from_open(open).unwrap_err();
        assert_eq!(
            (error.context("option"), error.context("known")),
            (Some("catalog"), Some("catalog_name,lock_timeout_seconds"))
        );
    }
}
