//! One attempt: everything that the next state of the table consists of, written but not yet visible.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stitchwork_core::{CommitArgs, Error, Result};
use stitchwork_iceberg_meta::{
    FileContent, IceField, IceManifestEntry, IceSchema, IceSnapshot, MAIN_BRANCH, ManifestContent,
    ManifestInfo, ManifestListWrite, MetaUpdate, OPERATION_KEY, SummaryDelta, TableMeta, summary_totals,
    write_manifest_list,
};

use super::entry::to_entry;
use super::merge;
use super::plan::Plan;
use super::rewrite::{Rewritten, Writer, only_file};
use crate::factory::{FORMAT_VERSION, parse_version, spec_fields};
use crate::manifest::{self, has_live_files};
use crate::partitions;
use crate::state::{Shared, State};
use crate::stats::Columns;
use crate::types::{Ids, columns_by_id};
use crate::{deletes, error, tags};

/// The most entries of a manifest of added files.
const ENTRIES: usize = 20_000;

/// The next state of the table.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) location: String,
    pub(super) meta: TableMeta,
    pub(super) manifests: Arc<Vec<ManifestInfo>>,
}

pub(super) async fn stage(
    shared: &Shared,
    state: &State,
    args: &CommitArgs,
    plan: &mut Plan,
    written: &mut BTreeSet<String>,
) -> Result<Staged> {
    // Times of one table only grow, so that each of its snapshots is found by time.
    let now = crate::now_ms().max(state.meta.last_updated_ms().saturating_add(1));
    let shaped = reshape(&state.meta, args, now)?;
    let mut updates = property_updates(args);
    let mut manifests = Vec::new();
    if plan.makes_snapshot {
        if shaped.format_version() < 2 {
            return Err(Error::unsupported(
                "tables of format version 1 are not written: upgrade the table first, by setting its property \
                 format-version to 2",
            ));
        }
        plan.use_version(shaped.format_version());
        let mut writer = Writer { shared, meta: &shaped, snapshot_id: plan.snapshot_id, written };
        let before = state.manifests(&shared.files).await?;
        let (list, delta) = new_manifests(&mut writer, args, plan, &before).await?;
        let (snapshot, written) = snapshot(&mut writer, args, plan, list, &delta, now).await?;
        manifests = written;
        updates.push(MetaUpdate::AddSnapshot { snapshot, branch: MAIN_BRANCH.to_owned() });
    } else {
        manifests.extend(state.manifests(&shared.files).await?.iter().cloned());
    }
    let meta = shaped.update(updates, Some(&state.location), now).map_err(error::argument)?;
    let folder = meta.property("write.metadata.path").map(str::to_owned);
    let location = shared.pointers.next(meta.location(), folder.as_deref(), &state.location)?;
    Ok(Staged { location, meta, manifests: Arc::new(manifests) })
}

/// The metadata with the new schema, partitioning and format version, on which the rest is built.
fn reshape(meta: &TableMeta, args: &CommitArgs, now: i64) -> Result<TableMeta> {
    let changes = &args.changes;
    let mut updates = Vec::new();
    let mut version = meta.format_version();
    if let Some(Some(text)) = changes.properties.get(FORMAT_VERSION) {
        let wanted = parse_version(text)?;
        if wanted != version {
            updates.push(MetaUpdate::UpgradeFormatVersion(wanted));
            version = wanted;
        }
    }
    let mut schema = meta.current_schema().clone();
    if let Some(wanted) = &changes.schema {
        let next = next_schema(meta, wanted.fields(), version)?;
        if next.fields != schema.fields {
            for field in &meta.default_spec().fields {
                if next.field_by_id(field.source_id).is_none() && changes.partitioning.is_none() {
                    return Err(Error::invalid_input("the table is partitioned by a column that goes")
                        .with_context("partition", &field.name));
                }
            }
            schema = next.clone();
            updates.push(MetaUpdate::AddSchema(next));
        }
    }
    if let Some(fields) = &changes.partitioning {
        updates.push(MetaUpdate::AddSpec(spec_fields(&schema, fields)?));
    }
    if updates.is_empty() {
        return Ok(meta.clone());
    }
    meta.update(updates, None, now).map_err(error::argument)
}

/// The wanted schema in Iceberg's terms. Fields that the table has already keep their defaults.
fn next_schema(meta: &TableMeta, fields: &arrow_schema::Fields, version: u8) -> Result<IceSchema> {
    let given = highest_id(fields);
    let mut ids = Ids { last: meta.last_column_id().max(given), keep: true, version };
    let current = meta.current_schema();
    let mut next = IceSchema::new(ids.fields(fields, "")?);
    // Looked up once for all: a search per column takes long where there are thousands.
    let known: HashMap<i32, &IceField> = current.fields.iter().map(|field| (field.id, field)).collect();
    for field in &mut next.fields {
        if let Some(known) = known.get(&field.id) {
            field.initial_default.clone_from(&known.initial_default);
            field.write_default.clone_from(&known.write_default);
        }
    }
    let kept = current.identifier_field_ids.iter().filter(|id| next.field_by_id(**id).is_some());
    next.identifier_field_ids = kept.copied().collect();
    Ok(next)
}

fn highest_id(fields: &arrow_schema::Fields) -> i32 {
    use arrow_schema::DataType as T;
    let of = |field: &arrow_schema::Field| {
        let own = stitchwork_core::field_id(field).unwrap_or(0);
        let below = match field.data_type() {
            T::Struct(fields) => highest_id(fields),
            T::List(inner) | T::LargeList(inner) | T::FixedSizeList(inner, _) | T::Map(inner, _) => {
                highest_id(&std::iter::once(inner.clone()).collect())
            }
            _ => 0,
        };
        own.max(below)
    };
    fields.iter().map(|field| of(field)).max().unwrap_or(0)
}

/// Changes of properties, with the tag that outlives its snapshot.
fn property_updates(args: &CommitArgs) -> Vec<MetaUpdate> {
    let user = args.changes.properties.iter().filter(|(key, _)| *key != FORMAT_VERSION);
    let mut set: BTreeMap<String, String> = BTreeMap::new();
    let mut removed = Vec::new();
    for (key, value) in user {
        match value {
            Some(value) => {
                set.insert(key.clone(), value.clone());
            }
            None => removed.push(key.clone()),
        }
    }
    set.extend(args.tag.as_ref().map(tags::to_property));
    let mut updates = Vec::new();
    if !set.is_empty() {
        updates.push(MetaUpdate::SetProperties(set));
    }
    if !removed.is_empty() {
        updates.push(MetaUpdate::RemoveProperties(removed));
    }
    updates
}

/// The manifests of the next snapshot, newest first, and the counts of what changes.
async fn new_manifests(
    writer: &mut Writer<'_>,
    args: &CommitArgs,
    plan: &mut Plan,
    before: &[ManifestInfo],
) -> Result<(Vec<ManifestInfo>, SummaryDelta)> {
    let mut delta = SummaryDelta::default();
    let mut list = add_files(writer, args, plan, &mut delta).await?;
    let mut kept = Vec::with_capacity(before.len());
    remove_data(writer, plan, before).await?;
    remove_deletes(writer, plan, before).await?;
    for info in before {
        match plan.rewritten.get(&info.path) {
            Some(Rewritten { info: new, removed }) => {
                removed.iter().for_each(|file| delta.remove_file(info.spec_id, file));
                kept.push(new.clone());
            }
            // What only tells of files that were removed in the past has nothing to say any more.
            None if !has_live_files(info) => {}
            None => kept.push(info.clone()),
        }
    }
    list.extend(merge::merge(writer, plan, kept).await?);
    Ok((list, delta))
}

/// Writes the manifests of added files and of new deletes, once for all attempts.
async fn add_files(
    writer: &mut Writer<'_>,
    args: &CommitArgs,
    plan: &mut Plan,
    delta: &mut SummaryDelta,
) -> Result<Vec<ManifestInfo>> {
    let meta = writer.meta;
    let columns = Columns::new(columns_by_id(meta.current_schema()));
    let specs = partitions::specs(meta, &columns.by_id);
    let mut groups: BTreeMap<(bool, i32), Vec<IceManifestEntry>> = BTreeMap::new();
    for file in &args.changes.added {
        let spec = specs.iter().find(|spec| spec.id == file.spec).ok_or_else(|| {
            Error::invalid_input("the table has no such partitioning").with_context("spec", file.spec)
        })?;
        let entry = to_entry(file, spec, &columns, meta)?;
        delta.add_file(spec.id, &entry);
        groups.entry((false, spec.id)).or_default().push(IceManifestEntry::added(entry));
    }
    for (spec, entry) in &plan.deletes {
        delta.add_file(*spec, entry);
        groups.entry((true, *spec)).or_default().push(IceManifestEntry::added(entry.clone()));
    }
    if let Some(added) = &plan.added {
        return Ok(added.clone());
    }
    let mut added = Vec::new();
    for ((deletes, spec), entries) in groups {
        let content = if deletes { ManifestContent::Deletes } else { ManifestContent::Data };
        let spec = writer.spec(spec)?.clone();
        for entries in entries.chunks(ENTRIES) {
            added.push(writer.manifest(content, &spec, entries).await?);
        }
    }
    plan.added = Some(added.clone());
    Ok(added)
}

/// Rewrites the data manifests in which removed files stand: those first of which it is known.
async fn remove_data(writer: &mut Writer<'_>, plan: &mut Plan, before: &[ManifestInfo]) -> Result<()> {
    if plan.removed.is_empty() {
        return Ok(());
    }
    let mut missing: BTreeSet<String> = plan.removed.keys().cloned().collect();
    let hints: BTreeSet<String> = plan.removed.values().flatten().cloned().collect();
    for hinted in [true, false] {
        for info in before.iter().filter(|info| info.content == ManifestContent::Data) {
            if missing.is_empty() {
                return Ok(());
            }
            if hints.contains(&info.path) != hinted || !has_live_files(info) {
                continue;
            }
            if !plan.rewritten.contains_key(&info.path) {
                if !hinted && !holds_any(writer, info, &missing).await? {
                    continue;
                }
                if let Some(new) = writer.without(info, |file| missing.contains(&file.path)).await? {
                    plan.rewritten.insert(info.path.clone(), new);
                }
            }
            if let Some(new) = plan.rewritten.get(&info.path) {
                new.removed.iter().for_each(|file| {
                    missing.remove(&file.path);
                });
            }
        }
    }
    match missing.first() {
        None => Ok(()),
        Some(file) => Err(Error::conflict("a file to remove is not part of the table any more")
            .with_context("file", file)
            .with_context("files", missing.len())),
    }
}

async fn holds_any(writer: &Writer<'_>, info: &ManifestInfo, paths: &BTreeSet<String>) -> Result<bool> {
    let spec = bound_spec(writer, info)?;
    let rows = manifest::read(writer.shared, info, &spec, false).await?;
    Ok(rows.iter().any(|rows| (0..rows.len()).any(|row| paths.contains(rows.path(row)))))
}

fn bound_spec(writer: &Writer<'_>, info: &ManifestInfo) -> Result<partitions::Spec> {
    let columns = columns_by_id(writer.meta.current_schema());
    Ok(partitions::Spec::new(writer.meta, writer.spec(info.spec_id)?, &columns))
}

/// Takes out deletes that are only for files which go, or which get others in their place.
async fn remove_deletes(writer: &mut Writer<'_>, plan: &mut Plan, before: &[ManifestInfo]) -> Result<()> {
    if plan.removed.is_empty() && plan.deleted_from.is_empty() {
        return Ok(());
    }
    for info in before.iter().filter(|info| info.content == ManifestContent::Deletes && has_live_files(info))
    {
        if plan.rewritten.contains_key(&info.path) {
            continue;
        }
        let spec = bound_spec(writer, info)?;
        let rows = manifest::read(writer.shared, info, &spec, true).await?;
        let touched = rows.iter().any(|rows| {
            (0..rows.len()).any(|row| {
                let only = deletes::only_file(rows.as_ref(), row, &rows.entry(row));
                only.is_some_and(|path| plan.touches(&path))
            })
        });
        if !touched {
            continue;
        }
        let gone = |file: &stitchwork_iceberg_meta::IceDataFile| {
            file.content == FileContent::PositionDeletes
                && only_file(file).is_some_and(|path| plan.touches(path))
        };
        if let Some(new) = writer.without(info, gone).await? {
            plan.rewritten.insert(info.path.clone(), new);
        }
    }
    Ok(())
}

/// The snapshot, and its manifests as they stand in the list that is written.
async fn snapshot(
    writer: &mut Writer<'_>,
    args: &CommitArgs,
    plan: &Plan,
    list: Vec<ManifestInfo>,
    delta: &SummaryDelta,
    now: i64,
) -> Result<(IceSnapshot, Vec<ManifestInfo>)> {
    let meta = writer.meta;
    let version = meta.format_version();
    let parent = meta.current_snapshot();
    let first_row_id = (version >= 3).then(|| meta.next_row_id());
    let written = write_manifest_list(ManifestListWrite {
        format_version: version,
        snapshot_id: plan.snapshot_id,
        parent_snapshot_id: parent.as_ref().map(|parent| parent.id),
        sequence_number: meta.next_sequence_number(),
        first_row_id,
        manifests: list,
    })
    .map_err(error::meta)?;
    let name = format!("snap-{}-0-{}.avro", plan.snapshot_id, uuid::Uuid::new_v4());
    let manifest_list = writer.path(&name);
    writer.put(&manifest_list, written.bytes).await?;
    let mut summary = summary_totals(parent.as_ref().map(|parent| &parent.summary), delta);
    summary.insert(OPERATION_KEY.to_owned(), plan.operation.to_owned());
    if args.operation != plan.operation {
        summary.insert(tags::OPERATION.to_owned(), args.operation.clone());
    }
    if let Some(tag) = &args.tag {
        tags::to_summary(tag, &mut summary);
    }
    let rows = first_row_id.zip(written.next_row_id).map(|(first, next)| (first, next.saturating_sub(first)));
    let snapshot = IceSnapshot {
        id: plan.snapshot_id,
        parent_id: parent.map(|parent| parent.id),
        sequence_number: meta.next_sequence_number(),
        timestamp_ms: now,
        manifest_list,
        summary,
        schema_id: Some(meta.current_schema_id()),
        row_range: rows,
    };
    Ok((snapshot, written.manifests))
}
