//! Changes to table metadata, as a pure function from one version to the next.

mod evolution;

use std::collections::BTreeMap;

use iceberg::spec::{Schema, TableMetadata, TableMetadataBuilder};
use serde_json::Value;

use super::create::format_version;
use super::kept::Kept;
use super::{TableMeta, to_value};
use crate::bridge;
use crate::error::{MetaError, Result};
use crate::partition::{IceSortField, IceSortOrder};
use crate::schema::IceSchema;
use crate::snapshot::{IceRef, IceRefKind, IceSnapshot, MAIN_BRANCH};
use crate::transform::IceTransform;

/// One change of table metadata.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MetaUpdate {
    /// Sets table properties.
    SetProperties(BTreeMap<String, String>),
    /// Removes table properties; missing ones are ignored.
    RemoveProperties(Vec<String>),
    /// Moves the table's location. Files stay where they are.
    SetLocation(String),
    /// Adds a schema and makes it current. Its id is assigned; the ids of new columns must be higher than
    /// [`TableMeta::last_column_id`], those of old columns stay.
    AddSchema(IceSchema),
    /// Adds a partition spec of (source column, name, transform) and makes it the default. Its ids are assigned, and
    /// re-used where an older spec has the same source and transform.
    AddSpec(Vec<(i32, String, IceTransform)>),
    /// Makes an existing partition spec the default.
    SetDefaultSpec(i32),
    /// Adds a sort order and makes it the default; without fields the table becomes unsorted.
    AddSortOrder(Vec<IceSortField>),
    /// Adds a snapshot and moves a branch to it; a missing branch is made. Its parent must be the branch's head.
    AddSnapshot {
        /// The snapshot. A timestamp before the last update becomes that of the last update.
        snapshot: IceSnapshot,
        /// The branch, mostly [`MAIN_BRANCH`].
        branch: String,
    },
    /// Makes, moves or changes a branch or tag.
    SetRef(String, IceRef),
    /// Removes a branch or tag; removing `main` empties the table. A missing one is ignored.
    RemoveRef(String),
    /// Forgets snapshots, with their statistics. Their files stay; those that a branch or tag names are refused.
    RemoveSnapshots(Vec<i64>),
    /// Raises the format version.
    UpgradeFormatVersion(u8),
}

/// What changes beside the library's builder.
struct Step {
    builder: TableMetadataBuilder,
    refs: BTreeMap<String, IceRef>,
    kept: Kept,
    format_version: u8,
    next_sequence_number: i64,
    current_schema: IceSchema,
    current_schema_id: i32,
    next_schema_id: i32,
    added_schema: Option<IceSchema>,
    timestamp_ms: i64,
    added_snapshot: bool,
    moved_main: bool,
}

impl TableMeta {
    /// The metadata after these changes, made at `timestamp_ms`; this value stays as it is.
    ///
    /// `previous_location` is where this version is stored. It goes to the metadata log, whose length the property
    /// `write.metadata.previous-versions-max` limits. A time before the last update becomes that of the last update.
    ///
    /// # Errors
    /// [`MetaError::Conflict`] if a snapshot was made from another state than this one, or a snapshot to remove is in
    /// use; [`MetaError::Unsupported`] for what the format version lacks; [`MetaError::Invalid`] for all else that
    /// breaks the rules.
    pub fn update(
        &self,
        updates: Vec<MetaUpdate>,
        previous_location: Option<&str>,
        timestamp_ms: i64,
    ) -> Result<Self> {
        let inner = &self.0;
        let mut step = Step {
            builder: inner.meta.clone().into_builder(previous_location.map(str::to_owned)),
            refs: inner.refs.clone(),
            kept: inner.kept.clone(),
            format_version: self.format_version(),
            next_sequence_number: self.next_sequence_number(),
            current_schema: self.current_schema().clone(),
            current_schema_id: self.current_schema_id(),
            next_schema_id: self.schemas().last().map_or(0, |s| s.id.saturating_add(1)),
            added_schema: None,
            timestamp_ms: self.clamp_timestamp(timestamp_ms),
            added_snapshot: false,
            moved_main: false,
        };
        for update in updates {
            step = step.apply(self, update)?;
        }
        let built =
            step.builder.build().map_err(|e| MetaError::from_iceberg("updating table metadata", &e))?;
        let mut meta = built.metadata;
        if !step.added_snapshot {
            meta = at_time(meta, step.timestamp_ms, step.moved_main)?;
        }
        if step.added_snapshot && meta.current_schema_id() != step.current_schema_id {
            return Err(MetaError::Io(format!(
                "the new schema was expected to get the id {}, but got {}",
                step.current_schema_id,
                meta.current_schema_id()
            )));
        }
        let mut kept = step.kept;
        kept.snapshots.retain(|id, _| meta.snapshot_by_id(*id).is_some());
        if let Some(mut schema) = step.added_schema {
            schema.id = meta.current_schema_id();
            match schema_to_keep(&schema, meta.current_schema())? {
                Some(json) if self.schema(schema.id).is_none() => {
                    kept.schemas.insert(schema.id.into(), json);
                }
                _ => {}
            }
        }
        Self::assemble(meta, step.refs, kept)
    }
}

impl Step {
    fn apply(mut self, base: &TableMeta, update: MetaUpdate) -> Result<Self> {
        let wrap = |e: iceberg::Error| MetaError::from_iceberg("updating table metadata", &e);
        match update {
            MetaUpdate::SetProperties(properties) => {
                let properties = properties.into_iter().collect();
                self.builder = self.builder.set_properties(properties).map_err(wrap)?;
            }
            MetaUpdate::RemoveProperties(keys) => {
                self.builder = self.builder.remove_properties(&keys).map_err(wrap)?;
            }
            MetaUpdate::SetLocation(location) => self.builder = self.builder.set_location(location),
            MetaUpdate::AddSchema(schema) => {
                schema.validate(self.format_version)?;
                evolution::check(base, &self.current_schema, &schema, self.format_version)?;
                self.builder = self.builder.add_current_schema(bridge::schema(&schema)?).map_err(wrap)?;
                self.current_schema_id = self.schema_id(base, &schema);
                self.current_schema = schema.clone();
                self.added_schema = Some(schema);
            }
            MetaUpdate::AddSpec(fields) => {
                let fields = fields.iter().map(|(id, name, transform)| (*id, name.as_str(), transform));
                let spec = bridge::unbound_spec(fields, &self.current_schema)?;
                self.builder = self.builder.add_default_partition_spec(spec).map_err(wrap)?;
            }
            MetaUpdate::SetDefaultSpec(id) => {
                self.builder = self.builder.set_default_partition_spec(id).map_err(wrap)?;
            }
            MetaUpdate::AddSortOrder(fields) => {
                let order = bridge::sort_order(&IceSortOrder { id: i64::from(!fields.is_empty()), fields })?;
                let last_added = i64::from(TableMetadataBuilder::LAST_ADDED);
                self.builder = self
                    .builder
                    .add_sort_order(order)
                    .and_then(|b| b.set_default_sort_order(last_added))
                    .map_err(wrap)?;
            }
            MetaUpdate::AddSnapshot { snapshot, branch } => {
                self = self.add_snapshot(base, &snapshot, branch)?
            }
            MetaUpdate::SetRef(name, reference) => {
                self.builder = self.builder.set_ref(&name, reference.to_iceberg()).map_err(wrap)?;
                self.moved_main |= name == MAIN_BRANCH && self.refs.get(&name) != Some(&reference);
                self.refs.insert(name, reference);
            }
            MetaUpdate::RemoveRef(name) => {
                self.builder = self.builder.remove_ref(&name);
                self.refs.remove(&name);
            }
            MetaUpdate::RemoveSnapshots(ids) => {
                if let Some((name, used)) = self.refs.iter().find(|(_, r)| ids.contains(&r.snapshot_id)) {
                    return Err(MetaError::Conflict(format!(
                        "snapshot {} is named by {name:?} and cannot be removed",
                        used.snapshot_id
                    )));
                }
                self.builder = self.builder.remove_snapshots(&ids);
                for id in ids {
                    self.builder = self.builder.remove_statistics(id).remove_partition_statistics(id);
                }
            }
            MetaUpdate::UpgradeFormatVersion(version) => {
                self.builder = self.builder.upgrade_format_version(format_version(version)?).map_err(wrap)?;
                if self.format_version == 1 && version > 1 {
                    self.next_sequence_number = base.last_sequence_number() + 1;
                }
                self.format_version = version;
            }
        }
        Ok(self)
    }

    /// The id that the library will give a schema: that of an equal one, or the next.
    fn schema_id(&mut self, base: &TableMeta, schema: &IceSchema) -> i32 {
        let same = |s: &&IceSchema| {
            let mut ids = [s.identifier_field_ids.clone(), schema.identifier_field_ids.clone()];
            ids.iter_mut().for_each(|ids| ids.sort_unstable());
            s.fields == schema.fields && ids[0] == ids[1]
        };
        if let Some(known) = base.schemas().iter().find(same) {
            return known.id;
        }
        self.next_schema_id += 1;
        self.next_schema_id - 1
    }

    fn add_snapshot(mut self, base: &TableMeta, snapshot: &IceSnapshot, branch: String) -> Result<Self> {
        if let Some(reference) = self.refs.get(&branch) {
            if reference.kind != IceRefKind::Branch {
                return Err(MetaError::invalid(format!("{branch:?} is a tag; commits move branches only")));
            }
            if snapshot.parent_id != Some(reference.snapshot_id) {
                return Err(MetaError::Conflict(format!(
                    "the snapshot was made from {:?}, but {branch:?} is at {}; read the table again",
                    snapshot.parent_id, reference.snapshot_id
                )));
            }
        }
        if snapshot.sequence_number != self.next_sequence_number {
            return Err(MetaError::Conflict(format!(
                "the snapshot has the sequence number {}, the table is at {}; read the table again",
                snapshot.sequence_number, self.next_sequence_number
            )));
        }
        if self.format_version >= 3 && snapshot.row_range.is_none() {
            return Err(MetaError::invalid("a snapshot of format version 3 needs a row range"));
        }
        let timestamp_ms = snapshot.timestamp_ms.max(base.last_updated_ms());
        self.builder = self
            .builder
            .set_branch_snapshot(snapshot.to_iceberg(self.current_schema_id, timestamp_ms)?, &branch)
            .map_err(|e| MetaError::from_iceberg("adding a snapshot", &e))?;
        if self.format_version > 1 {
            self.next_sequence_number += 1;
        }
        self.added_snapshot = true;
        self.refs
            .entry(branch)
            .and_modify(|r| r.snapshot_id = snapshot.id)
            .or_insert_with(|| IceRef::branch(snapshot.id));
        Ok(self)
    }
}

/// Replaces the library's own clock by the caller's: in the time of the last update and, if `main` was moved without
/// a new snapshot, in the last entry of the snapshot log.
pub(super) fn at_time(meta: TableMetadata, timestamp_ms: i64, moved_main: bool) -> Result<TableMetadata> {
    let mut json = to_value(&meta)?;
    if let Some(object) = json.as_object_mut() {
        object.insert("last-updated-ms".into(), timestamp_ms.into());
        let last =
            object.get_mut("snapshot-log").and_then(Value::as_array_mut).and_then(|log| log.last_mut());
        if let (true, Some(entry)) = (moved_main, last.and_then(Value::as_object_mut)) {
            entry.insert("timestamp-ms".into(), timestamp_ms.into());
        }
    }
    bridge::from_value("the table metadata", json)
}

/// The JSON of a schema if the library would write it differently, as it does with some defaults.
pub(super) fn schema_to_keep(schema: &IceSchema, written: &Schema) -> Result<Option<Value>> {
    let json = schema.to_json();
    Ok((to_value(written)? != json).then_some(json))
}
