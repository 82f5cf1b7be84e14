//! Drivers and their databases.

use std::fmt;
use std::path::Path;

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Database as _, Driver as _};
use adbc_driver_manager::{ManagedDatabase, ManagedDriver};
use stitchwork_core::{Error, Result};

use super::connection::Connection;
use super::error::from_driver;

/// A driver: a shared library that has been loaded.
#[derive(Clone)]
pub struct Driver {
    driver: ManagedDriver,
}

impl Driver {
    /// Loads the library at `path`, whose entry point is `entry` (`AdbcDriverInit` by custom).
    ///
    /// The library's code runs with all the rights of this process: load what you trust.
    ///
    /// # Errors
    /// `NotFound` where there is no such file; `InvalidConfig` for a file that is no such driver.
    pub fn load(path: &Path, entry: &str) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::not_found("there is no database driver at this path")
                .with_operation("adbc::load")
                .with_context("path", path.display()));
        }
        let loaded =
            ManagedDriver::load_dynamic_from_filename(path, Some(entry.as_bytes()), AdbcVersion::V110);
        let driver = loaded.map_err(|e| {
            Error::invalid_config("the library is no database driver with this entry point")
                .with_operation("adbc::load")
                .with_context("path", path.display())
                .with_context("entry", entry)
                .with_context("reason", &e.message)
        })?;
        Ok(Self { driver })
    }

    /// Opens a database with the driver's own options (`uri`, `path`).
    ///
    /// # Errors
    /// What the driver says; the options' values are not part of it.
    pub fn open<K: AsRef<str>, V: AsRef<str>>(&self, options: &[(K, V)]) -> Result<Database> {
        let options = options.iter().map(|(key, value)| {
            (OptionDatabase::from(key.as_ref()), OptionValue::String(value.as_ref().to_owned()))
        });
        let mut driver = self.driver.clone();
        let database = driver.new_database_with_opts(options).map_err(|e| from_driver(e, "adbc::open"))?;
        Ok(Database { database })
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// A database that has been opened.
#[derive(Clone)]
pub struct Database {
    database: ManagedDatabase,
}

impl Database {
    /// Connects.
    ///
    /// # Errors
    /// What the driver says.
    pub fn connect(&self) -> Result<Connection> {
        let connection = self.database.new_connection().map_err(|e| from_driver(e, "adbc::connect"))?;
        Ok(Connection::new(connection))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
