//! The pipeline's state in the store: manifests, each with a mark once its load is finished.

use std::collections::BTreeSet;

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

    /// Where a load's manifest lies.
    pub(crate) fn manifest_location(&self, load: i64) -> String {
        self.manifest(load).location()
    }

    fn mark(&self, load: i64) -> Object {
        self.folder.child(&format!("{load:020}.done"))
    }

    /// The numbers of the manifests and of the marks.
    async fn numbers(&self) -> Result<(BTreeSet<i64>, BTreeSet<i64>)> {
        let (mut manifests, mut marks) = (BTreeSet::new(), BTreeSet::new());
        let mut listing = self.folder.store.list(Some(&self.folder.path));
        while let Some(meta) = listing.try_next().await.map_err(|e| self.folder.error(e))? {
            let Some((number, kind)) = meta.location.filename().and_then(|name| name.split_once('.')) else {
                continue;
            };
            let Ok(number) = number.parse::<i64>() else { continue };
            match kind {
                "json" => manifests.insert(number),
                "done" => marks.insert(number),
                _ => false,
            };
        }
        Ok((manifests, marks))
    }

    /// The newest load. Loads follow one another, so only the newest one can be unfinished.
    pub(crate) async fn find(&self) -> Result<Found> {
        let (manifests, marks) = self.numbers().await?;
        let Some(load) = manifests.last().copied() else { return Ok(Found::default()) };
        let object = self.manifest(load);
        let bytes = match object.store.get(&object.path).await {
            Ok(found) => found.bytes().await.map_err(|e| object.error(e))?,
            Err(e) => return Err(object.error(e)),
        };
        let last = LoadManifest::from_bytes(&bytes, load, &object.location())?;
        Ok(Found { last: Some(last), finished: marks.last() >= Some(&load) })
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
        if let Err(error) =
            object.store.put_opts(&object.path, PutPayload::from(bytes.clone()), options).await
        {
            self.settle(&object, &bytes, error, manifest).await?;
        }
        // A run that has slept while others did more loads than are kept finds its number free again.
        let newer = self.numbers().await.map_err(|e| e.with_commit_state(CommitState::Unknown))?;
        if newer.0.last() > Some(&manifest.load) {
            if let Err(e) = object.store.delete(&object.path).await {
                tracing::warn!(location = object.location(), error = %e, "a load manifest that came too late stays");
            }
            return Err(taken(manifest));
        }
        Ok(())
    }

    /// After a put that failed: the store may have done it and lost the answer, and then refuse its own retry.
    /// Only reading tells.
    async fn settle(
        &self,
        object: &Object,
        bytes: &[u8],
        error: object_store::Error,
        manifest: &LoadManifest,
    ) -> Result<()> {
        use object_store::Error as Store;
        let unknown = |e| object.error(e).with_commit_state(CommitState::Unknown);
        match object.store.get(&object.path).await {
            Ok(found) => {
                let there = found.bytes().await.map_err(unknown)?;
                if there.as_ref() == bytes { Ok(()) } else { Err(taken(manifest)) }
            }
            // Only a refusal is sure: a request without an answer may still be on its way.
            Err(Store::NotFound { .. })
                if matches!(
                    error,
                    Store::PermissionDenied { .. }
                        | Store::Unauthenticated { .. }
                        | Store::NotSupported { .. }
                        | Store::NotImplemented { .. }
                        | Store::InvalidPath { .. }
                ) =>
            {
                Err(object.error(error).with_commit_state(CommitState::NotCommitted))
            }
            _ => Err(unknown(error)),
        }
    }

    /// Marks a load as finished and forgets old ones.
    pub(crate) async fn finish(&self, load: i64) -> Result<()> {
        let mark = self.mark(load);
        mark.store.put(&mark.path, PutPayload::from_static(b"{}")).await.map_err(|e| mark.error(e))?;
        if load > KEEP
            && let Err(e) = self.forget(load - KEEP).await
        {
            tracing::warn!(location = self.folder.location(), error = %e, "old load manifests stay");
        }
        Ok(())
    }

    /// Removes what is left of a load and of those before it.
    async fn forget(&self, load: i64) -> Result<()> {
        let (manifests, marks) = self.numbers().await?;
        // The manifests go before their marks, so that a crash in between leaves a mark alone, which means
        // nothing.
        let manifests = manifests.range(..=load).map(|number| self.manifest(*number));
        for object in manifests.chain(marks.range(..=load).map(|number| self.mark(*number))) {
            match object.store.delete(&object.path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(object.error(e)),
            }
        }
        Ok(())
    }
}

fn taken(manifest: &LoadManifest) -> Error {
    Error::conflict("another run of the pipeline has loaded meanwhile; run it again to go on from there")
        .with_operation("ingest::manifest")
        .with_context("pipeline", &manifest.pipeline)
        .with_context("load", manifest.load)
        .with_commit_state(CommitState::NotCommitted)
}

/// Whether an error means that nothing of the load can be seen or will ever be.
pub(crate) fn surely_nothing(error: &Error) -> bool {
    error.commit_state() != Some(CommitState::Unknown) && error.kind() != ErrorKind::Unexpected
}
