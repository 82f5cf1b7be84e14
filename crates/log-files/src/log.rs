//! The log of one folder.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use stitchwork_commits::{Checkpoints, Tail};
use stitchwork_core::{
    At, CommitArgs, Committed, DeleteFile, Error, ErrorKind, Formats, HistoryArgs, Info, Log,
    LogCapabilities, Result, Scalar, Snapshot, Version, WriteDeletesArgs, hive_folder, join,
};

use crate::commit::commit;
use crate::config::Config;
use crate::factory::{capabilities, info};
use crate::load::{check_version, load, version_at};
use crate::snapshot::FilesSnapshot;
use crate::state::State;
use crate::store::LogStore;
use crate::{checkpoint, folder, history, values};

/// What a log shares with the commits that run on it.
pub(crate) struct Shared {
    pub(crate) store: LogStore,
    pub(crate) config: Config,
    pub(crate) formats: Formats,
    /// The newest state of the manifest that we know of.
    kept: Mutex<Option<Arc<State>>>,
    /// Whose turn it is to commit.
    pub(crate) turn: tokio::sync::Mutex<()>,
    checkpoints: Checkpoints,
}

impl Shared {
    pub(crate) fn new(store: LogStore, config: Config, formats: Formats) -> Self {
        let (kept, turn) = (Mutex::new(None), tokio::sync::Mutex::new(()));
        Self { store, config, formats, kept, turn, checkpoints: Checkpoints::default() }
    }

    /// Keeps a state unless a newer one is kept already.
    pub(crate) fn keep(&self, state: &Arc<State>) {
        let mut kept = self.kept.lock();
        if kept.as_ref().is_none_or(|kept| kept.version <= state.version) {
            *kept = Some(state.clone());
        }
    }

    pub(crate) fn kept(&self) -> Option<Arc<State>> {
        self.kept.lock().clone()
    }

    /// The newest state of the manifest, kept from now on; `None` where there is no manifest.
    pub(crate) async fn manifest(&self) -> Result<Option<Arc<State>>> {
        let Some(kept) = self.kept() else { return self.reload().await };
        let mut state = kept.clone();
        let mut commits = self.store.commits.read_from(state.version.saturating_add(1));
        while let Some(commit) = commits.try_next().await? {
            state = Arc::new(state.apply(Arc::new(commit))?);
        }
        if state.version > kept.version {
            self.keep(&state);
        }
        let interval = usize::try_from(state.table.checkpoint_interval()).unwrap_or(usize::MAX);
        if state.version > kept.version && state.tail.len() > interval.saturating_mul(2) {
            // Somebody else has written checkpoints that make the tail short.
            if let Some(newest) =
                self.store.checkpoints().await?.into_iter().filter(|v| *v <= state.version).max()
            {
                state = Arc::new(state.rebased(newest));
                self.keep(&state);
            }
        }
        Ok(Some(state))
    }

    async fn reload(&self) -> Result<Option<Arc<State>>> {
        let state = load(&self.store, None).await?.map(Arc::new);
        if let Some(state) = &state {
            self.keep(state);
        }
        Ok(state)
    }

    /// The newest state, of the manifest or of the folder.
    pub(crate) async fn latest(&self) -> Result<Arc<State>> {
        if let Some(state) = self.manifest().await? {
            return Ok(state);
        }
        let none = Default::default();
        match folder::read(&self.store, &self.config, &self.formats, &none).await? {
            Some(state) => Ok(Arc::new(state)),
            None => Err(Error::not_found("there is no manifest and no file")
                .with_context("location", &self.store.root.location)),
        }
    }

    /// Writes a checkpoint when one is due. Its failure is no failure of the commit.
    pub(crate) async fn maintain(&self, state: &Arc<State>) {
        let tail = Tail { commits: state.tail.len(), lines: state.tail_lines() };
        let write = async {
            checkpoint::write(&self.store, state).await?;
            if let Some(kept) = self.kept.lock().as_mut() {
                *kept = Arc::new(kept.rebased(state.version));
            }
            Ok(())
        };
        let interval = state.table.checkpoint_interval();
        self.checkpoints.write_if_due(state.version, interval, tail, write).await;
    }

    async fn at(&self, at: At) -> Result<Arc<State>> {
        let newest = match &at {
            At::Latest => return self.latest().await,
            At::Ref(name) => {
                return Err(Error::unsupported("folders have no branches and tags").with_context("ref", name));
            }
            _ => self.latest().await,
        };
        let newest = match (newest, &at) {
            // What is damaged later is in nobody's way.
            (Err(e), At::Version(version)) if e.kind() == ErrorKind::InvalidData => {
                let older = load(&self.store, Some(*version)).await.ok().flatten();
                return older.map(Arc::new).ok_or(e);
            }
            (newest, _) => newest?,
        };
        let version = match at {
            At::Version(version) => version,
            At::Timestamp(time) => version_at(&self.store, &newest, time).await?,
            _ => return Err(Error::unsupported("folders are found by version or time")),
        };
        check_version(&newest, version)?;
        if version == newest.version {
            return Ok(newest);
        }
        match load(&self.store, Some(version)).await? {
            Some(state) => Ok(Arc::new(state)),
            None => Err(Error::not_found("the manifest is gone")),
        }
    }
}

/// The log of a folder.
pub(crate) struct FilesLog {
    shared: Arc<Shared>,
}

impl FilesLog {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    fn located(&self, operation: &'static str) -> impl FnOnce(Error) -> Error + '_ {
        move |error| error.with_operation(operation).with_context("table", &self.shared.store.root.location)
    }
}

impl fmt::Debug for FilesLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesLog")
            .field("location", &self.shared.store.root.location)
            .field("version", &self.shared.kept().map(|kept| kept.version))
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for FilesLog {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    fn location(&self) -> &str {
        &self.shared.store.root.location
    }

    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String {
        let mut path = String::new();
        for (name, value) in partition {
            let text = (!value.is_null()).then(|| values::text(value).unwrap_or_else(|| value.to_string()));
            path.push_str(&hive_folder(name, text.as_deref()));
            path.push('/');
        }
        // Until there is a manifest, whatever can be seen in the folder is part of the table.
        if self.shared.kept().is_none() {
            path.push('_');
        }
        join(self.location(), &(path + file_name))
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        let state = self.shared.at(at).await.map_err(self.located("log::snapshot"))?;
        Ok(Arc::new(FilesSnapshot::new(self.shared.store.clone(), state)))
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        let error = Error::unsupported("a folder has no place for deletes; rewrite the file");
        Err(self.located("log::write_deletes")(error.with_context("file", &args.file.location)))
    }

    async fn commit(&self, args: CommitArgs) -> Result<Committed> {
        commit(&self.shared, args).await
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        let shared = self.shared.clone();
        let newest = async move {
            let newest = shared.manifest().await?.map_or(-1, |state| state.version);
            Ok::<_, Error>(history::down_from(shared.store.clone(), newest, args.limit))
        };
        stream::once(newest).try_flatten().boxed()
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        let shared = self.shared.clone();
        let versions = async move {
            // A folder without a manifest has none. Commits are never removed.
            let newest = shared.manifest().await?.map_or(-1, |state| state.version);
            Ok::<_, Error>(stream::iter((0..=newest).rev().map(Ok)))
        };
        stream::once(versions).try_flatten().boxed()
    }
}
