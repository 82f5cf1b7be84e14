//! What of metadata a table has made again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use stitchwork_core::Result;
use stitchwork_iceberg_meta::{EntryStatus, IceRef, IceSchema, IceSnapshot, MAIN_BRANCH, TableMeta};

use crate::state::{Shared, read_manifest_list};
use crate::{manifest, partitions, tags, types};

/// What a commit of a load, or of a new column, changes besides its snapshot and its tag.
const CHANGED: [&str; 11] = [
    "current-schema-id",
    "current-snapshot-id",
    "last-column-id",
    "last-sequence-number",
    "last-updated-ms",
    "metadata-log",
    "next-row-id",
    "refs",
    "schemas",
    "snapshot-log",
    "snapshots",
];

/// Whether metadata is that of a creation that was made again, and then was the first of the table.
pub(super) fn is_creation_of(left: &TableMeta, first: &TableMeta) -> bool {
    let own = ["last-updated-ms", "table-uuid"];
    left.last_updated_ms() <= first.last_updated_ms() && without(left, &own) == without(first, &own)
}

/// What metadata adds to a state of the table.
#[derive(Debug)]
pub(super) enum Adds {
    /// Nothing but a schema that the table has by now.
    Schema,
    /// Nothing but the first of these snapshots, which is of a load of which the table has the second. They are the same if their
    /// files are.
    Load(Box<[IceSnapshot; 2]>),
    /// Something that the table does not have.
    More,
}

impl Adds {
    pub(super) fn of(left: &TableMeta, before: &TableMeta, table: &TableMeta) -> Self {
        let has_all = before.snapshots().iter().all(|snapshot| left.snapshot(snapshot.id).is_some());
        if without_tags(left) != without_tags(before) || refs(left) != refs(before) || !has_all {
            return Self::More;
        }
        let new: Vec<_> =
            left.snapshots().into_iter().filter(|snapshot| before.snapshot(snapshot.id).is_none()).collect();
        let newest = left.current_snapshot_id();
        let same_schema =
            left.schemas() == before.schemas() && left.current_schema_id() == before.current_schema_id();
        match <[IceSnapshot; 1]>::try_from(new) {
            Ok([new]) if same_schema && newest == Some(new.id) => match repeated(&new, table) {
                Some(known) => Self::Load(Box::new([new, known])),
                None => Self::More,
            },
            Err(new)
                if new.is_empty()
                    && newest == before.current_snapshot_id()
                    && adds_schema(left, before, table) =>
            {
                Self::Schema
            }
            _ => Self::More,
        }
    }
}

/// Whether the newest schema is a new one that the table has by now.
fn adds_schema(left: &TableMeta, before: &TableMeta, table: &TableMeta) -> bool {
    let new = left.current_schema();
    let is_same = |known: &IceSchema| {
        known.fields == new.fields && known.identifier_field_ids == new.identifier_field_ids
    };
    left.schemas().len() == before.schemas().len() + 1
        && before.schema(new.id).is_none()
        && table.schemas().iter().any(is_same)
}

/// The table's snapshot of the same load.
fn repeated(new: &IceSnapshot, table: &TableMeta) -> Option<IceSnapshot> {
    let tag = tags::from_summary(&new.summary)?;
    table.snapshots().into_iter().find(|known| tags::from_summary(&known.summary).as_ref() == Some(&tag))
}

/// The names of the data files that a snapshot added.
///
/// # Errors
/// What the store says, or a broken file.
pub(super) async fn added_files(
    shared: &Shared,
    meta: &TableMeta,
    snapshot: &IceSnapshot,
) -> Result<BTreeSet<String>> {
    let specs = partitions::specs(meta, &types::columns_by_id(meta.current_schema()));
    let mut added = BTreeSet::new();
    let list = read_manifest_list(&shared.files, meta, snapshot).await?;
    for info in list.iter().filter(|info| info.added_snapshot_id == snapshot.id) {
        let spec = partitions::spec_of(&specs, info.spec_id)?;
        for rows in manifest::read(shared, info, spec, false).await?.iter() {
            let rows = rows.as_ref();
            let is_added = |row: &usize| rows.status(*row) == EntryStatus::Added;
            added.extend(
                (0..rows.len()).filter(is_added).map(|row| super::file_name(rows.path(row)).to_owned()),
            );
        }
    }
    Ok(added)
}

/// The references, of which that of the main branch may have moved.
fn refs(meta: &TableMeta) -> BTreeMap<String, IceRef> {
    let mut refs = meta.refs().clone();
    if let Some(main) = refs.get_mut(MAIN_BRANCH) {
        main.snapshot_id = 0;
        if *main == IceRef::branch(0) {
            // The first snapshot makes it.
            refs.remove(MAIN_BRANCH);
        }
    }
    refs
}

/// The rest of metadata, without the properties that tags are kept in. `None` is never equal to anything.
fn without_tags(meta: &TableMeta) -> Rest {
    let Rest(mut rest) = without(meta, &CHANGED);
    if let Some(rest) = &mut rest {
        let properties = rest.remove("properties").unwrap_or_default();
        let own: Map<_, _> = properties.as_object().cloned().unwrap_or_default();
        rest.extend(
            own.into_iter()
                .filter(|(key, _)| !tags::is_tag_property(key))
                .map(|(key, value)| (format!("properties.{key}"), value)),
        );
    }
    Rest(rest)
}

fn without(meta: &TableMeta, keys: &[&str]) -> Rest {
    let json =
        meta.to_bytes().ok().and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    Rest(json.map(|mut json| {
        json.retain(|key, _| !keys.contains(&key.as_str()));
        json
    }))
}

/// A part of metadata; what cannot be written is equal to nothing.
struct Rest(Option<Map<String, Value>>);

impl PartialEq for Rest {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() && self.0 == other.0
    }
}
