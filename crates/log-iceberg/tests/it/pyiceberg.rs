//! What is written here, read by pyiceberg: when `STITCHWORK_PYTHON` names an interpreter that has it.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use stitchwork_core::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stitchwork_core::arrow::schema::{DataType, Field, Schema};
use stitchwork_core::{
    At, Changes, CommitArgs, CreateArgs, DataFile, FileFilter, Format, Formats, Log, LogArgs, LogFactory,
    PartitionField, RoaringTreemap, Scalar, Stores, Transform, WriteArgs, WriteDeletesArgs,
};
use stitchwork_format_parquet::Parquet;
use stitchwork_iceberg_meta::{IceTransform, IceValue};
use stitchwork_log_iceberg::IcebergLogFactory;

use crate::setup::{files, latest};

const SCRIPT: &str = r#"
import json, sys
from pyiceberg.expressions import EqualTo
from pyiceberg.table import StaticTable
table = StaticTable.from_metadata(sys.argv[1])
rows = table.scan().to_arrow().to_pylist()
planned = len(list(table.scan(row_filter=EqualTo("id", 2)).plan_files()))
print(json.dumps({"rows": sorted(rows, key=lambda r: r["id"]), "planned": planned}))
"#;

/// The rows that pyiceberg reads, and how many files it plans for one id.
fn read(python: &str, metadata: &str) -> Value {
    let output = Command::new(python).args(["-c", SCRIPT, metadata]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
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
    let Ok(python) = std::env::var("STITCHWORK_PYTHON") else {
        assert!(
            std::env::var("STITCHWORK_REQUIRE_ORACLES").is_err(),
            "STITCHWORK_PYTHON is not set, and STITCHWORK_REQUIRE_ORACLES is"
        );
        println!("skipped: STITCHWORK_PYTHON names no interpreter with pyiceberg");
        return;
    };
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
        let found = read(&python, &newest.unwrap());
        assert_eq!(found, json!({"rows": expected, "planned": 1}), "format version {version}");
    }
}
