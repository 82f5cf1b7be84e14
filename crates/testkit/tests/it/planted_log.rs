//! The log in memory with a bug on demand.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use stitchwork_core::{
    At, CommitArgs, CommitState, CommitTag, Committed, CreateArgs, DataFile, DeleteFile, Deletes,
    FieldMapping, FileFilter, Formats, HistoryArgs, Info, Log, LogArgs, LogCapabilities, LogFactory, Object,
    PartitionSpec, Reads, Result, Scalar, Snapshot, StatsFor, Stores, Version, WriteDeletesArgs,
};
use stitchwork_testkit::{MemoryLogFactory, log};

use crate::assert_failed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    DropsTag,
    DropsPayload,
    ForgetsReads,
    ForgetsStats,
    AlwaysAllStats,
    NeverPrunes,
    PrunesNulls,
    LosesDeletes,
    OldestFirst,
    NoPast,
    ForgetsRemovals,
    DeclaresNoDeletes,
    ErrorsWithoutState,
    ForgetsProperties,
    WritesBefore,
    WritesAfter,
    ListsNewestOnly,
    ListsTwice,
    ListsWhatIsGone,
    TakesNeededForOrphans,
    AddsTwiceInSilence,
    CountsRacesOfNobody,
    LastSchemaWins,
}

#[derive(Debug, Clone)]
struct Planted<T> {
    inner: T,
    bug: Bug,
    /// Where a log with a bug of writing writes.
    marker: Option<Object>,
}

impl Planted<MemoryLogFactory> {
    fn log(&self, inner: Arc<dyn Log>, stores: &Stores) -> Result<Arc<dyn Log>> {
        let marker = Some(stores.resolve(inner.location())?.child("marker"));
        Ok(Arc::new(Planted { inner, bug: self.bug, marker }))
    }
}

impl Planted<Arc<dyn Log>> {
    /// A write that belongs to a commit.
    async fn write(&self) -> Result<()> {
        let Some(marker) = &self.marker else { return Ok(()) };
        let failed = |e| marker.error(e).with_commit_state(CommitState::NotCommitted);
        marker.store.put(&marker.path, "x".into()).await.map(drop).map_err(failed)
    }

    fn snapshot_of(&self, inner: Arc<dyn Snapshot>) -> Arc<dyn Snapshot> {
        Arc::new(Planted { inner, bug: self.bug, marker: None })
    }
}

fn capabilities(bug: Bug, inner: LogCapabilities) -> LogCapabilities {
    LogCapabilities { position_deletes: inner.position_deletes && bug != Bug::DeclaresNoDeletes, ..inner }
}

#[async_trait]
impl LogFactory for Planted<MemoryLogFactory> {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities(self.bug, self.inner.capabilities())
    }

    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>> {
        let stores = args.stores.clone();
        self.log(self.inner.open(args).await?, &stores)
    }

    async fn create(&self, args: LogArgs, mut create: CreateArgs) -> Result<Arc<dyn Log>> {
        if self.bug == Bug::ForgetsProperties {
            create.properties.clear();
        }
        let stores = args.stores.clone();
        self.log(self.inner.create(args, create).await?, &stores)
    }
}

#[async_trait]
impl Log for Planted<Arc<dyn Log>> {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities(self.bug, self.inner.capabilities())
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String {
        self.inner.data_location(partition, file_name)
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        let at = if self.bug == Bug::NoPast { At::Latest } else { at };
        Ok(self.snapshot_of(self.inner.snapshot(at).await?))
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        self.inner.write_deletes(args).await
    }

    async fn commit(&self, mut args: CommitArgs) -> Result<Committed> {
        match self.bug {
            Bug::DropsTag => args.tag = None,
            Bug::DropsPayload => args.tag = args.tag.map(|tag| CommitTag { payload: None, ..tag }),
            Bug::ForgetsReads => args.reads = Reads::Nothing,
            Bug::ForgetsStats => args.changes.added.iter_mut().for_each(|file| file.stats = None),
            Bug::ForgetsRemovals => args.changes.removed.clear(),
            Bug::AddsTwiceInSilence => args.changes.added.dedup_by(|a, b| a.location == b.location),
            Bug::LastSchemaWins if args.changes.schema.is_some() => {
                args.base = self.inner.snapshot(At::Latest).await?;
            }
            _ => {}
        }
        let forget = |e: stitchwork_core::Error| match self.bug {
            Bug::ErrorsWithoutState => stitchwork_core::Error::new(e.kind(), e.message()),
            _ => e,
        };
        if self.bug == Bug::WritesBefore {
            self.write().await?;
        }
        let done = self.inner.commit(args).await.map_err(forget)?;
        if self.bug == Bug::WritesAfter {
            self.write().await?;
        }
        let lost_races = done.lost_races + u32::from(self.bug == Bug::CountsRacesOfNobody);
        Ok(Committed { snapshot: self.snapshot_of(done.snapshot), lost_races })
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        let inner = self.inner.history(args);
        if self.bug != Bug::OldestFirst {
            return inner;
        }
        let reversed = async move {
            let mut all: Vec<Version> = inner.try_collect().await?;
            all.reverse();
            Ok::<_, stitchwork_core::Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(reversed).try_flatten().boxed()
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        let (inner, bug) = (self.inner.versions(), self.bug);
        let listed = async move {
            let mut all: Vec<i64> = inner.try_collect().await?;
            match bug {
                Bug::ListsNewestOnly => all = all.into_iter().max().into_iter().collect(),
                Bug::ListsTwice => all.extend(all.first().copied()),
                Bug::ListsWhatIsGone => all.push(555),
                _ => {}
            }
            Ok::<_, stitchwork_core::Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn orphan_files(&self) -> Result<Vec<String>> {
        match self.bug {
            Bug::TakesNeededForOrphans => Ok(vec![self.inner.data_location(&[], "needed")]),
            _ => self.inner.orphan_files().await,
        }
    }
}

#[async_trait]
impl Snapshot for Planted<Arc<dyn Snapshot>> {
    fn version(&self) -> i64 {
        self.inner.version()
    }

    fn timestamp_ms(&self) -> i64 {
        self.inner.timestamp_ms()
    }

    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn file_schema(&self) -> SchemaRef {
        self.inner.file_schema()
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        self.inner.mapping()
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        self.inner.partitioning()
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        self.inner.properties()
    }

    async fn tag(&self, application: &str) -> Result<Option<CommitTag>> {
        self.inner.tag(application).await
    }

    fn files(&self, mut filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        let mut keep: fn(&DataFile) -> bool = |_| true;
        match self.bug {
            Bug::NeverPrunes => filter.predicate = None,
            Bug::AlwaysAllStats => filter.stats = StatsFor::All,
            Bug::PrunesNulls if filter.predicate.is_some() => {
                keep = |file| !file.partition.iter().any(Scalar::is_null);
            }
            _ => {}
        }
        self.inner.files(filter).map_ok(move |files| files.into_iter().filter(keep).collect()).boxed()
    }

    async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        match self.bug {
            Bug::LosesDeletes => Ok(Deletes::default()),
            _ => self.inner.deletes(file).await,
        }
    }
}

async fn failures(bug: Bug) -> Vec<(&'static str, String)> {
    let make = || async move {
        let factory = Arc::new(Planted { inner: MemoryLogFactory::new(), bug, marker: None });
        let args = LogArgs::new("memory:/warehouse", Stores::new(), Formats::default());
        Ok(log::Subject::new(factory, args))
    };
    log::SUITE.failures(make).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_fails_its_clauses_and_no_others() {
    let planted: [(Bug, &[&str]); 24] = [
        (Bug::None, &[]),
        (
            Bug::DropsTag,
            &["log::commit::tag_is_found", "log::commit::tag_twice_refused", "log::history::newest_first"],
        ),
        (
            Bug::DropsPayload,
            &["log::commit::tag_is_found", "log::commit::tag_twice_refused", "log::history::newest_first"],
        ),
        (Bug::ForgetsReads, &["log::commit::read_conflict_refused"]),
        (
            Bug::ForgetsStats,
            &[
                "log::commit::append_is_listed",
                "log::commit::read_conflict_refused",
                "log::files::prunes_by_partition_and_stats",
                "log::files::stats_on_demand",
            ],
        ),
        (Bug::AlwaysAllStats, &["log::files::stats_on_demand"]),
        (Bug::NeverPrunes, &["log::files::prunes_by_partition_and_stats"]),
        (Bug::PrunesNulls, &["log::files::prunes_by_partition_and_stats"]),
        (Bug::LosesDeletes, &["log::deletes::positions_round_trip"]),
        (Bug::OldestFirst, &["log::history::newest_first"]),
        (
            Bug::NoPast,
            &[
                "log::commit::add_column",
                "log::snapshot::missing_version_is_not_found",
                "log::snapshot::time_travel",
                "log::versions::all_that_are_found",
            ],
        ),
        (
            Bug::ForgetsRemovals,
            &[
                "log::commit::blind_appends_rebase",
                "log::commit::conflicting_remove_refused",
                "log::commit::read_conflict_refused",
                "log::commit::remove_is_exact",
                "log::deletes::positions_round_trip",
                "log::orphans::none_after_commits",
            ],
        ),
        (Bug::DeclaresNoDeletes, &["log::deletes::positions_round_trip"]),
        (
            Bug::ErrorsWithoutState,
            &[
                "log::commit::add_column",
                "log::commit::append_is_listed",
                "log::commit::conflicting_remove_refused",
                "log::commit::read_conflict_refused",
                "log::commit::tag_twice_refused",
                "log::deletes::positions_round_trip",
            ],
        ),
        (Bug::ForgetsProperties, &["log::create::schema_survives"]),
        // A commit that fails before the step that counts is no harm; one that says so afterwards is.
        (Bug::WritesBefore, &[]),
        (Bug::WritesAfter, &["log::commit::lost_answer_is_found"]),
        (Bug::ListsNewestOnly, &["log::versions::all_that_are_found"]),
        (Bug::ListsTwice, &["log::versions::all_that_are_found"]),
        (Bug::ListsWhatIsGone, &["log::versions::all_that_are_found"]),
        (Bug::TakesNeededForOrphans, &["log::orphans::none_after_commits"]),
        (Bug::AddsTwiceInSilence, &["log::commit::append_is_listed"]),
        (Bug::CountsRacesOfNobody, &["log::commit::append_is_listed", "log::commit::blind_appends_rebase"]),
        (Bug::LastSchemaWins, &["log::commit::add_column"]),
    ];
    for (bug, expected) in planted {
        assert_failed(&bug, &failures(bug).await, expected);
    }
}
