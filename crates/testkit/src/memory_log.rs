//! A log in memory: the contract in its plainest form.

mod commit;
mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::Mutex;
use stitchwork_core::{
    At, Column, CommitArgs, Committed, CreateArgs, DeleteFile, Entry, EqualityDeletes, Error, ErrorKind,
    HistoryArgs, Info, Log, LogArgs, LogCapabilities, LogFactory, Native, PartitionSpec, Relation, Result,
    Scalar, Snapshot, TableIdent, Transform, Version, WriteDeletesArgs, check_options, join,
};

use snapshot::MemorySnapshot;

const INFO_SCHEME: &str = "memory-log";

/// Logs in memory, found by their location as long as the factory lives. Clones share the tables.
#[derive(Debug, Clone, Default)]
pub struct MemoryLogFactory {
    tables: Arc<Mutex<BTreeMap<String, Arc<MemoryLog>>>>,
}

impl MemoryLogFactory {
    /// No tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Deletes by key, as a part of [`stitchwork_core::Changes::deletes`]: rows of the file that equal a key
    /// are deleted, in addition to what is deleted already.
    #[must_use]
    pub fn equality_deletes(columns: Vec<Column>, keys: Arc<dyn Relation>) -> DeleteFile {
        let native: Native = Arc::new(Arc::new(EqualityDeletes { columns, keys }));
        DeleteFile { native: Some(native), ..DeleteFile::default() }
    }
}

fn info() -> Info {
    Info {
        scheme: INFO_SCHEME,
        name: "log in memory, for tests".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

fn capabilities() -> LogCapabilities {
    LogCapabilities {
        position_deletes: true,
        time_travel_by_version: true,
        time_travel_by_timestamp: true,
        add_column: true,
        without_catalog: true,
        ..LogCapabilities::default()
    }
}

/// The location of a table, by which the factory knows it.
async fn location(args: &LogArgs) -> Result<String> {
    check_options(&args.options, &[])?;
    let location = args.resolve_location(INFO_SCHEME).await?;
    Ok(location.trim_end_matches('/').to_owned())
}

#[async_trait]
impl LogFactory for MemoryLogFactory {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>> {
        let location = location(&args).await?;
        match self.tables.lock().get(&location) {
            Some(log) => Ok(log.clone()),
            None => Err(Error::not_found("no table is there").with_context("location", location)),
        }
    }

    async fn create(&self, args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>> {
        let location = location(&args).await?;
        for field in &create.partitioning {
            if field.transform != Transform::Identity {
                return Err(Error::unsupported("the log divides files by the values of columns only")
                    .with_context("transform", &field.transform));
            }
            create.schema.index_of(field.source.root())?;
        }
        let first = MemorySnapshot {
            version: 0,
            timestamp_ms: now_ms(0),
            schema: create.schema,
            partitioning: vec![PartitionSpec { id: 0, fields: create.partitioning }],
            properties: create.properties,
            tags: BTreeMap::new(),
            files: vec![],
            operation: "create".to_owned(),
            tag: None,
            touched: vec![],
            changed_schema: false,
        };
        let log =
            Arc::new(MemoryLog { location: location.clone(), versions: Mutex::new(vec![Arc::new(first)]) });
        {
            let mut tables = self.tables.lock();
            if tables.contains_key(&location) {
                return Err(Error::new(ErrorKind::AlreadyExists, "a table is there already")
                    .with_context("location", location));
            }
            tables.insert(location.clone(), log.clone());
        }
        if let (Some(catalog), Some(ident)) = (args.catalog, args.ident)
            && let Err(error) = catalog.create(entry(ident, &location)).await
        {
            self.tables.lock().remove(&location);
            return Err(error);
        }
        Ok(log)
    }
}

fn entry(ident: TableIdent, location: &str) -> Entry {
    Entry {
        ident,
        log: INFO_SCHEME.to_owned(),
        location: location.to_owned(),
        pointer: None,
        properties: BTreeMap::new(),
    }
}

/// Now, but later than `last`: versions have an order by time, too.
fn now_ms(last: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX).max(last + 1)
}

/// A table: its versions, the newest one last.
#[derive(Debug)]
struct MemoryLog {
    location: String,
    versions: Mutex<Vec<Arc<MemorySnapshot>>>,
}

#[async_trait]
impl Log for MemoryLog {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    fn location(&self) -> &str {
        &self.location
    }

    fn data_location(&self, _: &[(&str, &Scalar)], file_name: &str) -> String {
        join(&join(&self.location, "data"), file_name)
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        let versions = self.versions.lock();
        let found = match at {
            At::Latest => versions.last(),
            At::Version(id) => versions.iter().find(|v| v.version == id),
            At::Timestamp(time) => versions.iter().rfind(|v| v.timestamp_ms <= time),
            other => {
                return Err(Error::unsupported("the log has no names of versions")
                    .with_context("at", format!("{other:?}")));
            }
        };
        match found {
            Some(snapshot) => Ok(snapshot.clone()),
            None => {
                Err(Error::not_found("the table has no such version").with_context("at", format!("{at:?}")))
            }
        }
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        let rows = args.positions.len();
        let native: Native = Arc::new(args.positions);
        Ok(DeleteFile { rows, native: Some(native), ..DeleteFile::default() })
    }

    async fn commit(&self, args: CommitArgs) -> Result<Committed> {
        commit::commit(&mut self.versions.lock(), args)
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        let versions = self.versions.lock().clone();
        let newest_first = versions.into_iter().rev().take(args.limit.unwrap_or(usize::MAX));
        stream::iter(newest_first.map(|v| Ok(v.as_version()))).boxed()
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        let versions: Vec<_> = self.versions.lock().iter().map(|v| Ok(v.version)).collect();
        stream::iter(versions).boxed()
    }
}
