//! The log of one table.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{
    At, CommitArgs, Committed, DeleteFile, Error, HistoryArgs, Info, Log, LogCapabilities, Result, Scalar,
    Snapshot, Version, WriteDeletesArgs, folder_name, join,
};
use stitchwork_iceberg_meta::{IceRefKind, IceSnapshot, TableMeta};

use crate::partitions::Spec;
use crate::snapshot::IcebergSnapshot;
use crate::state::Shared;
use crate::{commit, deletes, factory, orphans, tags, types};

/// The version of a table whose main branch has no snapshot.
pub(crate) const NO_SNAPSHOT: i64 = -1;

/// An Iceberg table.
#[derive(Debug)]
pub(crate) struct IcebergLog {
    shared: Arc<Shared>,
    /// Commits of one handle go one after the other: they would only race each other.
    turn: tokio::sync::Mutex<()>,
}

impl IcebergLog {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, turn: tokio::sync::Mutex::new(()) }
    }
}

/// The folder below which data files go.
pub(crate) fn data_folder(meta: &TableMeta) -> String {
    let configured = meta.property("write.data.path").or_else(|| meta.property("write.folder-storage.path"));
    match configured {
        Some(folder) => folder.trim_end_matches('/').to_owned(),
        None => join(meta.location(), "data"),
    }
}

#[async_trait]
impl Log for IcebergLog {
    fn info(&self) -> Info {
        factory::info()
    }

    fn capabilities(&self) -> LogCapabilities {
        factory::capabilities()
    }

    fn location(&self) -> &str {
        &self.shared.location
    }

    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String {
        let state = self.shared.last();
        let folder = partition_folder(&state.meta, partition);
        join(&join(&data_folder(&state.meta), &folder), file_name)
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        find(&self.shared, at).await.map_err(|e| e.with_operation("log::snapshot"))
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        deletes::write_deletes(&self.shared, args).await.map_err(|e| e.with_operation("log::write_deletes"))
    }

    async fn commit(&self, args: CommitArgs) -> Result<Committed> {
        let _turn = self.turn.lock().await;
        commit::commit(&self.shared, args).await.map_err(|e| e.with_operation("log::commit"))
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        let shared = self.shared.clone();
        let versions = async move {
            let state = shared.load().await.map_err(|e| e.with_operation("log::history"))?;
            let newest = state.meta.current_snapshot();
            let snapshots = tags::ancestors(&state.meta, newest).take(args.limit.unwrap_or(usize::MAX));
            let versions: Vec<Result<Version>> = snapshots.map(|snapshot| Ok(version(snapshot))).collect();
            Ok::<_, Error>(stream::iter(versions))
        };
        stream::once(versions).try_flatten().boxed()
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        let shared = self.shared.clone();
        let versions = async move {
            let state = shared.load().await.map_err(|e| e.with_operation("log::versions"))?;
            // Whatever leads to them: a snapshot is there until it is expired, be it on a branch or on none.
            let snapshots = state.meta.snapshots().into_iter().rev().map(|snapshot| snapshot.id);
            let empty = state.meta.current_snapshot_id().is_none().then_some(NO_SNAPSHOT);
            let ids: Vec<Result<i64>> = empty.into_iter().chain(snapshots).map(Ok).collect();
            Ok::<_, Error>(stream::iter(ids))
        };
        stream::once(versions).try_flatten().boxed()
    }

    async fn orphan_files(&self) -> Result<Vec<String>> {
        orphans::find(&self.shared).await.map_err(|e| e.with_operation("log::orphan_files"))
    }
}

fn version(snapshot: IceSnapshot) -> Version {
    let operation =
        snapshot.summary.get(tags::OPERATION).map_or_else(|| snapshot.operation(), String::as_str);
    Version {
        id: snapshot.id,
        timestamp_ms: snapshot.timestamp_ms,
        operation: operation.to_owned(),
        tag: tags::from_summary(&snapshot.summary),
        summary: snapshot.summary,
    }
}

async fn find(shared: &Arc<Shared>, at: At) -> Result<Arc<dyn Snapshot>> {
    let state = shared.load().await?;
    let missing = |what: &'static str, value: String| {
        Err(Error::not_found("the table has no such snapshot").with_context(what, value))
    };
    let (snapshot, schema_of_now) = match at {
        At::Latest => return Ok(Arc::new(IcebergSnapshot::current(shared.clone(), state)?)),
        At::Version(NO_SNAPSHOT) if state.meta.current_snapshot_id().is_none() => {
            return Ok(Arc::new(IcebergSnapshot::current(shared.clone(), state)?));
        }
        At::Version(id) => match state.meta.snapshot(id) {
            Some(snapshot) => (snapshot, false),
            None => return missing("version", id.to_string()),
        },
        At::Timestamp(time) => match state.meta.snapshot_as_of(time) {
            Some(snapshot) => (snapshot, false),
            None => return missing("timestamp_ms", time.to_string()),
        },
        At::Ref(name) => {
            let Some(reference) = state.meta.refs().get(&name) else { return missing("ref", name) };
            // A branch goes on with the table's schema; a tag is as it was.
            let branch = matches!(reference.kind, IceRefKind::Branch);
            match state.meta.snapshot(reference.snapshot_id) {
                Some(snapshot) => (snapshot, branch),
                None => return missing("ref", name),
            }
        }
        _ => return Err(Error::unsupported("the log does not know this way to name a snapshot")),
    };
    Ok(Arc::new(IcebergSnapshot::older(shared.clone(), state, snapshot, schema_of_now)?))
}

/// The folder of a partition whose values are given by name.
fn partition_folder(meta: &TableMeta, partition: &[(&str, &Scalar)]) -> String {
    if partition.is_empty() {
        return String::new();
    }
    let columns = types::columns_by_id(meta.current_schema());
    let specs = std::iter::once(meta.default_spec()).chain(meta.specs().iter().rev());
    for ice_spec in specs {
        if ice_spec.fields.len() != partition.len() {
            continue;
        }
        let value = |name: &str| partition.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).clone());
        let values: Option<Vec<Scalar>> = ice_spec.fields.iter().map(|field| value(&field.name)).collect();
        let folder = values
            .and_then(|values| Spec::new(meta, ice_spec, &columns).folder(ice_spec, meta, &values).ok());
        if let Some(folder) = folder {
            return folder;
        }
    }
    // A folder is for people; no reader takes a value from its name.
    let parts =
        partition.iter().map(|(name, value)| folder_name(encode(name) + "=" + &encode(&value.to_string())));
    parts.collect::<Vec<_>>().join("/")
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
