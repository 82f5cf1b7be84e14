//! Whether what others have committed since the base forbids a commit.

use arrow_schema::{Fields, Schema};
use stitchwork_core::{CommitArgs, Error, Reads, Result, field_id};
use stitchwork_iceberg_meta::{EntryStatus, FileContent, IceSnapshot, ManifestContent, ManifestInfo};

use super::plan::Plan;
use crate::deletes::{only_file, partition_of};
use crate::manifest::{self, Rows};
use crate::partitions::{self, Spec};
use crate::state::{Shared, State, read_manifest_list};
use crate::stats::{Columns, Pruner};
use crate::{tags, types};

/// Looks at every snapshot after `checked`, and moves that on.
pub(super) async fn check(
    shared: &Shared,
    state: &State,
    args: &CommitArgs,
    plan: &Plan,
    checked: &mut i64,
) -> Result<()> {
    check_shape(state, args)?;
    let newest = state.meta.current_snapshot();
    let newest_id = newest.as_ref().map_or(-1, |snapshot| snapshot.id);
    if newest_id == *checked {
        return Ok(());
    }
    if plan.is_blind(args) {
        *checked = newest_id;
        return Ok(());
    }
    let columns = Columns::new(types::columns_by_id(state.meta.current_schema()));
    let others = Others {
        shared,
        state,
        specs: partitions::specs(&state.meta, &columns.by_id),
        columns,
        reads: &args.reads,
        plan,
    };
    let mut oldest = None;
    for snapshot in tags::ancestors(&state.meta, newest) {
        if snapshot.id == *checked {
            *checked = newest_id;
            return Ok(());
        }
        others.check(&snapshot).await?;
        oldest = Some(snapshot);
    }
    // All there are were looked at: right for a base without snapshots, if the first one is still there.
    if *checked == -1 && oldest.is_none_or(|first| first.parent_id.is_none()) {
        *checked = newest_id;
        return Ok(());
    }
    Err(Error::conflict(
        "the snapshot that the commit was made from is not part of the table's history any more",
    )
    .with_context("base", *checked))
}

/// Changes of the schema and the partitioning by others.
fn check_shape(state: &State, args: &CommitArgs) -> Result<()> {
    let meta = &state.meta;
    let now = types::to_arrow(meta.current_schema())?;
    let base = args.base.schema();
    if now != base {
        if args.changes.schema.is_some() {
            return Err(Error::conflict("another commit has changed the schema as well"));
        }
        // A base of long ago may itself have an older schema: what counts is whether its files still fit.
        if !args.changes.added.is_empty() {
            check_fits(&base, &now)?;
        }
    }
    if args.changes.partitioning.is_some() {
        let then = args.base.partitioning().last().map(|spec| spec.id);
        if then != Some(meta.default_spec().id) {
            return Err(Error::conflict("another commit has changed the partitioning as well"));
        }
    }
    Ok(())
}

/// Files of an older schema fit a newer one if columns were only added.
fn check_fits(base: &Schema, now: &Schema) -> Result<()> {
    fn fits(base: &Fields, now: &Fields) -> Option<String> {
        for field in base {
            let found = now.iter().find(|other| field_id(other) == field_id(field));
            let same = found.is_some_and(|other| match (field.data_type(), other.data_type()) {
                (arrow_schema::DataType::Struct(a), arrow_schema::DataType::Struct(b)) => {
                    fits(a, b).is_none()
                }
                (a, b) => a.equals_datatype(b),
            });
            if !same || found.is_some_and(|other| field.is_nullable() && !other.is_nullable()) {
                return Some(field.name().clone());
            }
        }
        None
    }
    match fits(base.fields(), now.fields()) {
        None => Ok(()),
        Some(column) => Err(Error::conflict("another commit has changed a column that the files have")
            .with_context("column", column)),
    }
}

/// What a commit has to fear from others.
struct Others<'a> {
    shared: &'a Shared,
    state: &'a State,
    specs: Vec<Spec>,
    columns: Columns,
    reads: &'a Reads,
    plan: &'a Plan,
}

impl Others<'_> {
    async fn check(&self, snapshot: &IceSnapshot) -> Result<()> {
        let fail = |e: Error| e.with_context("winner", snapshot.id);
        let list = read_manifest_list(&self.shared.files, &self.state.meta, snapshot).await?;
        for info in list.iter().filter(|info| info.added_snapshot_id == snapshot.id) {
            let spec = partitions::spec_of(&self.specs, info.spec_id)?;
            let reads = match self.reads {
                // A rewrite of files changes no rows.
                _ if snapshot.operation() == "replace" => None,
                Reads::Rows(predicate) => {
                    let pruner = Pruner { predicate, columns: &self.columns };
                    pruner.keeps_manifest(info, spec).then_some(self.reads)
                }
                reads => Some(reads),
            };
            if reads.is_none() && self.plan.removed.is_empty() && self.plan.deleted_from.is_empty() {
                continue;
            }
            for rows in manifest::read(self.shared, info, spec, true).await?.iter() {
                self.check_rows(rows.as_ref(), snapshot, info, spec, reads).map_err(fail)?;
            }
        }
        Ok(())
    }

    fn check_rows(
        &self,
        rows: &dyn Rows,
        snapshot: &IceSnapshot,
        info: &ManifestInfo,
        spec: &Spec,
        reads: Option<&Reads>,
    ) -> Result<()> {
        for row in 0..rows.len() {
            let status = rows.status(row);
            if status == EntryStatus::Existing || rows.entry(row).snapshot_id != snapshot.id {
                continue;
            }
            if info.content == ManifestContent::Data {
                if status == EntryStatus::Deleted && self.plan.touches(rows.path(row)) {
                    return Err(Error::conflict("another commit has removed a file that this one changes")
                        .with_context("file", rows.path(row)));
                }
            } else if status == EntryStatus::Added && self.hits(rows, row, spec)? {
                return Err(Error::conflict(
                    "another commit has deleted rows of a file that this one changes",
                )
                .with_context("delete_file", rows.path(row)));
            }
            let read = match reads {
                Some(Reads::Everything) => true,
                Some(Reads::Rows(predicate)) => {
                    Pruner { predicate, columns: &self.columns }.keeps(rows, row, spec)?
                }
                _ => false,
            };
            if read {
                return Err(Error::conflict("another commit has changed rows that this one has read")
                    .with_context("file", rows.path(row)));
            }
        }
        Ok(())
    }

    /// Whether a delete file of another commit may apply to a file that this commit changes.
    fn hits(&self, rows: &dyn Rows, row: usize, spec: &Spec) -> Result<bool> {
        if self.plan.partitions.is_empty() {
            return Ok(false);
        }
        let entry = rows.entry(row);
        if let Some(path) = only_file(rows, row, &entry) {
            return Ok(self.plan.touches(&path));
        }
        if entry.content == FileContent::EqualityDeletes && spec.unpartitioned {
            return Ok(true);
        }
        Ok(self.plan.partitions.contains(&partition_of(rows, row, spec)?))
    }
}
