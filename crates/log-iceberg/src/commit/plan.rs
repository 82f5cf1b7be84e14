//! What a commit does, worked out once; and the parts of it that are written once for all attempts.

use std::collections::{BTreeMap, HashMap, HashSet};

use stitchwork_core::{CommitArgs, Error, Reads, Result};
use stitchwork_iceberg_meta::{IceDataFile, ManifestInfo};

use super::rewrite::Rewritten;
use crate::deletes::{Partition, Written};
use crate::partitions;
use crate::pointer::Pointers;
use crate::snapshot::Origin;
use crate::state::{Shared, State};
use crate::types;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) snapshot_id: i64,
    /// Whether the commit makes a snapshot; a change of the table's properties alone does not.
    pub(super) makes_snapshot: bool,
    /// Whether metadata files have names that nobody else chooses.
    pub(super) has_unique_names: bool,
    /// The metadata files of all attempts.
    pub(super) published: Vec<String>,
    /// The operation in Iceberg's words.
    pub(super) operation: &'static str,
    /// The files to remove, with the manifests in which they stood.
    pub(super) removed: BTreeMap<String, Option<String>>,
    /// The files that get new deletes.
    pub(super) deleted_from: HashSet<String>,
    /// The partitions of both.
    pub(super) partitions: HashSet<Partition>,
    /// The new delete files, with their spec.
    pub(super) deletes: Vec<(i32, IceDataFile)>,
    /// The format version that the parts below were written in.
    pub(super) version: u8,
    /// The manifests of added files, once they are written.
    pub(super) added: Option<Vec<ManifestInfo>>,
    /// Manifests without the removed files, by the location of what they replace.
    pub(super) rewritten: HashMap<String, Rewritten>,
    /// Manifests in place of many small ones, by the locations of those.
    pub(super) merged: HashMap<Vec<String>, ManifestInfo>,
}

impl Plan {
    pub(super) fn new(shared: &Shared, state: &State, args: &CommitArgs) -> Result<Self> {
        let changes = &args.changes;
        let meta = &state.meta;
        let specs = partitions::specs(meta, &types::columns_by_id(meta.current_schema()));
        let partition = |file: &stitchwork_core::DataFile| -> Result<Partition> {
            let spec = specs.iter().find(|spec| spec.id == file.spec).ok_or_else(|| {
                Error::invalid_input("the file has a partitioning that the table lacks")
                    .with_context("file", &file.location)
                    .with_context("spec", file.spec)
            })?;
            Ok((spec.id, spec.values(&file.partition)?))
        };
        let mut removed = BTreeMap::new();
        let mut partitions = HashSet::new();
        for file in &changes.removed {
            let origin = file.native.as_ref().and_then(|native| native.downcast_ref::<Origin>());
            removed.insert(file.location.clone(), origin.map(|origin| origin.manifest.clone()));
            partitions.insert(partition(file)?);
        }
        let mut deletes = Vec::new();
        let mut deleted_from = HashSet::new();
        for (file, delete) in &changes.deletes {
            let written = delete.native.as_ref().and_then(|native| native.downcast_ref::<Written>());
            let Some(Written(entry)) = written else {
                return Err(Error::invalid_input("the delete file was not written by this log")
                    .with_context("delete_file", &delete.location));
            };
            if entry.referenced_data_file.as_ref() != Some(&file.location) {
                return Err(Error::invalid_input("the delete file was written for another data file")
                    .with_context("file", &file.location));
            }
            if removed.contains_key(&file.location) || !deleted_from.insert(file.location.clone()) {
                return Err(Error::invalid_input("a file is changed twice in one commit")
                    .with_context("file", &file.location));
            }
            partitions.insert(partition(file)?);
            deletes.push((file.spec, entry.clone()));
        }
        let mut added = HashSet::new();
        for file in &changes.added {
            partition(file)?;
            if removed.contains_key(&file.location) || !added.insert(&file.location) {
                return Err(Error::invalid_input("a file is changed twice in one commit")
                    .with_context("file", &file.location));
            }
        }
        let data = !added.is_empty() || !removed.is_empty() || !deletes.is_empty();
        let other =
            changes.schema.is_some() || changes.partitioning.is_some() || !changes.properties.is_empty();
        Ok(Self {
            snapshot_id: meta.new_snapshot_id(),
            // A tag is found by its snapshot, and a commit of nothing at all still is one.
            makes_snapshot: data || args.tag.is_some() || !other,
            has_unique_names: matches!(shared.pointers, Pointers::Catalog { .. }),
            published: vec![],
            operation: operation(args),
            removed,
            deleted_from,
            partitions,
            deletes,
            version: meta.format_version(),
            added: None,
            rewritten: HashMap::new(),
            merged: HashMap::new(),
        })
    }

    /// Whether a file is removed, or gets new deletes.
    pub(super) fn touches(&self, path: &str) -> bool {
        self.removed.contains_key(path) || self.deleted_from.contains(path)
    }

    /// Whether nothing that others did to data can matter.
    pub(super) fn is_blind(&self, args: &CommitArgs) -> bool {
        args.reads == Reads::Nothing && self.removed.is_empty() && self.deletes.is_empty()
    }

    /// Forgets what was written in another format version.
    pub(super) fn use_version(&mut self, version: u8) {
        if self.version != version {
            self.version = version;
            self.added = None;
            self.rewritten.clear();
            self.merged.clear();
        }
    }
}

/// The operation in the four words that Iceberg has (spec, "Snapshots", `operation`).
fn operation(args: &CommitArgs) -> &'static str {
    let changes = &args.changes;
    let adds = !changes.added.is_empty();
    let takes = !changes.removed.is_empty() || !changes.deletes.is_empty();
    let rewrites = ["replace", "compact", "compaction", "optimize", "rewrite"];
    match (adds, takes) {
        (_, true) if rewrites.contains(&args.operation.as_str()) => "replace",
        (true, true) => "overwrite",
        (false, true) if args.operation == "overwrite" => "overwrite",
        (false, true) => "delete",
        (_, false) if args.operation == "overwrite" => "overwrite",
        _ => "append",
    }
}
