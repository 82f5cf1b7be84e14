//! Small manifests that were decoded, for the next reader.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use stitchwork_iceberg_meta::{IceType, ManifestInfo};

use super::{EXPANSION, Inherited, Rows, inherited};
use crate::partitions::Spec;

/// The most bytes that a table's manifests take together, whatever its budget.
const MOST: u64 = 4 << 20;
/// The part of a table's budget that they take at most.
const SHARE: u64 = 8;
/// The part of all of them that one takes at most.
const ONE: u64 = 4;

/// The entries of a manifest, block by block.
pub(crate) type Manifest = Arc<[Box<dyn Rows>]>;

/// Manifests by their location, under which no other one is ever written. Those that were not asked for longest go first.
pub(crate) struct Kept {
    most: u64,
    manifests: Mutex<VecDeque<Entry>>,
}

struct Entry {
    path: String,
    what: What,
    stats: bool,
    bytes: u64,
    rows: Manifest,
}

/// What the same bytes are read as.
#[derive(PartialEq)]
struct What {
    inherited: Inherited,
    /// The types of the partition's values, which are widened with the table's schema.
    partition: Vec<IceType>,
}

impl What {
    fn new(info: &ManifestInfo, spec: &Spec) -> Self {
        let partition = spec.fields.iter().map(|field| field.result.clone()).collect();
        Self { inherited: inherited(info), partition }
    }
}

impl Kept {
    /// None yet, for a table that has so many bytes of memory.
    pub(crate) fn new(budget: u64) -> Self {
        Self { most: MOST.min(budget / SHARE), manifests: Mutex::default() }
    }

    /// The manifest, with statistics if `stats`.
    pub(super) fn get(&self, info: &ManifestInfo, spec: &Spec, stats: bool) -> Option<Manifest> {
        let what = What::new(info, spec);
        let mut manifests = self.manifests.lock();
        let same = |entry: &Entry| entry.path == info.path && entry.what == what && entry.stats >= stats;
        let entry = manifests.iter().position(same).and_then(|place| manifests.remove(place))?;
        let rows = entry.rows.clone();
        manifests.push_back(entry);
        Some(rows)
    }

    /// Keeps a manifest, if it is not too large.
    pub(super) fn put(&self, info: &ManifestInfo, spec: &Spec, stats: bool, rows: &Manifest) {
        let bytes = decoded_bytes(info);
        if bytes > self.most / ONE {
            return;
        }
        let mut manifests = self.manifests.lock();
        manifests.retain(|entry| entry.path != info.path);
        manifests.push_back(Entry {
            path: info.path.clone(),
            what: What::new(info, spec),
            stats,
            bytes,
            rows: rows.clone(),
        });
        let mut all: u64 = manifests.iter().map(|entry| entry.bytes).sum();
        while all > self.most
            && let Some(oldest) = manifests.pop_front()
        {
            all -= oldest.bytes;
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("manifests", &self.manifests.lock().len()).finish_non_exhaustive()
    }
}

/// What a manifest takes in memory, at most.
pub(super) fn decoded_bytes(info: &ManifestInfo) -> u64 {
    u64::try_from(info.length).unwrap_or(0).saturating_mul(EXPANSION)
}
