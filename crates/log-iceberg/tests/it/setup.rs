//! Tables to test with.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::arrow::schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use stitchwork_core::{
    At, Catalog, Changes, Column, ColumnStats, CommitArgs, Committed, CreateArgs, DataFile, FileFilter,
    FileStats, Formats, Log, LogArgs, LogFactory, PartitionField, Result, Scalar, Snapshot, Stores,
    TableIdent, Transform,
};
use stitchwork_format_parquet::Parquet;
use stitchwork_log_iceberg::IcebergLogFactory;

/// A place for tables.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) stores: Stores,
    pub(crate) catalog: Option<Arc<dyn Catalog>>,
}

impl Place {
    pub(crate) fn in_catalog() -> Self {
        Self { stores: Stores::new(), catalog: Some(Arc::new(MemoryCatalog::new())) }
    }

    pub(crate) fn in_folder() -> Self {
        Self { stores: Stores::new(), catalog: None }
    }

    /// Both kinds.
    pub(crate) fn all() -> [Self; 2] {
        [Self::in_catalog(), Self::in_folder()]
    }

    pub(crate) fn args(&self) -> LogArgs {
        let formats = Formats::default().with(Arc::new(Parquet::new()));
        let args = LogArgs::new("memory:/t", self.stores.clone(), formats);
        match &self.catalog {
            Some(catalog) => args.with_catalog(catalog.clone(), TableIdent::new("n", "t")),
            None => args,
        }
    }

    pub(crate) async fn create(&self, create: CreateArgs) -> Result<Arc<dyn Log>> {
        IcebergLogFactory.create(self.args(), create).await
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn Log>> {
        IcebergLogFactory.open(self.args()).await
    }

    pub(crate) async fn table(&self) -> Arc<dyn Log> {
        self.create(create_args()).await.unwrap()
    }
}

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ]))
}

/// A table that is divided by day and by four buckets of the id.
pub(crate) fn create_args() -> CreateArgs {
    let mut create = CreateArgs::new(schema());
    create.partitioning =
        vec![PartitionField::new("at", Transform::Day), PartitionField::new("id", Transform::Bucket(4))];
    create
}

/// A file of ids from `low` to `high` in a partition.
pub(crate) fn file(name: &str, low: i64, high: i64, day: i32, bucket: i32) -> DataFile {
    let day = Scalar::from(day).cast(&DataType::Date32).unwrap();
    let stats = ColumnStats {
        min: Some(low.into()),
        max: Some(high.into()),
        exact: true,
        nulls: Some(0),
        ..ColumnStats::default()
    };
    DataFile {
        location: format!("memory:/t/data/{name}.parquet"),
        format: "parquet".to_owned(),
        size: 1000,
        rows: Some(10),
        partition: vec![day, bucket.into()],
        stats: Some(Arc::new(FileStats {
            rows: Some(10),
            columns: BTreeMap::from([(Column::new("id"), stats)]),
        })),
        split_offsets: vec![4],
        ..DataFile::default()
    }
}

/// A file like any other.
pub(crate) fn any(name: &str) -> DataFile {
    file(name, 0, 9, 100, 1)
}

pub(crate) fn adds(files: impl IntoIterator<Item = DataFile>) -> Changes {
    Changes { added: files.into_iter().collect(), ..Changes::default() }
}

pub(crate) fn removes(files: impl IntoIterator<Item = DataFile>) -> Changes {
    Changes { removed: files.into_iter().collect(), ..Changes::default() }
}

pub(crate) async fn latest(log: &Arc<dyn Log>) -> Arc<dyn Snapshot> {
    log.snapshot(At::Latest).await.unwrap()
}

pub(crate) async fn append(log: &Arc<dyn Log>, name: &str) -> Committed {
    let base = latest(log).await;
    log.commit(CommitArgs::new(base, "append", adds([any(name)]))).await.unwrap()
}

pub(crate) async fn files(snapshot: &Arc<dyn Snapshot>, filter: FileFilter) -> Vec<DataFile> {
    let mut files: Vec<DataFile> = snapshot.files(filter).try_concat().await.unwrap();
    files.sort_by(|a, b| a.location.cmp(&b.location));
    files
}

/// The names of the files, without folder and ending.
pub(crate) async fn names(snapshot: &Arc<dyn Snapshot>, filter: FileFilter) -> Vec<String> {
    let name =
        |file: DataFile| file.location.rsplit('/').next().unwrap().trim_end_matches(".parquet").to_owned();
    files(snapshot, filter).await.into_iter().map(name).collect()
}

pub(crate) async fn all_names(log: &Arc<dyn Log>) -> Vec<String> {
    names(&latest(log).await, FileFilter::default()).await
}
