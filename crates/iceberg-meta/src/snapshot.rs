//! Snapshots, the references to them, and the two logs of a table.

use std::collections::{BTreeMap, HashMap};

use iceberg::spec::{Operation, Snapshot, SnapshotReference, SnapshotRetention, Summary};
use serde::Deserialize;

use crate::error::{MetaError, Result};

/// The branch that readers see when they name none.
pub const MAIN_BRANCH: &str = "main";

/// The key of [`IceSnapshot::summary`] that holds the operation.
pub const OPERATION_KEY: &str = "operation";

/// The state of a table at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceSnapshot {
    /// The id, random and positive.
    pub id: i64,
    /// The snapshot that this one was made from.
    pub parent_id: Option<i64>,
    /// The number of the commit; 0 in format version 1.
    pub sequence_number: i64,
    /// The time of the commit in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The location of the manifest list.
    pub manifest_list: String,
    /// What the commit did: `operation` (`append`, `replace`, `overwrite` or `delete`), counts, and own keys.
    pub summary: BTreeMap<String, String>,
    /// The schema that was current at the commit; [`crate::TableMeta::update`] fills it in if it is none.
    pub schema_id: Option<i32>,
    /// The first row id of the commit and the number of row ids it takes (format version 3, where both are
    /// required).
    pub row_range: Option<(u64, u64)>,
}

impl IceSnapshot {
    /// The operation, empty if the summary has none.
    pub fn operation(&self) -> &str {
        self.summary.get(OPERATION_KEY).map_or("", String::as_str)
    }

    pub(crate) fn from_iceberg(snapshot: &Snapshot) -> Self {
        let summary = snapshot.summary();
        let mut entries: BTreeMap<String, String> =
            summary.additional_properties.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        entries.insert(OPERATION_KEY.to_owned(), summary.operation.as_str().to_owned());
        Self {
            id: snapshot.snapshot_id(),
            parent_id: snapshot.parent_snapshot_id(),
            sequence_number: snapshot.sequence_number(),
            timestamp_ms: snapshot.timestamp_ms(),
            manifest_list: snapshot.manifest_list().to_owned(),
            summary: entries,
            schema_id: snapshot.schema_id(),
            row_range: snapshot.row_range(),
        }
    }

    /// The library's form; `schema_id` and `timestamp_ms` replace missing and too old ones.
    pub(crate) fn to_iceberg(&self, schema_id: i32, timestamp_ms: i64) -> Result<Snapshot> {
        let operation = match self.operation() {
            "append" => Operation::Append,
            "replace" => Operation::Replace,
            "overwrite" => Operation::Overwrite,
            "delete" => Operation::Delete,
            other => {
                return Err(MetaError::invalid(format!(
                    "the summary's operation is {other:?}, not append, replace, overwrite or delete"
                )));
            }
        };
        let mut additional_properties: HashMap<String, String> =
            self.summary.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        additional_properties.remove(OPERATION_KEY);
        let builder = Snapshot::builder()
            .with_snapshot_id(self.id)
            .with_parent_snapshot_id(self.parent_id)
            .with_sequence_number(self.sequence_number)
            .with_timestamp_ms(timestamp_ms)
            .with_manifest_list(self.manifest_list.clone())
            .with_summary(Summary { operation, additional_properties })
            .with_schema_id(self.schema_id.unwrap_or(schema_id));
        Ok(match self.row_range {
            Some((first, added)) => builder.with_row_range(first, added).build(),
            None => builder.build(),
        })
    }
}

/// Whether a reference moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IceRefKind {
    /// A branch, which commits move.
    Branch,
    /// A tag, which stays.
    Tag,
}

/// A named reference to a snapshot, with its retention.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IceRef {
    /// The snapshot.
    pub snapshot_id: i64,
    /// Branch or tag.
    #[serde(rename = "type")]
    pub kind: IceRefKind,
    /// How many snapshots of the branch expiry keeps at least.
    #[serde(default)]
    pub min_snapshots_to_keep: Option<i32>,
    /// How old the branch's snapshots may become.
    #[serde(default)]
    pub max_snapshot_age_ms: Option<i64>,
    /// How old the reference itself may become.
    #[serde(default)]
    pub max_ref_age_ms: Option<i64>,
}

impl IceRef {
    /// A branch without retention settings.
    pub fn branch(snapshot_id: i64) -> Self {
        Self {
            snapshot_id,
            kind: IceRefKind::Branch,
            min_snapshots_to_keep: None,
            max_snapshot_age_ms: None,
            max_ref_age_ms: None,
        }
    }

    /// A tag without retention settings.
    pub fn tag(snapshot_id: i64) -> Self {
        Self { kind: IceRefKind::Tag, ..Self::branch(snapshot_id) }
    }

    pub(crate) fn to_iceberg(&self) -> SnapshotReference {
        let retention = match self.kind {
            IceRefKind::Branch => SnapshotRetention::Branch {
                min_snapshots_to_keep: self.min_snapshots_to_keep,
                max_snapshot_age_ms: self.max_snapshot_age_ms,
                max_ref_age_ms: self.max_ref_age_ms,
            },
            IceRefKind::Tag => SnapshotRetention::Tag { max_ref_age_ms: self.max_ref_age_ms },
        };
        SnapshotReference::new(self.snapshot_id, retention)
    }
}

/// One entry of the snapshot log: from this time on, this snapshot was current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotLogEntry {
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The snapshot.
    pub snapshot_id: i64,
}

/// One entry of the metadata log: an earlier metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataLogEntry {
    /// When the table was last updated before that file was replaced, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The location of the file.
    pub metadata_file: String,
}
