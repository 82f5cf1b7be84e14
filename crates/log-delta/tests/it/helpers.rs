//! Tables, files and listings for the tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::arrow::schema::{DataType, Field, Schema, SchemaRef};
use stitchwork_core::{
    At, Changes, Column, ColumnStats, CommitArgs, CreateArgs, DataFile, FileFilter, FileStats, Formats, Log,
    LogArgs, LogFactory, PartitionField, Result, Scalar, Snapshot, Stores,
};
use stitchwork_log_delta::DeltaLogFactory;

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("p", DataType::Utf8, true),
        Field::new("x", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]))
}

pub(crate) fn args(location: &str, stores: &Stores) -> LogArgs {
    LogArgs::new(location, stores.clone(), Formats::default())
}

pub(crate) async fn create(location: &str, stores: &Stores, properties: &[(&str, &str)]) -> Arc<dyn Log> {
    let mut create = CreateArgs::new(schema());
    create.partitioning = vec![PartitionField::identity("p")];
    create.properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    DeltaLogFactory.create(args(location, stores), create).await.unwrap()
}

pub(crate) async fn open(location: &str, stores: &Stores) -> Result<Arc<dyn Log>> {
    DeltaLogFactory.open(args(location, stores)).await
}

/// A file whose `x` lies between `low` and `low + 9`.
pub(crate) fn file(log: &dyn Log, name: &str, partition: Option<&str>, low: i64) -> DataFile {
    let value = partition.map_or_else(|| Scalar::null(&DataType::Utf8), Scalar::from);
    let x = ColumnStats {
        min: Some(Scalar::from(low)),
        max: Some(Scalar::from(low + 9)),
        exact: true,
        nulls: Some(0),
        ..ColumnStats::default()
    };
    let text = ColumnStats {
        min: Some(Scalar::from(format!("n{low:05}"))),
        max: Some(Scalar::from("z".repeat(50))),
        exact: true,
        nulls: Some(1),
        ..ColumnStats::default()
    };
    let columns = BTreeMap::from([(Column::new("x"), x), (Column::new("name"), text)]);
    DataFile {
        location: log.data_location(&[("p", &value)], name),
        format: "parquet".to_owned(),
        size: 1000,
        rows: Some(10),
        partition: vec![value],
        stats: Some(Arc::new(FileStats { rows: Some(10), columns })),
        ..DataFile::default()
    }
}

pub(crate) async fn commit(log: &Arc<dyn Log>, operation: &str, changes: Changes) -> Arc<dyn Snapshot> {
    let base = log.snapshot(At::Latest).await.unwrap();
    log.commit(CommitArgs::new(base, operation, changes)).await.unwrap().snapshot
}

pub(crate) async fn list(snapshot: &Arc<dyn Snapshot>, filter: FileFilter) -> Vec<DataFile> {
    let chunks: Vec<_> = snapshot.files(filter).try_collect().await.unwrap();
    let mut files: Vec<DataFile> = chunks.into_iter().flatten().collect();
    files.sort_by(|a, b| a.location.cmp(&b.location));
    files
}

pub(crate) fn file_name(location: &str) -> String {
    location.rsplit('/').next().unwrap_or_default().to_owned()
}

pub(crate) async fn names(snapshot: &Arc<dyn Snapshot>, filter: FileFilter) -> Vec<String> {
    let mut names: Vec<String> =
        list(snapshot, filter).await.iter().map(|file| file_name(&file.location)).collect();
    names.sort();
    names
}
