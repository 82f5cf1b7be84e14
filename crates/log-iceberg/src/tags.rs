//! Marks of applications: in the summary of a snapshot, and the newest of each also among the properties of the
//! table, where it outlives the snapshot.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stitchwork_core::CommitTag;
use stitchwork_iceberg_meta::{IceSnapshot, TableMeta};

const APPLICATION: &str = "stitchwork.application";
const ID: &str = "stitchwork.id";
const PAYLOAD: &str = "stitchwork.payload";
const PROPERTY: &str = "stitchwork.tag.";
/// The operation in the words of the caller, where they are not Iceberg's.
pub(crate) const OPERATION: &str = "stitchwork.operation";

/// Whether a property of the table is one that we keep tags in.
pub(crate) fn is_tag_property(key: &str) -> bool {
    key.starts_with(PROPERTY)
}

/// The keys that a tag adds to the summary of its snapshot.
pub(crate) fn to_summary(tag: &CommitTag, summary: &mut BTreeMap<String, String>) {
    summary.insert(APPLICATION.to_owned(), tag.application.clone());
    summary.insert(ID.to_owned(), tag.id.to_string());
    if let Some(payload) = &tag.payload {
        summary.insert(PAYLOAD.to_owned(), payload.to_string());
    }
}

/// The property that keeps the newest tag of an application.
pub(crate) fn to_property(tag: &CommitTag) -> (String, String) {
    let value = json!({"id": tag.id, "payload": tag.payload});
    (format!("{PROPERTY}{}", tag.application), value.to_string())
}

/// The tag in a summary.
pub(crate) fn from_summary(summary: &BTreeMap<String, String>) -> Option<CommitTag> {
    Some(CommitTag {
        application: summary.get(APPLICATION)?.clone(),
        id: summary.get(ID)?.parse().ok()?,
        payload: summary.get(PAYLOAD).and_then(|text| serde_json::from_str(text).ok()),
    })
}

/// The tag in the properties of the table.
fn from_property(meta: &TableMeta, application: &str) -> Option<CommitTag> {
    let value: Value = serde_json::from_str(meta.property(&format!("{PROPERTY}{application}"))?).ok()?;
    Some(CommitTag {
        application: application.to_owned(),
        id: value.get("id")?.as_i64()?,
        payload: value.get("payload").filter(|payload| !payload.is_null()).cloned(),
    })
}

/// The newest tag of an application as of a snapshot. The property speaks of the newest snapshot only, so that it
/// is asked only for that one, and only when no snapshot that is still there has a tag: after a rollback the
/// snapshots are right.
pub(crate) fn find(
    meta: &TableMeta,
    snapshot: Option<&IceSnapshot>,
    application: &str,
    current: bool,
) -> Option<CommitTag> {
    let in_snapshots = ancestors(meta, snapshot.cloned())
        .filter_map(|snapshot| from_summary(&snapshot.summary))
        .find(|tag| tag.application == application);
    match in_snapshots {
        Some(tag) => Some(tag),
        None if current => from_property(meta, application),
        None => None,
    }
}

/// A snapshot and those that it came from, as far as they are still there, newest first.
pub(crate) fn ancestors(
    meta: &TableMeta,
    from: Option<IceSnapshot>,
) -> impl Iterator<Item = IceSnapshot> + use<'_> {
    std::iter::successors(from, |snapshot| meta.snapshot(snapshot.parent_id?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back_from_a_summary() {
        for payload in [None, Some(json!({"cursor": "2024-01-01"}))] {
            let tag = CommitTag { application: "a".to_owned(), id: -7, payload };
            let mut summary = BTreeMap::new();
            to_summary(&tag, &mut summary);
            assert_eq!(from_summary(&summary), Some(tag.clone()));
            assert!(is_tag_property(&to_property(&tag).0));
        }
        assert_eq!(from_summary(&BTreeMap::new()), None);
    }
}
