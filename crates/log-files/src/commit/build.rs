//! From changes to the lines of a commit.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use stitchwork_commits::now_ms;
use stitchwork_core::{CommitArgs, DataFile, Error, Result};

use crate::evolve;
use crate::lines::{Add, Commit};
use crate::sieve::add_line;
use crate::state::State;
use crate::store::LogStore;
use crate::table::{FORMAT, TableMeta};

/// The line by which the manifest knows a file, if the file came from one.
pub(super) fn native(file: &DataFile) -> Option<Arc<Add>> {
    file.native.clone()?.downcast::<Add>().ok()
}

/// The path of a file as it stands in the manifest.
pub(super) fn path(file: &DataFile, store: &LogStore) -> String {
    match native(file) {
        Some(add) => add.path.clone(),
        None => store.root.path(&file.location, &store.stores),
    }
}

/// The commit that makes the changes.
pub(super) fn build(store: &LogStore, state: &State, args: &CommitArgs) -> Result<Commit> {
    let now = now_ms();
    let mut commit = Commit::new(&args.operation);
    commit.table = evolve::changed(&state.table, &args.changes)?;
    let table = match &commit.table {
        Some(line) => Arc::new(TableMeta::new(line.clone())?),
        None => state.table.clone(),
    };
    for file in &args.changes.removed {
        let remove = match native(file) {
            Some(add) => add,
            None => Arc::new(add_line(&table, file, path(file, store), now)?),
        };
        commit.removes.push(remove);
    }
    let only = table.properties().get(FORMAT);
    let mut paths = HashSet::new();
    for file in &args.changes.added {
        if let Some(only) = only.filter(|only| !only.eq_ignore_ascii_case(&file.format)) {
            return Err(Error::invalid_input("the table has files of one format, and this is another")
                .with_context("file", &file.location)
                .with_context("format", &file.format)
                .with_context(FORMAT, only));
        }
        let add = add_line(&table, file, store.root.path(&file.location, &store.stores), now)?;
        if !paths.insert(add.path.clone()) {
            return Err(Error::invalid_input("a commit can add a file only once")
                .with_context("file", &file.location));
        }
        commit.adds.push(Arc::new(add));
    }
    commit.header.tag = args.tag.as_ref().map(Into::into);
    commit.header.summary = summary(args);
    Ok(commit)
}

/// What the commit does, for people.
fn summary(args: &CommitArgs) -> BTreeMap<String, String> {
    let changes = &args.changes;
    let sum = |files: &[DataFile], of: fn(&DataFile) -> u64| -> u64 {
        files.iter().map(of).fold(0, u64::saturating_add)
    };
    let rows = |file: &DataFile| file.rows.unwrap_or_default();
    let counts = [
        ("files_added", changes.added.len() as u64),
        ("rows_added", sum(&changes.added, rows)),
        ("bytes_added", sum(&changes.added, |file| file.size)),
        ("files_removed", changes.removed.len() as u64),
        ("rows_removed", sum(&changes.removed, rows)),
    ];
    counts.into_iter().filter(|(_, n)| *n > 0).map(|(key, n)| (key.to_owned(), n.to_string())).collect()
}
