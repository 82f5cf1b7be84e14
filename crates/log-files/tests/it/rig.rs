//! Tables over a store that fails on demand.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_core::{
    At, BatchStreamAdapter, CommitTag, CreateArgs, FileFilter, HistoryArgs, Options, PartitionField,
    Registry, Relation, Result, ScanArgs, Snapshot, StatsFor, Version, collect,
};
use stitchwork_table::{AppendArgs, OperationSummary, Table, TableConfig, TableRef};
use stitchwork_testkit::FaultStore;

pub(crate) struct Rig {
    pub(crate) registry: Registry,
    pub(crate) store: FaultStore,
}

pub(crate) const LOCATION: &str = "memory:t";

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    stitchwork_log_files::register(&mut registry).unwrap();
    stitchwork_format_parquet::register(&mut registry).unwrap();
    registry
}

pub(crate) fn rig() -> Rig {
    let registry = registry();
    let store = FaultStore::new(Arc::new(InMemory::new()));
    registry.stores().mount("memory://", Arc::new(store.clone()));
    Rig { registry, store }
}

pub(crate) fn rows(ids: &[i64], p: Option<&str>) -> RecordBatch {
    let schema =
        Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("p", DataType::Utf8, true)]);
    let columns = vec![
        Arc::new(Int64Array::from(ids.to_vec())) as _,
        Arc::new(StringArray::from(vec![p; ids.len()])) as _,
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// A table divided by `p`.
pub(crate) fn create_args(properties: &[(&str, &str)]) -> CreateArgs {
    CreateArgs {
        partitioning: vec![PartitionField::identity("p")],
        properties: properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..CreateArgs::new(rows(&[], None).schema())
    }
}

impl Rig {
    pub(crate) async fn create(&self, properties: &[(&str, &str)]) -> Table {
        let reference = TableRef::at("files", LOCATION);
        let config = TableConfig::default();
        Table::create(&self.registry, &reference, create_args(properties), config).await.unwrap()
    }

    pub(crate) async fn open(&self) -> Result<Table> {
        self.open_with(&[]).await
    }

    pub(crate) async fn open_with(&self, options: &[(&str, &str)]) -> Result<Table> {
        let options: Options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let reference = TableRef { options, ..TableRef::at("files", LOCATION) };
        Table::open(&self.registry, &reference, TableConfig::default()).await
    }

    /// The names of everything in the store.
    pub(crate) async fn objects(&self) -> Vec<String> {
        let listed: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        listed.into_iter().map(|meta| meta.location.to_string()).collect()
    }
}

pub(crate) async fn append(table: &Table, rows: &RecordBatch, tag: Option<i64>) -> Result<OperationSummary> {
    let tag = tag.map(|id| CommitTag { application: "app".to_owned(), id, payload: None });
    let stream = BatchStreamAdapter::from_batches(rows.schema(), vec![rows.clone()]);
    table.append(stream, AppendArgs { tag, ..AppendArgs::default() }).await
}

/// The ids of a table's rows, sorted.
pub(crate) async fn ids(table: &Table, at: At) -> Vec<i64> {
    let relation = table.relation(at).await.unwrap();
    let place = relation.schema().index_of("id").unwrap();
    let rows = relation.scan(ScanArgs::default().with_projection(vec![place])).await.unwrap();
    let batches = collect(rows).await.unwrap();
    let mut ids: Vec<i64> =
        batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    ids.sort_unstable();
    ids
}

/// The paths of a snapshot's files below the table, in the order of the listing.
pub(crate) async fn paths(snapshot: &dyn Snapshot) -> Vec<String> {
    let filter = FileFilter { predicate: None, stats: StatsFor::Nothing };
    let files = snapshot.files(filter).try_concat().await.unwrap();
    files.into_iter().map(|file| file.location.replace("memory:t/", "")).collect()
}

pub(crate) async fn history(table: &Table) -> Vec<String> {
    let versions: Vec<Version> = table.history(HistoryArgs::default()).try_collect().await.unwrap();
    versions.into_iter().rev().map(|version| version.operation).collect()
}
