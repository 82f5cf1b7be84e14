//! A table over a log in memory and Arrow IPC, in a store that fails on demand.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, CreateArgs, DataFile, FileFilter, HistoryArgs, PartitionField, Registry,
    ScanArgs, StatsFor, Version, collect,
};
use stitchwork_table::{AppendArgs, OperationSummary, Table, TableConfig, TableRef};
use stitchwork_testkit::batches::plain;
use stitchwork_testkit::{FaultStore, IpcFormat, MemoryLogFactory};

pub(crate) struct Rig {
    pub(crate) registry: Registry,
    pub(crate) store: FaultStore,
    pub(crate) table: Table,
}

/// A table that is divided by `p`.
pub(crate) async fn rig() -> Rig {
    rig_with(TableConfig::default()).await
}

pub(crate) fn reference() -> TableRef {
    TableRef::at("memory-log", "memory:/t")
}

pub(crate) async fn rig_with(config: TableConfig) -> Rig {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat)).unwrap();
    registry.register_log(Arc::new(MemoryLogFactory::new())).unwrap();
    let store = FaultStore::new(Arc::new(InMemory::new()));
    registry.stores().mount("memory://", Arc::new(store.clone()));
    let config = TableConfig { format: "ipc-test".to_owned(), ..config };
    let create =
        CreateArgs { partitioning: vec![PartitionField::identity("p")], ..CreateArgs::new(schema()) };
    let table = Table::create(&registry, &reference(), create, config).await.unwrap();
    Rig { registry, store, table }
}

pub(crate) fn schema() -> SchemaRef {
    rows(0, 0, None).schema()
}

/// Rows whose ids count from `first`, in a partition.
pub(crate) fn rows(first: i64, count: usize, p: Option<&str>) -> RecordBatch {
    let plain = plain(first.unsigned_abs(), first, count).unwrap();
    let p: ArrayRef = Arc::new(StringArray::from(vec![p; count]));
    let mut fields: Vec<_> = plain.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("p", DataType::Utf8, true)));
    let columns = plain.columns().iter().cloned().chain([p]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

pub(crate) fn stream(batches: &[RecordBatch]) -> BatchStream {
    let schema = batches.first().map_or_else(schema, RecordBatch::schema);
    BatchStreamAdapter::from_batches(schema, batches.to_vec())
}

impl Rig {
    pub(crate) async fn append(&self, batches: &[RecordBatch]) -> OperationSummary {
        self.table.append(stream(batches), AppendArgs::default()).await.unwrap()
    }

    pub(crate) async fn scan(&self, args: ScanArgs) -> Vec<RecordBatch> {
        collect(self.table.scan(args).await.unwrap()).await.unwrap()
    }

    pub(crate) async fn all(&self) -> Vec<RecordBatch> {
        self.scan(ScanArgs::default()).await
    }

    pub(crate) async fn ids(&self) -> Vec<i64> {
        ids(&self.scan(ScanArgs::default().with_projection(vec![0])).await)
    }

    pub(crate) async fn files(&self) -> Vec<DataFile> {
        let filter = FileFilter { predicate: None, stats: StatsFor::All };
        self.table.snapshot().await.unwrap().files(filter).try_concat().await.unwrap()
    }

    /// How many objects lie in the store, live or not.
    pub(crate) async fn objects(&self) -> usize {
        self.store.list(None).try_collect::<Vec<_>>().await.unwrap().len()
    }

    pub(crate) async fn history(&self) -> Vec<String> {
        let versions: Vec<Version> = self.table.history(HistoryArgs::default()).try_collect().await.unwrap();
        versions.into_iter().rev().map(|version| version.operation).collect()
    }
}

/// The ids of rows, sorted.
pub(crate) fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    use arrow_array::cast::AsArray;
    let ids = batches.iter().filter_map(|batch| batch.column_by_name("id"));
    let mut ids: Vec<i64> =
        ids.flat_map(|ids| ids.as_primitive::<arrow_array::types::Int64Type>().values().to_vec()).collect();
    ids.sort_unstable();
    ids
}
