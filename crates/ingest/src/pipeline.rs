//! The pipeline: extract, shred, write, commit.

mod commit;
mod extract;
mod others;
mod recover;
mod replaced;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stitchwork_core::{Cursor, Error, Result, Source};

use crate::config::{CommitPolicy, Disposition, Progress, ProgressFn, StreamOptions};
use crate::destination::Destination;
use crate::load::Tables;
use crate::manifest::LoadManifest;
use crate::mutation::{Mutation, Planted};
use crate::report::{LoadReport, RunReport};
use crate::state::State;
use others::Other;

/// Starts a pipeline of this name. The name stands for its state: a pipeline of the same name at the same
/// destination goes on where the last run ended.
#[must_use]
pub fn pipeline(name: impl Into<String>) -> Pipeline {
    Pipeline {
        name: name.into(),
        source: None,
        destination: None,
        disposition: Disposition::Append,
        policy: CommitPolicy::default(),
        streams: vec![],
        options: BTreeMap::new(),
        progress: ProgressFn::default(),
        planted: Planted::default(),
    }
}

/// Loads a source into the tables of a destination, each row exactly once.
#[derive(Debug, Clone)]
pub struct Pipeline {
    name: String,
    source: Option<Arc<dyn Source>>,
    destination: Option<Given<Destination>>,
    disposition: Disposition,
    policy: CommitPolicy,
    streams: Vec<String>,
    options: BTreeMap<String, StreamOptions>,
    progress: ProgressFn,
    planted: Planted,
}

impl Pipeline {
    /// What to load.
    #[must_use]
    pub fn source(self, source: impl Source) -> Self {
        self.shared_source(Arc::new(source))
    }

    /// What to load, opened by a registry or shared with others.
    #[must_use]
    pub fn shared_source(mut self, source: Arc<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// Where to load it. What is wrong with it, `run` says.
    #[must_use]
    pub fn destination(mut self, destination: impl IntoDestination) -> Self {
        self.destination = Some(destination.into_destination().map_err(Arc::new));
        self
    }

    /// Replaces what is there, instead of adding to it.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.disposition = Disposition::Replace;
        self
    }

    /// When a run commits what it has so far.
    #[must_use]
    pub fn commit_policy(mut self, policy: CommitPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Loads only these streams; all when never called.
    #[must_use]
    pub fn streams<I: IntoIterator<Item = S>, S: Into<String>>(mut self, streams: I) -> Self {
        self.streams = streams.into_iter().map(Into::into).collect();
        self
    }

    /// Puts each row of a stream into the table that a template over its fields names: `github_{type}`.
    #[must_use]
    pub fn table_name(mut self, stream: impl Into<String>, template: impl Into<String>) -> Self {
        self.options.entry(stream.into()).or_default().table = Some(template.into());
        self
    }

    /// Everything about how a stream becomes tables.
    #[must_use]
    pub fn stream_options(mut self, stream: impl Into<String>, options: StreamOptions) -> Self {
        self.options.insert(stream.into(), options);
        self
    }

    /// Is told what the run is doing.
    #[must_use]
    pub fn on_progress(mut self, progress: ProgressFn) -> Self {
        self.progress = progress;
        self
    }

    /// Gives the pipeline a bug, for tests of tests.
    #[cfg(feature = "mutation")]
    #[must_use]
    pub fn with_mutation(mut self, mutation: Mutation) -> Self {
        self.planted = Planted::new(mutation);
        self
    }

    /// Runs once: finishes a load that was interrupted, then loads what is new.
    ///
    /// # Errors
    /// What the source, the store or the logs say. Loads that were committed before stay; the next run goes
    /// on after them. `Conflict` when another run of the pipeline was faster: run it again.
    pub async fn run(&self) -> Result<RunReport> {
        let mut run = self.start().await?;
        run.recover().await?;
        extract::run(&mut run).await?;
        Ok(run.report())
    }

    async fn start(&self) -> Result<Run<'_>> {
        let missing = |what: &str| {
            Error::invalid_config(format!("the pipeline has no {what}; give it one before `run`"))
                .with_context("pipeline", &self.name)
        };
        if self.name.trim().is_empty() {
            return Err(Error::invalid_config("a pipeline needs a name: its state is kept under it"));
        }
        let source = self.source.clone().ok_or_else(|| missing("source"))?;
        let destination =
            self.destination.clone().ok_or_else(|| missing("destination"))?.map_err(Error::again)?;
        for (stream, options) in &self.options {
            // What is wrong with a template is said before anything is read or written.
            streams::namer(stream, options)?;
        }
        let state = State::open(destination.registry.stores(), &destination.state_location(&self.name))?;
        let found = state.find(&self.name).await?;
        let tables = Tables::new(destination.clone());
        let mut run = Run {
            pipeline: self,
            source,
            destination,
            state,
            tables,
            unfinished: None,
            last_tables: vec![],
            next_load: 1,
            cursor: None,
            known: BTreeMap::new(),
            others: vec![],
            left: BTreeSet::new(),
            discovered: BTreeSet::new(),
            writers: BTreeMap::new(),
            owners: BTreeMap::new(),
            recovered: None,
            unread: false,
            loads: vec![],
        };
        match found.last {
            Some(last) => run.go_on_after(last, found.finished).await?,
            None => run.recover_from_tags().await?,
        }
        Ok(run)
    }
}

/// A part of a pipeline, or what was wrong with it when it was given: a pipeline can be run again.
type Given<T> = Result<T, Arc<Error>>;

/// What a pipeline can load into.
pub trait IntoDestination {
    /// The destination.
    ///
    /// # Errors
    /// What is wrong with its settings.
    fn into_destination(self) -> Result<Destination>;
}

impl IntoDestination for Destination {
    fn into_destination(self) -> Result<Destination> {
        Ok(self)
    }
}

impl IntoDestination for Result<Destination> {
    fn into_destination(self) -> Result<Destination> {
        self
    }
}

/// Runs are spawned on runtimes with many threads.
const _: () = {
    fn can_be_spawned(_: impl Future<Output = Result<RunReport>> + Send) {}
    fn a_run(pipeline: &Pipeline) {
        can_be_spawned(pipeline.run());
    }
    _ = a_run;
};

/// Who the commits of a pipeline are by.
fn application(pipeline: &str) -> String {
    format!("stitchwork/{pipeline}")
}

/// A run under way.
#[derive(Debug)]
struct Run<'a> {
    pipeline: &'a Pipeline,
    source: Arc<dyn Source>,
    destination: Destination,
    state: State,
    tables: Tables,
    unfinished: Option<LoadManifest>,
    /// The tables of the newest load, where it was finished before this run.
    last_tables: Vec<String>,
    next_load: i64,
    cursor: Option<Cursor>,
    /// Every table of the pipeline, and the streams whose rows it has.
    known: BTreeMap<String, BTreeSet<String>>,
    /// The other pipelines at the location that a replacing load has come to know.
    others: Vec<Other>,
    /// The streams of [`LoadManifest::left`].
    left: BTreeSet<String>,
    /// The streams that the source has.
    discovered: BTreeSet<String>,
    /// Each table that this run has given rows, and the first stream that they were of.
    writers: BTreeMap<String, String>,
    /// Whose values the columns of the tables have.
    owners: BTreeMap<String, BTreeMap<String, String>>,
    recovered: Option<i64>,
    /// Whether the source was not read, since the recovered load had all of it.
    unread: bool,
    loads: Vec<LoadReport>,
}

impl Run<'_> {
    /// Who the commits are by.
    fn application(&self) -> String {
        application(&self.pipeline.name)
    }

    fn replaces(&self) -> bool {
        self.pipeline.disposition == Disposition::Replace
    }

    /// Whether the source can be opened in the middle.
    fn can_resume(&self) -> bool {
        self.source.capabilities().incremental
    }

    /// Whether a test has planted this bug.
    fn has(&self, mutation: Mutation) -> bool {
        self.pipeline.planted.has(mutation)
    }

    fn tell(&self, progress: &Progress) {
        self.pipeline.progress.tell(progress);
    }

    fn report(self) -> RunReport {
        RunReport {
            recovered: self.recovered,
            unread: self.unread,
            loads: self.loads,
            new_tables: self.tables.new_tables,
            new_columns: self.tables.new_columns,
            cursor: self.cursor,
        }
    }
}
