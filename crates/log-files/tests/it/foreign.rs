//! Folders that pyarrow has written.

use std::path::Path;

use arrow_schema::DataType;
use stitchwork_core::{At, BatchStreamAdapter, ScanArgs, col};
use stitchwork_table::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork_testkit::peers::Python;

use crate::rig::{history, ids, registry};

fn run(python: &Python, program: &str, folder: &Path) -> String {
    python.run(["-c".as_ref(), program.as_ref(), folder.as_os_str()]).unwrap()
}

const WRITE: &str = r#"
import sys, datetime
import pyarrow as pa
import pyarrow.dataset as ds
rows = pa.table({
    "id": pa.array(range(40), pa.int64()),
    "text": [None if i % 7 == 0 else f"t {i} ü" for i in range(40)],
    "city": [[None, "Zürich", "a/b=c %", "São Paulo"][i % 4] for i in range(40)],
    "year": pa.array([2020 + i % 3 for i in range(40)], pa.int32()),
    "day": [datetime.date(2024, 1, 1 + i % 2) for i in range(40)],
})
part = ds.partitioning(pa.schema([rows.schema.field(n) for n in ("city", "year", "day")]), flavor="hive")
ds.write_dataset(rows, sys.argv[1], format="parquet", partitioning=part)
"#;

const READ: &str = r#"
import sys
import pyarrow.dataset as ds
rows = ds.dataset(sys.argv[1], format="parquet", partitioning="hive").to_table()
print(sorted(zip(rows["id"].to_pylist(), map(str, rows["city"].to_pylist()))))
"#;

#[tokio::test]
async fn a_dataset_of_pyarrow_is_read_and_adopted() {
    let Some(python) = Python::find("a_dataset_of_pyarrow_is_read_and_adopted", &["pyarrow"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake ü");
    run(&python, WRITE, &lake);
    let registry = registry();
    let reference = TableRef::at("files", lake.to_str().unwrap());
    let open = async || Table::open(&registry, &reference, TableConfig::default()).await.unwrap();
    let table = open().await;
    let schema = table.snapshot().await.unwrap().schema();
    let types: Vec<_> = schema.fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    assert_eq!(
        types,
        [
            ("id", DataType::Int64),
            ("text", DataType::Utf8),
            ("city", DataType::Utf8),
            ("year", DataType::Int64),
            ("day", DataType::Date32),
        ]
    );
    assert_eq!(ids(&table, At::Latest).await, (0..40).collect::<Vec<_>>());
    let predicates = [
        (col("city").is_null(), (0..40).filter(|i| i % 4 == 0).collect::<Vec<i64>>()),
        (col("city").eq("a/b=c %"), (0..40).filter(|i| i % 4 == 2).collect()),
        (
            col("city").eq("Zürich").and(col("year").eq(2021_i64)),
            (0..40).filter(|i| i % 4 == 1 && i % 3 == 1).collect(),
        ),
        (col("day").eq("2024-01-02"), (0..40).filter(|i| i % 2 == 1).collect()),
        (col("text").is_null(), (0..40).filter(|i| i % 7 == 0).collect()),
    ];
    let check = async |table: &Table| {
        for (predicate, want) in &predicates {
            let rows = table.scan(ScanArgs::default().with_predicate(predicate.clone())).await.unwrap();
            let batches = stitchwork_core::collect(rows).await.unwrap();
            let mut got: Vec<i64> = batches
                .iter()
                .flat_map(|b| {
                    use arrow_array::cast::AsArray;
                    b.column(0).as_primitive::<arrow_array::types::Int64Type>().values().to_vec()
                })
                .collect();
            // The row that comes later is none of pyarrow's.
            got.retain(|id| *id < 100);
            got.sort_unstable();
            assert_eq!(&got, want, "{predicate}");
        }
    };
    check(&table).await;
    // A row in a partition of its own, which makes the folder a table.
    let one =
        stitchwork_core::collect(table.scan(ScanArgs::default().with_limit(1)).await.unwrap()).await.unwrap();
    let mut columns = one[0].columns().to_vec();
    columns[0] = std::sync::Arc::new(arrow_array::Int64Array::from(vec![100]));
    columns[2] = std::sync::Arc::new(arrow_array::StringArray::from(vec!["new ü/"]));
    let batch = arrow_array::RecordBatch::try_new(one[0].schema(), columns).unwrap();
    let stream = BatchStreamAdapter::from_batches(batch.schema(), vec![batch.clone()]);
    table.append(stream, AppendArgs::default()).await.unwrap();
    assert_eq!(history(&table).await, ["adopt", "append"]);
    let fresh = open().await;
    check(&fresh).await;
    assert_eq!(ids(&fresh, At::Version(0)).await, (0..40).collect::<Vec<_>>());
    assert!(ids(&fresh, At::Latest).await.contains(&100));
    // Names of folders that we write are read back there.
    let stream = BatchStreamAdapter::from_batches(batch.schema(), vec![batch]);
    table.append(stream, AppendArgs::default()).await.unwrap();
    let read = run(&python, READ, &lake);
    assert!(read.contains("(100, 'new ü/')"), "{read}");
    assert!(read.contains("(2, 'a/b=c %')"), "{read}");
}
