//! A destination in memory that is opened anew for every run, as another process would.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_cast::display::array_value_to_string;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde_json::Value;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{BatchStream, Catalog, Registry, ScanArgs};
use stitchwork_ingest::{CommitPolicy, Destination, Pipeline, pipeline};

use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::steps::Where;
use crate::script::Script;

/// A row by column, values as text, nulls left out.
pub(crate) type Row = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    Delta,
    /// Delta's tables, named by a catalog.
    NamedDelta,
    Iceberg,
    Files,
}

impl Log {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Delta | Self::NamedDelta => "delta",
            Self::Iceberg => "iceberg",
            Self::Files => "files",
        }
    }

    fn is_named(self) -> bool {
        matches!(self, Self::NamedDelta | Self::Iceberg)
    }
}

/// What outlives a process: the store, and the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Rig {
    pub(crate) log: Log,
    pub(crate) inner: Arc<InMemory>,
    pub(crate) catalog: Arc<MemoryCatalog>,
}

impl Rig {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, inner: Arc::default(), catalog: Arc::new(MemoryCatalog::new()) }
    }

    pub(crate) fn delta() -> Self {
        Self::new(Log::Delta)
    }

    /// The destination over another store in front of this one.
    pub(crate) fn over(&self, store: Arc<dyn ObjectStore>) -> Destination {
        let mut registry = Registry::new();
        stitchwork_format_parquet::register(&mut registry).unwrap();
        stitchwork_log_delta::register(&mut registry).unwrap();
        stitchwork_log_files::register(&mut registry).unwrap();
        stitchwork_log_iceberg::register(&mut registry).unwrap();
        registry.stores().mount("memory://", store);
        let destination = Destination::new(registry, self.log.scheme(), "memory:data");
        if self.log.is_named() {
            let catalog: Arc<dyn Catalog> = self.catalog.clone();
            destination.with_catalog(catalog, vec!["db".to_owned()])
        } else {
            destination
        }
    }

    pub(crate) fn destination(&self) -> Destination {
        self.over(self.inner.clone())
    }

    /// A pipeline that commits at every checkpoint.
    pub(crate) fn pipeline(&self, script: &Script) -> Pipeline {
        self.pipeline_over(self.destination(), script)
    }

    pub(crate) fn pipeline_over(&self, destination: Destination, script: &Script) -> Pipeline {
        let policy = CommitPolicy { rows: 1, ..CommitPolicy::default() };
        pipeline("script").source(script.clone()).destination(destination).commit_policy(policy)
    }

    /// Runs in a process that dies when it is about to make its n-th request to the store. Whether it has come to it.
    pub(crate) async fn is_killed_at(&self, n: usize, script: &Script) -> bool {
        let trouble = Trouble::at(Where::Store(n), Fault::Dead);
        let run = self.pipeline_over(self.over(trouble.store(self.inner.clone())), script);
        tokio::select! {
            _ = run.run() => false,
            () = trouble.death() => true,
        }
    }

    pub(crate) async fn tables(&self) -> Vec<String> {
        let mut tables = self.destination().tables().await.unwrap();
        tables.sort();
        tables
    }

    pub(crate) async fn rows(&self, table: &str) -> Vec<Row> {
        let table = self.destination().open(table).await.unwrap();
        rows(table.scan(ScanArgs::default()).await.unwrap()).await
    }

    /// A column, sorted; nulls are empty.
    pub(crate) async fn column(&self, table: &str, name: &str) -> Vec<String> {
        column(&self.rows(table).await, name)
    }

    /// The paths of all objects.
    pub(crate) async fn paths(&self) -> Vec<String> {
        let objects: Vec<_> = self.inner.list(None).try_collect().await.unwrap();
        objects.into_iter().map(|object| object.location.to_string()).collect()
    }

    pub(crate) async fn remove(&self, prefix: &str) {
        for path in self.paths().await.into_iter().filter(|path| path.starts_with(prefix)) {
            self.inner.delete(&Path::from(path)).await.unwrap();
        }
    }

    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        self.inner.get(&Path::from(path)).await.unwrap().bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.bytes(path).await).into_owned()
    }

    pub(crate) async fn put(&self, path: &str, bytes: Vec<u8>) {
        self.inner.put(&Path::from(path), PutPayload::from(bytes)).await.unwrap();
    }

    /// The paths of the manifests.
    pub(crate) async fn manifests(&self) -> Vec<String> {
        let is_manifest = |path: &String| path.contains("/_stitchwork/") && path.ends_with(".json");
        self.paths().await.into_iter().filter(is_manifest).collect()
    }

    /// The newest manifest.
    pub(crate) async fn manifest(&self) -> Value {
        let newest = self.manifests().await.into_iter().max().unwrap();
        serde_json::from_str(&self.text(&newest).await).unwrap()
    }
}

pub(crate) async fn rows(batches: BatchStream) -> Vec<Row> {
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    let mut rows = vec![];
    for batch in &batches {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let columns = schema.fields().iter().zip(batch.columns()).filter_map(|(field, column)| {
                let text = (!column.is_null(row)).then(|| array_value_to_string(column, row).unwrap());
                Some((field.name().clone(), text?))
            });
            rows.push(columns.collect());
        }
    }
    rows
}

/// A column, sorted; nulls are empty.
pub(crate) fn column(rows: &[Row], name: &str) -> Vec<String> {
    let mut values: Vec<String> = rows.iter().map(|row| row.get(name).cloned().unwrap_or_default()).collect();
    values.sort();
    values
}
