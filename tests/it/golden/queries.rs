//! The same SQL over tables with all that can become of them: deletes, renamed and added columns, partitions that
//! change. Both engines must give the rows that the same SQL gives over the rows as they lie in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use serde_json::Value;
use stitchwork::Result;
use stitchwork::core::{
    At, Changes, CommitArgs, CreateArgs, ErrorKind, FieldMapping, PartitionField, Predicate, Registry,
    Transform, WriteArgs, col,
};
use stitchwork::tables::{AppendArgs, Columns, DeleteArgs, FileSet, FileSetArgs, Table};
use stitchwork_engine_adbc::Profile;
use stitchwork_testkit::{MemoryRelation, batches};
use stitchwork_tests::drivers;
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::stream;

use super::{Readers, Seen};

const QUERIES: [&str; 23] = [
    "select * from t",
    "select id, label, decimal * 2 as twice, decimal from t where decimal > 1000",
    "select flag, count(*) as n, count(note) as notes, sum(decimal) as total, min(timestamp_utc) as low, \
     max(timestamp) as high from t group by flag",
    "select id, \"struct\", list, map from t where \"struct\" is not null and list is not null",
    "select id, \"struct\"['x'] as x, \"struct\"['y'] as y from t where \"struct\"['x'] > 50",
    "select id, list[1] as first, array_length(list) as length from t where array_length(list) > 0",
    "select id, timestamp, timestamp_utc from t where timestamp_utc >= cast('1990-01-01T00:00:00Z' as timestamp with time zone)",
    "select extract(year from timestamp) as year, count(*) as n from t group by 1",
    "select date_trunc('month', date) as month, count(*) as n from t group by 1",
    "select id, coalesce(note, 'none') as note from t where label like 'text%' or label is null",
    "select a.id, b.label from t a join t b on a.id = b.id where a.flag and b.note is null",
    "select id, row_number() over (partition by flag order by id) as place from t",
    "select count(*) as n from t where note is null and int32 is not null",
    "select label, count(*) as n from t where label in ('plain', 'null', 'Zoë', '日本語', '') group by label",
    "select id, bytes, float32 from t where id between 1100 and 1200 and not flag",
    "with low as (select min(id) as id from t group by flag) select t.* from t join low on t.id = low.id",
    // No number is as large as these, but a NaN is above all of them.
    "select id, number from t where number > 2000000",
    "select id from t where number >= 2000000 and note is not null",
    "select id, float32 from t where not (float32 <= 5000)",
    "select id from t where number = cast('NaN' as double) or float32 = cast('NaN' as real)",
    "select id from t where number <> 2000000 and float32 > 5000",
    "select flag, count(*) as n, count(number) as numbers from t where number > 2000000 group by flag",
    "select a.id, b.id as other from t a join t b on a.number = b.number and a.id < b.id where b.id < 1050",
];

/// The table's life, whatever its log: made, filled, thinned out, given a column, renamed, filled and thinned again.
/// `repartition` is what its partitions are from the fourth step on.
struct Life {
    partitioning: Vec<PartitionField>,
    properties: BTreeMap<String, String>,
    rename: Rename,
    repartition: Option<Vec<PartitionField>>,
    /// The columns that are given wider types between the second and the third file.
    widen: Vec<(&'static str, DataType)>,
}

/// How the column `text` comes to be `label`.
#[derive(PartialEq)]
enum Rename {
    /// By a commit of ours.
    Ours,
    /// By a commit as Spark makes it, written by hand, since we do not rename in Delta.
    Spark,
    /// It was called so from the beginning, since the log finds columns by name.
    Never,
}

fn renamed(schema: &Schema, from: &str, to: &str) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let name = if field.name() == from { to } else { field.name() };
        Arc::new(field.as_ref().clone().with_name(name))
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

fn with_names(batch: &RecordBatch, schema: SchemaRef) -> RecordBatch {
    RecordBatch::try_new(schema, batch.columns().to_vec()).unwrap()
}

/// The rows with a NaN in every fifth place of both columns of floats.
fn with_nans(batch: &RecordBatch) -> RecordBatch {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
        if !field.data_type().is_floating() {
            return column.clone();
        }
        let wide = cast(column, &DataType::Float64).unwrap();
        let wide = wide.as_primitive::<Float64Type>();
        let nans =
            wide.iter().enumerate().map(|(row, value)| if row % 5 == 3 { Some(f64::NAN) } else { value });
        cast(&nans.collect::<Float64Array>(), field.data_type()).unwrap()
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
}

/// Rows of every type, some of them NaN.
fn all_types(seed: u64, first: i64, rows: usize) -> RecordBatch {
    with_nans(&batches::all_types(seed, first, rows).unwrap())
}

fn widened(schema: &Schema, types: &[(&str, DataType)]) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let wider = types.iter().find(|(name, _)| field.name() == name).map(|(_, wider)| wider);
        Arc::new(field.as_ref().clone().with_data_type(wider.unwrap_or(field.data_type()).clone()))
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

fn in_types(batch: &RecordBatch, schema: &SchemaRef) -> RecordBatch {
    FieldMapping::by_name().adapt(batch, schema).unwrap()
}

fn with_note(batch: &RecordBatch, note: Option<&str>) -> RecordBatch {
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("note", DataType::Utf8, true)));
    let notes: StringArray = (0..batch.num_rows()).map(|row| note.filter(|_| row % 3 != 0)).collect();
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(notes));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

impl Life {
    /// The rows with values in the columns of wider types that the narrower ones do not hold.
    fn beyond(&self, batch: &RecordBatch) -> RecordBatch {
        let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
            if !self.widen.iter().any(|(name, _)| field.name() == name) {
                return column.clone();
            }
            let rows = column.len();
            let third: ArrayRef = match field.data_type() {
                DataType::Float64 => Arc::new(Float64Array::from(vec![1.0 / 3.0; rows])),
                DataType::Int64 => Arc::new(Int64Array::from(vec![1 << 40; rows])),
                other => panic!("no value of {other}"),
            };
            let some: BooleanArray = (0..rows).map(|row| Some(row % 4 == 0)).collect();
            zip(&some, &third, column).unwrap()
        });
        RecordBatch::try_new(batch.schema(), columns.collect()).unwrap()
    }

    /// The table, and the rows that it must have.
    async fn lead(&self, place: &Place) -> (Table, RecordBatch) {
        let first = all_types(41, 0, 300);
        let label = renamed(&first.schema(), "text", "label");
        let early = if self.rename == Rename::Never { label.clone() } else { first.schema() };
        let mut create = CreateArgs::new(early.clone());
        create.partitioning = self.partitioning.clone();
        create.properties = self.properties.clone();
        let table = place.create("t", create).await.unwrap();
        append(&table, with_names(&first, early.clone())).await;
        delete(&table, col("id").lt(40_i64)).await;
        delete(&table, col("id").eq(77_i64)).await;
        let note = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
        table.add_columns(&note).await.unwrap();
        let second = all_types(42, 1000, 200);
        append(&table, with_note(&with_names(&second, early), Some("new"))).await;
        match self.rename {
            Rename::Ours => rename(&table, "text", "label").await.unwrap(),
            Rename::Spark => rename_as_spark(&place.folder.path().join("tables/t"), "text", "label"),
            Rename::Never => {
                let error = rename(&table, "label", "text").await.unwrap_err();
                assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("label")));
            }
        }
        if let Some(partitioning) = self.repartition.clone() {
            let base = table.snapshot().await.unwrap();
            let changes = Changes { partitioning: Some(partitioning), ..Changes::default() };
            table.log().commit(CommitArgs::new(base, "repartition", changes)).await.unwrap();
        }
        if !self.widen.is_empty() {
            let base = table.snapshot().await.unwrap();
            let schema = widened(&base.schema(), &self.widen);
            let changes = Changes { schema: Some(schema), ..Changes::default() };
            table.log().commit(CommitArgs::new(base, "widen", changes)).await.unwrap();
        }
        // Opened anew, as somebody would who knows the table as it is now.
        let table = place.open("t").await.unwrap();
        let last = with_names(&all_types(43, 2000, 250), label.clone());
        let last = in_types(&last, &widened(&label, &self.widen));
        let last = self.beyond(&last);
        append(&table, with_note(&last, Some("newest"))).await;
        delete(&table, col("id").gt(2200_i64).and(col("label").is_null())).await;
        delete(&table, col("note").eq("new").and(col("id").lt(1020_i64))).await;

        let parts = [
            with_note(&with_names(&first, label.clone()), None),
            with_note(&with_names(&second, label), Some("new")),
            with_note(&last, Some("newest")),
        ];
        let parts = parts.map(|part| in_types(&part, &widened(&part.schema(), &self.widen)));
        let all = concat_batches(&parts[0].schema(), &parts).unwrap();
        let (ids, labels, notes) = (column(&all, "id"), column(&all, "label"), column(&all, "note"));
        let gone = |row: usize| {
            let id: i64 = ids[row].as_deref().unwrap().parse().unwrap();
            let note = notes[row].as_deref();
            id < 40 || id == 77 || (id > 2200 && labels[row].is_none()) || (note == Some("new") && id < 1020)
        };
        let keep: BooleanArray = (0..all.num_rows()).map(|row| Some(!gone(row))).collect();
        (table, filter_record_batch(&all, &keep).unwrap())
    }
}

/// The values of a column as texts.
fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let texts = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

async fn append(table: &Table, rows: RecordBatch) {
    table.append(stream(rows), AppendArgs::default()).await.unwrap();
}

async fn delete(table: &Table, predicate: Predicate) {
    let done = table.delete(DeleteArgs { predicate: Some(predicate), tag: None }).await.unwrap();
    assert!(done.rows_removed > 0);
}

async fn rename(table: &Table, from: &str, to: &str) -> Result<()> {
    let base = table.snapshot().await?;
    let schema = renamed(&base.schema(), from, to);
    let changes = Changes { schema: Some(schema), ..Changes::default() };
    table.log().commit(CommitArgs::new(base, "rename", changes)).await.map(|_| ())
}

/// The next commit: the table's metadata with another name for a column, whose name in files stays.
fn rename_as_spark(table: &Path, from: &str, to: &str) {
    let log = table.join("_delta_log");
    let mut commits: Vec<_> = std::fs::read_dir(&log).unwrap().flatten().map(|entry| entry.path()).collect();
    commits.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    commits.sort();
    let mut lines = commits.iter().rev().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().rev().map(str::to_owned).collect::<Vec<_>>()
    });
    let metadata = lines.find(|line| line.contains("\"metaData\"")).unwrap();
    let mut action: Value = serde_json::from_str(&metadata).unwrap();
    let mut schema: Value =
        serde_json::from_str(action["metaData"]["schemaString"].as_str().unwrap()).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    let field = fields.iter_mut().find(|field| field["name"] == from).unwrap();
    field["name"] = to.into();
    action["metaData"]["schemaString"] = schema.to_string().into();
    let info = serde_json::json!({"commitInfo": {"timestamp": 0, "operation": "RENAME COLUMN"}});
    std::fs::write(log.join(format!("{:020}.json", commits.len())), format!("{info}\n{action}\n")).unwrap();
}

/// Asks both engines all questions.
async fn ask(driver: &str, log: &str, life: &Life) {
    let place = Place::new(log, "none", "file").await.unwrap();
    let (table, rows) = life.lead(&place).await;
    let lies = Readers::new(&place.registry, driver).await;
    lies.register("t", Arc::new(MemoryRelation::new(rows.schema(), vec![rows.clone()]))).await;
    let reads = Readers::new(&place.registry, driver).await;
    reads.register("t", Arc::new(table.relation(At::Latest).await.unwrap())).await;
    let mut different = Vec::new();
    for sql in QUERIES {
        let want = Seen::of_query(lies.datafusion.as_ref(), sql).await;
        let want = want.unwrap_or_else(|e| panic!("{sql}: {e:?}")).sorted();
        assert!(!want.rows.is_empty(), "a query without rows proves nothing: {sql}");
        for (engine, which) in [(&reads.datafusion, "DataFusion"), (&reads.duckdb, "DuckDB")] {
            let seen = Seen::of_query(engine.as_ref(), sql).await;
            let difference = match seen.map(Seen::sorted) {
                Ok(seen) if sql == QUERIES[0] => seen.differs(&want),
                Ok(seen) => seen.rows_differ(&want),
                Err(error) => Some(format!("{error:?}")),
            };
            different.extend(difference.map(|difference| format!("{log} by {which}: {sql}: {difference}")));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_sql_over_the_same_table_gives_the_same_rows_in_both_engines() {
    let test = "the_same_sql_over_the_same_table_gives_the_same_rows_in_both_engines";
    let Some(driver) = drivers::find(Profile::DuckDb, test) else { return };
    let flag = vec![PartitionField::identity("flag")];
    let mapped = [("delta.columnMapping.mode", "name"), ("delta.enableDeletionVectors", "true")];
    let delta = |partitioning: &[PartitionField]| Life {
        partitioning: partitioning.to_vec(),
        properties: properties(&mapped),
        rename: Rename::Spark,
        repartition: None,
        widen: vec![],
    };
    ask(&driver, "delta", &delta(&[])).await;
    ask(&driver, "delta", &delta(&flag)).await;
    for version in ["2", "3"] {
        let life = Life {
            partitioning: flag.clone(),
            properties: properties(&[("format-version", version)]),
            rename: Rename::Ours,
            repartition: Some(vec![
                PartitionField::new("timestamp_utc", Transform::Year),
                PartitionField::new("label", Transform::Truncate(2)),
                PartitionField::new("id", Transform::Bucket(3)),
            ]),
            widen: vec![("int32", DataType::Int64), ("float32", DataType::Float64)],
        };
        ask(&driver, "iceberg", &life).await;
    }
    let folder = |partitioning: &[PartitionField]| Life {
        partitioning: partitioning.to_vec(),
        properties: BTreeMap::new(),
        rename: Rename::Never,
        repartition: None,
        widen: vec![],
    };
    ask(&driver, "files", &folder(&[])).await;
    ask(&driver, "files", &folder(&flag)).await;
}

/// Writes the rows to a Parquet file and gives its location.
async fn write(registry: &Registry, folder: &Path, name: &str, rows: &RecordBatch) -> String {
    let location = folder.join(name).display().to_string();
    let object = registry.stores().resolve(&location).unwrap();
    let format = registry.formats().get("parquet").unwrap();
    let mut writer = format.write(&object, WriteArgs::new(rows.schema())).await.unwrap();
    writer.write(rows).await.unwrap();
    writer.finish().await.unwrap();
    location
}

fn one(column: &ArrayRef) -> RecordBatch {
    let field = Field::new("v", column.data_type().clone(), true);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column.clone()]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_files_of_different_types_is_read_alike_whichever_comes_first() {
    let test = "a_set_of_files_of_different_types_is_read_alike_whichever_comes_first";
    let Some(driver) = drivers::find(Profile::DuckDb, test) else { return };
    let registry = stitchwork::registry().unwrap();
    let readers = Readers::new(&registry, &driver).await;
    let decimal = |value, precision, scale| -> ArrayRef {
        let column =
            Decimal128Array::from(vec![Some(value), None]).with_precision_and_scale(precision, scale);
        Arc::new(column.unwrap())
    };
    let pairs: [(ArrayRef, ArrayRef); 4] = [
        (
            Arc::new(Float32Array::from(vec![0.1, f32::NAN])),
            Arc::new(Float64Array::from(vec![0.1, f64::NAN])),
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![1, -1])),
            Arc::new(TimestampNanosecondArray::from(vec![1_000_000_001, -1])),
        ),
        (Arc::new(Int32Array::from(vec![7, -7])), Arc::new(Int64Array::from(vec![1 << 40, -7]))),
        (decimal(150, 5, 2), decimal(99_999, 10, 4)),
    ];
    for (narrow, wide) in pairs {
        for names in [["a.parquet", "b.parquet"], ["b.parquet", "a.parquet"]] {
            let folder = tempfile::tempdir().unwrap();
            let (narrow, wide) = (one(&narrow), one(&wide));
            write(&registry, folder.path(), names[0], &narrow).await;
            write(&registry, folder.path(), names[1], &wide).await;
            let schema = wide.schema();
            let mut args = FileSetArgs::new(&[folder.path().display().to_string()]);
            args.columns = Columns::Given(schema.clone());
            let set = Arc::new(FileSet::open_with(&registry, args).await.unwrap());
            let want = Seen::of(&schema, &[in_types(&narrow, &schema), wide]).sorted();
            for (who, seen) in readers.read(set).await {
                assert_eq!(seen.unwrap().sorted().rows_differ(&want), None, "{who}: {schema:?}, {names:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_float_of_32_bits_equals_what_the_engine_says_it_does() {
    let Some(driver) =
        drivers::find(Profile::DuckDb, "a_float_of_32_bits_equals_what_the_engine_says_it_does")
    else {
        return;
    };
    let registry = stitchwork::registry().unwrap();
    let readers = Readers::new(&registry, &driver).await;
    let folder = tempfile::tempdir().unwrap();
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![1.1]));
    let file = write(&registry, folder.path(), "a.parquet", &one(&floats)).await;
    let relation = FileSet::open(&registry, &[file]).await.unwrap();
    readers.register("t", Arc::new(relation)).await;
    // As the README of engine-adbc says.
    for (value, in_datafusion, in_duckdb) in
        [("1.1", 0, 1), ("cast(1.1 as real)", 1, 1), ("cast(1.1 as double)", 0, 0)]
    {
        let sql = format!("select v from t where v = {value}");
        for (engine, want) in [(&readers.datafusion, in_datafusion), (&readers.duckdb, in_duckdb)] {
            let seen = Seen::of_query(engine.as_ref(), &sql).await.unwrap();
            assert_eq!(seen.rows.len(), want, "{sql} by {}", engine.info().name);
        }
    }
}
