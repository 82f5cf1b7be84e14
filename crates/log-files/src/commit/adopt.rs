//! The first commit to a folder that has no manifest yet.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_commits::{Patience, Put};
use stitchwork_core::{CommitArgs, CommitState, Error, FileFilter, Result};

use super::build::native;
use super::prepared::Prepared;
use crate::folder;
use crate::lines::{Add, Commit};
use crate::log::Shared;
use crate::state::{Base, State};

/// Writes version 0, which lists what is in the folder now; it changes nothing that a reader would see. Where somebody
/// else was faster, it is theirs.
pub(super) async fn adopt(shared: &Shared, args: &CommitArgs, patience: &Patience) -> Result<Arc<State>> {
    let store = &shared.store;
    let added = args.changes.added.iter().map(|file| store.root.path(&file.location, &store.stores));
    let added: HashSet<String> = added.collect();
    let found = folder::read(store, &shared.config, &shared.formats, &added).await?;
    let Some(State { table, base: Base::Folder(files), .. }) = found else {
        return Err(
            Error::conflict("the files of the folder are gone").with_context("table", &store.root.location)
        );
    };
    let mut commit = Commit::new("adopt");
    commit.table = Some(table.line.clone());
    commit.adds = folder::inspected(store, &table, &shared.formats, &files).await?;
    commit.header.summary = [("files_added".to_owned(), commit.adds.len().to_string())].into();
    let mut prepared = Prepared::new(commit)?;
    // Whatever becomes of this put, nothing of the caller's commit is visible.
    let commit = match prepared.put_first(store, patience).await {
        Ok(Put::Won) => prepared.into_commit(),
        Ok(Put::Lost(winner)) => winner,
        Err(error) => return Err(error.with_commit_state(CommitState::NotCommitted)),
    };
    let state = Arc::new(State::first(Arc::new(commit))?);
    shared.keep(&state);
    Ok(shared.manifest().await?.unwrap_or(state))
}

/// What version 0 has changed since the folder was listed for the base of a commit, as a commit of somebody else.
pub(super) async fn difference(shared: &Shared, args: &CommitArgs) -> Result<Commit> {
    let first = shared.store.read_commits(0, 0).await?;
    let mut known: HashMap<String, Arc<Add>> = HashMap::new();
    let mut files = args.base.files(FileFilter::default());
    while let Some(chunk) = files.try_next().await? {
        known.extend(chunk.iter().filter_map(native).map(|add| (add.path.clone(), add)));
    }
    let mut difference = Commit::new("adopt");
    difference.header.version = 0;
    for add in first.iter().flat_map(|commit| &commit.adds) {
        // A file that was written anew counts as gone and come.
        match known.get(&add.path) {
            Some(old) if old.size == add.size && old.modified == add.modified => {
                known.remove(&add.path);
            }
            _ => difference.adds.push(add.clone()),
        }
    }
    difference.removes = known.into_values().collect();
    Ok(difference)
}
