//! Arrow from a source to an engine: the same memory all the way where no conversion is needed. Buffers are known by
//! their addresses.
//!
//! Files would end the way, since they are encoded. So the tables here have a format that keeps the batches it is given,
//! which shows what everything around a format does with them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow::array::{
    Array, ArrayData, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStoreExt;
use stitchwork::core::{
    At, BatchStream, BatchStreamAdapter, Editor, Engine, FileSummary, FileWriter, Format, FormatCapabilities,
    Info, Message, Object, Op, OpenArgs, OpenUrl, Part, QueryArgs, ReadArgs, Registry, Relation, Result,
    Rows, ScanArgs, ScanPlan, Source, SourceCapabilities, StreamInfo, TableIdent, WriteArgs, collect,
};
use stitchwork::ingest::Destination;
use stitchwork::tables::TableConfig;
use stitchwork::{pipeline, table};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile};
use stitchwork_tests::drivers;

/// Where the buffers of a column are.
fn places(column: &ArrayRef) -> Vec<Range<usize>> {
    fn of(data: &ArrayData, found: &mut Vec<Range<usize>>) {
        let nulls = data.nulls().map(|nulls| nulls.buffer());
        let buffers = data.buffers().iter().chain(nulls).filter(|buffer| !buffer.is_empty());
        found.extend(buffers.map(|buffer| {
            let start = buffer.as_ptr() as usize;
            start..start + buffer.len()
        }));
        data.child_data().iter().for_each(|child| of(child, found));
    }
    let mut found = Vec::new();
    of(&column.to_data(), &mut found);
    found
}

/// The names of the columns that have memory of their own: outside of that of the source's column.
fn copied(batches: &[RecordBatch], source: &[RecordBatch]) -> Vec<String> {
    let mut names = Vec::new();
    let schema = source[0].schema();
    for field in schema.fields() {
        let of = |batch: &RecordBatch| places(batch.column_by_name(field.name()).unwrap());
        let whole: Vec<Range<usize>> = source.iter().flat_map(of).collect();
        let inside = |part: &Range<usize>| whole.iter().any(|w| w.start <= part.start && part.end <= w.end);
        if !batches.iter().flat_map(of).all(|part| inside(&part)) {
            names.push(field.name().clone());
        }
    }
    names
}

/// Columns of plain, variable and nested types, with nulls.
fn rows(first: i64, count: i64) -> RecordBatch {
    let ids = || first..first + count;
    let texts: StringArray = ids().map(|id| (id % 7 != 0).then(|| format!("the text of row {id}"))).collect();
    let lists = ids().map(|id| (id % 5 != 0).then(|| vec![Some(id), None, Some(id + 1)]));
    let inner: ArrayRef = Arc::new(ids().map(|id| (id % 3 != 0).then_some(id)).collect::<Int64Array>());
    let structs = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, true)), inner)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids()))),
        ("number", Arc::new(ids().map(|id| (id % 4 != 0).then_some(1.5)).collect::<Float64Array>())),
        ("flag", Arc::new(ids().map(|id| (id % 6 != 0).then_some(id % 2 == 0)).collect::<BooleanArray>())),
        (
            "price",
            Arc::new(
                ids()
                    .map(|id| Some(i128::from(id) * 3))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
        ),
        ("moment", Arc::new(ids().map(Some).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        ("text", Arc::new(texts)),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ("struct", Arc::new(structs)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// A source of Arrow batches.
#[derive(Debug)]
struct Batches(Vec<RecordBatch>);

#[async_trait]
impl Source for Batches {
    fn info(&self) -> Info {
        Info { scheme: "batches", name: "Batches".to_owned(), version: "1" }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities::default()
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        Ok(vec![StreamInfo { name: "t".to_owned(), ..StreamInfo::default() }])
    }

    async fn parts(&self, _args: &OpenArgs) -> Result<Vec<Part>> {
        Ok(vec![Part::default()])
    }

    async fn open(&self, _args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        let message =
            |batch| Ok(Message::Rows { stream: "t".to_owned(), rows: Rows::Arrow(batch), op: Op::Insert });
        Ok(stream::iter(self.0.clone().into_iter().map(message).collect::<Vec<_>>()).boxed())
    }
}

/// What was written, by location.
type Objects = Arc<Mutex<BTreeMap<String, (SchemaRef, Vec<RecordBatch>)>>>;

/// A format whose objects are marks in the store: it keeps the batches themselves.
#[derive(Debug, Clone, Default)]
struct Kept(Objects);

impl Kept {
    fn all(&self) -> Vec<RecordBatch> {
        self.0.lock().unwrap().values().flat_map(|(_, batches)| batches.clone()).collect()
    }
}

#[async_trait]
impl Format for Kept {
    fn info(&self) -> Info {
        Info { scheme: "kept", name: "Kept batches".to_owned(), version: "1" }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: true, exact_schema: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &["kept"]
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        let (schema, batches) = self.0.lock().unwrap()[&object.location()].clone();
        args.deliver(object, BatchStreamAdapter::from_batches(schema, batches))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        Ok(Box::new(Keeper {
            objects: self.0.clone(),
            object: object.clone(),
            schema: args.schema,
            batches: vec![],
        }))
    }
}

#[derive(Debug)]
struct Keeper {
    objects: Objects,
    object: Object,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[async_trait]
impl FileWriter for Keeper {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.batches.push(batch.clone());
        Ok(())
    }

    fn bytes(&self) -> u64 {
        4
    }

    async fn finish(self: Box<Self>) -> Result<FileSummary> {
        self.object.store.put(&self.object.path, "kept".into()).await?;
        let rows = self.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        self.objects.lock().unwrap().insert(self.object.location(), (self.schema, self.batches));
        Ok(FileSummary::counted(rows, 4))
    }
}

/// A table that a pipeline has loaded from a source of Arrow batches.
struct Loaded {
    source: Vec<RecordBatch>,
    format: Kept,
    registry: Registry,
    destination: Destination,
}

impl Loaded {
    async fn new() -> Self {
        // One smaller than the batches of engines, one larger.
        let source = vec![rows(0, 1000), rows(1000, 20_000)];
        let format = Kept::default();
        let mut registry = stitchwork::registry().unwrap();
        registry.register_format(Arc::new(format.clone())).unwrap();
        let config = TableConfig { format: "kept".to_owned(), ..TableConfig::default() };
        let place = table("files", "memory:kept").registry(registry.clone()).config(config);
        let destination = place.build().unwrap();
        let load = pipeline("kept").source(Batches(source.clone())).destination(destination.clone());
        assert_eq!(load.run().await.unwrap().rows(), 21_000);
        Self { source, format, registry, destination }
    }

    async fn relation(&self) -> Arc<dyn Relation> {
        Arc::new(self.destination.open("t").await.unwrap().relation(At::Latest).await.unwrap())
    }

    fn copied(&self, batches: &[RecordBatch]) -> Vec<String> {
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 21_000);
        copied(batches, &self.source)
    }
}

#[test]
fn a_copy_would_be_seen() {
    let source = rows(0, 100);
    assert!(copied(&[source.slice(10, 20)], std::slice::from_ref(&source)).is_empty());
    let all: Vec<String> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(copied(&[rows(0, 100)], std::slice::from_ref(&source)), all);
    let half =
        arrow::compute::concat(&[&source.column(5).slice(0, 50), &source.column(5).slice(50, 50)]).unwrap();
    let mut columns = source.columns().to_vec();
    columns[5] = half;
    let one = RecordBatch::try_new(source.schema(), columns).unwrap();
    assert_eq!(copied(&[one], &[source]), ["text"]);
}

#[tokio::test]
async fn a_pipeline_hands_the_batches_of_a_source_to_the_format() {
    let loaded = Loaded::new().await;
    assert!(loaded.copied(&loaded.format.all()).is_empty());
}

#[tokio::test]
async fn a_scan_of_the_table_hands_them_on() {
    let loaded = Loaded::new().await;
    let relation = loaded.relation().await;
    let all = collect(relation.scan(ScanArgs::default()).await.unwrap()).await.unwrap();
    assert!(loaded.copied(&all).is_empty(), "{:?}", loaded.copied(&all));
    let small = ScanArgs { batch_rows: Some(100), ..ScanArgs::default() };
    let all = collect(relation.scan(small).await.unwrap()).await.unwrap();
    assert!(loaded.copied(&all).is_empty(), "cut into batches: {:?}", loaded.copied(&all));
}

#[tokio::test]
async fn datafusion_hands_them_out() {
    let loaded = Loaded::new().await;
    // Its own reader of texts likes views, whose values are shared on the way in and gathered on the way out.
    for (url, conversions) in [("datafusion:?view_types=false", &[][..]), ("datafusion:", &["text"])] {
        let engine = loaded.registry.engine(OpenUrl::new(url)).await.unwrap();
        engine.register(&TableIdent::bare("t"), loaded.relation().await).await.unwrap();
        let query = QueryArgs::new("select * from t");
        let all = collect(engine.query(query).await.unwrap()).await.unwrap();
        assert_eq!(loaded.copied(&all), conversions, "{url}");
    }
}

/// A relation that remembers the batches that it has given.
#[derive(Debug)]
struct Watched {
    inner: Arc<dyn Relation>,
    given: Arc<Mutex<Vec<RecordBatch>>>,
}

#[async_trait]
impl Relation for Watched {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.inner.plan(args).await
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        let (rows, given) = (self.inner.scan(args).await?, self.given.clone());
        let schema = rows.schema();
        let rows = rows.inspect(move |batch| given.lock().unwrap().extend(batch.iter().cloned()));
        Ok(BatchStreamAdapter::new(schema, rows))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        self.inner.editor()
    }
}

/// What DuckDB asks of the relation; that the stream to it copies nothing either, `crates/ffi/tests/no_copy.rs` shows.
#[tokio::test(flavor = "multi_thread")]
async fn duckdb_is_given_them() {
    let Some(driver) = drivers::find(Profile::DuckDb, "duckdb_is_given_them") else { return };
    let loaded = Loaded::new().await;
    let engine = AdbcEngine::open(Profile::DuckDb, AdbcConfig::new(driver)).await.unwrap();
    let given = Arc::new(Mutex::new(Vec::new()));
    let relation = Watched { inner: loaded.relation().await, given: given.clone() };
    engine.register(&TableIdent::bare("t"), Arc::new(relation)).await.unwrap();
    let query =
        QueryArgs::new("select count(*) as n, sum(id) as ids from t where text is not null or id >= 0");
    let answer = collect(engine.query(query).await.unwrap()).await.unwrap();
    assert_eq!(stitchwork_tests::rows::texts(&answer).unwrap(), ["ids=220489500|n=21000"]);
    let query = QueryArgs::new("select * from t");
    given.lock().unwrap().clear();
    assert_eq!(collect(engine.query(query).await.unwrap()).await.unwrap().len(), 3);
    let given = given.lock().unwrap().clone();
    assert!(loaded.copied(&given).is_empty(), "{:?}", loaded.copied(&given));
}
