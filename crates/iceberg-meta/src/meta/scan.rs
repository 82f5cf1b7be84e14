//! A first, light pass over a metadata file.
//!
//! The metadata library gives one message for every broken file, drops members that it does not know, refuses
//! transforms that it does not know, and offers no list of references. This pass reads just those parts; all else
//! is skipped without being stored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::error::{MetaError, Result};
use crate::partition::{IceSortOrder, IceSpec};
use crate::schema::IceSchema;
use crate::snapshot::IceRef;
use crate::transform::IceTransform;

/// The members of a metadata file that the library reads and writes itself.
const KNOWN: [&str; 15] = [
    "table-uuid",
    "location",
    "last-sequence-number",
    "last-updated-ms",
    "last-column-id",
    "current-schema-id",
    "default-spec-id",
    "last-partition-id",
    "properties",
    "current-snapshot-id",
    "default-sort-order-id",
    "encryption-keys",
    "statistics",
    "partition-statistics",
    "metadata-log",
];

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Scan {
    pub(super) format_version: u64,
    #[serde(default)]
    schemas: Option<Vec<Value>>,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    partition_specs: Option<Vec<Value>>,
    #[serde(default)]
    partition_spec: Option<Value>,
    #[serde(default)]
    sort_orders: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) refs: Option<BTreeMap<String, IceRef>>,
    #[serde(default)]
    pub(super) snapshots: Option<Vec<ScanSnapshot>>,
    #[serde(default)]
    next_row_id: Option<u64>,
    #[serde(default, rename = "snapshot-log")]
    _snapshot_log: IgnoredAny,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ScanSnapshot {
    pub(super) snapshot_id: i64,
    #[serde(default, rename = "parent-snapshot-id")]
    _parent: IgnoredAny,
    #[serde(default, rename = "sequence-number")]
    _sequence_number: IgnoredAny,
    #[serde(default, rename = "timestamp-ms")]
    _timestamp: IgnoredAny,
    #[serde(default)]
    pub(super) manifest_list: Option<IgnoredAny>,
    #[serde(default, rename = "manifests")]
    _manifests: IgnoredAny,
    #[serde(default)]
    pub(super) summary: Option<ScanSummary>,
    #[serde(default, rename = "schema-id")]
    _schema_id: IgnoredAny,
    #[serde(default, rename = "first-row-id")]
    _first_row_id: IgnoredAny,
    #[serde(default, rename = "added-rows")]
    _added_rows: IgnoredAny,
    #[serde(default, rename = "key-id")]
    _key_id: IgnoredAny,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct ScanSummary {
    #[serde(default)]
    operation: Option<String>,
}

impl Scan {
    /// Reads the parts and refuses what this crate cannot handle, by name.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut scan: Self =
            serde_json::from_slice(bytes).map_err(|e| MetaError::from_json("the table metadata", &e))?;
        if !(1..=3).contains(&scan.format_version) {
            return Err(MetaError::unsupported(format!(
                "the table has format version {}; versions 1 to 3 are supported",
                scan.format_version
            )));
        }
        scan.unknown.retain(|key, _| !KNOWN.contains(&key.as_str()));
        let no_list = scan.snapshots.iter().flatten().find(|s| s.manifest_list.is_none());
        if let Some(snapshot) = no_list {
            return Err(MetaError::unsupported(format!(
                "snapshot {} has no manifest list; snapshots of format version 1 that list manifests in the \
                 metadata are not supported",
                snapshot.snapshot_id
            )));
        }
        Ok(scan)
    }

    /// The schemas with their original JSON.
    pub(super) fn schemas(&self) -> Result<Vec<(IceSchema, Value)>> {
        self.schemas
            .iter()
            .flatten()
            .chain(self.schema.iter().filter(|_| self.schemas.is_none()))
            .map(|json| Ok((IceSchema::from_json(json)?, json.clone())))
            .collect()
    }

    /// The partition specs with their original JSON.
    pub(super) fn specs(&self) -> Result<Vec<(IceSpec, Value)>> {
        if let (None, Some(fields)) = (&self.partition_specs, &self.partition_spec) {
            let spec = IceSpec { id: 0, fields: IceSpec::fields_from_json(fields)? };
            let json = serde_json::json!({"spec-id": 0, "fields": fields});
            return Ok(vec![(spec, json)]);
        }
        let specs = self.partition_specs.iter().flatten();
        specs.map(|json| Ok((IceSpec::from_json(json)?, json.clone()))).collect()
    }

    /// The sort orders with their original JSON.
    pub(super) fn sort_orders(&self) -> Result<Vec<(IceSortOrder, Value)>> {
        let orders = self.sort_orders.iter().flatten();
        orders.map(|json| Ok((IceSortOrder::from_json(json)?, json.clone()))).collect()
    }

    /// Whether the library would refuse the file for a reason that [`mend`] removes.
    pub(super) fn needs_mending(&self, specs: &[IceSpec], orders: &[IceSortOrder]) -> bool {
        let unknown = |t: &IceTransform| matches!(t, IceTransform::Unknown(_));
        let summary =
            |s: &ScanSnapshot| s.summary.as_ref().is_some_and(|s| known_operation(s.operation.as_deref()));
        specs.iter().flat_map(|s| &s.fields).any(|f| unknown(&f.transform))
            || orders.iter().flat_map(|o| &o.fields).any(|f| unknown(&f.transform))
            || !self.snapshots.iter().flatten().all(summary)
            || (self.format_version >= 3 && self.next_row_id.is_none())
    }
}

fn known_operation(operation: Option<&str>) -> bool {
    matches!(operation, Some("append" | "replace" | "overwrite" | "delete"))
}

/// Rewrites what the library refuses without need: unknown transforms become its own placeholder, and a snapshot
/// without a known operation becomes an overwrite, which promises nothing about what changed. A missing next row id is
/// the first one that no snapshot has taken.
pub(super) fn mend(bytes: &[u8]) -> Result<Value> {
    let mut json: Value =
        serde_json::from_slice(bytes).map_err(|e| MetaError::from_json("the table metadata", &e))?;
    let mend_field = |field: &mut Value| {
        if let Some(transform) = field.get_mut("transform")
            && let IceTransform::Unknown(_) = IceTransform::parse(transform.as_str().unwrap_or_default())
        {
            *transform = "unknown".into();
        }
    };
    for (list, nested) in [("partition-specs", true), ("sort-orders", true), ("partition-spec", false)] {
        let Some(items) = json.get_mut(list).and_then(Value::as_array_mut) else { continue };
        for item in items {
            match item.get_mut("fields").and_then(Value::as_array_mut) {
                Some(fields) if nested => fields.iter_mut().for_each(mend_field),
                _ => mend_field(item),
            }
        }
    }
    mend_next_row_id(&mut json);
    for snapshot in json.get_mut("snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
        let operation = snapshot.pointer("/summary/operation").and_then(Value::as_str);
        if known_operation(operation) {
            continue;
        }
        if let Some(snapshot) = snapshot.as_object_mut() {
            let summary = snapshot.entry("summary").or_insert_with(|| Value::Object(Map::new()));
            if !summary.is_object() {
                *summary = Value::Object(Map::new());
            }
            if let Some(summary) = summary.as_object_mut() {
                summary.insert("operation".into(), "overwrite".into());
            }
        }
    }
    Ok(json)
}

fn mend_next_row_id(json: &mut Value) {
    let snapshots = json.get("snapshots").and_then(Value::as_array);
    let number = |snapshot: &Value, key: &str| snapshot.get(key).and_then(Value::as_u64).unwrap_or(0);
    let ends = snapshots
        .into_iter()
        .flatten()
        .map(|s| number(s, "first-row-id").saturating_add(number(s, "added-rows")));
    let next = ends.max().unwrap_or(0);
    let version = json.get("format-version").and_then(Value::as_u64);
    if let (Some(3..), Some(object)) = (version, json.as_object_mut()) {
        object.entry("next-row-id").or_insert_with(|| next.into());
    }
}
