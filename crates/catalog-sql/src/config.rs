//! Settings, and where a URL points to.

mod place;

use std::fmt;

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, OpenUrl, Options, Result, check_options};
use url::form_urlencoded;

pub(crate) use place::Place;

/// The name of the catalog within the database, unless the settings say another one.
const CATALOG_NAME: &str = "stitchwork";
/// The options that are settings of the catalog, and the one that only servers have.
const SETTINGS: [&str; 2] = ["catalog_name", "lock_timeout_seconds"];
const SCHEMA: &str = "schema";

/// The settings of a [`crate::SqlCatalog`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlConfig {
    /// The database: `sqlite:///absolute/path.db`, `sqlite:relative/path.db`, `sqlite::memory:` or
    /// `postgres://user:password@host:port/database`, which may end in `?sslmode=…` and the other options of its
    /// connection.
    pub url: String,
    /// The name of the catalog within the database, which holds any number of them.
    #[serde(default = "catalog_name")]
    pub catalog_name: String,
    /// How many seconds a call waits for a lock of another writer.
    #[serde(default = "lock_timeout_seconds")]
    pub lock_timeout_seconds: u32,
    /// The schema of PostgreSQL with the tables; `None` for where the search path leads.
    #[serde(default)]
    pub schema: Option<String>,
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
        let (catalog_name, lock_timeout_seconds) = (catalog_name(), lock_timeout_seconds());
        Self { url: url.into(), catalog_name, lock_timeout_seconds, schema: None }
    }

    /// The catalog `stitchwork` in a file of SQLite, whatever characters its path has.
    #[must_use]
    pub fn file(path: &str) -> Self {
        Self::new(format!("sqlite:{}", place::escaped(path)))
    }

    /// Takes another catalog of the same database.
    #[must_use]
    pub fn with_catalog_name(mut self, name: impl Into<String>) -> Self {
        self.catalog_name = name.into();
        self
    }

    /// Takes the tables of this schema of PostgreSQL.
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The settings that a URL and its options give; an option may also stand in the query of the URL.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown option.
    pub fn from_open(open: OpenUrl) -> Result<Self> {
        let (url, query) = open.url.split_once('?').unwrap_or((&open.url, ""));
        let mut options: Options = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if place::is_server(url) && query.contains('@') {
            // What stands before it may be a part of the password, and would be told as an option or a host.
            return Err(Error::invalid_config(
                "an @ stands behind a question mark of the URL: a question mark in a user or a password is written as %3F, \
                 and an @ in an option as %40",
            )
            .with_operation("catalog::open"));
        }
        if place::has_at_in_path(url) {
            return Err(Error::invalid_config(
                "an @ stands behind a slash of the URL: a slash in a user or a password is written as %2F, and an @ in the name \
                 of a database as %40",
            )
            .with_operation("catalog::open"));
        }
        options.extend(open.options);
        let mut known = SETTINGS.to_vec();
        if place::is_server(url) {
            known.push(SCHEMA);
            known.extend(place::CONNECTION);
        }
        check_options(&options, &known)?;
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
        config.schema = options.remove(SCHEMA);
        if !options.is_empty() {
            // The rest is about the connection and stays with its URL.
            let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(&options).finish();
            config.url = format!("{url}?{rest}");
        }
        Ok(config)
    }

    /// Where the database lies.
    pub(crate) fn place(&self) -> Result<Place> {
        place::parse(&self.url, self.schema.as_deref())
            .map_err(|e| e.with_context("url", self.url_without_password()))
    }

    /// The URL as it may be shown.
    pub(crate) fn url_without_password(&self) -> String {
        place::without_password(&self.url)
    }
}

impl fmt::Debug for SqlConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlConfig")
            .field("url", &self.url_without_password())
            .field("catalog_name", &self.catalog_name)
            .field("lock_timeout_seconds", &self.lock_timeout_seconds)
            .field("schema", &self.schema)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_server_has_a_schema_and_options_of_its_connection() {
        let mut open = OpenUrl::new("postgres://u:p%20w@h:1/d?schema=a%20b&sslmode=require&catalog_name=c");
        open.options.insert("sslrootcert".into(), "/a b/ca.pem".into());
        let config = SqlConfig::from_open(open).unwrap();
        let url = "postgres://u:p%20w@h:1/d?sslmode=require&sslrootcert=%2Fa+b%2Fca.pem";
        assert_eq!(config, SqlConfig::new(url).with_catalog_name("c").with_schema("a b"));
        for url in ["postgres://h/d?sslMode=require", "postgresql://h/d?password=x", "sqlite:c.db?schema=x"] {
            assert!(SqlConfig::from_open(OpenUrl::new(url)).is_err(), "{url}");
        }
        for odd in [
            "postgres://u:p?canary@h/d",
            "postgres://u:p@x?canary@h/d",
            "postgres://u:p?canary=x@h/d",
            "postgres://u:p@x?canary=5@h/d",
            "postgres://u:p@canary?application_name=x@h/d",
        ] {
            let error = SqlConfig::from_open(OpenUrl::new(odd)).unwrap_err();
            assert!(error.message().contains("%3F") && !format!("{error:?}").contains("canary"), "{error:?}");
        }
        for odd in [
            "postgres://u:p@canary/x@h/d",
            "postgresql://u:p@canary/x?y@h/d",
            "postgres://u:p/canary@h:5432/d",
        ] {
            let error = SqlConfig::from_open(OpenUrl::new(odd)).unwrap_err();
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        SqlConfig::from_open(OpenUrl::new("postgres://u:p@h/d?application_name=a%40b")).unwrap();
        SqlConfig::from_open(OpenUrl::new("postgres://u:p@h/d%40x")).unwrap();
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in [
            "postgres://u:hunter2@h/d?sslmode=require",
            "postgresql://u:hunter2@h:port/d",
            "postgres://hunter2",
        ] {
            let config = SqlConfig::new(url);
            let shown = format!("{config:?} {:?}", config.place().err());
            let is_host = url.ends_with("//hunter2");
            assert_eq!(shown.contains("hunter2"), is_host, "{shown}");
        }
    }
}
