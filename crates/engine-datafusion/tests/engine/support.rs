//! Relations to query: batches in memory, and Parquet files behind a plan.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use arrow::compute::filter_record_batch;
use arrow::util::pretty::pretty_format_batches;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{
    At, BatchStream, BatchStreamAdapter, Column, CommitTag, DataFile, Deletes, EditSummary, Editor, Engine,
    Error, FieldMapping, FileFilter, Formats, INITIAL_DEFAULT, InsertMode, Names, PartitionSpec, PlannedFile,
    Predicate, Pushdown, QueryArgs, Relation, Result, RoaringTreemap, ScanArgs, ScanPlan, Snapshot, Stores,
    TableIdent, collect, with_field_id,
};
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};

/// An engine with the default settings, on two partitions.
pub(crate) fn engine() -> DataFusionEngine {
    DataFusionEngine::new(DataFusionConfig { target_partitions: Some(2), ..DataFusionConfig::default() })
        .unwrap()
}

/// Engines with the settings that change how files are read.
pub(crate) fn engines() -> Vec<DataFusionEngine> {
    let mut engines = vec![];
    for (pushdown_filters, view_types, target_partitions) in
        [(true, true, 2), (false, true, 1), (true, false, 4), (false, false, 2)]
    {
        let config = DataFusionConfig {
            pushdown_filters,
            view_types,
            target_partitions: Some(target_partitions),
            split_size: 1,
            ..DataFusionConfig::default()
        };
        engines.push(DataFusionEngine::new(config).unwrap());
    }
    engines
}

pub(crate) async fn register(engine: &DataFusionEngine, name: &str, relation: &Arc<impl Relation>) {
    engine.register(&name.parse().unwrap(), relation.clone()).await.unwrap();
}

/// The result of a query, each row as text, sorted.
pub(crate) async fn rows(engine: &DataFusionEngine, sql: &str) -> Vec<String> {
    try_rows(engine, QueryArgs::new(sql)).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"))
}

pub(crate) async fn try_rows(engine: &DataFusionEngine, args: QueryArgs) -> Result<Vec<String>> {
    let batches = collect(engine.query(args).await?).await?;
    if batches.iter().map(RecordBatch::num_rows).sum::<usize>() == 0 {
        return Ok(vec![]);
    }
    let text = pretty_format_batches(&batches)?.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let mut rows: Vec<String> = lines[3..lines.len() - 1]
        .iter()
        .map(|line| {
            let cells = line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
            cells.join("|")
        })
        .collect();
    rows.sort();
    Ok(rows)
}

pub(crate) async fn query_error(engine: &DataFusionEngine, sql: &str) -> Error {
    match try_rows(engine, QueryArgs::new(sql)).await {
        Ok(rows) => panic!("{sql} gave {rows:?}"),
        Err(error) => error,
    }
}

/// Batches in memory. Has no plan.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Mutex<Vec<RecordBatch>>,
    pub(crate) seen: Mutex<Vec<ScanArgs>>,
    pub(crate) error: Option<fn() -> Error>,
    pub(crate) editable: bool,
    pub(crate) deleted: Mutex<Vec<Option<Predicate>>>,
}

impl Memory {
    pub(crate) fn new(batches: Vec<RecordBatch>) -> Arc<Self> {
        Arc::new(Self::bare(batches))
    }

    pub(crate) fn bare(batches: Vec<RecordBatch>) -> Self {
        Self {
            schema: batches[0].schema(),
            batches: Mutex::new(batches),
            seen: Mutex::default(),
            error: None,
            editable: false,
            deleted: Mutex::default(),
        }
    }
}

/// One row after the other, as a scan must give them.
pub(crate) fn scan_batches(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    args: ScanArgs,
) -> Result<BatchStream> {
    args.deliver(BatchStreamAdapter::from_batches(schema.clone(), batches.to_vec()))
}

#[async_trait]
impl Relation for Memory {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        self.seen.lock().unwrap().push(args.clone());
        if let Some(error) = self.error {
            return Err(error());
        }
        scan_batches(&self.schema, &self.batches.lock().unwrap(), args)
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

/// A relation that can be edited.
#[derive(Debug)]
pub(crate) struct Editable(pub(crate) Arc<Memory>);

#[async_trait]
impl Relation for Editable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        self.0.scan(args).await
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        self.0.editable.then(|| Arc::new(MemoryEditor(self.0.clone())) as Arc<dyn Editor>)
    }
}

#[derive(Debug)]
struct MemoryEditor(Arc<Memory>);

#[async_trait]
impl Editor for MemoryEditor {
    async fn insert(&self, rows: BatchStream, mode: InsertMode) -> Result<EditSummary> {
        assert_eq!(rows.schema(), self.0.schema);
        let new = collect(rows).await?;
        let mut batches = self.0.batches.lock().unwrap();
        if mode == InsertMode::Overwrite {
            batches.clear();
        }
        let inserted = new.iter().map(|b| b.num_rows() as u64).sum();
        batches.extend(new);
        Ok(EditSummary { inserted, ..EditSummary::default() })
    }

    async fn delete(&self, predicate: Option<Predicate>) -> Result<EditSummary> {
        let mut deleted = 0;
        for batch in self.0.batches.lock().unwrap().iter_mut() {
            let keep = match &predicate {
                None => batch.slice(0, 0),
                Some(predicate) => {
                    let gone = predicate.passes(batch)?;
                    filter_record_batch(batch, &arrow::compute::not(&gone)?)?
                }
            };
            deleted += (batch.num_rows() - keep.num_rows()) as u64;
            *batch = keep;
        }
        self.0.deleted.lock().unwrap().push(predicate);
        Ok(EditSummary { deleted, ..EditSummary::default() })
    }
}

/// Names that change.
#[derive(Debug, Default)]
pub(crate) struct Changing(pub(crate) Mutex<BTreeMap<TableIdent, Arc<Memory>>>);

#[async_trait]
impl Names for Changing {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        at.require_latest()?;
        Ok(self.0.lock().unwrap().get(ident).map(|r| r.clone() as Arc<dyn Relation>))
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let all: Vec<_> = self.0.lock().unwrap().keys().cloned().map(Ok).collect();
        futures::stream::iter(all).boxed()
    }
}

/// Parquet files behind a plan. Cannot be streamed, so that a query shows that the plan was read.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    pub(crate) schema: SchemaRef,
    pub(crate) mapping: FieldMapping,
    pub(crate) stores: Stores,
    pub(crate) files: Vec<PlannedFile>,
    pub(crate) deletes: HashMap<String, Deletes>,
    pub(crate) seen: Arc<Mutex<Vec<ScanArgs>>>,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            mapping: FieldMapping::by_name(),
            stores: Stores::new(),
            files: vec![],
            deletes: HashMap::new(),
            seen: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// Writes a file and adds it.
    pub(crate) async fn write(&mut self, location: &str, batch: &RecordBatch) -> &mut PlannedFile {
        let file = write(&self.stores, location, batch).await;
        self.files.push(PlannedFile { file, constants: vec![] });
        self.files.last_mut().unwrap()
    }
}

/// A Parquet file with row groups of 100 rows.
pub(crate) async fn write(stores: &Stores, location: &str, batch: &RecordBatch) -> DataFile {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_data_page_row_count_limit(20)
        .build();
    let mut bytes = vec![];
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    let size = bytes.len() as u64;
    let object = stores.resolve(location).unwrap();
    object.store.put(&object.path, bytes.into()).await.unwrap();
    DataFile {
        location: location.to_owned(),
        format: "parquet".to_owned(),
        size,
        rows: Some(batch.num_rows() as u64),
        ..DataFile::default()
    }
}

#[async_trait]
impl Relation for Files {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.seen.lock().unwrap().push(args.clone());
        let conjuncts = args.predicate.map(Predicate::into_conjuncts).unwrap_or_default().len();
        Ok(Some(ScanPlan {
            schema: self.schema.clone(),
            mapping: Arc::new(self.mapping.clone()),
            stores: self.stores.clone(),
            formats: Formats::default(),
            files: self.files.clone(),
            pushdown: vec![Pushdown::Unsupported; conjuncts],
            snapshot: Some(Arc::new(FilesSnapshot(self.clone()))),
        }))
    }

    async fn scan(&self, _: ScanArgs) -> Result<BatchStream> {
        Err(Error::unsupported("these files are only read by plan"))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

#[derive(Debug)]
struct FilesSnapshot(Files);

#[async_trait]
impl Snapshot for FilesSnapshot {
    fn version(&self) -> i64 {
        0
    }

    fn timestamp_ms(&self) -> i64 {
        0
    }

    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn file_schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        Arc::new(self.0.mapping.clone())
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        &[]
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        const EMPTY: &BTreeMap<String, String> = &BTreeMap::new();
        EMPTY
    }

    async fn tag(&self, _: &str) -> Result<Option<CommitTag>> {
        Ok(None)
    }

    fn files(&self, _: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        futures::stream::empty().boxed()
    }

    async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        self.0.asked.lock().unwrap().push(file.location.clone());
        Ok(self.0.deletes.get(&file.location).cloned().unwrap_or_default())
    }
}

/// Deletes at positions.
pub(crate) fn at(positions: impl IntoIterator<Item = u64>) -> Deletes {
    let positions: RoaringTreemap = positions.into_iter().collect();
    Deletes { positions: Some(Arc::new(positions)), equality: vec![] }
}

/// A nullable field with an id and, where given, a default.
pub(crate) fn field(name: &str, data_type: DataType, id: i32, default: Option<&str>) -> Field {
    let field = with_field_id(Field::new(name, data_type, true), id);
    let mut metadata = field.metadata().clone();
    if let Some(default) = default {
        metadata.insert(INITIAL_DEFAULT.to_owned(), default.to_owned());
    }
    field.with_metadata(metadata)
}

pub(crate) fn column(name: &str) -> Column {
    Column::new(name)
}
