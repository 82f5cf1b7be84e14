//! The load manifest: everything that finishing a load needs, in one object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stitchwork_core::{Error, Result};
use stitchwork_table::id_with_time;

/// The newest layout of manifests.
const VERSION: u32 = 1;

/// A load whose files are written, and the cursor that it brings. Once this object is there, the load will be
/// finished by this process or another one; before, it leaves only files that no table has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadManifest {
    /// The layout of this object.
    pub version: u32,
    /// The pipeline.
    pub pipeline: String,
    /// The load.
    pub load: i64,
    /// Which run wrote it, so that no two manifests are ever the same bytes.
    pub run: String,
    /// Rows from the source.
    pub rows: u64,
    /// The cursor after the load.
    pub cursor: Option<Value>,
    /// What the tables are and what names them. None in manifests that are older than this record.
    #[serde(default)]
    pub destination: Option<ManifestDestination>,
    /// The tables to commit, in this order.
    pub tables: Vec<ManifestTable>,
    /// Every table that the pipeline has ever written to, with the streams whose rows it has.
    pub known: BTreeMap<String, BTreeSet<String>>,
    /// Streams whose tables have stayed since a replacing load, for the source had them no more. The cursor does not know
    /// them, so that they would come whole again. Empty in manifests that are older than this record.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<String>,
    /// Whose values the tables' columns have, as [`stitchwork_shred::Shredder::owners`] says it. Columns that are
    /// not here have no values of the pipeline, or are older than this record.
    #[serde(default)]
    pub owners: BTreeMap<String, BTreeMap<String, String>>,
}

/// What tells two destinations at one location apart. The cursor speaks of the tables of one of them only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDestination {
    /// The scheme of the tables' log.
    pub log: String,
    /// The scheme of the catalog, where one names the tables. Its address is not kept: it may hold secrets.
    pub catalog: Option<String>,
    /// The namespace of the tables in the catalog.
    pub namespace: Vec<String>,
}

impl fmt::Display for ManifestDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.catalog {
            None => write!(f, "{} tables without a catalog", self.log),
            Some(catalog) => {
                write!(
                    f,
                    "{} tables in namespace {:?} of a {catalog} catalog",
                    self.log,
                    self.namespace.join(".")
                )
            }
        }
    }
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
            run: id_with_time(),
            rows: 0,
            cursor: None,
            destination: None,
            tables: vec![],
            known: BTreeMap::new(),
            left: BTreeSet::new(),
            owners: BTreeMap::new(),
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|e| Error::unexpected("a load manifest cannot be written").with_source(e))
    }

    pub(crate) fn from_bytes(bytes: &[u8], load: i64, location: &str) -> Result<Self> {
        let refuse = |message: &str| {
            Error::invalid_data(message.to_owned())
                .with_operation("ingest::manifest")
                .with_context("location", location)
        };
        let broken = || {
            refuse(
                "a load manifest is broken; put it back, or remove the pipeline's state folder to go on from the \
                 newest commits of its tables",
            )
        };
        // The layout is looked at first: another one may lack anything else.
        let value: Value = serde_json::from_slice(bytes).map_err(|e| broken().with_source(e))?;
        if let Some(version) = value.get("version").and_then(Value::as_u64)
            && version > u64::from(VERSION)
        {
            return Err(refuse("a load manifest is of a newer layout; use the release that wrote it")
                .with_context("version", version));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|e| broken().with_source(e))?;
        if manifest.load != load {
            return Err(broken().with_context("load", manifest.load));
        }
        Ok(manifest)
    }
}
