//! Changing a table in memory.

use std::sync::Arc;

use stitchwork_core::{
    CommitArgs, CommitState, Committed, DataFile, DeleteFile, EqualityDeletes, Error, ErrorKind,
    PartitionSpec, Reads, Result, RoaringTreemap,
};

use super::now_ms;
use super::snapshot::{Live, MemorySnapshot};

/// Adds a version, or says why not. The caller holds the lock, which makes it one step.
pub(super) fn commit(versions: &mut Vec<Arc<MemorySnapshot>>, args: CommitArgs) -> Result<Committed> {
    let not_committed =
        |e: Error| e.with_operation("log::commit").with_commit_state(CommitState::NotCommitted);
    let Some(latest) = versions.last().cloned() else {
        return Err(not_committed(Error::unexpected("a table has no version")));
    };
    let winners: Vec<_> = versions.iter().filter(|v| v.version > args.base.version()).cloned().collect();
    check(&latest, &winners, &args).map_err(not_committed)?;
    let next = Arc::new(apply(&latest, &args).map_err(not_committed)?);
    versions.push(next.clone());
    Ok(Committed { snapshot: next, lost_races: u32::try_from(winners.len()).unwrap_or(u32::MAX) })
}

/// Whether the tag and what others did meanwhile allow the commit.
fn check(latest: &MemorySnapshot, winners: &[Arc<MemorySnapshot>], args: &CommitArgs) -> Result<()> {
    if let Some(tag) = &args.tag
        && let Some(known) = latest.tags.get(&tag.application)
        && known.id >= tag.id
    {
        return Err(Error::new(ErrorKind::AlreadyExists, "the table has the tag already")
            .with_context("application", &tag.application)
            .with_context("id", tag.id)
            .with_context("newest", known.id));
    }
    for winner in winners {
        let touched = match &args.reads {
            Reads::Nothing => None,
            Reads::Everything => winner.touched.first(),
            Reads::Rows(predicate) => winner.touched.iter().find(|file| winner.may_match(file, predicate)),
        };
        if let Some(file) = touched {
            return Err(Error::conflict("another commit changed rows that this one has read")
                .with_context("version", winner.version)
                .with_context("file", &file.location));
        }
        if winner.changed_schema && (args.changes.schema.is_some() || args.changes.partitioning.is_some()) {
            return Err(
                Error::conflict("another commit changed the schema").with_context("version", winner.version)
            );
        }
        let ours = args.changes.removed.iter().chain(args.changes.deletes.iter().map(|(file, _)| file));
        for file in ours {
            if winner.touched.iter().any(|touched| touched.location == file.location) {
                return Err(Error::conflict("another commit changed a file that this one changes")
                    .with_context("version", winner.version)
                    .with_context("file", &file.location));
            }
        }
    }
    Ok(())
}

/// The version that the changes make of the latest one.
fn apply(latest: &MemorySnapshot, args: &CommitArgs) -> Result<MemorySnapshot> {
    let changes = &args.changes;
    let mut next = latest.clone();
    next.version += 1;
    next.timestamp_ms = now_ms(latest.timestamp_ms);
    next.operation.clone_from(&args.operation);
    next.tag.clone_from(&args.tag);
    next.changed_schema = changes.schema.is_some() || changes.partitioning.is_some();
    next.touched = changes.removed.iter().chain(&changes.added).cloned().collect();
    next.touched.extend(changes.deletes.iter().map(|(file, _)| file.clone()));
    for file in &changes.removed {
        let place = live(&next.files, file)?;
        next.files.remove(place);
    }
    for (file, delete) in &changes.deletes {
        let place = live(&next.files, file)?;
        add_deletes(&mut next.files[place], delete)?;
    }
    for file in &changes.added {
        if next.files.iter().any(|live| live.file.location == file.location) {
            return Err(Error::invalid_input("a file that is added is live already")
                .with_context("location", &file.location));
        }
        next.files.push(Live { file: file.clone(), positions: Arc::default(), equality: vec![] });
    }
    if let Some(schema) = &changes.schema {
        next.schema = schema.clone();
    }
    if let Some(fields) = &changes.partitioning {
        let id = next.partitioning.iter().map(|spec| spec.id + 1).max().unwrap_or_default();
        next.partitioning.push(PartitionSpec { id, fields: fields.clone() });
    }
    for (key, value) in &changes.properties {
        match value {
            Some(value) => next.properties.insert(key.clone(), value.clone()),
            None => next.properties.remove(key),
        };
    }
    if let Some(tag) = &args.tag {
        next.tags.insert(tag.application.clone(), tag.clone());
    }
    Ok(next)
}

fn live(files: &[Live], file: &DataFile) -> Result<usize> {
    files.iter().position(|live| live.file.location == file.location).ok_or_else(|| {
        Error::conflict("a file that the commit changes is not live").with_context("file", &file.location)
    })
}

/// Positions replace those before; deletes by key come in addition.
fn add_deletes(live: &mut Live, delete: &DeleteFile) -> Result<()> {
    let native = delete.native.as_ref();
    if let Some(positions) = native.and_then(|native| native.downcast_ref::<RoaringTreemap>()) {
        live.positions = Arc::new(positions.clone());
    } else if let Some(keys) = native.and_then(|native| native.downcast_ref::<Arc<EqualityDeletes>>()) {
        live.equality.push(keys.clone());
    } else {
        return Err(Error::invalid_input("the deletes were not written by this log"));
    }
    Ok(())
}
