//! What of metadata a table has made again.

use serde_json::{Map, Value};
use stitchwork_iceberg_meta::{IceSchema, IceSnapshot, TableMeta};

use crate::tags;

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

/// Whether metadata is that of a commit on a state of the table which has been made again since: it adds a snapshot of a load that
/// the table has with the same rows, or a schema that the table has, and changes nothing else.
pub(super) fn is_commit_of(left: &TableMeta, before: &TableMeta, table: &TableMeta) -> bool {
    let schemas = [left.current_schema()];
    without_tags(left) == without_tags(before)
        && other_refs(left) == other_refs(before)
        && left.schemas().iter().chain(schemas).all(|schema| has_schema(table, schema))
        && match new_snapshots(left, before).as_slice() {
            [] => left.current_snapshot_id() == before.current_snapshot_id() && has_all(left, before),
            [new] => {
                left.current_snapshot_id() == Some(new.id) && has_all(left, before) && is_repeated(new, table)
            }
            _ => false,
        }
}

fn new_snapshots(left: &TableMeta, before: &TableMeta) -> Vec<IceSnapshot> {
    left.snapshots().into_iter().filter(|snapshot| before.snapshot(snapshot.id).is_none()).collect()
}

/// Whether no snapshot was expired.
fn has_all(left: &TableMeta, before: &TableMeta) -> bool {
    before.snapshots().iter().all(|snapshot| left.snapshot(snapshot.id).is_some())
}

fn has_schema(table: &TableMeta, schema: &IceSchema) -> bool {
    table.schemas().iter().any(|known| known.fields == schema.fields)
}

/// Whether the table has a snapshot of the same load, with the same files.
fn is_repeated(new: &IceSnapshot, table: &TableMeta) -> bool {
    let Some(tag) = tags::from_summary(&new.summary) else { return false };
    let added = |snapshot: &IceSnapshot| -> Vec<(String, String)> {
        let added = snapshot.summary.iter().filter(|(key, _)| key.starts_with("added-"));
        added.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let same = |snapshot: &IceSnapshot| {
        tags::from_summary(&snapshot.summary).as_ref() == Some(&tag) && added(snapshot) == added(new)
    };
    table.snapshots().iter().any(same)
}

/// The references but that of the main branch.
fn other_refs(meta: &TableMeta) -> Vec<(String, i64)> {
    let refs = meta.refs().iter().filter(|(name, _)| *name != stitchwork_iceberg_meta::MAIN_BRANCH);
    refs.map(|(name, reference)| (name.clone(), reference.snapshot_id)).collect()
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
