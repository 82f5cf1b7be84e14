//! The pipeline's state in the store: manifests, each with a mark once its load is finished.

use std::collections::BTreeSet;
use std::time::SystemTime;

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use stitchwork_core::{CommitState, Error, ErrorKind, Object, Result, Stores};

use crate::destination::Destination;
use crate::leftovers::{Leftover, LeftoverKind};
use crate::manifest::LoadManifest;
use crate::mutation::{Mutation, Planted};

/// How many finished loads stay listed.
const KEEP: i64 = 20;

/// The folder of a pipeline's state.
#[derive(Debug)]
pub(crate) struct State {
    folder: Object,
}

/// How far a pipeline has come at a destination, as its folder of state says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PipelineState {
    /// The folder.
    pub location: String,
    /// The manifest of the newest load. None where nothing was loaded yet, or the folder was removed: then the next run
    /// goes on from the tables themselves.
    pub last: Option<LoadManifest>,
    /// Whether the newest load is finished; one that is not will be by the next run.
    pub finished: bool,
}

impl Destination {
    /// How far a pipeline has come here. Nothing is changed, and a run may be under way.
    ///
    /// ```
    /// # use stitchwork_ingest::Destination;
    /// # async fn example(destination: Destination) -> stitchwork_core::Result<()> {
    /// let state = destination.pipeline_state("github").await?;
    /// if let Some(last) = state.last {
    ///     println!("load {} up to {:?}, finished: {}", last.load, last.cursor, state.finished);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the store says; `InvalidData` for a manifest that cannot be read; `InvalidConfig` where the folder holds
    /// the state of a pipeline whose name differs in case or punctuation only.
    pub async fn pipeline_state(&self, pipeline: &str) -> Result<PipelineState> {
        State::open(self.registry.stores(), &self.state_location(pipeline))?.find(pipeline).await
    }
}

impl State {
    pub(crate) fn open(stores: &Stores, location: &str) -> Result<Self> {
        Ok(Self { folder: stores.resolve(location)? })
    }

    pub(crate) fn location(&self) -> String {
        self.folder.location()
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
        loop {
            let meta = match listing.try_next().await {
                Ok(Some(meta)) => meta,
                // Stores that have folders may say that there is none.
                Ok(None) | Err(object_store::Error::NotFound { .. }) => break,
                Err(e) => return Err(self.folder.error(e)),
            };
            match meta.location.filename().and_then(parse_name) {
                Some((load, Kind::Manifest)) => manifests.insert(load),
                Some((load, Kind::Mark)) => marks.insert(load),
                None => false,
            };
        }
        Ok((manifests, marks))
    }

    /// The newest load of the pipeline. Loads follow one another, so only the newest one can be unfinished.
    pub(crate) async fn find(&self, pipeline: &str) -> Result<PipelineState> {
        let location = self.location();
        let Some((last, finished)) = self.newest().await? else {
            return Ok(PipelineState { location, last: None, finished: false });
        };
        if last.pipeline != pipeline {
            return Err(Error::invalid_config(
                "the state of another pipeline is kept under the same name at this destination; names must \
                 differ in more than case and punctuation",
            )
            .with_context("pipeline", pipeline)
            .with_context("other", last.pipeline));
        }
        Ok(PipelineState { location, last: Some(last), finished })
    }

    /// The newest manifest, whichever pipeline's it is, and whether its load is finished.
    pub(crate) async fn newest(&self) -> Result<Option<(LoadManifest, bool)>> {
        let (manifests, marks) = self.numbers().await?;
        let Some(load) = manifests.last().copied() else { return Ok(None) };
        let object = self.manifest(load);
        let last = read(&object, load).await.map_err(|e| match e {
            Unread::Store(e) => object.error(e),
            Unread::Broken(e) => e,
        })?;
        Ok(Some((last, marks.last() >= Some(&load))))
    }

    /// The states of all pipelines below a folder.
    pub(crate) async fn all(stores: &Stores, location: &str) -> Result<Vec<Self>> {
        let folder = stores.resolve(location)?;
        let listing = match folder.store.list_with_delimiter(Some(&folder.path)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(vec![]),
            listing => listing.map_err(|e| folder.error(e))?,
        };
        let states = listing.common_prefixes.into_iter();
        Ok(states.map(|path| Self { folder: Object { path, ..folder.clone() } }).collect())
    }

    /// Every manifest that is there, and the objects of loads that need not be listed any more: those that a run
    /// was to remove and did not.
    pub(crate) async fn kept_and_forgotten(&self) -> Result<(Vec<LoadManifest>, Vec<Leftover>)> {
        let mut objects = Vec::new();
        let mut listing = self.folder.store.list(Some(&self.folder.path));
        while let Some(meta) = listing.try_next().await.map_err(|e| self.folder.error(e))? {
            if let Some((load, kind)) = meta.location.filename().and_then(parse_name) {
                objects.push((load, kind, meta));
            }
        }
        let newest =
            objects.iter().filter(|(_, kind, _)| *kind == Kind::Manifest).map(|(load, ..)| *load).max();
        let (mut manifests, mut forgotten) = (vec![], vec![]);
        for (load, kind, meta) in objects {
            let object = Object { path: meta.location, ..self.folder.clone() };
            if kind == Kind::Manifest {
                match read(&object, load).await {
                    Ok(manifest) => manifests.push(manifest),
                    // A run has removed it meanwhile, so its load is finished for long.
                    Err(Unread::Store(object_store::Error::NotFound { .. })) => continue,
                    Err(Unread::Store(e)) => return Err(object.error(e)),
                    Err(Unread::Broken(e)) => return Err(e),
                }
            }
            if newest.is_some_and(|newest| load <= newest - KEEP) {
                forgotten.push(Leftover {
                    kind: LeftoverKind::Manifest,
                    table: None,
                    location: object.location(),
                    size: meta.size,
                    modified: SystemTime::from(meta.last_modified),
                });
            }
        }
        Ok((manifests, forgotten))
    }

    /// Writes a manifest: the point of no return of its load.
    ///
    /// # Errors
    /// `Conflict` when another run of the pipeline has taken the load's number. An error that says *unknown*
    /// leaves it open whether the manifest is there: the next run finds out.
    pub(crate) async fn write(&self, manifest: &LoadManifest, planted: Planted) -> Result<()> {
        let object = self.manifest(manifest.load);
        let bytes = manifest.to_bytes()?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        if let Err(error) =
            object.store.put_opts(&object.path, PutPayload::from(bytes.clone()), options).await
        {
            if planted.has(Mutation::ManifestAnswerBelieved)
                && matches!(error, object_store::Error::AlreadyExists { .. })
            {
                return Err(taken(manifest));
            }
            self.settle(&object, &bytes, error, manifest).await?;
        }
        // A run that has slept while others did more loads than are kept finds its number free again. Where only some
        // have been done meanwhile, they have finished this one first, since they have found its manifest.
        let newer = self.numbers().await.map_err(|e| e.with_commit_state(CommitState::Unknown))?;
        if newer.0.last().is_some_and(|newest| manifest.load <= newest - KEEP) {
            if let Err(e) = object.store.delete(&object.path).await {
                tracing::warn!(location = object.location(), error = %e, "a load manifest that came too late stays");
            }
            // It may have slept after the manifest was there, so that its files are in the tables by now.
            return Err(taken(manifest).with_commit_state(CommitState::Unknown));
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

/// What an object of the folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Manifest,
    Mark,
}

fn parse_name(name: &str) -> Option<(i64, Kind)> {
    let (load, kind) = name.split_once('.')?;
    let kind = match kind {
        "json" => Kind::Manifest,
        "done" => Kind::Mark,
        _ => return None,
    };
    Some((load.parse().ok()?, kind))
}

/// Why a manifest could not be read.
enum Unread {
    Store(object_store::Error),
    Broken(Error),
}

async fn read(object: &Object, load: i64) -> Result<LoadManifest, Unread> {
    let found = object.store.get(&object.path).await.map_err(Unread::Store)?;
    let bytes = found.bytes().await.map_err(Unread::Store)?;
    LoadManifest::from_bytes(&bytes, load, &object.location()).map_err(Unread::Broken)
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
