//! The pipeline: extract, shred, write, commit.

mod extract;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use stitchwork_core::{CommitTag, Cursor, Error, ErrorKind, Result, Source};
use stitchwork_table::CommitFilesArgs;

use crate::config::{CommitPolicy, Disposition, Progress, ProgressFn, StreamOptions};
use crate::destination::Destination;
use crate::load::Tables;
use crate::manifest::{LoadManifest, ManifestTable};
use crate::report::{LoadReport, RunReport, TableReport};
use crate::state::State;

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

    /// Runs once: finishes a load that was interrupted, then loads what is new.
    ///
    /// # Errors
    /// What the source, the store or the logs say. Loads that were committed before stay; the next run goes
    /// on after them.
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
        let destination = self.destination.clone().ok_or_else(|| missing("destination"))?.map_err(again)?;
        let state = State::open(destination.registry.stores(), &destination.state_location(&self.name))?;
        let found = state.find().await?;
        let tables = Tables::new(destination.clone());
        let mut run = Run {
            pipeline: self,
            source,
            destination,
            state,
            tables,
            unfinished: None,
            next_load: 1,
            cursor: None,
            known: BTreeMap::new(),
            recovered: None,
            loads: vec![],
            first_load: true,
        };
        match found.last {
            Some(last) => {
                run.next_load = last.load + 1;
                // A state whose every table is gone speaks of data that are no more: the source is read anew.
                if last.known.is_empty() || run.any_table(last.known.keys()).await? {
                    run.cursor = last.cursor.clone().map(Cursor);
                    run.known = last.known.clone();
                    run.unfinished = (!found.finished).then_some(last);
                } else if !found.finished {
                    run.state.finish(last.load).await?;
                }
            }
            None => run.recover_from_tags().await?,
        }
        Ok(run)
    }
}

/// A part of a pipeline, or what was wrong with it when it was given.
type Given<T> = Result<T, Arc<Error>>;

/// The error once more, since a pipeline can be run again.
fn again(error: Arc<Error>) -> Error {
    Error::new(error.kind(), error.message().to_owned()).with_source(error)
}

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

/// A run under way.
#[derive(Debug)]
struct Run<'a> {
    pipeline: &'a Pipeline,
    source: Arc<dyn Source>,
    destination: Destination,
    state: State,
    tables: Tables,
    unfinished: Option<LoadManifest>,
    next_load: i64,
    cursor: Option<Cursor>,
    /// Every table of the pipeline and the stream it belongs to.
    known: BTreeMap<String, String>,
    recovered: Option<i64>,
    loads: Vec<LoadReport>,
    first_load: bool,
}

impl Run<'_> {
    /// Who the commits are by.
    fn application(&self) -> String {
        format!("stitchwork/{}", self.pipeline.name)
    }

    fn tell(&self, progress: &Progress) {
        self.pipeline.progress.tell(progress);
    }

    /// Goes on with a load whose manifest is there but whose mark is not.
    async fn recover(&mut self) -> Result<()> {
        let Some(manifest) = self.unfinished.take() else { return Ok(()) };
        let load = manifest.load;
        self.tell(&Progress::Recovering { load });
        let report = self.commit(&manifest).await.map_err(|e| {
            e.with_operation("ingest::recover")
                .with_context("pipeline", &self.pipeline.name)
                .with_context("load", load)
        })?;
        self.recovered = Some(report.id);
        Ok(())
    }

    /// Whether one of the tables is there.
    async fn any_table(&mut self, names: impl Iterator<Item = &String>) -> Result<bool> {
        for name in names {
            match self.tables.get(name).await {
                Ok(_) => return Ok(true),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }

    /// Without any manifest, the commits themselves say how far the pipeline has come: its state folder was
    /// removed, or lies elsewhere now.
    async fn recover_from_tags(&mut self) -> Result<()> {
        for name in self.destination.tables().await? {
            let table = match self.tables.get(&name).await {
                Ok(table) => table.clone(),
                // A folder or an entry that is no table of this kind is none of ours.
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::InvalidData
                    ) =>
                {
                    continue;
                }
                Err(e) => return Err(e),
            };
            let Some(tag) = table.snapshot().await?.tag(&self.application()).await? else { continue };
            let payload = tag.payload.unwrap_or_default();
            if let Some(stream) = payload.get("stream").and_then(|s| s.as_str()) {
                self.known.insert(name, stream.to_owned());
            }
            if tag.id >= self.next_load {
                self.next_load = tag.id + 1;
                self.cursor = payload.get("cursor").filter(|c| !c.is_null()).cloned().map(Cursor);
            }
        }
        Ok(())
    }

    /// Commits every table of a manifest that does not carry the load's tag already, then marks the load.
    async fn commit(&mut self, manifest: &LoadManifest) -> Result<LoadReport> {
        let mut report = LoadReport { id: manifest.load, rows: manifest.rows, tables: BTreeMap::new() };
        for share in &manifest.tables {
            let tables = manifest.tables.len();
            self.tell(&Progress::Committing { load: manifest.load, table: share.name.clone(), tables });
            let size =
                self.commit_table(manifest, share).await.map_err(|e| e.with_context("table", &share.name))?;
            report.tables.insert(share.name.clone(), size);
        }
        self.state.finish(manifest.load).await?;
        self.tell(&Progress::Committed { load: manifest.load, rows: manifest.rows });
        Ok(report)
    }

    async fn commit_table(&mut self, manifest: &LoadManifest, share: &ManifestTable) -> Result<TableReport> {
        let stream = manifest.known.get(&share.name).cloned().unwrap_or_default();
        let tag = CommitTag {
            application: self.application(),
            id: manifest.load,
            payload: Some(json!({ "cursor": manifest.cursor, "stream": stream })),
        };
        let table = self.tables.get(&share.name).await?.clone();
        let snapshot = table.snapshot().await?;
        let mut files = Vec::with_capacity(share.files.len());
        let done = snapshot.tag(&tag.application).await?.is_some_and(|known| known.id >= tag.id);
        if !done {
            for file in &share.files {
                files.push(table.file_from_json(file, snapshot.as_ref()).await?);
            }
            table.commit_files(CommitFilesArgs { files, replace: share.replace, tag: Some(tag) }).await?;
        }
        let size =
            |file: &serde_json::Value| file.get("size").and_then(serde_json::Value::as_u64).unwrap_or(0);
        Ok(TableReport {
            rows: share.rows,
            files: share.files.len() as u64,
            bytes: share.files.iter().map(size).sum(),
        })
    }

    fn report(self) -> RunReport {
        RunReport {
            recovered: self.recovered,
            loads: self.loads,
            new_tables: self.tables.new_tables,
            new_columns: self.tables.new_columns,
            cursor: self.cursor,
        }
    }
}
