//! Table metadata: reading, looking, writing.

mod create;
mod kept;
mod scan;
#[cfg(test)]
mod tests;
mod update;

use std::collections::BTreeMap;
use std::sync::Arc;

use iceberg::spec::{FormatVersion, TableMetadata};
use serde_json::Value;

use crate::bridge;
use crate::error::{MetaError, Result};
use crate::partition::{IceSortOrder, IceSpec};
use crate::schema::IceSchema;
use crate::snapshot::{IceRef, IceSnapshot, MAIN_BRANCH, MetadataLogEntry, SnapshotLogEntry};
use kept::Kept;
use scan::Scan;

pub use create::CreateTable;
pub use update::MetaUpdate;

/// The metadata of a table at one version: an immutable value, cheap to clone.
#[derive(Debug, Clone)]
pub struct TableMeta(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    meta: TableMetadata,
    schemas: Vec<IceSchema>,
    specs: Vec<IceSpec>,
    sort_orders: Vec<IceSortOrder>,
    properties: BTreeMap<String, String>,
    refs: BTreeMap<String, IceRef>,
    kept: Kept,
    current_schema: usize,
    default_spec: usize,
}

impl TableMeta {
    /// Reads a metadata file of format version 1, 2 or 3, plain or gzipped.
    ///
    /// Members that this crate does not know are kept at the top level, in schemas and their fields, partition
    /// specs, sort orders and snapshots, and written again. Unknown members of other parts (logs, references,
    /// statistics), and all unknown members of a gzipped file, are lost.
    ///
    /// # Errors
    /// [`MetaError::Unsupported`] names the type, version or layout that is not handled; [`MetaError::Invalid`]
    /// says what is broken.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return Self::parse(&bridge::gunzip_metadata(bytes)?);
        }
        let scan = Scan::parse(bytes)?;
        let (schemas, specs, orders) = (scan.schemas()?, scan.specs()?, scan.sort_orders()?);
        let plain_specs: Vec<IceSpec> = specs.iter().map(|(spec, _)| spec.clone()).collect();
        let plain_orders: Vec<IceSortOrder> = orders.iter().map(|(order, _)| order.clone()).collect();
        let parsed = if scan.needs_mending(&plain_specs, &plain_orders) {
            serde_json::from_value::<TableMetadata>(scan::mend(bytes)?)
        } else {
            serde_json::from_slice::<TableMetadata>(bytes)
        };
        let meta = parsed.map_err(|e| MetaError::from_json("the table metadata", &e))?;

        let mut kept = Kept { top: scan.unknown, ..Kept::default() };
        for snapshot in scan.snapshots.into_iter().flatten().filter(|s| !s.unknown.is_empty()) {
            kept.snapshots.insert(snapshot.snapshot_id, snapshot.unknown);
        }
        for (schema, mut original) in schemas {
            if let Some(object) = original.as_object_mut() {
                object.entry("schema-id").or_insert_with(|| schema.id.into());
            }
            let written = meta.schema_by_id(schema.id).map(|s| to_value(s.as_ref()));
            keep_if_different(&mut kept.schemas, schema.id.into(), original, written)?;
        }
        for (spec, original) in specs {
            let written = meta.partition_spec_by_id(spec.id).map(|s| to_value(s.as_ref()));
            keep_if_different(&mut kept.specs, spec.id.into(), original, written)?;
        }
        for (order, original) in orders {
            let written = meta.sort_order_by_id(order.id).map(|s| to_value(s.as_ref()));
            keep_if_different(&mut kept.sort_orders, order.id, original, written)?;
        }
        let mut refs = scan.refs.unwrap_or_default();
        if let Some(id) = meta.current_snapshot_id() {
            refs.entry(MAIN_BRANCH.to_owned()).or_insert_with(|| IceRef::branch(id));
        }
        Self::assemble(meta, refs, kept)
    }

    /// Builds the plain structs around the library's metadata.
    fn assemble(meta: TableMetadata, refs: BTreeMap<String, IceRef>, kept: Kept) -> Result<Self> {
        let mut schemas = Vec::new();
        for schema in meta.schemas_iter() {
            let json = match kept.schemas.get(&i64::from(schema.schema_id())) {
                Some(original) => original.clone(),
                None => to_value(schema.as_ref())?,
            };
            schemas.push(IceSchema::from_json(&json)?);
        }
        schemas.sort_by_key(|s| s.id);
        let mut specs = Vec::new();
        for spec in meta.partition_specs_iter() {
            let json = match kept.specs.get(&i64::from(spec.spec_id())) {
                Some(original) => original.clone(),
                None => to_value(spec.as_ref())?,
            };
            specs.push(IceSpec::from_json(&json)?);
        }
        specs.sort_by_key(|s| s.id);
        let mut sort_orders = Vec::new();
        for order in meta.sort_orders_iter() {
            let json = match kept.sort_orders.get(&order.order_id) {
                Some(original) => original.clone(),
                None => to_value(order.as_ref())?,
            };
            sort_orders.push(IceSortOrder::from_json(&json)?);
        }
        sort_orders.sort_by_key(|o| o.id);
        let missing = |what: &str| MetaError::invalid(format!("the table metadata has no {what}"));
        let current = meta.current_schema_id();
        let default = meta.default_partition_spec_id();
        Ok(Self(Arc::new(Inner {
            current_schema: schemas
                .iter()
                .position(|s| s.id == current)
                .ok_or_else(|| missing("current schema"))?,
            default_spec: specs
                .iter()
                .position(|s| s.id == default)
                .ok_or_else(|| missing("default partition spec"))?,
            schemas,
            specs,
            sort_orders,
            properties: meta.properties().iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            refs,
            kept,
            meta,
        })))
    }

    /// The bytes of a metadata file.
    ///
    /// The order of members in objects and of items in lists is not fixed.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the metadata has no JSON form.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let inner = &self.0;
        let version_1_refs = self.format_version() == 1 && !inner.refs.is_empty();
        let written = if inner.kept.is_empty() && !version_1_refs {
            serde_json::to_vec(&inner.meta)
        } else {
            let mut json = to_value(&inner.meta)?;
            inner.kept.restore(&mut json);
            if version_1_refs && let Some(object) = json.as_object_mut() {
                object.insert("refs".into(), kept::refs_to_json(&inner.refs));
            }
            serde_json::to_vec(&json)
        };
        written.map_err(|e| MetaError::from_json("the table metadata", &e))
    }

    /// The format version, 1 to 3.
    pub fn format_version(&self) -> u8 {
        match self.0.meta.format_version() {
            FormatVersion::V1 => 1,
            FormatVersion::V2 => 2,
            FormatVersion::V3 => 3,
        }
    }

    /// The table's location, without a trailing slash.
    pub fn location(&self) -> &str {
        self.0.meta.location()
    }

    /// The table's UUID.
    pub fn uuid(&self) -> uuid::Uuid {
        self.0.meta.uuid()
    }

    /// The highest sequence number of a snapshot.
    pub fn last_sequence_number(&self) -> i64 {
        self.0.meta.last_sequence_number()
    }

    /// The sequence number of the next snapshot; always 0 in format version 1.
    pub fn next_sequence_number(&self) -> i64 {
        self.0.meta.next_sequence_number()
    }

    /// When the table was last updated, in milliseconds since 1970.
    pub fn last_updated_ms(&self) -> i64 {
        self.0.meta.last_updated_ms()
    }

    /// The highest column id ever assigned.
    pub fn last_column_id(&self) -> i32 {
        self.0.meta.last_column_id()
    }

    /// The highest partition field id ever assigned.
    pub fn last_partition_id(&self) -> i32 {
        self.0.meta.last_partition_id()
    }

    /// The next free row id (format version 3).
    pub fn next_row_id(&self) -> u64 {
        self.0.meta.next_row_id()
    }

    /// All schemas, by id.
    pub fn schemas(&self) -> &[IceSchema] {
        &self.0.schemas
    }

    /// The schema with this id.
    pub fn schema(&self, id: i32) -> Option<&IceSchema> {
        self.0.schemas.iter().find(|s| s.id == id)
    }

    /// The current schema.
    pub fn current_schema(&self) -> &IceSchema {
        &self.0.schemas[self.0.current_schema]
    }

    /// The id of the current schema.
    pub fn current_schema_id(&self) -> i32 {
        self.0.meta.current_schema_id()
    }

    /// All partition specs, by id.
    pub fn specs(&self) -> &[IceSpec] {
        &self.0.specs
    }

    /// The partition spec with this id.
    pub fn spec(&self, id: i32) -> Option<&IceSpec> {
        self.0.specs.iter().find(|s| s.id == id)
    }

    /// The partition spec of new files.
    pub fn default_spec(&self) -> &IceSpec {
        &self.0.specs[self.0.default_spec]
    }

    /// All sort orders, by id.
    pub fn sort_orders(&self) -> &[IceSortOrder] {
        &self.0.sort_orders
    }

    /// The sort order of new files, if there is one.
    pub fn default_sort_order(&self) -> Option<&IceSortOrder> {
        let id = self.0.meta.default_sort_order_id();
        self.0.sort_orders.iter().find(|o| o.id == id).filter(|o| !o.fields.is_empty())
    }

    /// The table properties.
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.0.properties
    }

    /// One table property.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.0.properties.get(key).map(String::as_str)
    }

    /// All snapshots, the oldest first.
    pub fn snapshots(&self) -> Vec<IceSnapshot> {
        let mut snapshots: Vec<IceSnapshot> =
            self.0.meta.snapshots().map(|s| IceSnapshot::from_iceberg(s)).collect();
        snapshots.sort_by_key(|s| (s.sequence_number, s.timestamp_ms, s.id));
        snapshots
    }

    /// The snapshot with this id.
    pub fn snapshot(&self, id: i64) -> Option<IceSnapshot> {
        self.0.meta.snapshot_by_id(id).map(|s| IceSnapshot::from_iceberg(s))
    }

    /// The id of the current snapshot, none in an empty table.
    pub fn current_snapshot_id(&self) -> Option<i64> {
        self.0.meta.current_snapshot_id()
    }

    /// The current snapshot, none in an empty table.
    pub fn current_snapshot(&self) -> Option<IceSnapshot> {
        self.0.meta.current_snapshot().map(|s| IceSnapshot::from_iceberg(s))
    }

    /// The branches and tags, with `main` if there is a current snapshot.
    pub fn refs(&self) -> &BTreeMap<String, IceRef> {
        &self.0.refs
    }

    /// Which snapshots were current since when, the oldest first.
    pub fn snapshot_log(&self) -> Vec<SnapshotLogEntry> {
        let entry = |e: &iceberg::spec::SnapshotLog| SnapshotLogEntry {
            timestamp_ms: e.timestamp_ms,
            snapshot_id: e.snapshot_id,
        };
        self.0.meta.history().iter().map(entry).collect()
    }

    /// Earlier metadata files, the oldest first.
    pub fn metadata_log(&self) -> Vec<MetadataLogEntry> {
        let entry = |e: &iceberg::spec::MetadataLog| MetadataLogEntry {
            timestamp_ms: e.timestamp_ms,
            metadata_file: e.metadata_file.clone(),
        };
        self.0.meta.metadata_log().iter().map(entry).collect()
    }

    /// The snapshot that was current at a time, by the snapshot log; without a log by the snapshots' own times.
    pub fn snapshot_as_of(&self, timestamp_ms: i64) -> Option<IceSnapshot> {
        let log = self.0.meta.history();
        if log.is_empty() {
            return self.current_snapshot().filter(|s| s.timestamp_ms <= timestamp_ms);
        }
        let entry = log.iter().rev().find(|e| e.timestamp_ms <= timestamp_ms)?;
        self.snapshot(entry.snapshot_id)
    }

    /// A random positive id that no snapshot of the table has.
    pub fn new_snapshot_id(&self) -> i64 {
        loop {
            let id = rand::random_range(1..=i64::MAX);
            if self.0.meta.snapshot_by_id(id).is_none() {
                return id;
            }
        }
    }

    /// A time for the next update: the caller's, unless its clock is behind the last writer's.
    pub fn clamp_timestamp(&self, now_ms: i64) -> i64 {
        now_ms.max(self.last_updated_ms())
    }
}

fn to_value<T: serde::Serialize>(part: &T) -> Result<Value> {
    serde_json::to_value(part).map_err(|e| MetaError::from_json("a part of the table metadata", &e))
}

fn keep_if_different(
    kept: &mut BTreeMap<i64, Value>,
    id: i64,
    original: Value,
    written: Option<Result<Value>>,
) -> Result<()> {
    if written.transpose()?.as_ref() != Some(&original) {
        kept.insert(id, original);
    }
    Ok(())
}
