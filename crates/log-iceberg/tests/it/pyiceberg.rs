//! What is written here, read by pyiceberg: when `STITCHWORK_PYTHON` names an interpreter that has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stitchwork_core::arrow::schema::{DataType, Field, Schema};
use stitchwork_core::{
    At, Catalog, Changes, CommitArgs, CreateArgs, DataFile, Entry, FileFilter, Format, Formats, Log, LogArgs,
    LogFactory, PartitionField, Pointer, RoaringTreemap, Scalar, Stores, TableIdent, Transform, WriteArgs,
    WriteDeletesArgs, col,
};
use stitchwork_format_parquet::Parquet;
use stitchwork_iceberg_meta::{IceTransform, IceValue};
use stitchwork_log_iceberg::IcebergLogFactory;
use stitchwork_testkit::peers::Python;

use crate::setup::{files, latest};

/// The rows, and how many files are planned for one id.
const READ: &str = r#"
import json, sys
from pyiceberg.expressions import EqualTo
from pyiceberg.table import StaticTable
table = StaticTable.from_metadata(sys.argv[1])
rows = table.scan().to_arrow().to_pylist()
planned = len(list(table.scan(row_filter=EqualTo("id", 2)).plan_files()))
print(json.dumps({"rows": sorted(rows, key=lambda r: r["id"]), "planned": planned}))
"#;

/// A table of five commits: three appends, a delete that writes a file anew, and an append with a new column.
const WRITE: &str = r#"
import json, sys
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType
path = sys.argv[1]
catalog = SqlCatalog("x", uri="sqlite:///" + path + "/c.db", warehouse="file://" + path + "/w")
catalog.create_namespace("n")
schema = Schema(NestedField(1, "id", LongType(), required=False), NestedField(2, "p", StringType(), required=False))
spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "p"))
table = catalog.create_table("n.t", schema, partition_spec=spec)
for n in range(3):
    table.append(pa.table({"id": [10 * n + i for i in range(4)], "p": ["a", "b", None, "ü/c"]}))
table.delete("id = 10")
with table.update_schema() as update: update.add_column("x", LongType())
table.append(pa.table({"id": [100], "p": ["a"], "x": [7]}))
print(json.dumps({"metadata": table.metadata_location}))
"#;

/// What a script prints, as JSON.
fn run(python: &Python, script: &str, argument: &str) -> Value {
    serde_json::from_str(&python.run(["-c", script, argument]).unwrap()).unwrap()
}

fn bucket(id: i64) -> i32 {
    match IceTransform::Bucket(4).apply(Some(&IceValue::Long(id))).unwrap() {
        Some(IceValue::Int(bucket)) => bucket,
        other => panic!("{other:?}"),
    }
}

/// Writes a Parquet file of ids that are all in one bucket, in the columns that the table has now.
async fn write(log: &Arc<dyn Log>, stores: &Stores, ids: &[i64]) -> DataFile {
    let schema = latest(log).await.file_schema();
    let id: ArrayRef = Arc::new(Int64Array::from(ids.to_vec()));
    let name = StringArray::from_iter(ids.iter().map(|id| (id % 2 == 0).then(|| format!("name {id}"))));
    let mut columns: Vec<ArrayRef> = vec![id.clone(), Arc::new(name)];
    columns.extend((2..schema.fields().len()).map(|_| id.clone()));
    let bucket = Scalar::from(bucket(ids[0]));
    let location = log.data_location(&[("id_bucket", &bucket)], &format!("{}.parquet", ids[0]));
    let object = stores.resolve(&location).unwrap();
    let mut writer = Parquet::new().write(&object, WriteArgs::new(schema.clone())).await.unwrap();
    writer.write(&RecordBatch::try_new(schema, columns).unwrap()).await.unwrap();
    let summary = writer.finish().await.unwrap();
    DataFile {
        location,
        format: "parquet".to_owned(),
        size: summary.bytes,
        rows: Some(summary.rows),
        partition: vec![bucket],
        stats: Some(Arc::new(summary.stats)),
        split_offsets: summary.split_offsets,
        ..DataFile::default()
    }
}

#[tokio::test]
async fn pyiceberg_reads_what_is_written_here() {
    let Some(python) = Python::find("pyiceberg_reads_what_is_written_here", &["pyiceberg"]) else { return };
    for version in ["2", "3"] {
        let folder = tempfile::tempdir().unwrap();
        let location = folder.path().join("t").display().to_string();
        let stores = Stores::new();
        let formats = Formats::default().with(Arc::new(Parquet::new()));
        let args = LogArgs::new(&location, stores.clone(), formats);
        let mut create = CreateArgs::new(Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ])));
        create.partitioning = vec![PartitionField::new("id", Transform::Bucket(4))];
        create.properties = BTreeMap::from([
            ("format-version".to_owned(), version.to_owned()),
            ("commit.manifest.min-count-to-merge".to_owned(), "3".to_owned()),
        ]);
        let log = IcebergLogFactory.create(args, create).await.unwrap();
        let commit = async |operation: &str, changes: Changes| {
            let base = log.snapshot(At::Latest).await.unwrap();
            log.commit(CommitArgs::new(base, operation, changes)).await.unwrap();
        };
        // One file for each id from 0 to 7, one commit each, so that manifests are merged on the way.
        for id in 0..8 {
            let added = vec![write(&log, &stores, &[id, id]).await];
            commit("append", Changes { added, ..Changes::default() }).await;
        }
        let find = async |id: i64| {
            let all = files(&latest(&log).await, FileFilter::default()).await;
            all.into_iter().find(|file| file.location.ends_with(&format!("/{id}.parquet"))).unwrap()
        };
        let positions = RoaringTreemap::from_iter([1_u64]);
        let file = find(3).await;
        let delete = log.write_deletes(WriteDeletesArgs { file: file.clone(), positions }).await.unwrap();
        commit("delete", Changes { deletes: vec![(file, delete)], ..Changes::default() }).await;
        commit("delete", Changes { removed: vec![find(1).await], ..Changes::default() }).await;
        let mut fields: Vec<_> = latest(&log).await.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new("x", DataType::Int64, true)));
        let schema = Some(Arc::new(Schema::new(fields)));
        commit("evolve", Changes { schema, ..Changes::default() }).await;
        let (removed, added) = (vec![find(5).await], vec![write(&log, &stores, &[50]).await]);
        commit("overwrite", Changes { removed, added, ..Changes::default() }).await;

        let mut expected = Vec::new();
        for id in [0, 0, 2, 2, 3, 4, 4, 6, 6, 7, 7, 50] {
            let name = (id % 2 == 0).then(|| format!("name {id}"));
            let x = (id == 50).then_some(id);
            expected.push(json!({"id": id, "name": name, "x": x}));
        }
        let newest = std::fs::read_dir(folder.path().join("t/metadata")).unwrap().flatten();
        let newest = newest
            .map(|entry| entry.path().display().to_string())
            .max_by_key(|path| stitchwork_iceberg_meta::metadata_version(path));
        let found = run(&python, READ, &newest.unwrap());
        assert_eq!(found, json!({"rows": expected, "planned": 1}), "format version {version}");
    }
}

#[tokio::test]
async fn a_table_of_pyiceberg_is_changed_here_and_read_there_again() {
    let Some(python) =
        Python::find("a_table_of_pyiceberg_is_changed_here_and_read_there_again", &["pyiceberg"])
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let made = run(&python, WRITE, &folder.path().display().to_string());
    let ident = TableIdent::new("n", "t");
    let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new());
    let entry = Entry {
        ident: ident.clone(),
        log: "iceberg".to_owned(),
        location: String::new(),
        pointer: Some(Pointer(made["metadata"].as_str().unwrap().to_owned())),
        properties: BTreeMap::new(),
    };
    catalog.create(entry).await.unwrap();
    let stores = Stores::new();
    let formats = Formats::default().with(Arc::new(Parquet::new()));
    let args = LogArgs::new("", stores.clone(), formats).with_catalog(catalog.clone(), ident.clone());
    let log = IcebergLogFactory.open(args).await.unwrap();
    let base = latest(&log).await;
    let kept = async |predicate| {
        files(&base, FileFilter { predicate: Some(predicate), ..FileFilter::default() }).await
    };
    assert_eq!(files(&base, FileFilter::default()).await.len(), 12);
    assert_eq!(kept(col("p").is_null()).await.len(), 3);
    assert_eq!(kept(col("p").eq("ü/c").and(col("id").gt(20_i64))).await.len(), 1);
    let removed = kept(col("p").eq("b")).await;
    assert_eq!(removed.len(), 3);
    // The first row of the file that has the ids 3, then 13 and 23, each alone in its own.
    let file = kept(col("id").eq(13_i64)).await.remove(0);
    let positions = RoaringTreemap::from_iter([0_u64]);
    let delete = log.write_deletes(WriteDeletesArgs { file: file.clone(), positions }).await.unwrap();
    let changes = Changes { removed, deletes: vec![(file, delete)], ..Changes::default() };
    log.commit(CommitArgs::new(base, "overwrite", changes)).await.unwrap();

    let rows = [
        (0, Some("a")),
        (2, None),
        (3, Some("ü/c")),
        (12, None),
        (20, Some("a")),
        (22, None),
        (23, Some("ü/c")),
    ];
    let mut expected: Vec<Value> =
        rows.into_iter().map(|(id, p)| json!({"id": id, "p": p, "x": null})).collect();
    expected.push(json!({"id": 100, "p": "a", "x": 7}));
    let metadata = catalog.load(&ident).await.unwrap().pointer.unwrap().0;
    let found = run(&python, READ, &metadata);
    assert_eq!(found["rows"], Value::from(expected));
}
