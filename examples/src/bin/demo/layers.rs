//! The layers that the options choose.

use std::path::Path;
use std::sync::Arc;

use stitchwork::catalog_sql::SqlConfig;
use stitchwork::core::{Catalog, Engine, LogFactory, OpenUrl, Source};
use stitchwork::ingest::Destination;
use stitchwork::{Error, Result, Session, absolute, table};

use crate::options::Options;

/// Everything that can be swapped.
pub(crate) struct Layers {
    pub(crate) destination: Destination,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) catalog_url: String,
    log: Arc<dyn LogFactory>,
    /// Keeps the catalog of tables in memory no longer than those.
    scratch: Option<tempfile::TempDir>,
}

pub(crate) async fn open(options: &Options) -> Result<Layers> {
    let registry = stitchwork::registry()?;
    let location = match options.store.as_deref() {
        // Other layers and other events are other tables: each combination has a folder of its own.
        None => absolute(&format!(
            "target/demo/{}-{}-{}-{}",
            options.log, options.catalog, options.events, options.seed
        ))?,
        Some(word)
            if registry.stores().known().iter().any(|scheme| scheme == word) && !Path::new(word).exists() =>
        {
            return Err(Error::invalid_input(format!(
                "--store is a location or a folder; write {word}: for a store, or ./{word} for a folder"
            ))
            .with_context("store", word));
        }
        Some(store) => absolute(store)?,
    };
    // A location that cannot be opened is told before anything else happens.
    registry.stores().resolve(&location)?;
    let mut scratch = None;
    let catalog_url = match (options.catalog.as_str(), location.strip_prefix("file://")) {
        ("memory", _) => "memory:".to_owned(),
        (_, Some(folder)) => SqlConfig::file(&format!("{folder}/catalog.db")).url,
        (_, None) => {
            let folder =
                tempfile::tempdir().map_err(|e| Error::unexpected("no temporary folder").with_source(e))?;
            let url = SqlConfig::file(&folder.path().join("catalog.db").to_string_lossy()).url;
            scratch = Some(folder);
            url
        }
    };
    let catalog = registry.catalog(OpenUrl::new(&catalog_url)).await?;
    let log = registry.log(&options.log)?;
    let destination = table(&options.log, location).catalog(catalog.clone(), "github").build()?;
    Ok(Layers { destination, catalog, catalog_url, log, scratch })
}

impl Layers {
    /// Whether the tables are still there when the demo has ended.
    pub(crate) fn lasts(&self) -> bool {
        self.scratch.is_none() && !self.destination.location.starts_with("memory:")
    }

    /// Each layer with its version.
    pub(crate) fn describe(&self, source: &impl Source, session: &Session) -> String {
        let formats: Vec<String> =
            self.destination.registry.formats().iter().map(|f| f.info().to_string()).collect();
        let engine: &Arc<dyn Engine> = session.engine();
        let rows = [
            ("source", source.info().to_string()),
            ("formats", formats.join(", ")),
            ("log", self.log.info().to_string()),
            ("catalog", format!("{} at {}", self.catalog.info(), self.catalog_url)),
            ("store", self.destination.location.clone()),
            ("engine", engine.info().to_string()),
        ];
        let lines: Vec<String> = rows.iter().map(|(role, what)| format!("  {role:<8} {what}")).collect();
        format!("The layers, each of which can be swapped:\n{}", lines.join("\n"))
    }
}
