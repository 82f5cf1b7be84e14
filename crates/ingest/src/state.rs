//! The pipeline's state in the store: manifests, each with a mark once its load is finished.

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use stitchwork_core::{CommitState, Error, ErrorKind, Object, Result, Stores};

use crate::manifest::LoadManifest;

/// How many finished loads stay listed.
const KEEP: i64 = 20;

/// The folder of a pipeline's state.
#[derive(Debug)]
pub(crate) struct State {
    folder: Object,
}

/// What the folder says.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The newest manifest.
    pub last: Option<LoadManifest>,
    /// Whether its load is finished.
    pub finished: bool,
}

impl State {
    pub(crate) fn open(stores: &Stores, location: &str) -> Result<Self> {
        Ok(Self { folder: stores.resolve(location)? })
    }

    fn manifest(&self, load: i64) -> Object {
        self.folder.child(&format!("{load:020}.json"))
    }

    fn mark(&self, load: i64) -> Object {
        self.folder.child(&format!("{load:020}.done"))
    }

    /// The newest load. Loads follow one another, so only the newest one can be unfinished.
    pub(crate) async fn find(&self) -> Result<Found> {
        let mut newest = None;
        let mut marked = None;
        let mut listing = self.folder.store.list(Some(&self.folder.path));
        while let Some(meta) = listing.try_next().await.map_err(|e| self.folder.error(e))? {
            let Some((number, kind)) = meta.location.filename().and_then(|name| name.split_once('.')) else {
                continue;
            };
            let Ok(number) = number.parse::<i64>() else { continue };
            match kind {
                "json" => newest = newest.max(Some(number)),
                "done" => marked = marked.max(Some(number)),
                _ => {}
            }
        }
        let Some(load) = newest else { return Ok(Found::default()) };
        let object = self.manifest(load);
        let bytes = match object.store.get(&object.path).await {
            Ok(found) => found.bytes().await.map_err(|e| object.error(e))?,
            Err(e) => return Err(object.error(e)),
        };
        let last = LoadManifest::from_bytes(&bytes, &object.location())?;
        Ok(Found { last: Some(last), finished: marked >= Some(load) })
    }

    /// Writes a manifest: the point of no return of its load.
    ///
    /// # Errors
    /// `Conflict` when another run of the pipeline has taken the load's number. An error that says *unknown*
    /// leaves it open whether the manifest is there: the next run finds out.
    pub(crate) async fn write(&self, manifest: &LoadManifest) -> Result<()> {
        let object = self.manifest(manifest.load);
        let bytes = manifest.to_bytes()?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let Err(error) = object.store.put_opts(&object.path, PutPayload::from(bytes.clone()), options).await
        else {
            return Ok(());
        };
        // The store may have done it and lost the answer, and then refuse its own retry: only reading tells.
        match object.store.get(&object.path).await {
            Ok(found) => {
                let there = found
                    .bytes()
                    .await
                    .map_err(|e| object.error(e).with_commit_state(CommitState::Unknown))?;
                if there.as_ref() == bytes.as_slice() {
                    return Ok(());
                }
                Err(Error::conflict(
                    "another run of the pipeline has loaded meanwhile; run it again to go on from there",
                )
                .with_operation("ingest::manifest")
                .with_context("pipeline", &manifest.pipeline)
                .with_context("load", manifest.load)
                .with_commit_state(CommitState::NotCommitted))
            }
            Err(object_store::Error::NotFound { .. }) => {
                Err(object.error(error).with_commit_state(CommitState::NotCommitted))
            }
            Err(_) => Err(object.error(error).with_commit_state(CommitState::Unknown)),
        }
    }

    /// Marks a load as finished and forgets old ones.
    pub(crate) async fn finish(&self, load: i64) -> Result<()> {
        let mark = self.mark(load);
        mark.store.put(&mark.path, PutPayload::from_static(b"{}")).await.map_err(|e| mark.error(e))?;
        if load > KEEP {
            // The manifest goes before its mark, so that a crash between the two leaves a mark alone, which
            // means nothing.
            for object in [self.manifest(load - KEEP), self.mark(load - KEEP)] {
                match object.store.delete(&object.path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(e) => {
                        tracing::warn!(location = object.location(), error = %e, "an old load manifest stays")
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether an error means that nothing of the load can be seen or will ever be.
pub(crate) fn surely_nothing(error: &Error) -> bool {
    error.commit_state() != Some(CommitState::Unknown) && error.kind() != ErrorKind::Unexpected
}
