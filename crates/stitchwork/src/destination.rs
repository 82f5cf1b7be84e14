//! Where to load: a folder of tables, named as people name folders.

use std::sync::Arc;

use stitchwork_core::{Catalog, Error, Result};
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
    }
}

/// A destination under construction; see [`table`].
#[derive(Debug, Clone)]
pub struct TableDestination {
    log: String,
    location: String,
    catalog: Option<Arc<dyn Catalog>>,
    namespace: Vec<String>,
    config: TableConfig,
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

    /// The destination, with everything that the enabled features bring.
    ///
    /// # Errors
    /// `InvalidInput` for a location that is none.
    pub fn build(self) -> Result<Destination> {
        let mut destination = Destination::new(registry()?, self.log, absolute(&self.location)?);
        destination.config = self.config;
        destination.catalog = self.catalog;
        destination.namespace = self.namespace;
        Ok(destination)
    }
}

impl IntoDestination for TableDestination {
    fn into_destination(self) -> Result<Destination> {
        self.build()
    }
}

/// A location as it is when it has a scheme, else the absolute path of a folder of the file system.
///
/// # Errors
/// `InvalidInput` for an empty path, or one that is no UTF-8.
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

#[cfg(test)]
mod tests {
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
}
