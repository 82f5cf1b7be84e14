//! The live files of a state, in the order in which they came.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};
use stitchwork_core::Result;

use crate::checkpoint;
use crate::lines::Add;
use crate::state::{Base, State};
use crate::store::LogStore;

/// The files of a chunk.
const CHUNK: usize = 1024;

/// The live files: those of the base of which the commits say nothing, then those of the commits.
pub(crate) fn live_files(store: &LogStore, state: &Arc<State>) -> BoxStream<'static, Result<Vec<Arc<Add>>>> {
    // By path, the version of the last commit that speaks of it, where that one adds it.
    let mut last: HashMap<String, Option<i64>> = HashMap::new();
    for commit in &state.tail {
        // What one commit removes and adds is there afterwards.
        last.extend(commit.removes.iter().map(|remove| (remove.path.clone(), None)));
        last.extend(commit.adds.iter().map(|add| (add.path.clone(), Some(commit.header.version))));
    }
    let mut tail: Vec<Arc<Add>> = Vec::new();
    for commit in &state.tail {
        let version = Some(commit.header.version);
        tail.extend(commit.adds.iter().filter(|add| last.get(&add.path) == Some(&version)).cloned());
    }
    let older = match &state.base {
        Base::Nothing => stream::empty().boxed(),
        Base::Folder(files) => chunked(files.to_vec()),
        Base::Checkpoint(version) => checkpoint::files(store, *version),
    };
    let older = older.map(move |files| {
        let mut files = files?;
        files.retain(|add| !last.contains_key(&add.path));
        Ok(files)
    });
    older.chain(chunked(tail)).boxed()
}

fn chunked(files: Vec<Arc<Add>>) -> BoxStream<'static, Result<Vec<Arc<Add>>>> {
    let chunks: Vec<_> = files.chunks(CHUNK).map(|chunk| Ok(chunk.to_vec())).collect();
    stream::iter(chunks).boxed()
}
