//! The load manifest: everything that finishing a load needs, in one object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Error, Result};

/// The newest layout of manifests.
const VERSION: u32 = 1;

/// A load whose files are written, and the cursor that it brings. Once this object is there, the load will be
/// finished by this process or another one; before, it leaves only files that nobody sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadManifest {
    /// The layout of this object.
    pub version: u32,
    /// The pipeline.
    pub pipeline: String,
    /// The load.
    pub load: i64,
    /// Rows from the source.
    pub rows: u64,
    /// The cursor after the load.
    pub cursor: Option<Value>,
    /// The tables to commit, in this order.
    pub tables: Vec<ManifestTable>,
    /// Every table that the pipeline has ever made, with the stream it belongs to.
    pub known: BTreeMap<String, String>,
}

/// A table's share of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestTable {
    /// Its name.
    pub name: String,
    /// Whether the files replace what is there.
    pub replace: bool,
    /// Its rows.
    pub rows: u64,
    /// The files, as [`stitchwork_table::Table::file_to_json`] describes them.
    pub files: Vec<Value>,
}

impl LoadManifest {
    pub(crate) fn new(pipeline: &str, load: i64) -> Self {
        Self {
            version: VERSION,
            pipeline: pipeline.to_owned(),
            load,
            rows: 0,
            cursor: None,
            tables: vec![],
            known: BTreeMap::new(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|e| Error::unexpected("a load manifest cannot be written").with_source(e))
    }

    pub(crate) fn from_bytes(bytes: &[u8], location: &str) -> Result<Self> {
        let broken =
            |message: &str| Error::invalid_data(message.to_owned()).with_context("location", location);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|e| {
            broken("a load manifest is broken; the load it stands for cannot be finished without it")
                .with_source(e)
        })?;
        if manifest.version != VERSION {
            return Err(broken("a load manifest is of a newer layout; use the release that wrote it")
                .with_context("version", manifest.version));
        }
        Ok(manifest)
    }
}
