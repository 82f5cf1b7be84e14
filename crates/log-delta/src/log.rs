//! The log of one Delta table.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parking_lot::Mutex;
use stitchwork_commits::{Checkpoints, Tail};
use stitchwork_core::{
    At, CommitArgs, Committed, DeleteFile, Error, HistoryArgs, Info, Log, LogCapabilities, Result, Scalar,
    Snapshot, Version, WriteDeletesArgs, join,
};

use crate::checkpoint::write_checkpoint;
use crate::commit::commit;
use crate::factory::{capabilities, info};
use crate::load::{load, times, version_at, versions};
use crate::paths::partition_directory;
use crate::snapshot::DeltaSnapshot;
use crate::state::State;
use crate::store::LogStore;
use crate::{deletes, history, protocol};

/// After how many commits a checkpoint is written where the table does not say.
const CHECKPOINT_INTERVAL: i64 = 100;

/// How long a kept state is trusted without looking for checkpoints. Commits are removed after days at the
/// earliest; looking for the next one by its name tells nothing when it has been.
const TRUSTED: Duration = Duration::from_secs(600);

/// The newest state that we know of.
struct Kept {
    state: Arc<State>,
    /// When it was last certain to be whole.
    checked: Instant,
    /// The length of the tail at which we look for somebody else's checkpoint.
    look_at: usize,
}

/// What a log shares with the commits that run on it.
pub(crate) struct Shared {
    pub(crate) store: LogStore,
    kept: Mutex<Option<Kept>>,
    /// Whose turn it is to commit.
    pub(crate) turn: tokio::sync::Mutex<()>,
    checkpoints: Checkpoints,
}

impl Shared {
    pub(crate) fn new(store: LogStore) -> Self {
        Self {
            store,
            kept: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            checkpoints: Checkpoints::default(),
        }
    }

    /// Keeps a state unless a newer one is kept already.
    pub(crate) fn keep(&self, state: &Arc<State>) {
        let mut kept = self.kept.lock();
        match kept.as_mut() {
            Some(kept) if kept.state.version > state.version => {}
            Some(kept) => kept.state = state.clone(),
            None => *kept = Some(Self::fresh(state.clone())),
        }
    }

    fn fresh(state: Arc<State>) -> Kept {
        Kept { look_at: look_at(&state), state, checked: Instant::now() }
    }

    fn trusted(&self) -> Option<Arc<State>> {
        let kept = self.kept.lock();
        kept.as_ref().filter(|kept| kept.checked.elapsed() < TRUSTED).map(|kept| kept.state.clone())
    }

    /// The kept state, however old within reason.
    pub(crate) async fn kept_or_load(&self) -> Result<Arc<State>> {
        match self.trusted() {
            Some(state) => Ok(state),
            None => self.reload().await,
        }
    }

    async fn reload(&self) -> Result<Arc<State>> {
        let state = load(&self.store, None).await?.ok_or_else(|| {
            Error::not_found("there is no Delta table").with_context("location", &self.store.root.location)
        })?;
        let state = Arc::new(state);
        let mut kept = self.kept.lock();
        match kept.as_ref() {
            // Commits of our own landed while the listing was under way.
            Some(kept) if kept.state.version > state.version => return Ok(kept.state.clone()),
            _ => *kept = Some(Self::fresh(state.clone())),
        }
        Ok(state)
    }

    /// The newest state: the kept one and the commits since.
    pub(crate) async fn latest(&self) -> Result<Arc<State>> {
        let Some(kept) = self.trusted() else { return self.reload().await };
        let mut state = kept.clone();
        let mut commits = self.store.commits.read_from(state.version.saturating_add(1));
        while let Some(commit) = commits.try_next().await? {
            state = Arc::new(state.apply(Arc::new(commit))?);
        }
        if state.version > kept.version {
            self.keep(&state);
            if self.outgrown(&state).await? {
                return self.reload().await;
            }
        }
        Ok(state)
    }

    /// Whether the tail is long and somebody else has written a checkpoint that makes it short.
    async fn outgrown(&self, state: &State) -> Result<bool> {
        let due = self.kept.lock().as_ref().is_some_and(|kept| state.tail_len() >= kept.look_at);
        if !due {
            return Ok(false);
        }
        let hint = self.store.hint().await?;
        let known = state.checkpoint.as_ref().map_or(-1, |checkpoint| checkpoint.version);
        if hint.is_some_and(|hint| hint.version > known) {
            return Ok(true);
        }
        if let Some(kept) = self.kept.lock().as_mut() {
            kept.look_at = look_at(state);
        }
        Ok(false)
    }

    /// Writes a checkpoint when one is due. Its failure is no failure of the commit.
    pub(crate) async fn maintain(&self, state: &Arc<State>) {
        let interval = state.table.number("delta.checkpointInterval").unwrap_or(CHECKPOINT_INTERVAL);
        let tail = Tail { commits: state.tail_len(), lines: state.tail_actions() };
        let write = async {
            let checkpoint = Arc::new(write_checkpoint(&self.store, state).await?);
            if let Some(kept) = self.kept.lock().as_mut() {
                kept.state = Arc::new(kept.state.rebased(checkpoint));
                kept.look_at = look_at(&kept.state);
            }
            Ok(())
        };
        self.checkpoints.write_if_due(state.version, interval, tail, write).await;
    }

    async fn at(&self, at: At) -> Result<Arc<State>> {
        let version = match at {
            At::Latest => return self.latest().await,
            At::Version(version) => version,
            At::Timestamp(timestamp_ms) => {
                let latest = self.latest().await?;
                version_at(&self.store, &latest.table, timestamp_ms).await?
            }
            At::Ref(name) => {
                return Err(
                    Error::unsupported("Delta tables have no branches and tags").with_context("ref", name)
                );
            }
            _ => return Err(Error::unsupported("Delta tables are found by version or time")),
        };
        if let Some(state) = self.trusted().filter(|state| state.version == version) {
            return Ok(state);
        }
        if version < 0 {
            return Err(Error::not_found("the table has no such version").with_context("version", version));
        }
        match load(&self.store, Some(version)).await? {
            Some(state) => Ok(Arc::new(state)),
            None => Err(Error::not_found("there is no Delta table")),
        }
    }
}

fn look_at(state: &State) -> usize {
    state.tail_len() + 64
}

/// A Delta table's log.
pub(crate) struct DeltaLog {
    shared: Arc<Shared>,
}

impl DeltaLog {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    fn located(&self, operation: &'static str) -> impl FnOnce(Error) -> Error + '_ {
        move |error| error.with_operation(operation).with_context("table", &self.shared.store.root.location)
    }
}

impl fmt::Debug for DeltaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.shared.kept.lock().as_ref().map(|kept| kept.state.version);
        f.debug_struct("DeltaLog")
            .field("location", &self.shared.store.root.location)
            .field("version", &version)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for DeltaLog {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        let kept = self.shared.kept.lock();
        let position_deletes = kept
            .as_ref()
            .is_some_and(|kept| protocol::takes_vectors(&kept.state.protocol, &kept.state.table));
        let field_ids = kept.as_ref().is_some_and(|kept| kept.state.table.is_mapped());
        LogCapabilities { position_deletes, field_ids, ..capabilities() }
    }

    fn location(&self) -> &str {
        &self.shared.store.root.location
    }

    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String {
        join(self.location(), &format!("{}{file_name}", partition_directory(partition)))
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        let state = self.shared.at(at).await.map_err(self.located("log::snapshot"))?;
        Ok(Arc::new(DeltaSnapshot::new(self.shared.store.clone(), state)))
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        let located = self.located("log::write_deletes");
        let state = self.shared.kept_or_load().await;
        let written = match state {
            Ok(state) if protocol::takes_vectors(&state.protocol, &state.table) => {
                deletes::write(&self.shared.store.root, &self.shared.store.stores, &args.positions).await
            }
            Ok(_) => Err(Error::unsupported(
                "the table has no deletion vectors; set the property to true, or rewrite the file",
            )
            .with_context("property", crate::meta::ENABLE_VECTORS)),
            Err(error) => Err(error),
        };
        written.map_err(|e| located(e.with_context("file", &args.file.location)))
    }

    async fn commit(&self, args: CommitArgs) -> Result<Committed> {
        commit(&self.shared, args).await
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        let shared = self.shared.clone();
        let newest = async move {
            let state = shared.latest().await?;
            let times = times(&shared.store).await?;
            Ok::<_, Error>((state.version, times, shared.store.clone()))
        };
        stream::once(newest)
            .map_ok(move |(newest, times, store)| history::down_from(store, newest, times, args.limit))
            .try_flatten()
            .boxed()
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        let shared = self.shared.clone();
        let versions = async move {
            let versions = versions(&shared.store).await.map_err(|e| e.with_operation("log::versions"))?;
            Ok::<_, Error>(stream::iter(versions.into_iter().rev().map(Ok)))
        };
        stream::once(versions).try_flatten().boxed()
    }
}
