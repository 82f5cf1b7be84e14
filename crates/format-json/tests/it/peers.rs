//! DuckDB, pyarrow and Python's own module: their files here, ours there, with equal values.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Format, Object, ReadArgs};
use stitchwork_format_json::Json;
use stitchwork_testkit::batches::{difference, row_texts};
use stitchwork_testkit::files::{self, local};
use stitchwork_testkit::peers::Python;

use crate::read;

/// The first rows, of which every float is a number.
const FINITE: usize = 3;

fn peer(python: &Python, command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peer.py");
    python.run([program.as_os_str(), command.as_ref(), folder.as_ref()]).unwrap()
}

fn at(folder: &Path, name: &str) -> Object {
    local(&folder.join(name)).unwrap()
}

/// The rows that a peer has kept.
fn kept(folder: &Path, name: &str) -> RecordBatch {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = FileReader::try_new(file, None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

fn same(name: &str, found: &RecordBatch, expected: &RecordBatch) {
    assert!(expected.num_rows() >= FINITE);
    let names = |batch: &RecordBatch| -> Vec<String> {
        batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    assert_eq!(names(found), names(expected), "{name}");
    let texts = |batch: &RecordBatch| row_texts(std::slice::from_ref(batch)).unwrap();
    assert_eq!(difference(&texts(found), &texts(expected)), None, "{name}");
}

#[tokio::test]
async fn files_of_duckdb_and_python_are_read() {
    let Some(python) = Python::find("files_of_duckdb_and_python_are_read", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    peer(&python, "write", folder.path());
    let given = kept(folder.path(), "given.arrow");
    for name in [
        "duckdb.json",
        "duckdb_array.json",
        "duckdb.json.gz",
        "duckdb.ndjson.zst",
        "python.json",
        "python.jsonl",
    ] {
        let object = at(folder.path(), name);
        let args = ReadArgs { schema: Some(given.schema()), ..ReadArgs::default() };
        let found = read(&object, args).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(found.schema(), given.schema(), "{name}");
        same(name, &found, &given);
        // Floats are inferred to be such, though some are words.
        let inferred = Json::new().infer_schema(&object).await.unwrap();
        for column in ["float32", "float64"] {
            let field = inferred.field_with_name(column).unwrap();
            assert_eq!(field.data_type(), &DataType::Float64, "{name}: {column}");
        }
        assert_eq!(Json::new().inspect(&object).await.unwrap().rows, given.num_rows() as u64);
    }
}

#[tokio::test]
async fn duckdb_and_pyarrow_read_ours() {
    let Some(python) = Python::find("duckdb_and_pyarrow_read_ours", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    peer(&python, "write", folder.path());
    let given = kept(folder.path(), "given.arrow");
    let mut expected = Vec::new();
    for (name, rows) in [("ours", given.clone()), ("ours_finite", given.slice(0, FINITE))] {
        for ending in ["json", "jsonl.gz", "ndjson.zst"] {
            let name = format!("{name}.{ending}");
            let object = at(folder.path(), &name);
            files::write(&Json::new(), &object, std::slice::from_ref(&rows), files::options(&[]))
                .await
                .unwrap();
            expected.push((name, rows.clone()));
        }
    }
    let said = peer(&python, "read", folder.path());
    let mut compared = 0;
    for (name, rows) in &expected {
        let found = kept(folder.path(), &format!("{name}.duckdb.arrow"));
        same(name, &found, rows);
        compared += 1;
        if name.starts_with("ours_finite") && !name.ends_with("zst") {
            let found = kept(folder.path(), &format!("{name}.pyarrow.arrow"));
            let known: Vec<usize> =
                found.schema().fields().iter().map(|f| rows.schema().index_of(f.name()).unwrap()).collect();
            assert_eq!(known.len() + 1, rows.num_columns(), "it has all but maps");
            same(name, &found, &rows.project(&known).unwrap());
            compared += 1;
        }
    }
    assert_eq!(said.lines().count(), compared, "{said}");
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert!(given.schema().fields().iter().any(|field| field.data_type() == &zoned));
}
