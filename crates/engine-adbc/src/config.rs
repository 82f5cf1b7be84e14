//! Settings of the engine, and where its drivers are found.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Error, OpenUrl, Options, Result, settings};
use url::Url;

/// A database that the engine knows how to speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Profile {
    /// DuckDB, in this process and in memory.
    DuckDb,
    /// SQLite, in this process: in memory, or over a file.
    Sqlite,
    /// A PostgreSQL server.
    PostgreSql,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::DuckDb, Self::Sqlite, Self::PostgreSql];

    /// The scheme of URLs, and the name that the engine has.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Sqlite => "sqlite",
            Self::PostgreSql => "postgresql",
        }
    }

    /// All schemes that the engine is registered under: PostgreSQL's URLs have one of two.
    #[must_use]
    pub const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::DuckDb => &["duckdb"],
            Self::Sqlite => &["sqlite"],
            Self::PostgreSql => &["postgresql", "postgres"],
        }
    }

    /// The custom name of an environment variable with the driver's path, for applications that look for one.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::DuckDb => "STITCHWORK_DUCKDB_DRIVER",
            Self::Sqlite => "STITCHWORK_SQLITE_DRIVER",
            Self::PostgreSql => "STITCHWORK_POSTGRESQL_DRIVER",
        }
    }

    /// The file name of the driver's library on this platform.
    #[must_use]
    pub fn library(self) -> String {
        let name = match self {
            Self::DuckDb => "duckdb",
            Self::Sqlite => "adbc_driver_sqlite",
            Self::PostgreSql => "adbc_driver_postgresql",
        };
        format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
    }

    pub(crate) const fn entry(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb_adbc_init",
            Self::Sqlite => "AdbcDriverSqliteInit",
            Self::PostgreSql => "AdbcDriverPostgresqlInit",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())
    }
}

/// Looks for a driver, for applications: the path that the user has named, if it is there; else the library in
/// the first of `folders` that has it, then in the system's folders of libraries.
///
/// Nothing of the environment is read: an application passes on the value of [`Profile::variable`].
#[must_use]
pub fn find_driver(profile: Profile, named: Option<&Path>, folders: &[PathBuf]) -> Option<PathBuf> {
    if let Some(named) = named {
        return named.is_file().then(|| named.to_owned());
    }
    let system = ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"];
    let system = system.iter().map(PathBuf::from);
    let mut places = folders.iter().cloned().chain(system).map(|folder| folder.join(profile.library()));
    places.find(|path| path.is_file())
}

/// Settings of the engine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdbcConfig {
    /// The path of the driver's library.
    pub driver: String,
    /// The entry point of the library; the profile's usual one when `None`.
    pub entry: Option<String>,
    /// The database: for PostgreSQL its URL, for SQLite a `file:` URL; in memory when `None`. DuckDB takes none.
    pub uri: Option<String>,
    /// The most rows of a batch; those of the driver with less than half of them are joined.
    pub batch_rows: usize,
    /// DuckDB: the most bytes that a query holds in memory. DuckDB's own choice when `None`.
    pub memory_limit: Option<u64>,
    /// DuckDB: the folder that queries spill to above the limit; without one they fail there.
    pub temp_directory: Option<String>,
    /// DuckDB: the threads of a query; the number of processors when `None`.
    pub threads: Option<usize>,
    /// DuckDB: SQL may read and write any file and load extensions. Else it reads the files of the query's
    /// relations alone.
    pub external_access: bool,
}

impl Default for AdbcConfig {
    fn default() -> Self {
        Self {
            driver: String::new(),
            entry: None,
            uri: None,
            batch_rows: 8192,
            memory_limit: Some(2 << 30),
            temp_directory: None,
            threads: None,
            external_access: false,
        }
    }
}

impl AdbcConfig {
    /// The default settings with the driver at this path.
    #[must_use]
    pub fn new(driver: impl Into<String>) -> Self {
        Self { driver: driver.into(), ..Self::default() }
    }

    /// The settings in the options of a URL; for DuckDB, which has no URL of its own, in its query as well
    /// (`duckdb:?threads=2`).
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown setting, or a value that is none.
    pub fn from_url(profile: Profile, open: &OpenUrl) -> Result<Self> {
        let mut options = Options::new();
        match profile {
            Profile::DuckDb => {
                let url = Url::parse(&open.url).map_err(|e| {
                    Error::invalid_config("the URL is none").with_context("url", &open.url).with_source(e)
                })?;
                options.extend(url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())));
            }
            Profile::Sqlite => {
                let path = open.url.trim_start_matches("sqlite:").trim_start_matches("//");
                if !path.is_empty() {
                    options.insert("uri".to_owned(), format!("file:{path}"));
                }
            }
            Profile::PostgreSql => {
                options.insert("uri".to_owned(), open.url.clone());
            }
        }
        options.extend(open.options.clone());
        serde_json::from_value(Value::Object(settings(&options))).map_err(|e| {
            Error::invalid_config("the engine does not take this setting")
                .with_context("reason", &e)
                .with_source(e)
        })
    }

    /// Refuses what makes no sense.
    pub(crate) fn check(&self, profile: Profile) -> Result<()> {
        let refuse = |why: &str, setting: &'static str| {
            Err(Error::invalid_config(why).with_context("setting", setting).with_context("engine", profile))
        };
        if self.driver.is_empty() {
            return refuse("the path of the database driver is missing", "driver");
        }
        if self.batch_rows == 0 {
            return refuse("the setting must be at least 1", "batch_rows");
        }
        match profile {
            Profile::DuckDb if self.uri.is_some() => {
                refuse("DuckDB is used in memory; register the tables of a database file instead", "uri")
            }
            Profile::DuckDb if self.threads == Some(0) => refuse("the setting must be at least 1", "threads"),
            Profile::PostgreSql if self.uri.is_none() => refuse("the URL of the server is missing", "uri"),
            Profile::DuckDb => Ok(()),
            _ if self.temp_directory.is_some() => refuse("only DuckDB has this setting", "temp_directory"),
            _ if self.threads.is_some() => refuse("only DuckDB has this setting", "threads"),
            _ if self.external_access => refuse("only DuckDB has this setting", "external_access"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for AdbcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URI, which may hold a password.
        f.debug_struct("AdbcConfig")
            .field("driver", &self.driver)
            .field("batch_rows", &self.batch_rows)
            .field("memory_limit", &self.memory_limit)
            .field("threads", &self.threads)
            .field("external_access", &self.external_access)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use stitchwork_core::{ErrorKind, Options};

    use super::*;

    #[test]
    fn settings_come_from_urls_and_unknown_ones_are_refused() {
        let mut open = OpenUrl::new("duckdb:?threads=2");
        open.options = Options::from([("driver".to_owned(), "/lib/libduckdb.so".to_owned())]);
        let config = AdbcConfig::from_url(Profile::DuckDb, &open).unwrap();
        assert_eq!((config.threads, config.driver.as_str()), (Some(2), "/lib/libduckdb.so"));
        for url in ["duckdb:?thread=2", "duckdb:?threads=many"] {
            let error = AdbcConfig::from_url(Profile::DuckDb, &OpenUrl::new(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{url}");
        }
        let open = OpenUrl::new("postgresql://me:secret@localhost/db");
        let config = AdbcConfig::from_url(Profile::PostgreSql, &open).unwrap();
        assert_eq!(config.uri.as_deref(), Some("postgresql://me:secret@localhost/db"));
        assert!(!format!("{config:?}").contains("secret"));
        assert_eq!(config.check(Profile::PostgreSql).unwrap_err().kind(), ErrorKind::InvalidConfig);
    }

    #[test]
    fn drivers_are_found_where_they_are_named_or_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Profile::DuckDb.library());
        std::fs::write(&path, b"").unwrap();
        let folders = [folder.path().to_owned()];
        assert_eq!(find_driver(Profile::DuckDb, None, &folders), Some(path.clone()));
        assert_eq!(find_driver(Profile::DuckDb, Some(&path), &[]), Some(path.clone()));
        // What the user has named is not replaced by something else.
        assert_eq!(find_driver(Profile::DuckDb, Some(&path.with_extension("no")), &folders), None);
    }
}
